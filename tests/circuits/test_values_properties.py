"""Every operator against Python's integers and fractions, and every type against the rule."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.lib.arith import wrap_plain
from circuits.lib.fixed import drop_plain
from circuits.types import FixedType, ScalarType, UIntType
from tests.kit.circuits import FIXED, INTEGERS, SMALL_INTEGERS, edges, number, pairs, raws, run, trace

BINARY = ["add", "sub", "mul", "and_", "or_", "xor", "eq", "ne", "lt", "le", "gt", "ge"]
ON_FIXED = ["add", "sub", "mul", "eq", "ne", "lt", "le", "gt", "ge"]
CONSTANTS = st.one_of(st.sampled_from([0, 1, -1, 2, 3, 255, 256, -128]), st.integers(-(2**70), 2**70))


def check(function: Callable[..., Any], plain: Callable[..., Any], *types: ScalarType, extra: Any = ()) -> ScalarType:
    """The circuit gives plain(values) at the edges and at `extra`; its type is returned."""
    made = trace(function, *types)
    rows = pairs(*types, extra=extra)
    found = made.outputs[0].type
    assert isinstance(found, ScalarType)
    for row, (raw,) in zip(rows, run(made, rows), strict=True):
        values = [number(type, value) for type, value in zip(types, row, strict=True)]
        assert number(found, raw) == plain(*values), f"{types} {row}"
    return found


def smallest(type: ScalarType, values: list[Any]) -> bool:
    """Whether no smaller type would hold the extreme results `values`."""
    raw = [int(Fraction(value) * (1 << type.frac_bits)) for value in values]
    signed = isinstance(type, FixedType) or min(raw) < 0
    n_bits = max(1, max((v if v >= 0 else ~v).bit_length() + signed for v in raw))
    return (type.signed, type.n_bits) == (signed, n_bits)


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=25, deadline=None)
@given(data=st.data(), a=INTEGERS, b=INTEGERS)
def test_two_integers(name: str, data: st.DataObject, a: ScalarType, b: ScalarType) -> None:
    op = getattr(operator, name)
    extra = data.draw(st.lists(st.tuples(raws(a), raws(b)), max_size=8))
    found = check(lambda x, y: op(x, y), op, a, b, extra=extra)
    if name in ("add", "sub", "mul"):
        assert smallest(found, [op(p, q) for p in (a.low, a.high) for q in (b.low, b.high)])


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=25, deadline=None)
@given(a=INTEGERS, constant=CONSTANTS)
def test_an_integer_and_a_constant(name: str, a: ScalarType, constant: int) -> None:
    op = getattr(operator, name)
    for function, plain in (
        (lambda x: op(x, constant), lambda x: op(x, constant)),
        (lambda x: op(constant, x), lambda x: op(constant, x)),
    ):
        found = check(function, plain, a)
        if name in ("add", "sub", "mul"):
            assert smallest(found, [plain(a.low), plain(a.high)])


@pytest.mark.parametrize("name", ON_FIXED)
@settings(max_examples=20, deadline=None)
@given(a=FIXED, b=st.one_of(FIXED, INTEGERS))
def test_fixed_and_another(name: str, a: ScalarType, b: ScalarType) -> None:
    op = getattr(operator, name)
    for types in ((a, b), (b, a)):
        found = check(lambda x, y: op(x, y), op, *types)
        if name in ("add", "sub", "mul"):
            ends = [[number(type, type.low), number(type, type.high)] for type in types]
            assert smallest(found, [op(p, q) for p in ends[0] for q in ends[1]])


@pytest.mark.parametrize("name", ON_FIXED)
@settings(max_examples=20, deadline=None)
@given(a=FIXED, constant=st.one_of(st.integers(-300, 300), st.floats(-300, 300)))
def test_fixed_and_a_constant(name: str, a: FixedType, constant: float) -> None:
    op = getattr(operator, name)
    exact = Fraction(a.nearest(constant), 1 << a.frac_bits)
    check(lambda x: op(x, constant), lambda x: op(x, exact), a)
    check(lambda x: op(constant, x), lambda x: op(exact, x), a)


@settings(max_examples=60, deadline=None)
@given(a=INTEGERS)
def test_one_integer(a: ScalarType) -> None:
    flipped = (1 << a.n_bits) - 1
    check(lambda x: -x, lambda x: -x, a)
    check(lambda x: +x, lambda x: x, a)
    check(lambda x: abs(x), abs, a)
    check(lambda x: ~x, (lambda x: ~x) if a.signed else (lambda x: x ^ flipped), a)
    check(lambda x: x * x, lambda x: x * x, a)


@settings(max_examples=20, deadline=None)
@given(a=SMALL_INTEGERS, exponent=st.integers(1, 5))
def test_powers(a: ScalarType, exponent: int) -> None:
    check(lambda x: x**exponent, lambda x: x**exponent, a)


@settings(max_examples=60, deadline=None)
@given(a=FIXED)
def test_one_fixed(a: FixedType) -> None:
    check(lambda x: -x, lambda x: -x, a)
    check(lambda x: abs(x), abs, a)
    check(lambda x: x.floor(), math.floor, a)
    check(lambda x: x.nearest(), lambda x: math.floor(x + Fraction(1, 2)), a)


@settings(max_examples=60, deadline=None)
@given(a=FIXED, frac_bits=st.integers(0, 14))
def test_rescaling(a: FixedType, frac_bits: int) -> None:
    for nearest in (False, True):
        made = trace(lambda x: x.rescale(frac_bits, nearest=nearest), a)  # noqa: B023
        rows = [[raw] for raw in edges(a)]
        drop = a.frac_bits - frac_bits
        expected = [drop_plain(raw, drop, nearest) if drop > 0 else raw << -drop for (raw,) in rows]
        assert [raw for (raw,) in run(made, rows)] == expected
        assert made.outputs[0].type.scalar.frac_bits == frac_bits


@settings(max_examples=60, deadline=None)
@given(a=INTEGERS, count=st.integers(0, 80))
def test_public_shifts(a: ScalarType, count: int) -> None:
    check(lambda x: x << count, lambda x: x << count, a)
    check(lambda x: x >> count, lambda x: x >> count, a)


@settings(max_examples=40, deadline=None)
@given(a=INTEGERS, amount=st.integers(1, 5).map(UIntType), constant=CONSTANTS)
def test_secret_shifts(a: ScalarType, amount: ScalarType, constant: int) -> None:
    check(lambda x, s: x << s, operator.lshift, a, amount)
    check(lambda x, s: x >> s, operator.rshift, a, amount)
    check(lambda s: constant << s, lambda s: constant << s, amount)
    check(lambda s: constant >> s, lambda s: constant >> s, amount)


def test_a_secret_shift_right_may_be_as_far_as_it_likes() -> None:
    wide = UIntType(70)
    for a in (UIntType(9), FixedType(9, 3)):
        made = trace(lambda x, s: x >> s, a, wide)
        rows = [[x, s] for x in edges(a) for s in (0, 1, 8, 9, 15, 16, 2**69, 2**70 - 1)]
        assert run(made, rows) == [[x >> s] for x, s in rows]


@settings(max_examples=80, deadline=None)
@given(a=INTEGERS, target=INTEGERS)
def test_wrap_and_saturate(a: ScalarType, target: ScalarType) -> None:
    found = check(lambda x: x.wrap(target), lambda x: wrap_plain(x, target.n_bits, target.signed), a)
    assert found == target
    check(lambda x: x.wrap(target.n_bits), lambda x: wrap_plain(x, target.n_bits, a.signed), a)
    found = check(lambda x: x.saturate(target), lambda x: min(max(x, target.low), target.high), a)
    assert found == target


@settings(max_examples=30, deadline=None)
@given(a=FIXED, n_bits=st.integers(1, 26))
def test_saturate_fixed(a: FixedType, n_bits: int) -> None:
    target = FixedType(n_bits, a.frac_bits)
    low, high = number(target, target.low), number(target, target.high)
    assert check(lambda x: x.saturate(n_bits), lambda x: min(max(x, low), high), a) == target


@settings(max_examples=60, deadline=None)
@given(data=st.data(), a=SMALL_INTEGERS, b=SMALL_INTEGERS, n=st.integers(1, 30))
def test_what_is_postponed_comes_out_the_same(data: st.DataObject, a: ScalarType, b: ScalarType, n: int) -> None:
    extra = data.draw(st.lists(st.tuples(raws(a), raws(b)), max_size=8))

    def expression(x: Any, y: Any) -> Any:
        return ((x * y - 3 * x) * (y * y + 1) << 2) - (x * x * x >> 1)

    made = trace(lambda x, y: (expression(x, y).wrap(n), expression(x, y)), a, b)
    rows = pairs(a, b, extra=extra)
    for row, (low, full) in zip(rows, run(made, rows), strict=True):
        exact = expression(*row)
        assert full == exact
        assert low == wrap_plain(exact, n, made.outputs[0].type.scalar.signed)
