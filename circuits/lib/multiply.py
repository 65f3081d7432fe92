"""Products of binary words; words as in `arith`, each with its own length and sign.

`plan` finds the cheapest combination of three ways for the widths at hand:
- rows: a partial product for each bit of the shorter word, added up by ripple-carry adders; a full product takes
  2 * a * c - max(a, c) ANDs, and 64 x 64 -> 64 bits takes 4,033,
- cut: the longer word in two parts, each multiplied by the other word,
- Karatsuba: three products of half the size instead of four.

In the style "low_depth" all rows are summed at once in a tree, see `circuits.lib.prefix`.

Source: Karatsuba and Ofman, 1962; Henecka, Koegl, Sadeghi, Schneider and Wehrenberg, TASTY, 2010, for its use to save
AND gates. Deviation: the point where it begins to pay is searched for each width, not fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from circuits.builder import Builder
from circuits.ir import ZERO
from circuits.lib.arith import Wires, absolute, add, extend, negate, subtract, sum_columns, sum_words

__all__ = ["multiply", "multiply_constant", "multiply_plain", "naf", "plan", "square"]

_Widths = tuple[int, int, int]

_ALWAYS_ROWS = 12  # below this nothing beats rows
_SEARCHED = 80  # up to this, cuts beside the middle are tried too; above it they gain little and take long to search


def multiply_plain(x: int, y: int) -> int:
    return x * y


def multiply(b: Builder, x: Sequence[int], y: Sequence[int], n_bits: int, x_signed: bool, y_signed: bool) -> Wires:
    """x * y modulo 2**n_bits, where n_bits <= len(x) + len(y).

    Cost: `plan(len(x), len(y), n_bits)[0]` ANDs for unsigned words. For signed ones the same by rows, or, where that is
    less, the cost of unsigned words and a conditional subtraction for each of the two.
    """
    if b.style == "low_depth":
        return _rows_at_once(b, list(x), list(y), n_bits, x_signed, y_signed)
    x, y = list(x[:n_bits]), list(y[:n_bits])
    corrections = [(word, other) for word, other, signed in ((x, y, x_signed), (y, x, y_signed)) if signed]
    corrections = [(word, other) for word, other in corrections if len(word) < n_bits]
    if not corrections:
        return _product(b, x, y, n_bits)
    corrected = plan(len(x), len(y), n_bits)[0] + sum(2 * (n_bits - len(word)) - 1 for word, _ in corrections)
    if _rows_ands(len(x), len(y), n_bits) <= corrected:
        return _rows(b, x, y, n_bits, x_signed, y_signed)
    product = _product(b, x, y, n_bits)
    for word, other in corrections:  # the sign bit counted 2**len(word) too much
        at = len(word)
        excess = [b.and_(word[-1], wire) for wire in other[: n_bits - at]]
        product[at:] = subtract(b, product[at:], extend(excess, n_bits - at, False))
    return product


def plan(a: int, c: int, n: int) -> tuple[int, str, int]:
    """The cheapest way to multiply unsigned words of a and c bits modulo 2**n: (ANDs, way, where to cut)."""
    wanted = _widths(a, c, n)
    open_ = [wanted]  # by hand: the chain of products of products is too long for Python's stack
    while wanted not in _plans:
        widths = open_[-1]
        ways = _ways(*widths)
        missing = [part for _, _, _, parts in ways for part in parts if part not in _plans]
        if missing:
            open_ += missing
            continue
        _plans[widths] = min((ands + sum(_plans[part][0] for part in parts), way, h) for ands, way, h, parts in ways)
        while open_ and open_[-1] in _plans:
            open_.pop()
    _ways.cache_clear()
    return _plans[wanted]


_plans: dict[_Widths, tuple[int, str, int]] = {}


def _widths(a: int, c: int, n: int) -> _Widths:
    """The same product as `plan` keeps it: the longer word first, no bit that does not count."""
    a, c = max(a, c), min(a, c)
    return min(a, n), min(c, n), min(n, a + c)


@cache
def _ways(a: int, c: int, n: int) -> list[tuple[int, str, int, list[_Widths]]]:
    """The ways to consider: (ANDs beside those of smaller products, way, where to cut, the smaller products)."""
    ways: list[tuple[int, str, int, list[_Widths]]] = [(_rows_ands(a, c, n), "rows", 0, [])]
    if c < _ALWAYS_ROWS:
        return ways
    near = 2 if a <= _SEARCHED else 0
    for h in sorted({*range(a // 2 - near, a // 2 + near + 1), (a + 1) // 2, c, a - c}):
        if 0 < h < a:
            ways.append((n - h - 1, "cut", h, [_widths(h, c, min(h + c, n)), _widths(a - h, c, n - h)]))
        if 0 < h < c and n > 2 * h:
            p, q, m = _karatsuba_widths(a, c, n, h)
            ands = p - 1 + q - 1 + 2 * (m - 1) + n - h - 1
            high = _widths(a - h, c - h, min(a + c - 2 * h, n - h))
            ways.append((ands, "karatsuba", h, [_widths(h, h, 2 * h), high, _widths(p, q, m)]))
    return ways


def _karatsuba_widths(a: int, c: int, n: int, h: int) -> tuple[int, int, int]:
    """Bits of both sums of halves, and of the middle term x0 * y1 + x1 * y0."""
    middle = ((1 << h) - 1) * ((1 << (c - h)) - 1) + ((1 << (a - h)) - 1) * ((1 << h) - 1)
    return max(h, a - h) + 1, max(h, c - h) + 1, min(n - h, middle.bit_length())


def _rows_ands(a: int, c: int, n: int) -> int:
    a, c = max(a, c), min(a, c)
    return sum(min(a, n - i) for i in range(c)) + sum(min(a + 1, n - i) - 1 for i in range(1, c))


def _product(b: Builder, x: Wires, y: Wires, n: int) -> Wires:
    """x * y modulo 2**n of unsigned words, as planned; n bits."""
    if len(y) > len(x):
        x, y = y, x
    x, y = x[:n], y[:n]
    a, c = len(x), len(y)
    if n > a + c:
        return extend(_product(b, x, y, a + c), n, False)
    _, way, h = plan(a, c, n)
    if way == "rows":
        return _rows(b, x, y, n, False, False)
    if way == "cut":
        low = extend(_product(b, x[:h], y, min(h + c, n)), n, False)
        return low[:h] + add(b, low[h:], _product(b, x[h:], y, n - h))
    p, q, m = _karatsuba_widths(a, c, n, h)
    low = _product(b, x[:h], y[:h], 2 * h)
    high = _product(b, x[h:], y[h:], min(a + c - 2 * h, n - h))
    x_sum = add(b, extend(x[:h], p, False), extend(x[h:], p, False))
    y_sum = add(b, extend(y[:h], q, False), extend(y[h:], q, False))
    middle = _product(b, x_sum, y_sum, m)
    middle = subtract(b, subtract(b, middle, extend(low, m, False)), extend(high, m, False))
    outer = extend([*low, *high], n, False)
    return outer[:h] + add(b, outer[h:], extend(middle, n - h, False))


def _rows(b: Builder, x: Wires, y: Wires, n: int, x_signed: bool, y_signed: bool) -> Wires:
    """One row for each bit of the shorter word; the row of a sign bit is subtracted."""
    if len(y) > len(x):
        x, y, x_signed, y_signed = y, x, y_signed, x_signed
    low: Wires = []
    high: Wires = []
    signed = False  # whether `high` is a signed word
    for i, bit in enumerate(y[:n]):
        negative = y_signed and i == len(y) - 1
        width = min(len(x) + 1, n - i)
        row = extend([b.and_(wire, bit) for wire in x[:width]], width, x_signed)
        so_far = extend(high, width, signed)
        total = subtract(b, so_far, row) if negative else add(b, so_far, row)
        low.append(total[0])
        high = total[1:]
        signed = signed or x_signed or negative
    return extend([*low, *high], n, signed)


def _rows_at_once(b: Builder, x: Wires, y: Wires, n: int, x_signed: bool, y_signed: bool) -> Wires:
    """All rows summed in one tree; the row of a sign bit as its complement and one."""
    words: list[tuple[Wires, bool]] = []
    ones = 0
    for i, bit in enumerate(y[:n]):
        row = [b.and_(wire, bit) for wire in x]
        if y_signed and i == len(y) - 1:  # -row = NOT row + 1, with a sign of its own
            words.append(([ZERO] * i + [wire ^ 1 for wire in extend(row, len(row) + 1, x_signed)], True))
            ones += 1 << i
        else:
            words.append(([ZERO] * i + row, x_signed))
    return sum_words(b, words, n, ones)


def square(b: Builder, x: Sequence[int], n_bits: int, signed: bool) -> Wires:
    """x * x modulo 2**n_bits, n_bits <= 2 * len(x); about half a product: each pair of bits meets once."""
    word = absolute(b, x) if signed else list(x)
    columns: list[Wires] = [[] for _ in range(2 * len(word) + 1)]
    for i, bit in enumerate(word):
        columns[2 * i].append(bit)
        for j in range(i):
            if i + j + 1 < n_bits:
                columns[i + j + 1].append(b.and_(bit, word[j]))
    return sum_columns(b, columns, n_bits)


def naf(value: int) -> list[tuple[int, int]]:
    """The non-adjacent form: pairs (k, digit), digit 1 or -1, whose sum of digit * 2**k is value; lowest first."""
    digits = []
    k = 0
    while value:
        if value & 1:
            digit = 2 - (value & 3)
            digits.append((k, digit))
            value -= digit
        value >>= 1
        k += 1
    return digits


def multiply_constant(b: Builder, x: Sequence[int], signed: bool, factor: int, n_bits: int) -> Wires:
    """x * factor modulo 2**n_bits, by shifts, sums and differences.

    Cost: about len(x) ANDs for each digit of the factor's non-adjacent form but one.
    """
    low = -(1 << (len(x) - 1)) if signed else 0
    high = (1 << (len(x) - 1)) - 1 if signed else (1 << len(x)) - 1
    word: Wires = [ZERO]  # `sign` times x times `so_far`, in two's complement if word_signed
    if b.style == "low_depth":
        return _digits_at_once(b, x, signed, factor, n_bits)
    word_signed = False
    so_far = 0
    sign = 1
    for k, digit in naf(factor):
        shifted = [ZERO] * k + list(x)
        if not so_far:
            word, word_signed, so_far, sign = shifted, signed, 1 << k, digit
            continue
        flip = sign < digit  # word is the negative of what we have: take the difference the other way round
        so_far = (1 << k) - so_far if flip else so_far + sign * digit * (1 << k)
        bounds = (so_far * low, so_far * high)
        now_signed = min(bounds) < 0
        width = min(n_bits, max((v if v >= 0 else ~v).bit_length() for v in bounds) + now_signed)
        p, q = extend(word, width, word_signed), extend(shifted, width, signed)
        if flip:
            word, sign = subtract(b, q, p), 1
        else:
            word = add(b, p, q) if sign == digit else subtract(b, p, q)
        word_signed = now_signed
    word = extend(word, n_bits, word_signed)
    return negate(b, word) if sign < 0 else word


def _digits_at_once(b: Builder, x: Sequence[int], signed: bool, factor: int, n_bits: int) -> Wires:
    """A word for each digit, summed in one tree; a negative one as its complement and one."""
    words: list[tuple[Wires, bool]] = []
    ones = 0
    for k, digit in naf(factor):
        if digit > 0:
            words.append(([ZERO] * k + list(x), signed))
        else:
            words.append(([ZERO] * k + [wire ^ 1 for wire in extend(x, len(x) + 1, signed)], True))
            ones += 1 << k
    return sum_words(b, words, n_bits, ones)
