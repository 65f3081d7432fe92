"""Comparisons of binary words; words as in `arith`.

x < y is the carry out of NOT x + y: one AND a bit. A constant y costs nothing in its trailing zeros and its lowest one.
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.builder import Builder
from circuits.ir import ZERO
from circuits.lib.prefix import carry_out, full_adder

__all__ = ["equal", "equal_plain", "less", "less_plain", "less_signed"]


def less(b: Builder, x: Sequence[int], y: Sequence[int]) -> int:
    """x < y of unsigned words of one length n; n ANDs, or about 3 * n in few levels, see `prefix.carry_out`."""
    if b.style == "low_depth":
        return carry_out(b, [wire ^ 1 for wire in x], y)
    carry = ZERO
    for i in range(len(x)):
        carry = full_adder(b, x[i] ^ 1, y[i], carry)[1]
    return carry


def less_signed(b: Builder, x: Sequence[int], y: Sequence[int]) -> int:
    """x < y of signed words of one length n; n ANDs. The top bits change places: their weight is negative."""
    return less(b, [*x[:-1], y[-1]], [*y[:-1], x[-1]])


def less_plain(x: int, y: int) -> bool:
    return x < y


def equal(b: Builder, x: Sequence[int], y: Sequence[int]) -> int:
    """x == y of words of one length n; n - 1 ANDs."""
    return b.all_([b.xor(p, q) ^ 1 for p, q in zip(x, y, strict=True)])


def equal_plain(x: int, y: int) -> bool:
    return x == y
