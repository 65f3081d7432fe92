"""Fixed point: division, remainders and rounding against fractions, and the twins."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import Builder, Fixed, Int, UInt, circuit
from circuits.lib import fixed
from circuits.lib.arith import wrap_plain
from circuits.types import FixedType, ScalarType
from tests.kit.circuits import FIXED, SMALL_INTEGERS, edges, number, pairs, run, trace


@settings(max_examples=60, deadline=None)
@given(a=FIXED, b=st.one_of(FIXED, SMALL_INTEGERS))
def test_quotients_and_remainders(a: ScalarType, b: ScalarType) -> None:
    for x_type, y_type in ((a, b), (b, a)):
        made = trace(lambda x, y: (x / y, x // y, x % y), x_type, y_type)
        quotient, whole, rest = (port.type.scalar for port in made.outputs)
        frac = max(x_type.frac_bits, y_type.frac_bits)
        assert (quotient.frac_bits, whole.frac_bits, rest.frac_bits) == (frac, 0, frac)
        rows = pairs(x_type, y_type)
        for (raw_x, raw_y), got in zip(rows, run(made, rows), strict=True):
            x, y = number(x_type, raw_x), number(y_type, raw_y)
            if raw_y:
                assert got[0] == fixed.divide_plain(raw_x, x_type.frac_bits, raw_y, y_type.frac_bits)
                assert got[0] == math.floor(Fraction(x) / Fraction(y) * (1 << frac)), "rounded down"
                assert (got[1], number(rest, got[2])) == (x // y, Fraction(x) % Fraction(y))
            else:
                assert got[0] == (quotient.high if raw_x >= 0 else quotient.low)
                assert got[1] == (whole.high if raw_x >= 0 else whole.low)
                assert got[2] == wrap_plain(raw_x << frac - x_type.frac_bits, rest.n_bits, True)


@settings(max_examples=40, deadline=None)
@given(a=FIXED, constant=st.one_of(st.integers(-40, 40), st.floats(-40, 40)))
def test_division_by_a_constant(a: FixedType, constant: float) -> None:
    raw = a.nearest(constant)
    if isinstance(constant, int):
        raw = constant << a.frac_bits
    if not raw:
        return
    y = Fraction(raw, 1 << a.frac_bits)
    made = trace(lambda x: (x / constant, x // constant, x % constant), a)
    for raw_x, got in zip(edges(a), run(made, [[raw] for raw in edges(a)]), strict=True):
        x = number(a, raw_x)
        assert got[0] == math.floor(x / y * (1 << a.frac_bits))
        assert (got[1], number(made.outputs[2].type.scalar, got[2])) == (x // y, x % y)


@pytest.mark.parametrize("signed", [False, True])
def test_dropping_bits(signed: bool) -> None:
    type = Int[5] if signed else UInt[5]
    for count in range(8):
        b = Builder()
        x = b.input("x", type)
        down, nearest = fixed.drop(x, count, signed), fixed.drop_nearest(b, x, count, signed)
        for name, wires in (("down", down), ("nearest", nearest), ("up", fixed.scale_up(x, count))):
            b.output(name, (Int if signed else UInt)[len(wires)], wires)
        rows = [[raw] for raw in range(type.low, type.high + 1)]
        for (raw,), got in zip(rows, run(b.build(), rows), strict=True):
            down, nearest = fixed.drop_plain(raw, count, False), fixed.drop_plain(raw, count, True)
            assert got == [down, nearest, fixed.scale_up_plain(raw, count)]
            assert got[:2] == [raw // 2**count, math.floor(Fraction(raw, 2**count) + Fraction(1, 2))]


def test_a_score_in_fixed_point() -> None:
    weights = [0.75, -1.5, 0.125]

    @circuit
    def score(a: Fixed[12, 6], b: Fixed[12, 6], c: UInt[4]) -> Fixed[16, 6]:
        total: Any = a * weights[0] + b * weights[1] + c
        return total.rescale(6).saturate(16)

    expected = 3.5 * 0.75 - 1.5 * -2.25 + 7
    assert score(3.5, -2.25, 7) == math.floor(expected * 64) / 64


def test_fixed_with_integers_and_conversions() -> None:
    made = trace(lambda x, n: (x + n, x * n, x < n, n.to(Fixed[12, 4]) / 3, x.floor() + n), Fixed[8, 4], Int[5])
    rows = pairs(Fixed[8, 4], Int[5])
    for (raw, n), got in zip(rows, run(made, rows), strict=True):
        x = Fraction(raw, 16)
        assert [number(port.type.scalar, v) for port, v in zip(made.outputs, got, strict=True)] == [
            x + n, x * n, x < n, Fraction(math.floor(Fraction(n * 16, 3)), 16), math.floor(x) + n,
        ]  # fmt: skip
