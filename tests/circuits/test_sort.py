"""Sorting networks: the zero-one principle, keys, payloads, rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import Fixed, Int, UInt, Vec, circuit, sort
from circuits.lib.sort import comparators, sort_plain
from circuits.types import IntType, ScalarType, UIntType
from tests.kit.circuits import raws


@pytest.mark.parametrize("count", range(1, 13))
def test_the_network_sorts_all_zeros_and_ones_hence_everything(count: int) -> None:
    """Knuth 5.2.2, theorem Z: a network that sorts every sequence of 0 and 1 sorts every sequence."""
    pairs = list(comparators(count))
    assert all(0 <= i < j < count for i, j in pairs)
    for bits in itertools.product((0, 1), repeat=count):
        row = list(bits)
        for i, j in pairs:
            row[i], row[j] = min(row[i], row[j]), max(row[i], row[j])
        assert row == sorted(bits)


def test_sizes_are_those_of_the_book() -> None:
    assert [len(list(comparators(n))) for n in (1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64)] == [
        0, 1, 3, 5, 9, 12, 16, 19, 63, 191, 543,
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    type=st.one_of(st.integers(1, 20).map(UIntType), st.integers(1, 20).map(IntType)),
    count=st.integers(1, 12),
    data=st.data(),
)
def test_any_length(type: ScalarType, count: int, data: st.DataObject) -> None:
    @circuit
    def up(v: Vec[type, count]) -> Vec[type, count]:
        return sort(v)

    @circuit
    def down(v: Vec[type, count]) -> Vec[type, count]:
        return sort(v, reverse=True)

    values = data.draw(st.lists(raws(type), min_size=count, max_size=count))
    assert up(values).tolist() == sort_plain(values)
    assert down(values).tolist() == sort_plain(values, reverse=True)


def test_counts() -> None:
    """A comparator is a comparison and one AND a bit to swap; a payload adds its bits."""

    @circuit
    def alone(v: Vec[UInt[16], 8]) -> Vec[UInt[16], 8]:
        return sort(v)

    @circuit
    def with_payload(v: Vec[UInt[16], 8], w: Vec[UInt[5], 8]):
        return sort(v, payload=w)

    assert alone.and_count == 19 * 32
    assert with_payload.and_count == 19 * (32 + 5)


def test_rows_by_key() -> None:
    @circuit
    def f(rows: Vec[Vec[UInt[4], 2], 5]):
        return sort(rows, key=lambda row: row[1]), sort(rows, key=lambda row: row[0] - row[1], reverse=True)

    rows = [[1, 9], [15, 3], [7, 7], [0, 12], [4, 0]]
    by_second, by_difference = f(rows)
    assert by_second.tolist() == sort_plain(rows, key=lambda row: row[1])
    assert by_difference.tolist() == sort_plain(rows, key=lambda row: row[0] - row[1], reverse=True)
    # The key is part of the row: it is compared, but not swapped twice.
    only = circuit(_sort_by_second)
    assert only.and_count == 9 * (4 + 8)


def _sort_by_second(rows: Vec[Vec[UInt[4], 2], 5]) -> Vec[Vec[UInt[4], 2], 5]:
    return sort(rows, key=lambda row: row[1])


def test_payloads_move_with_their_elements() -> None:
    @circuit
    def f(keys: Vec[Int[6], 6], names: Vec[Vec[UInt[3], 2], 6]):
        return sort(keys, payload=names, reverse=True)

    rng = np.random.default_rng(2)
    keys = np.array([rng.permutation(np.arange(-30, 30))[:6] for _ in range(50)])
    names = rng.integers(0, 8, (50, 6, 2))
    got_keys, got_names = f(keys, names)
    for i in range(50):
        expected = sort_plain(keys[i].tolist(), payload=names[i].tolist(), reverse=True)
        assert (got_keys[i].tolist(), got_names[i].tolist()) == expected


def test_public_numbers_among_secrets_and_alone() -> None:
    @circuit
    def f(a: UInt[8], b: Fixed[8, 2]) -> Vec[Fixed[12, 2], 4]:
        return sort([a, 3, b, -1.5])

    assert f(7, 1.25).tolist() == [-1.5, 1.25, 3, 7]
    assert sort([3, 1, 2]) == [1, 2, 3]
    assert sort([3, 1, 2], payload="abc") == ([1, 2, 3], ["b", "c", "a"])


def test_index_as_payload_gives_the_order() -> None:
    @circuit
    def f(v: Vec[UInt[8], 5]):
        return sort(v, payload=range(5))[1]

    assert f([30, 10, 50, 20, 40]).tolist() == [1, 3, 0, 4, 2]
