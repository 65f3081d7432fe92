"""What goes over the wire, and what comes out, looks uniform: chi-square over byte values, with fixed coins.

255 degrees of freedom have mean 255 and deviation 22.6; the bounds are six deviations wide, and a constant, a counter
or a message left unmasked is outside them by far.
"""

from __future__ import annotations

import numpy as np
import pytest

from protocols.ot import base
from tests.kit.channels import run_pair
from tests.kit.ot_makers import channels, softspoken
from tests.kit.rng import seeded_rng


def chi_square(data: bytes | np.ndarray) -> float:
    counts = np.bincount(np.frombuffer(bytes(data), np.uint8), minlength=256)
    expected = counts.sum() / 256
    assert expected >= 8, "too few bytes to judge"
    return float(((counts - expected) ** 2 / expected).sum())


def looks_uniform(data: bytes | np.ndarray) -> bool:
    return 120 < chi_square(data) < 391


def test_the_test_can_fail() -> None:
    assert not looks_uniform(bytes(10_000))
    assert not looks_uniform(np.arange(10_240, dtype=np.uint32).astype(np.uint8).tobytes())
    assert not looks_uniform(b"masked? no, plain text, repeated." * 300)
    assert looks_uniform(np.random.default_rng(0).bytes(10_000))


@pytest.mark.parametrize("k", [1, 2, 4, 8])
@pytest.mark.parametrize("choice", [0, 1])
async def test_masked_choices_do_not_show_the_choices(k: int, choice: int) -> None:
    sender, receiver, channel = await softspoken(k, seed=5)
    channel.wire.messages.clear()
    await run_pair(sender.correlated(4096, bytes(16)), receiver.correlated(np.full(4096, choice)))
    ((_, _, message),) = [entry for entry in channel.wire.messages if entry[0] == "receiver"]
    assert looks_uniform(message)
    rows = np.unpackbits(np.frombuffer(message, np.uint8).reshape(-1, 512), axis=1)
    assert (abs(rows.mean(axis=1) - 0.5) < 6 * 0.5 / 64).all()
    assert (abs(rows.mean(axis=0) - 0.5) <= 6 * 0.5 / np.sqrt(len(rows))).all()


@pytest.mark.parametrize("k", [1, 2, 4])
async def test_random_messages_and_masked_messages(k: int) -> None:
    sender, receiver, channel = await softspoken(k, seed=6)
    pairs, (choices, _) = await run_pair(sender.random(4096), receiver.random(4096))
    assert looks_uniform(pairs[:, 0].tobytes())
    assert looks_uniform(pairs[:, 1].tobytes())
    assert looks_uniform((pairs[:, 0] ^ pairs[:, 1]).tobytes())
    assert abs(choices.mean() - 0.5) < 6 * 0.5 / 64
    channel.wire.messages.clear()
    await run_pair(sender.chosen(np.zeros((4096, 2, 16), np.uint8)), receiver.chosen(np.zeros(4096, np.uint8)))
    (masked,) = [data for who, _, data in channel.wire.messages if who == "sender"]
    assert looks_uniform(masked)
    assert len({masked[i : i + 16] for i in range(0, len(masked), 16)}) == 8192
    await run_pair(sender.correlated(4096, bytes(16)), receiver.correlated(np.zeros(4096, np.uint8)))
    assert looks_uniform(channel.wire.messages[-1][2])


async def test_base_keys_and_points() -> None:
    left, right = channels()
    choices = np.random.default_rng(2).integers(0, 2, 256)
    pairs, _ = await run_pair(base.send(left, 256, rng=seeded_rng(1)), base.receive(right, choices, rng=seeded_rng(2)))
    assert looks_uniform(pairs.tobytes())
    (points,) = [data for who, _, data in left.wire.messages if who == "receiver"]
    inner = np.frombuffer(points, np.uint8).reshape(-1, 2, 32)[:, :, 1:31]  # an encoding's first and last bit are 0
    assert looks_uniform(inner[np.arange(256), choices].tobytes())
    assert looks_uniform(inner[np.arange(256), 1 - choices].tobytes())
