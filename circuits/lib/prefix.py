"""Sums and comparisons in few levels of AND gates, by parallel prefix; words as in `arith`.

Bit i of x + y generates a carry, g = x & y, or passes one on, p = x ^ y. Neighboring ranges join:
(g, p) of both = (g_high ^ p_high & g_low, p_high & p_low), which is associative, so that all carries come out of a
tree. At most one of g_high and p_high & g_low is 1, so XOR does for OR. A carry into the lowest bit goes into its g.

Source: Sklansky, "Conditional-sum addition logic", 1960, for the network of the adder; for comparison a tree, which
needs the last carry alone; Dadda, "Some schemes for parallel multipliers", 1965, for sums of many words. For use of
these in secret sharing: Schneider and Zohner, "GMW vs. Yao?", FC 2013.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from circuits.builder import Builder
from circuits.ir import ZERO

__all__ = ["Wires", "add", "carry_out", "full_adder", "sum_columns"]

Wires = list[int]
Range = tuple[int, int]
"""Generate and pass of some neighboring bits."""


def full_adder(b: Builder, x: int, y: int, carry: int) -> tuple[int, int]:
    """Sum and carry of three bits; 1 AND."""
    if y < 2:
        x, y = y, x
    half = b.xor(y, carry)
    if x < 2:  # a constant needs no XOR around the AND
        return half ^ x, b.or_(y, carry) if x else b.and_(y, carry)
    return b.xor(x, half), b.xor(carry, b.and_(b.xor(x, carry), half))


def add(b: Builder, x: Sequence[int], y: Sequence[int], carry: int = ZERO) -> Wires:
    """x + y + carry modulo 2**n; ceil(log2(n - 1)) + 1 levels and about n * (log2(n) + 1) ANDs."""
    if not x:
        return []
    half = [b.xor(p, q) for p, q in zip(x, y, strict=True)]
    ranges = _ranges(b, x[:-1], y[:-1], half, carry)
    span = 1
    while span < len(ranges):
        for i in range(len(ranges)):
            if i & span:  # the upper half of a range of 2 * span bits: join what is just below that half
                ranges[i] = _join(b, ranges[i], ranges[(i | (span - 1)) - span], passes=i >= 2 * span)
        span *= 2
    return [b.xor(p, c) for p, c in zip(half, [carry, *(g for g, _ in ranges)], strict=True)]


def carry_out(b: Builder, x: Sequence[int], y: Sequence[int], carry: int = ZERO) -> int:
    """The carry out of x + y + carry; ceil(log2(n)) + 1 levels and about 3 * n ANDs."""
    layer = _ranges(b, x, y, [b.xor(p, q) for p, q in zip(x, y, strict=True)], carry)
    while len(layer) > 1:
        joined = [_join(b, layer[i + 1], layer[i], passes=i > 0) for i in range(0, len(layer) - 1, 2)]
        layer = joined + layer[len(layer) & ~1 :]
    return layer[0][0] if layer else carry


def sum_columns(b: Builder, columns: Sequence[Iterable[int]], n_bits: int) -> Wires:
    """The sum of bits of given weights, modulo 2**n: a Dadda tree down to two words, and `add` of these.

    Args:
        columns: columns[i] holds the wires of weight 2**i.
    Cost: k words take about log(k / 2) / log(1.5) levels of full adders, and those of `add`.
    """
    rest = [[wire for wire in (columns[i] if i < len(columns) else ()) if wire != ZERO] for i in range(n_bits)]
    heights = [2]
    while heights[-1] < max(map(len, rest), default=0):
        heights.append(heights[-1] * 3 // 2)
    for height in reversed(heights[:-1]):  # bits that a column may keep, those that are carried into it included
        carried: Wires = []
        for i, column in enumerate(rest):
            made, carries, used = Wires(), Wires(), 0
            excess = len(column) + len(carried) - height
            while excess > 0:
                taken = column[used : used + min(excess + 1, 3)]
                bit, carry = full_adder(b, taken[0], taken[1], taken[2] if len(taken) == 3 else ZERO)
                made.append(bit)
                carries.append(carry)
                used += len(taken)
                excess -= len(taken) - 1
            rest[i] = [wire for wire in (*column[used:], *made, *carried) if wire != ZERO]
            carried = [carry for carry in carries if carry != ZERO]
    padded = [[*column, ZERO, ZERO][:2] for column in rest]
    return add(b, [column[0] for column in padded], [column[1] for column in padded])


def _ranges(b: Builder, x: Sequence[int], y: Sequence[int], half: Sequence[int], carry: int) -> list[Range]:
    """Each bit as a range of its own; the lowest takes the carry."""
    ranges = [(b.and_(p, q), h) for p, q, h in zip(x, y, half, strict=False)]
    if ranges:
        ranges[0] = (full_adder(b, x[0], y[0], carry)[1], ZERO)
    return ranges


def _join(b: Builder, high: Range, low: Range, *, passes: bool) -> Range:
    """Both ranges as one; with `passes` off it reaches the lowest bit, where nothing is left to pass on."""
    return b.xor(high[0], b.and_(high[1], low[0])), b.and_(high[1], low[1]) if passes else ZERO
