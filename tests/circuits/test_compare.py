"""Comparisons of words against their twins, and what constants save."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from circuits import Bit, Builder, Fixed, Int, UInt
from circuits.lib import compare
from tests.kit.circuits import edges, run, trace


@pytest.mark.parametrize("n", [1, 2, 7, 65])
def test_words(n: int) -> None:
    for type, less in ((UInt[n], compare.less), (Int[n], compare.less_signed)):
        b = Builder()
        x, y = b.input("x", type), b.input("y", type)
        b.output("less", Bit, [less(b, x, y)])
        b.output("equal", Bit, [compare.equal(b, x, y)])
        rows = list(itertools.product(edges(type), repeat=2))
        for (p, q), got in zip(rows, run(b.build(), rows), strict=True):
            assert got == [compare.less_plain(p, q), compare.equal_plain(p, q)]


@pytest.mark.parametrize(
    ("function", "type", "ands"),
    [
        (lambda x: x < 128, UInt[8], 0),
        (lambda x: x < 64, UInt[8], 1),
        (lambda x: x >= 64, UInt[8], 1),
        (lambda x: x < 1, UInt[8], 7),
        (lambda x: x < 100, UInt[8], 5),
        (lambda x: x <= 99, UInt[8], 5),
        (lambda x: x < 0, Int[8], 0),
        (lambda x: x >= 0, Int[8], 0),
        (lambda x: x < 1000, UInt[8], 0),
        (lambda x: x > -1, UInt[8], 0),
        (lambda x: x == 300, UInt[8], 0),
        (lambda x: x == 3, UInt[8], 7),
        (lambda x: x == x, UInt[8], 0),
        (lambda x: x < x, UInt[8], 0),
        (lambda x: x < 0.5, Fixed[8, 4], 4),
    ],
)
def test_constants_fold(function: Any, type: Any, ands: int) -> None:
    made = trace(function, type)
    assert made.and_count == ands
    values = range(type.low, type.high + 1)
    scale = 1 << type.frac_bits
    assert run(made, [[v] for v in values]) == [[function(v / scale if scale > 1 else v)] for v in values]


def test_chains_of_thresholds_share_gates() -> None:
    """Binning one value by several edges is what a scorecard does; equal low bits of the edges are compared once."""
    bins = [36, 100, 164, 228]
    made = trace(lambda x: [x < edge for edge in bins], UInt[8])
    alone = [trace(lambda x: x < edge, UInt[8]).and_count for edge in bins]  # noqa: B023
    assert alone == [5, 5, 5, 5]
    assert made.and_count == 3 + 2 + 4
