"""The Cost lines of the docstrings against the wire: bytes, messages, round trips."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytest

from circuits.ir import AND, XOR, Circuit
from protocols import garbling
from protocols.channel import Buffer
from protocols.garbling import layout
from protocols.garbling.agreement import STATEMENT_BYTES
from protocols.ot import OtReceiver, OtSender
from tests.kit.channels import MemoryChannel, channel_pair, run_pair
from tests.kit.circuits import random_bits
from tests.kit.garbling import make_circuit, run_shares

OT_SETUP = (8192, 32 + 32 * 64)  # bytes of the garbler and of the evaluator, for k = 2


def chain(n_ands: int, n_bits: int) -> Circuit:
    """AND gates one after the other, with XOR gates between, over two ports; and one dead AND gate."""
    first = 2 + 2 * n_bits
    gates = [(XOR, 2, 2 + n_bits)]
    for i in range(n_ands):
        wire = first + len(gates) - 1
        gates += [(AND, wire, 2 + i % (2 * n_bits)), (XOR, wire + 1, 3)]
    gates.append((AND, 2, 3))
    return make_circuit({"a": n_bits, "b": n_bits}, gates, [first + len(gates) - 2, 2, first])


@pytest.mark.parametrize(("n_ands", "batch"), [(0, 5), (1, 1), (100, 1), (100, 64), (100, 65), (700, 130)])
async def test_32_bytes_for_each_and_gate(n_ands: int, batch: int) -> None:
    circuit = chain(n_ands, 4)
    assert circuit.and_count == n_ands + 1, "with the dead one, which costs nothing"
    bits = random_bits(1, batch, 8)
    _, _, channel = await run_shares(circuit, bits, {"a": "garbler", "b": "evaluator"})
    tables = 32 * n_ands * batch
    assert channel.wire.n_bytes("garbler") == 32 + tables
    assert channel.wire.n_bytes("evaluator") == 0
    assert channel.wire.n_messages("garbler") == 1 + -(-tables // layout.CHUNK_BYTES)
    assert {path for _, path, _ in channel.wire.messages} == {"/tables"}


@pytest.mark.parametrize("role", ["evaluator", "shared"])
@pytest.mark.parametrize("batch", [1, 8, 200])
async def test_24_bytes_for_each_bit_of_the_evaluator(role: str, batch: int) -> None:
    n_bits = 16
    _, _, channel = await run_shares(
        chain(3, n_bits), random_bits(1, batch, 2 * n_bits), {"a": "garbler", "b": role}, ideal=False
    )
    in_ot = [(who, len(data)) for who, path, data in channel.wire.messages if path == "/ot"]
    for side, setup, each in zip(("garbler", "evaluator"), OT_SETUP, (16, 8), strict=True):
        assert sum(n for who, n in in_ot if who == side) == setup + each * n_bits * batch
    assert len(in_ot) == 3 + 2


@pytest.mark.parametrize(("reveal_to", "extra"), [("garbler", (0, 1)), ("evaluator", (1, 0)), ("both", (1, 1))])
async def test_agreement_and_outputs(reveal_to: Any, extra: tuple[int, int]) -> None:
    circuit, batch = chain(5, 4), 50
    left, right = channel_pair(names=("garbler", "evaluator"))
    await run_pair(
        garbling.garble(left, circuit, {"a": 1, "b": np.arange(batch) % 16}, reveal_to=reveal_to),
        garbling.evaluate(right, circuit, {}, reveal_to=reveal_to),
    )
    outputs = -(-batch * 3 // 8)
    assert left.wire.n_bytes("garbler") == STATEMENT_BYTES + 32 + 32 * 5 * batch + extra[0] * outputs
    assert left.wire.n_bytes("evaluator") == STATEMENT_BYTES + extra[1] * outputs
    assert STATEMENT_BYTES == 106


class Clocked:
    """A channel on which each message says how many one-way trips came before it."""

    def __init__(self, channel: MemoryChannel, now: list[int], trips: dict[tuple[str, str], deque[int]]) -> None:
        self._channel, self._now, self._trips = channel, now, trips

    @property
    def peer(self) -> str:
        return self._channel.peer

    @property
    def session_id(self) -> bytes:
        return self._channel.session_id

    async def send(self, *parts: Buffer) -> None:
        self._trips.setdefault((self._channel.me, self._channel.path), deque()).append(self._now[0] + 1)
        await self._channel.send(*parts)

    async def receive(self, n_bytes: int) -> memoryview:
        message = await self._channel.receive(n_bytes)
        self._now[0] = max(self._now[0], self._trips[(self._channel.peer, self._channel.path)].popleft())
        return message

    def fork(self, label: str) -> Clocked:
        return Clocked(self._channel.fork(label), self._now, self._trips)


def clocked() -> tuple[Clocked, Clocked, tuple[list[int], list[int]]]:
    left, right = channel_pair()
    trips: dict[tuple[str, str], deque[int]] = {}
    clocks: tuple[list[int], list[int]] = ([0], [0])
    return Clocked(left, clocks[0], trips), Clocked(right, clocks[1], trips), clocks


@pytest.mark.parametrize("reveal_to", ["garbler", "evaluator", "both"])
async def test_three_round_trips_with_setup(reveal_to: Any) -> None:
    """Six one-way trips at most, each of a message that answers one of the trip before."""
    left, right, clocks = clocked()
    circuit = chain(20, 8)
    await run_pair(
        garbling.garble(left, circuit, {"a": 77}, reveal_to=reveal_to),
        garbling.evaluate(right, circuit, {"b": 99}, reveal_to=reveal_to),
    )
    assert 2 <= max(clocks[0][0], clocks[1][0]) <= 6


async def test_two_round_trips_in_an_open_session() -> None:
    left, right, clocks = clocked()
    circuit = chain(20, 8)
    sender, receiver = await run_pair(OtSender.setup(left.fork("ot")), OtReceiver.setup(right.fork("ot")))
    clocks[0][0] = clocks[1][0] = 0
    await run_pair(
        garbling.garble(left.fork("one"), circuit, {"a": 77}, ot=sender),
        garbling.evaluate(right.fork("one"), circuit, {"b": 99}, ot=receiver),
    )
    assert max(clocks[0][0], clocks[1][0]) <= 4
