"""Traced values: the types of results, bits and slices, conversions, vectors, postponed products."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from circuits import Bit, Circuit, Fixed, Int, UInt, Vec, WidthError, circuit, concat, select
from circuits.lib import multiply
from tests.kit.circuits import run, trace

U8, U16, I8, F = UInt[8], UInt[16], Int[8], Fixed[8, 4]


def result_type(function: Any, *types: Any) -> str:
    return repr(trace(function, *types).outputs[0].type)


@pytest.mark.parametrize(
    ("function", "types", "expected"),
    [
        (lambda x, y: x + y, (U8, U8), "UInt[9]"),
        (lambda x, y: x + y, (U8, U16), "UInt[17]"),
        (lambda x, y: x + y, (U8, I8), "Int[10]"),
        (lambda x, y: x + y, (I8, I8), "Int[9]"),
        (lambda x, y: x + y, (Bit, Bit), "UInt[2]"),
        (lambda x: x + 1, (U8,), "UInt[9]"),
        (lambda x: x + 0, (U8,), "UInt[8]"),
        (lambda x: x + True, (U8,), "UInt[9]"),
        (lambda x: np.int64(-1) + x, (U8,), "Int[9]"),
        (lambda x: 300 + x, (U8,), "UInt[10]"),
        (lambda x, y: x - y, (U8, U8), "Int[9]"),
        (lambda x, y: x - y, (U8, U16), "Int[17]"),
        (lambda x: 255 - x, (U8,), "UInt[8]"),
        (lambda x: x - 1, (U8,), "Int[9]"),
        (lambda x, y: x * y, (U8, U16), "UInt[24]"),
        (lambda x, y: x * y, (I8, I8), "Int[16]"),
        (lambda x, y: x * y, (U8, I8), "Int[16]"),
        (lambda x, y: x * y, (U8, Bit), "UInt[8]"),
        (lambda x: x * 4, (U8,), "UInt[10]"),
        (lambda x: x * 100, (UInt[32],), "UInt[39]"),
        (lambda x: x * -1, (U8,), "Int[9]"),
        (lambda x: x * 0, (U8,), "UInt[1]"),
        (lambda x: x**2, (I8,), "Int[16]"),
        (lambda x: x**0, (I8,), "UInt[1]"),
        (lambda x: -x, (U8,), "Int[9]"),
        (lambda x: -x, (I8,), "Int[9]"),
        (lambda x: +x, (I8,), "Int[8]"),
        (lambda x: abs(x), (I8,), "UInt[8]"),
        (lambda x: abs(x), (U8,), "UInt[8]"),
        (lambda x, y: x // y, (U16, U8), "UInt[16]"),
        (lambda x, y: x % y, (U16, U8), "UInt[8]"),
        (lambda x, y: x % y, (U8, U16), "UInt[8]"),
        (lambda x, y: x // y, (I8, I8), "Int[9]"),
        (lambda x, y: x % y, (I8, I8), "Int[8]"),
        (lambda x, y: x // y, (I8, U8), "Int[8]"),
        (lambda x, y: x % y, (I8, U8), "UInt[8]"),
        (lambda x, y: x // y, (U8, I8), "Int[9]"),
        (lambda x: x // 10, (U8,), "UInt[5]"),
        (lambda x: x % 10, (U8,), "UInt[4]"),
        (lambda x: x % -10, (U8,), "Int[5]"),
        (lambda x: 100 // x, (U8,), "UInt[7]"),
        (lambda x, y: x < y, (U8, I8), "Bit"),
        (lambda x: x == 5, (U8,), "Bit"),
        (lambda x, y: x & y, (U8, U16), "UInt[8]"),
        (lambda x, y: x | y, (U8, U16), "UInt[16]"),
        (lambda x, y: x ^ y, (U8, I8), "Int[9]"),
        (lambda x, y: x & y, (U8, I8), "UInt[8]"),
        (lambda x, y: x & y, (I8, I8), "Int[8]"),
        (lambda x: x & 15, (U8,), "UInt[4]"),
        (lambda x: x & -2, (U8,), "UInt[8]"),
        (lambda x: x | 256, (U8,), "UInt[9]"),
        (lambda x, y: x & y, (Bit, Bit), "Bit"),
        (lambda x: x ^ 1, (Bit,), "Bit"),
        (lambda x: True | x, (Bit,), "Bit"),
        (lambda x: x | 2, (Bit,), "UInt[2]"),
        (lambda x: ~x, (Bit,), "Bit"),
        (lambda x: ~x, (U8,), "UInt[8]"),
        (lambda x: ~x, (I8,), "Int[8]"),
        (lambda x: x << 3, (U8,), "UInt[11]"),
        (lambda x: x >> 3, (I8,), "Int[5]"),
        (lambda x: x >> 9, (U8,), "UInt[1]"),
        (lambda x, y: x << y, (U8, UInt[3]), "UInt[15]"),
        (lambda x, y: x >> y, (I8, UInt[3]), "Int[8]"),
        (lambda x: 1 << x, (UInt[3],), "UInt[8]"),
        (lambda c: select(c, 55, 20), (Bit,), "UInt[6]"),
        (lambda c, x: select(c, x, -1), (Bit, U8), "Int[9]"),
        (lambda c: select(c, True, False), (Bit,), "Bit"),
        (lambda c, x: select(c, x, 1.5), (Bit, F), "Fixed[8, 4]"),
        (lambda x, y: x + y, (F, F), "Fixed[9, 4]"),
        (lambda x, y: x + y, (F, Fixed[8, 2]), "Fixed[11, 4]"),
        (lambda x: x + 1, (F,), "Fixed[9, 4]"),
        (lambda x: x + 0.5, (F,), "Fixed[9, 4]"),
        (lambda x, y: x + y, (F, U8), "Fixed[14, 4]"),
        (lambda x, y: x * y, (F, F), "Fixed[16, 8]"),
        (lambda x: x * 2, (F,), "Fixed[9, 4]"),
        (lambda x: x * 0.5, (F,), "Fixed[11, 8]"),
        (lambda x, y: x / y, (F, F), "Fixed[13, 4]"),
        (lambda x: x / 2, (F,), "Fixed[7, 4]"),
        (lambda x, y: x // y, (F, F), "Int[9]"),
        (lambda x, y: x % y, (F, F), "Fixed[8, 4]"),
        (lambda x: -x, (F,), "Fixed[9, 4]"),
        (lambda x: abs(x), (F,), "Fixed[9, 4]"),
        (lambda x: x << 2, (F,), "Fixed[10, 4]"),
        (lambda x: x >> 2, (F,), "Fixed[6, 4]"),
        (lambda x: x < 1.5, (F,), "Bit"),
        (lambda x: x.rescale(6), (F,), "Fixed[10, 6]"),
        (lambda x: x.rescale(2), (F,), "Fixed[6, 2]"),
        (lambda x: x.rescale(2, nearest=True), (F,), "Fixed[7, 2]"),
        (lambda x: x.floor(), (F,), "Int[4]"),
        (lambda x: x.nearest(), (F,), "Int[5]"),
        (lambda x: x.floor(), (U8,), "UInt[8]"),
        (lambda x: x.wrap(12), (F,), "Fixed[12, 4]"),
        (lambda x: x.wrap(4), (I8,), "Int[4]"),
        (lambda x: x.wrap(UInt[4]), (I8,), "UInt[4]"),
        (lambda x: x.wrap(4), (Bit,), "UInt[4]"),
        (lambda x: x.saturate(UInt[4]), (I8,), "UInt[4]"),
        (lambda x: x.saturate(4), (U8,), "UInt[4]"),
        (lambda x: x.to(Fixed[12, 2]), (U8,), "Fixed[12, 2]"),
        (lambda x: x.as_fixed(4), (I8,), "Fixed[8, 4]"),
        (lambda x: x[2], (U8,), "Bit"),
        (lambda x: x[2:], (U8,), "UInt[6]"),
        (lambda x: x.bits, (U8,), "Vec[Bit, 8]"),
        (lambda x: concat(x[:3], x[3], x.bits[4:]), (U8,), "UInt[8]"),
    ],
)
def test_the_result_has_the_smallest_type_that_holds_every_result(function: Any, types: Any, expected: str) -> None:
    assert result_type(function, *types) == expected


def test_numpy_and_bool_constants_count_as_integers() -> None:
    f = trace(lambda x: (np.uint8(3) * x, x - np.int64(4), np.True_ + x, x == np.int32(7), x << np.int64(1)), U8)
    assert run(f, [[7], [255]]) == [[21, 3, 8, 1, 14], [765, 251, 256, 0, 510]]


def test_bits_and_slices() -> None:
    @circuit
    def f(x: U8) -> tuple[Bit, Bit, UInt[4], UInt[3], UInt[8], UInt[8], UInt[8], UInt[8], UInt[9]]:
        back = concat(*reversed(x.bits))
        return (
            x[0],
            x[-1],
            x[4:],
            x[::3],
            back,
            x.rotate_left(3),
            x.rotate_right(11),
            concat(x[4:], x[:4]),
            concat(x, x[0]),
        )

    v = 0b1011_0010
    assert f.n_gates == 0
    assert f(v) == (
        False, True, 0b1011, 0b000, 0b0100_1101, 0b1001_0101, 0b0101_0110, 0b0010_1011, 0b0_1011_0010,
    )  # fmt: skip


def test_reinterpretation_keeps_the_bits() -> None:
    @circuit
    def f(x: U8, y: I8, z: F) -> tuple[Int[8], UInt[8], Int[8], Fixed[8, 4], UInt[8]]:
        return x.as_int(), y.as_uint(), z.as_int(), y.as_fixed(4), z.as_uint()

    assert f.n_gates == 0
    assert f(200, -3, 1.5) == (-56, 253, 24, -3 / 16, 24)


def test_vectors() -> None:
    @circuit
    def f(v: Vec[Vec[UInt[4], 2], 3]):
        rows = v[::-1]
        total = [a + b for a, b in v]
        return (
            rows,
            v[1],
            v[-1][0],
            total,
            list(reversed(v)),
            v == rows,
            v[0] != v[2],
            v[1] == [3, 4],
            v == [[1, 2]] * 3,
        )

    assert [repr(p.type) for p in f.outputs] == [
        "Vec[Vec[UInt[4], 2], 3]", "Vec[UInt[4], 2]", "UInt[4]", "Vec[UInt[5], 3]", "Vec[Vec[UInt[4], 2], 3]",
        "Bit", "Bit", "Bit", "Bit",
    ]  # fmt: skip
    got = [np.asarray(x).tolist() for x in f([[1, 2], [3, 4], [5, 6]])]
    assert got == [
        [[5, 6], [3, 4], [1, 2]], [3, 4], 5, [3, 7, 11], [[5, 6], [3, 4], [1, 2]], False, True, True, False,
    ]  # fmt: skip
    assert [np.asarray(x).tolist() for x in f([[1, 2]] * 3)][5:] == [True, False, False, True]


def test_a_product_is_made_with_as_many_bits_as_are_wanted() -> None:
    def ands(function: Any, *types: Any) -> int:
        return trace(function, *types).and_count

    low = multiply.plan(32, 32, 32)[0]
    full = multiply.plan(32, 32, 64)[0]
    assert low < full
    U32 = UInt[32]
    assert ands(lambda x, y: (x * y).wrap(32), U32, U32) == low
    assert ands(lambda x, y: x * y, U32, U32) == full
    assert ands(lambda x, y: (x * y + x).wrap(32), U32, U32) == low + 31
    assert ands(lambda x, y: ((x * y) << 4).wrap(36), U32, U32) == low
    assert ands(lambda x, y: (x * y) & 0xFFFF_FFFF, U32, U32) == low
    assert ands(lambda x, y: (x * y)[:32], U32, U32) == low
    assert ands(lambda x, y: (x * y).as_int().wrap(32), U32, U32) == low
    assert ands(lambda x, y: select(x[0], x * y, y * y).wrap(32), U32, U32) < 2 * low + 32
    # Wanted in full once, it is not made again.
    assert ands(lambda x, y: ((p := x * y), p.wrap(32)), U32, U32) == full


def test_long_chains_of_products_do_not_recurse_without_end() -> None:
    def chain(x: Any) -> Any:
        total = x
        for _ in range(3000):
            total = (total + x * x).wrap(8)
        return total

    f = trace(chain, UInt[8])
    assert run(f, [[3], [250]]) == [[(3 + 3000 * 9) % 256], [(250 + 3000 * 250 * 250) % 256]]


def test_types_of_constants_in_fixed_point() -> None:
    @circuit
    def f(x: Fixed[16, 8]) -> tuple[Fixed[18, 8], Fixed[18, 8], Bit]:
        return x + 0.3, x + Fraction(1, 3), x == 0.3  # each the nearest multiple of 1/256

    assert f(0) == (77 / 256, 85 / 256, False)
    assert f(77 / 256)[2] is True


def test_widening_is_checked() -> None:
    def to(target: Any, source: Any) -> Circuit:
        return trace(lambda x: x.to(target), source)

    for source, target in [(U8, U8), (U8, I8), (I8, U16), (U8, Fixed[10, 2]), (Fixed[8, 4], Fixed[9, 5]), (Bit, I8)]:
        fits = source.low << target.frac_bits - source.frac_bits >= target.low
        fits &= source.high << target.frac_bits - source.frac_bits <= target.high
        if fits:
            assert run(to(target, source), [[1]]) == [[1 << target.frac_bits - source.frac_bits]]
        else:
            with pytest.raises(WidthError):
                to(target, source)


@pytest.mark.parametrize("number", [np.int64(3), np.uint8(3), np.bool_(True)], ids=["int64", "uint8", "bool"])
@pytest.mark.parametrize(
    "operate",
    [
        operator.add,
        operator.sub,
        operator.mul,
        operator.floordiv,
        operator.mod,
        operator.and_,
        operator.or_,
        operator.xor,
        operator.lshift,
        operator.eq,
        operator.ne,
        operator.lt,
        operator.le,
        operator.gt,
        operator.ge,
    ],
    ids=lambda operate: operate.__name__,
)
def test_a_number_of_numpy_on_the_left(operate: Callable[[Any, Any], Any], number: Any) -> None:
    def f(a: UInt[3]):
        return operate(number, a)

    made = circuit(f)
    for a in range(1, 8):
        assert made(a) == operate(int(number), a)


def test_a_fraction_of_numpy_on_the_left() -> None:
    @circuit
    def f(a: Fixed[8, 2]):
        return np.float64(1.5) * a, np.float64(1.5) - a, np.float64(1.5) / a

    assert f(2.0) == (3.0, -0.5, 0.75)


def test_an_array_is_compared_with_a_vec() -> None:
    @circuit
    def f(v: Vec[UInt[3], 2]):
        return np.array([1, 2]) == v, np.array([1, 2]) != v

    assert f([1, 2]) == (True, False)
    assert f([2, 2]) == (False, True)
