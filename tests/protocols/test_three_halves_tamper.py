"""Tables of three halves flipped bit by bit, cut, and in another order.

Garbling is semi-honest and its channels are authentic: a flip gives wrong outputs, or none at all, by design; a wrong
length always ends in a MessageError that names the peer, and nothing ends in any other error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from circuits.ir import AND, XOR, Circuit
from protocols import garbling
from protocols.errors import MessageError
from protocols.garbling import layout
from tests.kit.channels import Tamper, channel_pair, run_pair
from tests.kit.garbling import make_circuit
from tests.kit.rng import seeded_rng

BATCH, N_ANDS = 40, 15
A, B = np.random.default_rng(1).integers(0, 256, (2, BATCH))


def circuit() -> Circuit:
    """Every gate's result is an output, so that a wrong table shows."""
    rng = np.random.default_rng(8)
    gates = [(AND if i % 2 else XOR, *rng.integers(2, 18 + i, 2).tolist()) for i in range(2 * N_ANDS)]
    return make_circuit({"a": 8, "b": 8}, gates, list(range(18, 18 + 2 * N_ANDS)))


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "CHUNK_BYTES", 25 * BATCH * 6)


async def outcome(change: Callable[[int, bytes], list[bytes]] | None) -> str:
    """ "right", "wrong" or the error, where `change` is asked for each message of tables."""
    lengths: list[int] = []

    def tamper(sender: str, path: str, number: int, message: bytes) -> list[bytes]:
        if path != "/tables" or number == 0:
            return [message]
        lengths.append(len(message))
        return [message] if change is None else change(number, message)

    wanted: Tamper = tamper
    left, right = channel_pair(tamper=wanted, names=("garbler", "evaluator"))
    try:
        one, other = await run_pair(
            garbling.garble(left, circuit(), {"a": A}, scheme="three-halves", rng=seeded_rng("garbler")),
            garbling.evaluate(right, circuit(), {"b": B}, scheme="three-halves", rng=seeded_rng("evaluator")),
        )
    except MessageError as error:
        return f"MessageError of {error.peer}"
    if change is None:
        assert lengths == [25 * BATCH * 6, 25 * BATCH * 6, 25 * BATCH * 3]
    expected: Any = circuit()(A, B)
    return "right" if np.array_equal(one, expected) and np.array_equal(other, expected) else "wrong"


def flip(place: int, bit: int = 0) -> Callable[[int, bytes], list[bytes]]:
    def change(number: int, message: bytes) -> list[bytes]:
        if number != 1:
            return [message]
        data = bytearray(message)
        data[place] ^= 1 << bit
        return [bytes(data)]

    return change


async def test_nothing_changed_is_right() -> None:
    assert await outcome(None) == "right"


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("cut", [lambda m: m[:-1], lambda m: m + b"\0", lambda m: b""])
async def test_a_wrong_length_is_caught(number: int, cut: Callable[[bytes], bytes]) -> None:
    found = await outcome(lambda at, message: [cut(message) if at == number else message])
    assert found == "MessageError of garbler"


@pytest.mark.parametrize(("first", "step"), [(0, 16), (8, 16), (16 * BATCH, 8), (24 * BATCH, 1)])
async def test_a_flip_in_each_part_of_a_table_shows(first: int, step: int) -> None:
    """G_0, G_1, G_2 and control bits of the first gate: each is used at some colors, so by some of 12 instances."""
    found = [await outcome(flip(first + step * i)) for i in range(12)]
    assert "wrong" in found
    assert set(found) <= {"right", "wrong"}


@pytest.mark.parametrize("bit", range(8))
async def test_of_a_control_byte_five_bits_count(bit: int) -> None:
    found = {await outcome(flip(24 * BATCH + i, bit)) for i in range(12)}
    assert found == {"right"} if bit >= 5 else "wrong" in found


async def test_tables_in_another_order_are_wrong_tables() -> None:
    held: list[bytes] = []

    def swap(number: int, message: bytes) -> list[bytes]:
        if number == 1:
            held.append(message)
            return []
        return [message, *held] if number == 2 else [message]

    assert await outcome(swap) == "wrong"
