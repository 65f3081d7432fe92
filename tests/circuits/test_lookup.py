"""lookup against its twin: public and secret tables, any length, indexes out of range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import Bit, Fixed, Int, TraceError, UInt, Vec, WidthError, circuit, lookup
from circuits.lib.lookup import lookup_plain
from circuits.types import IntType, UIntType
from tests.kit.circuits import run, trace


@settings(max_examples=60, deadline=None)
@given(
    table=st.lists(st.integers(-40, 200), min_size=1, max_size=20),
    index=st.one_of(st.integers(1, 6).map(UIntType), st.integers(1, 6).map(IntType)),
    default=st.sampled_from([0, 7, -3]),
)
def test_public_tables(table: list[int], index: Any, default: int) -> None:
    made = trace(lambda i: lookup(table, i, default=default), index)
    values = range(index.low, index.high + 1)
    assert run(made, [[i] for i in values]) == [[lookup_plain(table, i, default)] for i in values]


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 9),
    public=st.lists(st.integers(0, 31), max_size=3),
    index=st.one_of(st.integers(1, 5).map(UIntType), st.integers(1, 5).map(IntType)),
    default=st.sampled_from([0, 9]),
)
def test_secret_tables(count: int, public: list[int], index: Any, default: int) -> None:
    @circuit
    def f(v: Vec[UInt[5], count], i: index) -> UInt[5]:
        return lookup([*v, *public], i, default=default)

    values = [3 * k + 1 for k in range(count)]
    indexes = np.arange(index.low, index.high + 1)
    expected = [lookup_plain([*values, *public], i, default) for i in indexes.tolist()]
    assert f(values, indexes).tolist() == expected


def test_rows() -> None:
    @circuit
    def f(i: UInt[2], x: UInt[4]):
        return lookup([[1, 2], [3, 4], [5, 6]], i), lookup([[1, x], [x, 4]], i), lookup([[1], [2]], i, default=[3])

    assert [repr(port.type) for port in f.outputs] == ["Vec[UInt[3], 2]", "Vec[UInt[4], 2]", "Vec[UInt[2], 1]"]
    rows = [[got.tolist() for got in f(i, 9)] for i in range(4)]
    assert rows == [
        [[1, 2], [1, 9], [1]], [[3, 4], [9, 4], [2]], [[5, 6], [0, 0], [3]], [[0, 0], [0, 0], [3]],
    ]  # fmt: skip


def test_types_of_elements() -> None:
    def kind(*args: Any, index: Any = UInt[2], **options: Any) -> str:
        return repr(trace(lambda i: lookup(*args, i, **options), index).outputs[0].type)

    assert kind([5, 6, 7, 8]) == "UInt[4]"
    assert kind([-5, -6, -7, -8]) == "Int[4]"
    assert kind([5, 6, 7]) == "UInt[3]"
    assert kind([5, 6, 7], default=-1) == "Int[4]"
    assert kind([True, False, True]) == "Bit"
    assert kind([True, False, True], default=2) == "UInt[2]"
    assert kind([0.5, 1.25, 2], type=Fixed[8, 4]) == "Fixed[8, 4]"
    assert kind(np.array([1, 2, 300])) == "UInt[9]"
    assert kind([1, 2], type=Int[9]) == "Int[9]"
    with pytest.raises(WidthError, match=r"out of range: UInt\[4\]"):
        kind([1, 200], type=UInt[4])
    with pytest.raises(TraceError, match="float beside a Bit"):
        kind([0.5, 0.25])
    # What cannot be reached does not count.
    assert kind([1, 2, 3, 4, 5000], index=UInt[2]) == "UInt[3]"
    assert kind([1, 2], index=Bit, default=5000) == "UInt[2]"


def test_fixed_tables() -> None:
    made = trace(lambda i, x: (lookup([0.5, 1.3], i, type=Fixed[8, 4]), lookup([x, 0.5], i)), UInt[1], Fixed[8, 4])
    assert made([0, 1], -2.5)[0].tolist() == [0.5, 1.3125]
    assert made([0, 1], -2.5)[1].tolist() == [-2.5, 0.5]


def test_public_index() -> None:
    assert lookup([1, 2, 3], 1) == 2
    assert lookup([1, 2, 3], 3) == 0
    assert lookup([1, 2, 3], -1, default=9) == 9
    made = trace(lambda x: (lookup([1, x, 3], 1), lookup([x, 3], 1, type=UInt[8]), lookup([x], -1, default=7)), UInt[4])
    assert [repr(port.type) for port in made.outputs] == ["UInt[4]", "UInt[8]", "UInt[3]"]
    assert run(made, [[5]]) == [[5, 3, 7]]


def test_counts() -> None:
    rng = np.random.default_rng(1)
    index = UInt[8]

    def ands(table: list[int], index: Any = index) -> int:
        return trace(lambda i: lookup(table, i), index).and_count

    # 8 bits: products of 5 bits of the index, and 3 levels of multiplexers for each of 8 columns.
    assert ands(rng.permutation(256).tolist()) <= 26 + 8 * 7
    assert ands(rng.integers(0, 2, 256).tolist()) <= 2 * 16 + 8
    assert ands(list(range(256))) == 0, "the identity is linear"
    assert ands([5] * 256) == 0
    assert ands([i ^ i >> 1 for i in range(256)]) == 0, "the Gray code is linear"
    assert ands([i * i % 256 for i in range(256)]) <= 26 + 8 * 7

    @circuit
    def secret(v: Vec[UInt[8], 16], i: UInt[4]) -> UInt[8]:
        return lookup(v, i)

    assert secret.and_count == 15 * 8

    @circuit
    def short(v: Vec[UInt[8], 3], i: UInt[2]) -> UInt[8]:
        return lookup(v, i)

    assert short.and_count == 3 * 8
