"""Every message of OT flipped, dropped, truncated and repeated.

OT is semi-honest, and its channels are authentic: what has the right length and valid points is taken. So a flipped
message ends in a MessageError or in outputs that do not agree, each named below; a wrong length always ends in a
MessageError that names the peer; and nothing ends in any other error. A message that never comes is for the deadline of
whoever runs the protocol; here it shows as a TimeoutError, or as a wrong length where another message takes its place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from protocols import ot
from protocols.errors import MessageError
from tests.kit.channels import Tamper, run_pair
from tests.kit.ot_contract import select
from tests.kit.ot_makers import channels

COUNT = 150
MESSAGES = {  # who, number on the channel -> what it is, for chosen OT with k = 2
    ("sender", 0): "points",
    ("receiver", 0): "point",
    ("receiver", 1): "corrections of the trees",
    ("receiver", 2): "masked choices",
    ("sender", 1): "masked messages",
}


def at(who: str, number: int, change: Callable[[bytes], list[bytes]]) -> Tamper:
    def tamper(sender: str, path: str, position: int, message: bytes) -> list[bytes]:
        return change(message) if (sender, position) == (who, number) else [message]

    return tamper


async def run(tamper: Tamper, seconds: float = 10) -> tuple[np.ndarray, np.ndarray]:
    """What the receiver should get, and what it got."""
    left, right = channels(tamper=tamper)
    random = np.random.default_rng(3)
    messages, choices = random.integers(0, 256, (COUNT, 2, 16), np.uint8), random.integers(0, 2, COUNT)
    _, got = await run_pair(ot.send(left, messages), ot.receive(right, choices), seconds=seconds)
    return select(messages, choices), got


async def outcome(tamper: Tamper, seconds: float = 10) -> str:
    try:
        expected, got = await run(tamper, seconds)
    except MessageError as error:
        return "caught" if error.peer in ("sender", "receiver") else f"caught, but names {error.peer!r}"
    except TimeoutError:
        return "waits"
    wrong = int((expected != got).any(axis=1).sum())
    return "right" if wrong == 0 else "all wrong" if wrong == COUNT else "some wrong"


async def test_the_table_is_the_conversation() -> None:
    seen = []

    def listen(sender: str, path: str, number: int, message: bytes) -> list[bytes]:
        seen.append((sender, number))
        return [message]

    expected, got = await run(listen)
    assert (expected == got).all()
    assert sorted(seen) == sorted(MESSAGES)


@pytest.mark.parametrize(("who", "number"), MESSAGES)
@pytest.mark.parametrize("n_bytes", [-1, 1])
async def test_a_wrong_length_is_caught(who: str, number: int, n_bytes: int) -> None:
    def change(message: bytes) -> list[bytes]:
        return [message[:n_bytes] if n_bytes < 0 else message + bytes(n_bytes)]

    assert await outcome(at(who, number, change)) == "caught"
    assert await outcome(at(who, number, lambda message: [b""])) == "caught"


@pytest.mark.parametrize(("who", "number"), MESSAGES)
async def test_a_dropped_message_is_caught_or_waited_for(who: str, number: int) -> None:
    # Another message comes in the place of the first point and the corrections; behind the rest comes none.
    followed = (who, number) in {("receiver", 0), ("receiver", 1)}
    found = await outcome(at(who, number, lambda message: []), seconds=10 if followed else 0.5)
    assert found == ("caught" if followed else "waits")


@pytest.mark.parametrize(("who", "number"), MESSAGES)
async def test_a_repeated_message_is_caught_or_left_over(who: str, number: int) -> None:
    found = await outcome(at(who, number, lambda message: [message, message]))
    last = (who, number) in {("sender", 1), ("receiver", 2), ("sender", 0)}
    if (who, number) == ("sender", 0):
        assert found == "caught"  # the receiver takes the second for the masked messages
    else:
        assert found == ("right" if last else "caught")


@pytest.mark.parametrize("position", [0, 31, 40, 4000, -1])
async def test_flipped_points_of_the_receiver(position: int) -> None:
    """Most changes leave the group; the rest give other keys, hence other seeds and outputs."""

    def change(message: bytes) -> list[bytes]:
        changed = bytearray(message)
        changed[position] ^= 1
        return [bytes(changed)]

    assert await outcome(at("sender", 0, change)) in ("caught", "all wrong")


@pytest.mark.parametrize("bit", range(0, 256, 15))
async def test_a_flipped_point_of_the_sender(bit: int) -> None:
    def change(message: bytes) -> list[bytes]:
        return [(int.from_bytes(message, "little") ^ (1 << bit)).to_bytes(32, "little")]

    assert await outcome(at("receiver", 0, change)) in ("caught", "all wrong")


@pytest.mark.parametrize("number", [0])
@pytest.mark.parametrize("point", [bytes(32), bytes(31) + b"\x80", b"\xff" * 32, b"\1" + bytes(31)])
async def test_points_outside_the_group_are_caught(number: int, point: bytes) -> None:
    assert await outcome(at("receiver", number, lambda message: [point])) == "caught"
    for place in (0, 32, 8192 - 32):
        changed = at("sender", number, lambda message, at=place: [message[:at] + point + message[at + 32 :]])
        assert await outcome(changed) == "caught"


@pytest.mark.parametrize(
    ("who", "number", "found"),
    [
        ("receiver", 1, ("right", "some wrong", "all wrong")),  # it depends on the path whether this sum is used
        ("receiver", 2, ("right", "some wrong")),  # ... and on a bit of Delta whether this row is
        ("sender", 1, ("right", "some wrong")),  # ... and on the choice whether this message is
    ],
)
@pytest.mark.parametrize("position", [0, 5, 700, -1])
async def test_flips_that_nobody_can_notice(who: str, number: int, found: tuple[str, ...], position: int) -> None:
    def change(message: bytes) -> list[bytes]:
        changed = bytearray(message)
        changed[position] ^= 0x10
        return [bytes(changed)]

    assert await outcome(at(who, number, change)) in found


async def test_a_flipped_message_reaches_only_whoever_chose_it() -> None:
    """One flipped bit of the masked messages flips one bit of the output, if that half of its pair was chosen."""
    expected, _ = await run(lambda sender, path, number, message: [message])
    changed_rows = []
    for half in (0, 1):

        def change(message: bytes, half: int = half) -> list[bytes]:
            changed = bytearray(message)
            changed[32 * 7 + 16 * half] ^= 0x10
            return [bytes(changed)]

        _, got = await run(at("sender", 1, change))
        changed_rows.append(np.flatnonzero((got != expected).any(axis=1)).tolist())
    assert sorted(changed_rows) == [[], [7]]


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize(("who", "number"), [("sender", 0), ("receiver", 0), ("sender", 1)])
async def test_one_shot_by_base_ot(who: str, number: int, count: int) -> None:
    async def attempt(change: Callable[[bytes], list[bytes]]) -> None:
        left, right = channels(tamper=at(who, number, change))
        messages, choices = np.zeros((count, 2, 16), np.uint8), np.ones(count, np.uint8)
        await run_pair(ot.send(left, messages), ot.receive(right, choices), seconds=5)

    for change in (lambda message: [message[:-1]], lambda message: [message + b"\0"], lambda message: [b""]):
        with pytest.raises(MessageError):
            await attempt(change)
