"""Base OT: the mathematics, and the two roles."""

from __future__ import annotations

import numpy as np
import pytest

from protocols import group
from protocols.errors import MessageError
from protocols.ot import base
from tests.kit.channels import run_pair
from tests.kit.ot_contract import select
from tests.kit.ot_makers import channels
from tests.kit.rng import seeded_rng

SESSION, OTHER_SESSION = bytes(32), bytes(31) + b"\1"
SECRET = group.random_scalar(seeded_rng("secret"))
SENDER = group.multiply_base(SECRET)
CHOICES = np.array([0, 1, 1, 0, 1], np.uint8)


def both_sides(receiver_session: bytes = SESSION, sender_session: bytes = SESSION) -> tuple[np.ndarray, np.ndarray]:
    scalars, message = base.choose(receiver_session, CHOICES, seeded_rng(1))
    got = base.receiver_keys(receiver_session, CHOICES, scalars, message, SENDER)
    return base.sender_keys(sender_session, SECRET, SENDER, group.decode_points(message)), got


def test_the_receiver_has_the_key_it_chose_and_not_the_other() -> None:
    pairs, got = both_sides()
    assert (got == select(pairs, CHOICES)).all()
    assert len({key.tobytes() for key in pairs.reshape(-1, 16)}) == 10


def test_another_session_has_other_keys() -> None:
    pairs, got = both_sides(SESSION, OTHER_SESSION)
    assert (got != select(pairs, CHOICES)).any(axis=1).all()


def test_equal_points_at_another_index_have_other_keys() -> None:
    scalars, message = base.choose(SESSION, CHOICES[:1], seeded_rng(1))
    pairs = base.sender_keys(SESSION, SECRET, SENDER, group.decode_points(message * 2))
    got = base.receiver_keys(SESSION, CHOICES[:1], scalars, message, SENDER)
    assert (pairs[0, 0] == got[0]).all()
    assert (pairs[1] != pairs[0]).any(axis=1).all()


def test_the_message_for_either_choice_is_made_of_the_same_kind_of_points() -> None:
    """With the same coins the points only differ in place and offset; every one is valid."""
    zeros = base.choose(SESSION, np.zeros(50, np.uint8), seeded_rng(3))[1]
    ones = base.choose(SESSION, np.ones(50, np.uint8), seeded_rng(3))[1]
    assert len(zeros) == len(ones) == 50 * 64
    group.decode_points(zeros)
    group.decode_points(ones)
    for i in range(50):
        assert zeros[64 * i + 32 : 64 * i + 64] == ones[64 * i : 64 * i + 32]  # the random point, in the other place


def test_points_that_cancel_out_are_refused() -> None:
    other = group.random_point(seeded_rng(4))
    offset = base._hash(SESSION, 0, 0, other)
    cancelling = group.subtract(group.subtract(offset, offset), offset)
    with pytest.raises(MessageError, match="bank: the points of base OT 0"):
        base.sender_keys(SESSION, SECRET, SENDER, [cancelling, other], "bank")


@pytest.mark.parametrize("temper", ["buffered", "lockstep", "trickling"])
@pytest.mark.parametrize("count", [0, 1, 8, 9, 128])
async def test_roles(temper: str, count: int) -> None:
    left, right = channels(temper)
    choices = np.random.default_rng(count).integers(0, 2, count)
    for _ in range(2):  # twice on one channel
        pairs, got = await run_pair(base.send(left, count), base.receive(right, choices))
        assert pairs.shape == (count, 2, 16)
        assert (got == select(pairs, choices)).all()


async def test_wrong_arguments_come_before_any_byte() -> None:
    left, right = channels()
    with pytest.raises(ValueError, match="-1"):
        await base.send(left, -1)
    with pytest.raises(ValueError, match="choices"):
        await base.receive(right, np.array([2]))
    assert not left.wire.messages
