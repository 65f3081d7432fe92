"""Chosen and correlated OT from random OT, without a channel."""

from __future__ import annotations

import numpy as np

from protocols.ot import derive
from tests.kit.ot_contract import select


def random_ot(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(count)
    pairs = random.integers(0, 256, (count, 2, 16), np.uint8)
    choices = random.integers(0, 2, count, np.uint8)
    return pairs, choices, select(pairs, choices)


def test_chosen() -> None:
    pairs, choices, pads = random_ot(300)
    messages = np.random.default_rng(1).integers(0, 256, (300, 2, 16), np.uint8)
    expected = pairs ^ messages
    masked = derive.mask_messages(pairs, messages)
    assert masked is pairs
    assert (masked == expected).all()
    derive.unmask_chosen(pads, choices, masked)
    assert (pads == select(messages, choices)).all()


def test_correlated() -> None:
    pairs, choices, pads = random_ot(300)
    delta = bytes(range(200, 216))
    keys = np.empty((300, 16), np.uint8)
    corrections = derive.correlate(pairs, delta, keys)
    assert (keys == pairs[:, 0]).all()
    assert (corrections == pairs[:, 0] ^ pairs[:, 1] ^ np.frombuffer(delta, np.uint8)).all()
    derive.unmask_correlated(pads, choices, corrections)
    assert (pads == keys ^ choices[:, None] * np.frombuffer(delta, np.uint8)).all()


def test_messages_of_any_layout() -> None:
    pairs, choices, pads = random_ot(30)
    messages = np.random.default_rng(2).integers(0, 256, (60, 2, 16), np.uint8)[::2]
    messages.setflags(write=False)
    derive.unmask_chosen(pads, choices, derive.mask_messages(pairs, messages))
    assert (pads == select(messages, choices)).all()
