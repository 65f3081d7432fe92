"""Packed and unpacked bits at their edges."""

from __future__ import annotations

import numpy as np
import pytest

from protocols import bits
from tests.kit.rng import seeded_rng


def test_the_first_bit_is_the_lowest() -> None:
    assert bits.pack(np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 1], np.uint8)).tolist() == [1, 2]
    assert bits.unpack(np.array([0x80, 1], np.uint8), 9).tolist() == [0] * 7 + [1, 1]


def test_unpack_refuses_another_length() -> None:
    with pytest.raises(ValueError, match="2 bytes, not 1"):
        bits.unpack(np.zeros(1, np.uint8), 9)


@pytest.mark.parametrize("values", [[True, False], [0, 1], np.array([1, 1], np.int16), [], np.empty(0, np.float64)])
def test_as_bits_takes_every_integer_type(values: object) -> None:
    found = bits.as_bits(values)
    assert found.dtype == np.uint8
    assert found.tolist() == [int(value) for value in values]


@pytest.mark.parametrize(
    "values", [[0, 2], [-1], [0.0], ["0"], [[0]], 1, np.array([256]), np.array([2**63], np.uint64), [None]]
)
def test_as_bits_refuses_the_rest(values: object) -> None:
    with pytest.raises(ValueError, match="choices must"):
        bits.as_bits(values, "choices")


def test_as_bits_copies() -> None:
    values = np.array([0, 1], np.uint8)
    bits.as_bits(values)[0] = 1
    assert values[0] == 0


def test_masks_are_all_or_nothing() -> None:
    assert bits.masks(np.array([0, 1], np.uint8)).tolist() == [0, 2**64 - 1]


def test_random_bits_take_a_byte_for_eight() -> None:
    asked = []

    def rng(n_bytes: int) -> bytes:
        asked.append(n_bytes)
        return seeded_rng(1)(n_bytes)

    found = bits.random_bits(rng, 1001)
    assert asked == [126]
    assert found.shape == (1001,)
    assert 400 < found.sum() < 600


def test_transpose_refuses_wrong_shapes() -> None:
    with pytest.raises(ValueError, match="shape"):
        bits.transpose(np.zeros((3, 2), np.uint8), 8)
    with pytest.raises(ValueError, match="uint8"):
        bits.transpose(np.zeros((3, 1), np.int8), 8)
