"""Frozen transcripts: the same coins say the same bytes, today and on every path of the kernels."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from protocols.kernels import cpu
from protocols.ot import base
from tests.kit.channels import run_pair
from tests.kit.frozen import check_frozen
from tests.kit.ot_makers import channels, softspoken
from tests.kit.rng import seeded_rng


@pytest.mark.parametrize("path", cpu.available())
@pytest.mark.parametrize("k", range(1, 9))
async def test_softspoken(k: int, path: cpu.Path) -> None:
    random = np.random.default_rng(k)
    with cpu.use(path):
        sender, receiver, channel = await softspoken(k, seed=k)
        pairs, (choices, got) = await run_pair(sender.random(1000), receiver.random(1000))
        keys, macs = await run_pair(
            sender.correlated(300, random.bytes(16)), receiver.correlated(random.integers(0, 2, 300))
        )
        messages = random.integers(0, 256, (77, 2, 16), np.uint8)
        _, chosen = await run_pair(sender.chosen(messages), receiver.chosen(random.integers(0, 2, 77)))
    check_frozen(f"ot/softspoken/k={k}/wire", channel.wire.hash())
    h = hashlib.sha256()
    for array in (pairs, choices, got, keys, macs, chosen):
        h.update(array.tobytes())
    check_frozen(f"ot/softspoken/k={k}/outputs", h.hexdigest())


async def test_base() -> None:
    left, right = channels()
    choices = np.random.default_rng(0).integers(0, 2, 40)
    pairs, got = await run_pair(
        base.send(left, 40, rng=seeded_rng("sender")), base.receive(right, choices, rng=seeded_rng("receiver"))
    )
    check_frozen("ot/base/wire", left.wire.hash())
    check_frozen("ot/base/outputs", hashlib.sha256(pairs.tobytes() + got.tobytes()).hexdigest())
