"""select against its twin, over numbers, lists and tuples."""

from __future__ import annotations

import numpy as np
import pytest

from circuits import Bit, Fixed, Int, UInt, Vec, circuit, select
from circuits.lib.select import select_plain
from tests.kit.circuits import edges, run, trace


def test_against_the_twin() -> None:
    made = trace(lambda c, x, y: (select(c, x, y), select(c, x, 7), select(c, -7, y)), Bit, UInt[5], Int[6])
    rows = [(c, x, y) for c in (0, 1) for x in edges(UInt[5]) for y in edges(Int[6])]
    for (c, x, y), got in zip(rows, run(made, rows), strict=True):
        assert got == [select_plain(bool(c), x, y), select_plain(bool(c), x, 7), select_plain(bool(c), -7, y)]


def test_counts() -> None:
    assert trace(lambda c, x, y: select(c, x, y), Bit, UInt[16], UInt[16]).and_count == 16
    assert trace(lambda c: select(c, 55, 20), Bit).and_count == 0
    assert trace(lambda c, x: select(c, x, x), Bit, UInt[16]).and_count == 0
    assert trace(lambda c, x: select(c, x, 0), Bit, UInt[16]).and_count == 16
    assert trace(lambda c, x: select(c, x, ~x), Bit, UInt[16]).and_count == 0


def test_lists_give_vectors_and_tuples_tuples() -> None:
    @circuit
    def f(c: Bit, v: Vec[UInt[4], 3], x: UInt[2]):
        both = select(c, (v, x), ([1, 2, 3], 9))
        assert isinstance(both, tuple)
        return both[0], both[1], select(c, [[x, 1], [2, 3]], [v[:2], v[1:]])

    assert [repr(port.type) for port in f.outputs] == ["Vec[UInt[4], 3]", "UInt[4]", "Vec[Vec[UInt[4], 2], 2]"]
    one, two = f(True, [15, 14, 13], 3), f(False, [15, 14, 13], 3)
    assert [np.asarray(x).tolist() for x in one] == [[15, 14, 13], 3, [[3, 1], [2, 3]]]
    assert [np.asarray(x).tolist() for x in two] == [[1, 2, 3], 9, [[15, 14], [14, 13]]]


def test_a_public_condition_chooses_at_once() -> None:
    assert select(True, 1, 2) == 1
    assert select(0, 1, [2]) == [2]
    made = trace(lambda x, y: select(3 > 2, x, y), UInt[4], UInt[4])
    assert made.n_gates == 0


def test_one_bit_numbers_are_conditions() -> None:
    made = trace(lambda x, y: select(x[0:1], y, 0), UInt[4], UInt[4])
    assert run(made, [[1, 5], [2, 5]]) == [[5], [0]]


@pytest.mark.parametrize("c", [True, False])
def test_fixed_beside_public_fractions(c: bool) -> None:
    @circuit
    def f(c: Bit, x: Fixed[8, 4]) -> Fixed[8, 4]:
        return select(c, x, 0.3)

    assert f(c, -1.5) == (-1.5 if c else 5 / 16)
