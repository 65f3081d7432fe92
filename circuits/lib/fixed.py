"""Numbers with a binary point: raw integers over 2**f; words as in `arith`.

Sums, differences, comparisons, // and % bring both operands to the larger f by appending zeros, which is exact and
free. Products are exact, with both f added. Only what has to drop bits rounds, and says how.
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.builder import Builder
from circuits.ir import ZERO
from circuits.lib.arith import Wires, add, extend

__all__ = ["divide_plain", "drop", "drop_nearest", "drop_plain", "scale_up", "scale_up_plain"]


def scale_up(x: Sequence[int], count: int) -> Wires:
    """x * 2**count: `count` more bits behind the point; free."""
    return [ZERO] * count + list(x)


def scale_up_plain(raw: int, count: int) -> int:
    return raw << count


def drop(x: Sequence[int], count: int, signed: bool) -> Wires:
    """floor(x / 2**count); free. At least one bit remains."""
    return list(x[count:]) or [x[-1] if signed else ZERO]


def drop_nearest(b: Builder, x: Sequence[int], count: int, signed: bool) -> Wires:
    """floor(x / 2**count + 1/2) in one bit more than `drop`; the half rounds up. len(x) - count ANDs."""
    if not count:
        return extend(x, len(x) + 1, signed)
    kept = drop(x, count, signed)
    half = extend(x, max(count, len(x)), signed)[count - 1]
    n = len(kept) + 1
    return add(b, extend(kept, n, signed), [ZERO] * n, half)


def drop_plain(raw: int, count: int, nearest: bool) -> int:
    """The twin of `drop` and `drop_nearest`."""
    return (raw + (1 << count >> 1 if nearest else 0)) >> count


def divide_plain(x: int, x_frac: int, y: int, y_frac: int) -> int:
    """The raw quotient of x / 2**x_frac and y / 2**y_frac, y not 0, rounded down to max(x_frac, y_frac) bits."""
    frac = max(x_frac, y_frac)
    return (x << frac - x_frac + y_frac) // y
