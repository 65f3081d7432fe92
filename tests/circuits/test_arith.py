"""The words below the operators: adders, products, division, sums, against their twins; and how they are chosen."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from circuits import Bit, Builder, Circuit, Int, UInt, argmax, argmin, maximum, minimum
from circuits import sum as sum_of
from circuits.lib import arith, divide, multiply
from circuits.lib.reduce import argmax_plain, argmin_plain, sum_plain
from circuits.types import IntType, UIntType
from tests.kit.circuits import edges, run, trace


def words(*outputs: list[int], builder: Builder) -> Circuit:
    for i, wires in enumerate(outputs):
        builder.output(f"out{i}", UInt[len(wires)], wires)
    return builder.build()


@pytest.mark.parametrize("n", [1, 2, 3, 8, 65])
def test_adders(n: int) -> None:
    b = Builder()
    x, y, c = b.input("x", UInt[n]), b.input("y", UInt[n]), b.input("c", Bit)
    total, carry = arith.add_with_carry(b, x, y, c[0])
    made = words(
        arith.add(b, x, y), arith.add(b, x, y, c[0]), [*total, carry], arith.subtract(b, x, y), arith.negate(b, x),
        arith.negate_if(b, c[0], x), arith.absolute(b, x), builder=b,
    )  # fmt: skip
    m = 1 << n
    rows = [(*xy, c) for xy in itertools.product(edges(UInt[n]), repeat=2) for c in (0, 1)]
    for (x, y, c), got in zip(rows, run(made, rows), strict=True):
        signed = arith.wrap_plain(x, n, True)
        magnitude = arith.absolute_plain(signed)
        assert got == [
            (x + y) % m, (x + y + c) % m, x + y + c, (x - y) % m, -x % m, -x % m if c else x, magnitude,
        ]  # fmt: skip


def test_empty_words() -> None:
    b = Builder()
    b.input("x", Bit)
    assert arith.add(b, [], []) == []
    assert arith.negate_if(b, 2, []) == []
    assert divide.divide_unsigned(b, [], [2], remainder=True)[0] == []


def test_extend_and_wrap() -> None:
    assert arith.extend([8, 9], 4, False) == [8, 9, 0, 0]
    assert arith.extend([8, 9], 4, True) == [8, 9, 9, 9]
    assert arith.extend([8, 9], 1, True) == [8]
    assert arith.constant(-2, 4) == [0, 1, 1, 1]
    assert [arith.wrap_plain(v, 3, True) for v in (3, 4, -5, 8)] == [3, -4, 3, 0]
    assert [arith.wrap_plain(v, 3, False) for v in (7, 8, -1)] == [7, 0, 7]


@pytest.mark.parametrize("value", [1, 2, 3, 7, 100, 255, 0x5555, -1, -100, 10**12 + 7, -(2**70) + 1])
def test_the_non_adjacent_form(value: int) -> None:
    digits = multiply.naf(value)
    assert sum(digit << k for k, digit in digits) == value
    assert all(later > k + 1 for (k, _), (later, _) in itertools.pairwise(digits))
    assert multiply.naf(0) == []


@pytest.mark.parametrize("factor", [0, 1, -1, 3, 7, -7, 100, 255, -255, 0xAAAA, -(2**20) + 3])
@pytest.mark.parametrize("signed", [False, True])
def test_products_with_a_constant_modulo_any_width(factor: int, signed: bool) -> None:
    type = (IntType if signed else UIntType)(7)
    for n in (1, 3, 7, 9, 30):
        b = Builder()
        x = b.input("x", type)
        made = words(multiply.multiply_constant(b, x, signed, factor, n), builder=b)
        rows = [(v,) for v in edges(type)]
        assert [v for (v,) in run(made, rows)] == [v * factor % (1 << n) for (v,) in rows]


@pytest.mark.parametrize("sizes", [(1, 1), (1, 9), (5, 3), (13, 13), (25, 14), (40, 40), (33, 70)])
@pytest.mark.parametrize("signs", list(itertools.product([False, True], repeat=2)))
def test_products_modulo_any_width(sizes: tuple[int, int], signs: tuple[bool, bool]) -> None:
    types = [(IntType if signed else UIntType)(n) for n, signed in zip(sizes, signs, strict=True)]
    for n in {1, min(sizes), max(sizes), sum(sizes) - 1, sum(sizes)}:
        b = Builder()
        x, y = (b.input(name, type) for name, type in zip("xy", types, strict=True))
        made = words(multiply.multiply(b, x, y, n, *signs), builder=b)
        rows = list(itertools.product(*map(edges, types)))
        assert [v for (v,) in run(made, rows)] == [multiply.multiply_plain(p, q) % (1 << n) for p, q in rows]
        if not any(signs):
            assert made.and_count <= multiply.plan(*sizes, n)[0]


@pytest.mark.parametrize("type", [UInt[1], UInt[2], UInt[9], Int[1], Int[2], Int[9], Int[33]])
def test_squares_modulo_any_width(type: Any) -> None:
    for n in (1, type.n_bits, 2 * type.n_bits):
        b = Builder()
        made = words(multiply.square(b, b.input("x", type), n, type.signed), builder=b)
        rows = [(v,) for v in edges(type)]
        assert [v for (v,) in run(made, rows)] == [v * v % (1 << n) for (v,) in rows]


def test_the_plan_never_beats_itself_by_rows() -> None:
    for a, c in [(4, 4), (16, 16), (24, 24), (64, 8), (64, 64), (100, 30)]:
        for n in (max(a, c), a + c):
            ands, way, _ = multiply.plan(a, c, n)
            assert ands <= sum(min(a, n - i) for i in range(c)) + sum(min(a + 1, n - i) - 1 for i in range(1, c))
            assert way in ("rows", "cut", "karatsuba")
    assert multiply.plan(8, 8, 16) == (120, "rows", 0)
    assert multiply.plan(64, 64, 128)[1] == "karatsuba"


def test_the_plan_of_long_words_needs_no_deep_stack() -> None:
    assert multiply.plan(16384, 12, 16396) == (2 * 16384 * 12 - 16384, "rows", 0)
    assert multiply.plan(4096, 4096, 4096)[0] < multiply.plan(4096, 4096, 8192)[0] < 4096 * 4096 / 3


@pytest.mark.parametrize("signs", list(itertools.product([False, True], repeat=2)))
def test_division_of_all_small_numbers(signs: tuple[bool, bool]) -> None:
    for n_x, n_y in itertools.product((1, 2, 3, 4, 5), (1, 2, 3, 4)):
        types = [(IntType if signed else UIntType)(n) for n, signed in zip((n_x, n_y), signs, strict=True)]
        made = trace(lambda x, y: (x // y, x % y), *types)
        q, r = (port.type.scalar for port in made.outputs)
        rows = list(itertools.product(*(range(type.low, type.high + 1) for type in types)))
        for (x, y), got in zip(rows, run(made, rows), strict=True):
            assert tuple(got) == divide.divide_plain(x, y, (q.n_bits, q.signed), (r.n_bits, r.signed))
            if y:
                assert tuple(got) == (x // y, x % y), "Python's own division"
            else:
                assert got[0] == (q.high if x >= 0 else q.low)
                assert (got[1] - x) % (1 << r.n_bits) == 0


def test_division_by_what_ends_in_zeros() -> None:
    made = trace(lambda x, y: (x // (y << 3), x % (y << 3), (x << 2) // (y << 2)), UInt[9], UInt[4])
    rows = list(itertools.product(range(512), range(16)))
    top = [port.type.scalar.high for port in made.outputs]
    for (x, y), got in zip(rows, run(made, rows), strict=True):
        assert got == ([x // (8 * y), x % (8 * y), x // y] if y else [top[0], x % 128, top[2]])


def test_division_by_zero_does_not_depend_on_what_is_known_of_the_divisor() -> None:
    made = trace(lambda x, y, z: (x // y.to(UInt[9]), x % y.to(UInt[9]), x % (z.to(Int[9]))), Int[8], UInt[3], Int[3])
    for x in edges(Int[8]):
        assert run(made, [[x, 0, 0]]) == [[127 if x >= 0 else -128, x % 512, x]]
        assert run(made, [[x, 3, -3]]) == [[x // 3, x % 3, x % -3]]


def test_divmod_shares_its_gates() -> None:
    both = trace(lambda x, y: divmod(x, y), UInt[16], UInt[16])
    apart = trace(lambda x, y: (x // y, x % y), UInt[16], UInt[16])
    assert both.and_count == apart.and_count
    assert run(both, [[1000, 7]]) == [[142, 6]]


def test_sums() -> None:
    types = (UInt[3], Int[4], Bit, UInt[1])
    made = trace(lambda a, b, c, d: (sum_of([a, b, c, d, 5, -9, a]), sum_of([a]), sum_of([b])), *types)
    rows = list(itertools.product(*(range(t.low, t.high + 1) for t in types)))
    for (a, b, c, d), got in zip(rows, run(made, rows), strict=True):
        assert got == [sum_plain([a, b, c, d, 5, -9, a]), a, b]
    assert sum_of([1, 2, 3]) == 6
    assert sum_of(x for x in (1, 2)) == 3


def test_sums_of_products_are_cut_like_products() -> None:
    made = trace(lambda a, b: sum_of([a * b, a * a, b * -3]).wrap(12), UInt[12], Int[12])
    rows = list(itertools.product(edges(UInt[12]), edges(Int[12])))
    for (a, b), (got,) in zip(rows, run(made, rows), strict=True):
        assert got == arith.wrap_plain(a * b + a * a - 3 * b, 12, True)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_extremes_and_where_they_are(count: int) -> None:
    type = Int[2]
    rows = list(itertools.product(range(-2, 2), repeat=min(count, 4)))
    rows = [row + (0, 1, -2, 1)[: count - len(row)] for row in rows]
    b = Builder()
    from circuits.values import Scalar

    values = [Scalar(b, type, b.input(f"x{i}", type)) for i in range(count)]
    outputs = [minimum(values), maximum(*values) if count > 1 else maximum(values), argmin(values), argmax(values)]
    for i, value in enumerate(outputs):
        b.output(f"out{i}", value.type, value.wires)
    for row, got in zip(rows, run(b.build(), rows), strict=True):
        assert got == [min(row), max(row), argmin_plain(row), argmax_plain(row)]
        assert got[2:] == [row.index(min(row)), row.index(max(row))], "the first of equals"


def test_extremes_have_the_smallest_type() -> None:
    def f(a: Any, b: Any) -> Any:
        return minimum(a, 10), maximum(a, 10), minimum(a, b), maximum(a, b), minimum(a[0], b[0]), argmax([a, b])

    made = trace(f, UInt[8], Int[4])
    assert [repr(port.type) for port in made.outputs] == ["UInt[4]", "UInt[8]", "Int[4]", "UInt[8]", "Bit", "UInt[1]"]
    rows = list(itertools.product(edges(UInt[8]), edges(Int[4])))
    for (a, b), got in zip(rows, run(made, rows), strict=True):
        assert got == [min(a, 10), max(a, 10), min(a, b), max(a, b), min(a & 1, b & 1), int(b > a)]
    assert (minimum(3, 1), maximum([3, 1]), argmax([1, 3, 3]), argmin([1, 0, 0])) == (1, 3, 1, 1)
