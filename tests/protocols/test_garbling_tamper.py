"""Every message of an evaluation flipped, dropped, truncated and repeated.

Garbling is semi-honest and its channels are authentic: of what has the right length only the statement is checked. A
flip elsewhere gives wrong outputs, or none at all, by design; a wrong length always ends in a MessageError that names
the peer, and nothing ends in any other error. A message that never comes is for the deadline of whoever runs the
protocol; here it shows as a TimeoutError, or as a wrong length where another message takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from circuits.ir import AND, XOR, Circuit
from protocols import garbling
from protocols.errors import CheckFailed, MessageError
from protocols.garbling import layout
from tests.kit.channels import Tamper, channel_pair, run_pair
from tests.kit.garbling import make_circuit
from tests.kit.rng import seeded_rng

SIDES = ("garbler", "evaluator")
BATCH = 40
MESSAGES = {  # who, path, number on it -> what it is
    ("garbler", "", 0): "statement",
    ("evaluator", "", 0): "statement",
    ("garbler", "/tables", 0): "seed",
    ("garbler", "/tables", 1): "tables",
    ("garbler", "/tables", 2): "tables",
    ("garbler", "/tables", 3): "tables",
    ("evaluator", "/ot", 0): "point",
    ("garbler", "/ot", 0): "points",
    ("evaluator", "/ot", 1): "corrections of the trees",
    ("evaluator", "/ot", 2): "masked choices",
    ("garbler", "/ot", 1): "corrections",
    ("garbler", "", 1): "share",
    ("evaluator", "", 1): "share",
}
each_message = pytest.mark.parametrize("place", MESSAGES)


def circuit() -> Circuit:
    """Every gate's result is an output, so that a wrong table shows."""
    rng = np.random.default_rng(8)
    gates = [(AND if i % 2 else XOR, *rng.integers(2, 18 + i, 2).tolist()) for i in range(30)]
    return make_circuit({"a": 8, "b": 8}, gates, list(range(18, 48)))


A, B = np.random.default_rng(1).integers(0, 256, (2, BATCH))


def at(place: tuple[str, str, int], change: Callable[[bytes], list[bytes]]) -> Tamper:
    def tamper(sender: str, path: str, number: int, message: bytes) -> list[bytes]:
        return change(message) if (sender, path, number) == place else [message]

    return tamper


async def run(tamper: Tamper | None, seconds: float = 10) -> tuple[Any, Any, Any]:
    left, right = channel_pair(tamper=tamper, names=SIDES)
    one, other = await run_pair(
        garbling.garble(left, circuit(), {"a": A}, rng=seeded_rng("garbler")),
        garbling.evaluate(right, circuit(), {"b": B}, rng=seeded_rng("evaluator")),
        seconds=seconds,
    )
    return one, other, left.wire


async def outcome(tamper: Tamper, seconds: float = 10) -> str:
    try:
        one, other, _ = await run(tamper, seconds)
    except (MessageError, CheckFailed) as error:
        return type(error).__name__ if error.peer in SIDES else f"an error that names {error.peer!r}"
    except TimeoutError:
        return "waits"
    expected = circuit()(A, B)
    return "right" if np.array_equal(one, expected) and np.array_equal(other, expected) else "wrong"


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "CHUNK_BYTES", 32 * BATCH * 6)


async def test_the_table_is_the_conversation() -> None:
    one, other, wire = await run(None)
    assert np.array_equal(one, circuit()(A, B))
    assert np.array_equal(other, one)
    counts: dict[tuple[str, str], int] = {}
    seen = set()
    for who, path, _ in wire.messages:
        number = counts.get((who, path), 0)
        counts[who, path] = number + 1
        seen.add((who, path, number))
    assert seen == set(MESSAGES)


@each_message
@pytest.mark.parametrize("change", [lambda m: [m[:-1]], lambda m: [m + b"\0"], lambda m: [b""]])
async def test_a_wrong_length_is_caught(place: tuple[str, str, int], change: Callable[[bytes], list[bytes]]) -> None:
    assert await outcome(at(place, change)) == "MessageError"


@each_message
@pytest.mark.parametrize("position", [0, -1])
async def test_a_flipped_bit(place: tuple[str, str, int], position: int) -> None:
    def flip(message: bytes) -> list[bytes]:
        changed = bytearray(message)
        changed[position] ^= 1
        return [bytes(changed)]

    what = MESSAGES[place]
    found = await outcome(at(place, flip))
    if what == "statement":
        assert found == "CheckFailed"
    elif what in ("point", "points"):
        assert found in ("MessageError", "wrong")  # an encoding of no group element, or of another one
    elif what in ("seed", "share"):
        assert found == "wrong"
    else:
        assert found in ("wrong", "right")  # of a table half of the blocks are not used


@each_message
async def test_a_dropped_message(place: tuple[str, str, int]) -> None:
    assert await outcome(at(place, lambda message: []), seconds=0.25) in ("MessageError", "waits")


@each_message
async def test_a_repeated_message(place: tuple[str, str, int]) -> None:
    what, found = MESSAGES[place], await outcome(at(place, lambda message: [message, message]), seconds=0.25)
    last = max(number for who, path, number in MESSAGES if (who, path) == place[:2]) == place[2]
    if last:
        assert found == "right", "nobody reads on"
    elif what == "tables":
        assert found in ("MessageError", "wrong")  # a chunk in place of the next one, of the same length or not
    else:
        assert found == "MessageError"


async def test_tables_in_another_order_are_wrong_tables() -> None:
    held: list[bytes] = []

    def swap(sender: str, path: str, number: int, message: bytes) -> list[bytes]:
        if path == "/tables" and number == 1:
            held.append(message)
            return []
        return [message, *held] if path == "/tables" and number == 2 else [message]

    assert await outcome(swap) == "wrong"


async def test_a_flip_in_each_half_of_a_table_shows() -> None:
    """In one of the two halves of a gate and one instance or another a flip must change the outcome."""
    changed = 0
    for offset in range(0, 32 * BATCH, 16):

        def flip(message: bytes, offset: int = offset) -> list[bytes]:
            data = bytearray(message)
            data[offset] ^= 1
            return [bytes(data)]

        changed += await outcome(at(("garbler", "/tables", 1), flip)) == "wrong"
        if offset > 20 * 16:
            break
    assert changed >= 5
