"""Port types against Python's own arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.types import FixedType, ScalarType, VecType
from tests.kit.circuits import FIXED, INTEGERS, raws


@settings(max_examples=60, deadline=None)
@given(INTEGERS.flatmap(lambda t: st.tuples(st.just(t), st.lists(raws(t), max_size=6))))
def test_integers_are_their_bits(case: tuple[ScalarType, list[int]]) -> None:
    type, values = case
    bits = type.encode(values)
    for row, value in zip(bits.tolist(), values, strict=True):
        assert row == [value >> i & 1 for i in range(type.n_bits)]
    assert [int(x) for x in type.decode(bits)] == values


@settings(max_examples=60, deadline=None)
@given(FIXED.flatmap(lambda t: st.tuples(st.just(t), st.lists(raws(t), max_size=6))))
def test_fixed_values_are_exact_multiples(case: tuple[FixedType, list[int]]) -> None:
    type, values = case
    numbers = [raw / (1 << type.frac_bits) for raw in values]
    bits = type.encode(numbers)
    assert [int(x) for x in type.raw_from_bits(bits)] == values
    assert type.decode(bits).tolist() == numbers


@settings(max_examples=60, deadline=None)
@given(FIXED, st.floats(-1000, 1000))
def test_fixed_takes_the_nearest(type: FixedType, number: float) -> None:
    raw = type.nearest(number)
    assert abs(Fraction(raw, 1 << type.frac_bits) - Fraction(number)) <= Fraction(1, 2 << type.frac_bits)
    if type.low <= raw <= type.high:
        assert int(type.raw_from_bits(type.encode(number))[0]) == raw
        assert int(type.raw_from_bits(type.encode([Fraction(number)]))[0]) == raw


@settings(max_examples=60, deadline=None)
@given(INTEGERS, st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.randoms(use_true_random=False))
def test_vectors_lay_their_elements_side_by_side(
    type: ScalarType, inner: int, outer: int, batch: int, random: object
) -> None:
    nested = VecType(VecType(type, inner), outer)
    shape = (batch, outer, inner)
    values = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        values[place] = random.randint(type.low, type.high)  # type: ignore[attr-defined]
    bits = nested.encode(values)
    assert bits.shape == (batch, nested.n_bits)
    flat = type.encode(values.reshape(-1)).reshape(batch, nested.n_bits)
    assert np.array_equal(bits, flat)
    assert np.array_equal(nested.decode(bits), values.astype(nested.decode(bits).dtype))
