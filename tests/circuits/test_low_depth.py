"""Blocks in the style "low_depth" against Python's integers, and against the other style; their depth; retracing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import Bit, Circuit, Int, UInt, Vec, bristol, circuit, maximum, with_style
from circuits import sum as sum_of
from circuits.builder import Builder
from circuits.ir import ZERO
from circuits.lib import arith, prefix
from circuits.plain import evaluate_bits
from circuits.types import ScalarType
from tests.kit.circuits import INTEGERS, edges, pairs, random_bits, raws, run, trace

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "less": lambda x, y: x < y,
    "at least": lambda x, y: x >= y,
    "equal": lambda x, y: x == y,
}


def low(function: Callable[..., Any], *types: Any) -> Circuit:
    return with_style(trace(function, *types), "low_depth")


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=25, deadline=None)
@given(data=st.data(), a=INTEGERS, b=INTEGERS)
def test_binary_operators(name: str, data: st.DataObject, a: ScalarType, b: ScalarType) -> None:
    def function(x: Any, y: Any) -> Any:
        return BINARY[name](x, y)

    rows = pairs(a, b, extra=data.draw(st.lists(st.tuples(raws(a), raws(b)), max_size=10)))
    assert run(low(function, a, b), rows) == [[int(BINARY[name](x, y))] for x, y in rows]


@settings(max_examples=25, deadline=None)
@given(data=st.data(), a=INTEGERS, factor=st.one_of(st.integers(-300, 300), st.integers(-(2**40), 2**40)))
def test_operators_with_a_constant(data: st.DataObject, a: ScalarType, factor: int) -> None:
    def function(x: Any) -> Any:
        return x * factor, x + factor, factor - x, x < factor, x * x, abs(x)

    rows = [(value,) for value in [*edges(a), *data.draw(st.lists(raws(a), max_size=8))]]
    expected = [[x * factor, x + factor, factor - x, int(x < factor), x * x, abs(x)] for (x,) in rows]
    assert run(low(function, a), rows) == expected


@settings(max_examples=25, deadline=None)
@given(data=st.data(), types=st.lists(INTEGERS, min_size=1, max_size=9))
def test_sums(data: st.DataObject, types: list[ScalarType]) -> None:
    names = [f"x{i}" for i in range(len(types))]
    space: dict[str, Any] = {"sum_of": sum_of}
    exec(f"def function({', '.join(names)}):\n    return sum_of([{', '.join(names)}, 5])", space)
    rows = [[kind.low for kind in types], [kind.high for kind in types]]
    rows += data.draw(st.lists(st.tuples(*map(raws, types)).map(list), max_size=6))
    assert run(low(space["function"], *types), rows) == [[sum(row) + 5] for row in rows]


@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 20), seed=st.integers(0, 2**32))
def test_add_with_a_secret_carry(n: int, seed: int) -> None:
    b = Builder("add", style="low_depth")
    x, y, carry = b.input("x", UInt[max(n, 1)]), b.input("y", UInt[max(n, 1)]), b.input("c", Bit)[0]
    total, out = arith.add_with_carry(b, x[:n], y[:n], carry)
    b.output("out0", UInt[n + 2], [*total, out, prefix.carry_out(b, x[:n], y[:n], carry)])
    rng = np.random.default_rng(seed)
    rows = [[int(v) for v in rng.integers(0, 1 << n, 2)] + [c] for c in (0, 1) for _ in range(5)]
    for (p, q, c), (got,) in zip(rows, run(b.build(), rows), strict=True):
        assert got & ((1 << (n + 1)) - 1) == p + q + c
        assert got >> (n + 1) == (p + q + c) >> n


def test_empty_words() -> None:
    b = Builder("none", style="low_depth")
    assert prefix.add(b, [], []) == [] == prefix.sum_columns(b, [], 0)
    assert prefix.carry_out(b, [], [], ZERO) == ZERO


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 16, 31, 32, 33, 64])
def test_depth_is_logarithmic(n: int) -> None:
    levels = math.ceil(math.log2(n)) + 1
    assert low(lambda x, y: x < y, UInt[n], UInt[n]).and_depth <= levels
    assert low(lambda x, y: x < y, Int[n], Int[n]).and_depth <= levels
    assert low(lambda x, y: x + y, UInt[n], UInt[n]).and_depth <= levels
    assert low(lambda x, y: x - y, UInt[n], UInt[n]).and_depth <= levels


@pytest.mark.parametrize(
    ("function", "types", "depth", "ands"),
    [
        (lambda x, y: x < y, (UInt[32], UInt[32]), 6, 89),
        (lambda x, y: (x + y).wrap(32), (UInt[32], UInt[32]), 6, 151),
        (lambda x, y: x * y, (UInt[32], UInt[32]), 16, 2600),
        (lambda x, y: x * y, (UInt[64], UInt[64]), 19, 10000),
        (lambda x: sum_of(x), (Vec[UInt[32], 16],), 13, 800),
        (lambda x: maximum(x), (Vec[UInt[32], 16],), 28, 1815),
    ],
)
def test_depth_of_32_bits(function: Any, types: Any, depth: int, ands: int) -> None:
    made = low(function, *types)
    assert made.and_depth <= depth, made
    assert made.and_count <= ands, made


def test_a_style_is_traced_once_and_goes_back() -> None:
    runs = []

    @circuit
    def less(x: UInt[8], y: UInt[8]) -> Bit:
        runs.append(1)
        return x < y

    made = with_style(less, "low_depth")
    assert made is with_style(less, "low_depth")
    assert len(runs) == 3
    assert with_style(less, "few_ands") is less
    assert made.and_depth == 4
    assert with_style(made, "few_ands").digest == less.digest
    assert with_style(made, "low_depth") is made
    assert [port.name for port in made.inputs] == ["x", "y"]
    with pytest.raises(ValueError, match="style is one of few_ands, low_depth, not 'fast'"):
        with_style(less, "fast")


def test_an_inner_circuit_takes_the_style_of_the_outer() -> None:
    @circuit
    def less(x: UInt[16], y: UInt[16]) -> Bit:
        return x < y

    @circuit(style="low_depth")
    def outer(x: UInt[16], y: UInt[16]) -> Bit:
        return less(x, y)

    assert outer.and_depth == 5
    assert outer(x=3, y=4) is True


def test_what_cannot_be_traced_anew_stays(tmp_path: Any) -> None:
    step, source = 3, iter([7])

    @circuit
    def moved(x: UInt[8]) -> UInt[12]:
        return x + step

    @circuit
    def spent(x: UInt[8]) -> UInt[12]:
        return x + next(source)

    step = 4
    assert with_style(moved, "low_depth") is moved
    assert moved(5) == 8
    assert with_style(spent, "low_depth") is spent
    loaded = bristol.loads(bristol.dumps(moved))
    assert with_style(loaded, "low_depth") is loaded


@pytest.mark.parametrize("n", [8, 13])
def test_both_styles_agree_on_division_and_order(n: int) -> None:
    def function(x: Any, y: Any, z: Any) -> Any:
        return x // y, x % y, z // y, maximum(x, y), (x * z).saturate(n)

    made = trace(function, UInt[n], UInt[n], Int[n])
    other = with_style(made, "low_depth")
    assert other.and_depth < made.and_depth
    bits = random_bits(n, 300, made.n_inputs)
    bits[:20, n : 2 * n] = 0
    assert (evaluate_bits(made, bits) == evaluate_bits(other, bits)).all()
