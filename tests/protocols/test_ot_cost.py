"""The Cost lines of the docstrings against the wire."""

from __future__ import annotations

import numpy as np
import pytest

from protocols import ot
from protocols.ot import base, extension
from tests.kit.channels import Wire, run_pair
from tests.kit.ot_makers import channels, softspoken


def cost(wire: Wire) -> tuple[int, int, int, int]:
    """Messages and bytes of the sender, messages and bytes of the receiver; and forget them."""
    found = tuple(f(who) for who in ("sender", "receiver") for f in (wire.n_messages, wire.n_bytes))
    wire.messages.clear()
    return found


@pytest.mark.parametrize("count", [1, 10, 128])
async def test_base(count: int) -> None:
    left, right = channels()
    await run_pair(base.send(left, count), base.receive(right, np.zeros(count, np.uint8)))
    assert cost(left.wire) == (1, 32, 1, 64 * count)


@pytest.mark.parametrize("k", range(1, 9))
async def test_softspoken(k: int) -> None:
    sender, receiver, channel = await softspoken(k)
    trees = -(-128 // k)
    assert cost(channel.wire) == (1, 8192, 1 + (k > 1), 32 + 32 * (128 - trees))
    for count in (1, 8, 1000, 1001):
        choices, row = np.zeros(count, np.uint8), -(-count // 8)
        await run_pair(sender.random(count), receiver.random(count))
        assert cost(channel.wire) == (0, 0, 1, trees * row)
        await run_pair(sender.correlated(count, bytes(16)), receiver.correlated(choices))
        assert cost(channel.wire) == (1, 16 * count, 1, trees * row)
        await run_pair(sender.chosen(np.zeros((count, 2, 16), np.uint8)), receiver.chosen(choices))
        assert cost(channel.wire) == (1, 32 * count, 1, trees * row)
    await run_pair(sender.random(0), receiver.random(0))
    assert cost(channel.wire) == (0, 0, 0, 0)


@pytest.mark.parametrize(("k", "per_ot"), [(1, 48), (2, 40), (4, 36), (8, 34)])
async def test_bytes_of_a_chosen_ot(k: int, per_ot: int) -> None:
    """Over as many messages as it takes: 16 / k + 32 bytes, to the byte."""
    sender, receiver, channel = await softspoken(k)
    cost(channel.wire)
    count = extension.MESSAGE_OTS + 8
    await run_pair(sender.chosen(np.zeros((count, 2, 16), np.uint8)), receiver.chosen(np.zeros(count, np.uint8)))
    sent, sent_bytes, received, received_bytes = cost(channel.wire)
    assert (sent, received) == (2, 2)
    assert sent_bytes + received_bytes == per_ot * count


@pytest.mark.parametrize("count", [0, 1, 128, 129])
async def test_one_shot(count: int) -> None:
    left, right = channels()
    await run_pair(ot.send(left, np.zeros((count, 2, 16), np.uint8)), ot.receive(right, np.zeros(count, np.uint8)))
    if count == 0:
        assert cost(left.wire) == (0, 0, 0, 0)
    elif count <= 128:
        assert cost(left.wire) == (2, 32 + 32 * count, 1, 64 * count)
    else:
        setup = 32 + 32 * (128 - 64)
        assert cost(left.wire) == (2, 8192 + 32 * count, 3, setup + 64 * -(-count // 8))
