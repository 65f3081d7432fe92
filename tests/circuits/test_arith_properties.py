"""Division, sums and extremes at any width, against Python."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import Circuit, argmax, argmin, maximum, minimum
from circuits import sum as sum_of
from circuits.lib.divide import divide_plain
from circuits.lib.reduce import argmax_plain, argmin_plain
from circuits.types import ScalarType
from tests.kit.circuits import INTEGERS, SMALL_INTEGERS, edges, pairs, raws, run, trace


def check_division(made: Circuit, rows: list[tuple[int, int]], inputs: list[tuple[int, ...]]) -> None:
    q, r = (port.type.scalar for port in made.outputs)
    for (x, y), got in zip(rows, run(made, inputs), strict=True):
        assert tuple(got) == divide_plain(x, y, (q.n_bits, q.signed), (r.n_bits, r.signed)), (x, y)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), a=INTEGERS, b=INTEGERS)
def test_division(data: st.DataObject, a: ScalarType, b: ScalarType) -> None:
    extra = data.draw(st.lists(st.tuples(raws(a), raws(b)), max_size=10))
    near = [(x, y) for y in edges(b) for k in (1, 2, 3) for x in (k * y - 1, k * y, k * y + 1) if a.low <= x <= a.high]
    rows = pairs(a, b, extra=[*extra, *near])
    made = trace(lambda x, y: (x // y, x % y), a, b)
    check_division(made, rows, rows)  # type: ignore[arg-type]
    only = trace(lambda x, y: x // y, a, b)
    assert [got for (got,) in run(only, rows)] == [got for got, _ in run(made, rows)]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), a=INTEGERS, constant=st.one_of(st.integers(-300, 300), st.integers(-(2**66), 2**66)))
def test_division_by_and_of_a_constant(data: st.DataObject, a: ScalarType, constant: int) -> None:
    values = [*edges(a), *data.draw(st.lists(raws(a), max_size=8))]
    values += [v for k in (1, 2, 9) for v in (k * constant - 1, k * constant) if a.low <= v <= a.high]
    rows = [(value,) for value in values]
    if constant:
        made = trace(lambda x: (x // constant, x % constant), a)
        check_division(made, [(value, constant) for value in values], rows)
        assert run(made, rows) == [[v // constant, v % constant] for v in values]
    made = trace(lambda x: (constant // x, constant % x), a)
    check_division(made, [(constant, value) for value in values], rows)


@settings(max_examples=40, deadline=None)
@given(
    data=st.data(),
    types=st.lists(SMALL_INTEGERS, min_size=1, max_size=6),
    public=st.lists(st.integers(-5000, 5000), max_size=2),
)
def test_sums_and_extremes(data: st.DataObject, types: list[ScalarType], public: list[int]) -> None:
    types = types[:6]

    def all_of(*values: Any) -> Any:
        items = [*values, *public]
        return sum_of(items), minimum(items), maximum(items), argmin(items), argmax(items)

    functions = [
        lambda a: all_of(a),
        lambda a, b: all_of(a, b),
        lambda a, b, c: all_of(a, b, c),
        lambda a, b, c, d: all_of(a, b, c, d),
        lambda a, b, c, d, e: all_of(a, b, c, d, e),
        lambda a, b, c, d, e, f: all_of(a, b, c, d, e, f),
    ]
    made = trace(functions[len(types) - 1], *types)
    rows = data.draw(st.lists(st.tuples(*map(raws, types)), min_size=1, max_size=20))
    rows += [tuple(t.low for t in types), tuple(t.high for t in types)]
    for row, got in zip(rows, run(made, rows), strict=True):
        items = [*row, *public]
        assert got == [sum(items), min(items), max(items), argmin_plain(items), argmax_plain(items)]
