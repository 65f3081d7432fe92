"""Arithmetic modulo 2**61 - 1 on arrays of one word an element: it runs on every 64-bit CPU.

All functions work on addresses and check nothing; elements are canonical, and so are results. What is secret decides no
branch and no address. The functions are those of `protocols.kernels.mersenne127`, which documents them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from protocols.kernels.jit import kernel
from protocols.kernels.memory import address, put, put_for, words
from protocols.kernels.mersenne61_emit import apply, fold, fold_eighth, once, reduce
from protocols.kernels.wide import add_product

__all__ = [
    "ADD",
    "MUL",
    "SUB",
    "add_along",
    "binary",
    "combine",
    "decode",
    "dot",
    "encode",
    "mask",
    "matmul",
    "not_canonical",
]

ADD, SUB, MUL = (0,), (0, 0), (0, 0, 0)

_COLUMNS, _DEPTH = 8, 256  # of a block of the right matrix in `matmul`: 16 KiB
_TILE = 4  # columns that are worked on together
_LATE = 32  # products that are added before they are folded: 63 of them and what is folded stay below 2**128
_BLOCK = 1024
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_P = np.uint64((1 << 61) - 1)
_3, _32, _60, _61, _63 = np.uint64(3), np.uint64(32), np.uint64(60), np.uint64(61), np.uint64(63)
_HALF, _LOW_HALF = np.uint64(1 << 32), np.uint64((1 << 32) - 1)


@kernel
def _binary(
    op: Any, n_rows: int, count: int, x: int, x_row: int, x_step: int, y: int, y_row: int, y_step: int, out: int
) -> None:
    a, b, c = words(x), words(y), words(out)
    for row in range(n_rows):
        p, q, r = row * x_row, row * y_row, row * count
        if x_step == 1 and y_step == 1:
            for i in range(count):
                put_for(op, c, r + i, apply(op, a[p + i], b[q + i]))
        elif x_step == 1 and y_step == 0:
            constant = b[q]
            for i in range(count):
                put_for(op, c, r + i, apply(op, a[p + i], constant))
        else:
            for i in range(count):
                put_for(op, c, r + i, apply(op, a[p + i * x_step], b[q + i * y_step]))


def binary(op: Any, sizes: tuple[int, int], x: tuple[int, int, int], y: tuple[int, int, int], out: int) -> None:
    _binary(op, *sizes, *x, *y, out)


@kernel
def _terms(n: Any, xs: int, ys: int, y_step: int, z: int, z_step: int, count: int, out: int) -> None:
    """out = z + the sum of len(n) products of arrays, at most four; the addresses of arrays are at xs and ys.

    All is kept times 8, as in a single product.
    """
    last = len(n) - 1
    left, right = words(xs), words(ys)
    a0, b0 = words(left[0]), words(right[0])
    a1, b1 = words(left[min(1, last)]), words(right[min(1, last)])
    a2, b2 = words(left[min(2, last)]), words(right[min(2, last)])
    a3, b3 = words(left[last]), words(right[last])
    addend, c, q, r = words(z), words(out), 0, 0
    for i in range(count):
        total = (addend[r] << _3, _ZERO)
        total = add_product(total, a0[i], b0[q] << _3)
        if len(n) > 1:
            total = add_product(total, a1[i], b1[q] << _3)
        if len(n) > 2:
            total = add_product(total, a2[i], b2[q] << _3)
        if len(n) > 3:
            total = add_product(total, a3[i], b3[q] << _3)
        put(c, i, fold_eighth(total))
        q, r = q + y_step, r + z_step


@kernel
def _dot(n_terms: int, xs: int, ys: int, y_step: int, z: int, z_step: int, count: int, out: int) -> None:
    first = 0
    while first < n_terms:
        n, x, y = n_terms - first, xs + 8 * first, ys + 8 * first
        if n == 1:
            _terms((0,), x, y, y_step, z, z_step, count, out)
        elif n == 2:
            _terms((0, 0), x, y, y_step, z, z_step, count, out)
        elif n == 3:
            _terms((0, 0, 0), x, y, y_step, z, z_step, count, out)
        else:
            _terms((0, 0, 0, 0), x, y, y_step, z, z_step, count, out)
        first, z, z_step = first + 4, out, 1


def combine(factors: Sequence[int], arrays: Sequence[int], count: int, out: int) -> None:
    n = len(factors)
    numbers = np.array([*factors, 0], np.uint64)
    at = address(numbers)
    bases = np.array([*arrays, *range(at, at + 8 * n, 8)], np.uint64)
    xs = address(bases)
    _dot(n, xs, xs + 8 * n, 0, at + 8 * n, 0, count, out)


def dot(xs: Sequence[int], ys: Sequence[int], plus: int, count: int, out: int) -> None:
    bases, zero = np.array([*xs, *ys], np.uint64), np.zeros(1, np.uint64)
    at = address(bases)
    _dot(len(xs), at, at + 8 * len(xs), 1, plus or address(zero), 1 if plus else 0, count, out)


@kernel
def _four(a: Any, p: int, block: Any, q: int, depth: int) -> Any:
    """One row times four columns, whose words take turns in the block; below 2**63 each."""
    s, t, u, v = (_ZERO, _ZERO), (_ZERO, _ZERO), (_ZERO, _ZERO), (_ZERO, _ZERO)
    for start in range(0, depth, _LATE):
        for i in range(start, min(start + _LATE, depth)):
            value = a[p + i]
            s = add_product(s, value, block[q + 4 * i])
            t = add_product(t, value, block[q + 4 * i + 1])
            u = add_product(u, value, block[q + 4 * i + 2])
            v = add_product(v, value, block[q + 4 * i + 3])
        s, t = (fold(s), _ZERO), (fold(t), _ZERO)
        u, v = (fold(u), _ZERO), (fold(v), _ZERO)
    return s[0], t[0], u[0], v[0]


@kernel
def _single(a: Any, p: int, b: Any, q: int, depth: int) -> Any:
    """One row times one column, below 2**63."""
    total = (_ZERO, _ZERO)
    for start in range(0, depth, _LATE):
        for i in range(start, min(start + _LATE, depth)):
            total = add_product(total, a[p + i], b[q + i])
        total = (fold(total), _ZERO)
    return total[0]


@kernel
def _matmul(
    n_batch: int, offsets: int, m: int, k: int, n: int, x: int, y: int, strides: Any, memory: int, out: int
) -> None:
    block, starts, c = words(memory), words(offsets), words(out)
    y_row, y_column = strides
    for batch in range(n_batch):
        a, b = words(x + 8 * starts[2 * batch]), words(y + 8 * starts[2 * batch + 1])
        for first in range(0, n, _COLUMNS):
            n_columns = min(_COLUMNS, n - first)
            n_tiled = n_columns // _TILE * _TILE
            for low in range(0, k, _DEPTH):
                depth = min(_DEPTH, k - low)
                base, columns, start, distance = low * y_row + first * y_column, block, 0, depth
                if y_row == 1 and n_tiled == 0:  # columns have no gaps
                    columns, start, distance = b, base, y_column
                else:
                    for i in range(depth):
                        source = base + i * y_row
                        for j in range(n_tiled):
                            block[j // _TILE * _TILE * depth + _TILE * i + j % _TILE] = b[source + j * y_column]
                        for j in range(n_tiled, n_columns):
                            block[j * depth + i] = b[source + j * y_column]
                for row in range(m):
                    p, r = row * k + low, (batch * m + row) * n + first
                    if low == 0:
                        for j in range(n_columns):
                            c[r + j] = _ZERO
                    for j in range(0, n_tiled, _TILE):
                        s, t, u, v = _four(a, p, block, j * depth, depth)
                        c[r + j] = reduce(s + c[r + j])
                        c[r + j + 1] = reduce(t + c[r + j + 1])
                        c[r + j + 2] = reduce(u + c[r + j + 2])
                        c[r + j + 3] = reduce(v + c[r + j + 3])
                    for j in range(n_tiled, n_columns):
                        c[r + j] = reduce(_single(a, p, columns, start + j * distance, depth) + c[r + j])


def matmul(sizes: tuple[int, int, int], offsets: Any, x: int, y: int, y_strides: tuple[int, int], out: int) -> None:
    block = np.empty(_COLUMNS * _DEPTH, np.uint64)
    _matmul(len(offsets) // 2, address(offsets), *sizes, x, y, y_strides, address(block), out)


@kernel
def _add_along(n_outer: int, n: int, n_inner: int, x: int, out: int) -> None:
    """Sums of the lower and of the upper 32 bits, which do not overflow below 2**32 terms."""
    a, c = words(x), words(out)
    lows, highs = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint64)
    for outer in range(n_outer):
        base = outer * n * n_inner
        if n_inner == 1:
            low, high = _ZERO, _ZERO
            for i in range(n):
                low += a[base + i] & _LOW_HALF
                high += a[base + i] >> _32
            c[outer] = reduce(fold(add_product((low, _ZERO), high, _HALF)))
            continue
        for first in range(0, n_inner, _BLOCK):
            width = min(_BLOCK, n_inner - first)
            for i in range(width):
                lows[i], highs[i] = _ZERO, _ZERO
            for row in range(n):
                p = base + row * n_inner + first
                for i in range(width):
                    lows[i] += a[p + i] & _LOW_HALF
                    highs[i] += a[p + i] >> _32
            for i in range(width):
                c[outer * n_inner + first + i] = reduce(fold(add_product((lows[i], _ZERO), highs[i], _HALF)))


def add_along(n_outer: int, n: int, n_inner: int, x: int, out: int) -> None:
    _add_along(n_outer, n, n_inner, x, out)


@kernel
def _mask(count: int, x: int) -> Any:
    a, found = words(x), _ZERO
    for i in range(count):
        value = a[i] & _P
        a[i] = value
        found += (value + _ONE) >> _61
    return found


def mask(count: int, x: int) -> int:
    return int(_mask(count, x))


@kernel
def _not_canonical(count: int, x: int) -> Any:
    a, found = words(x), _ZERO
    for i in range(count):
        found |= (a[i] >> _61) | ((a[i] + _ONE) >> _61)
    return found


def not_canonical(count: int, x: int) -> bool:
    return bool(_not_canonical(count, x))


@kernel
def _encode(count: int, x: int, signed: int, out: int) -> None:
    """The top three bits of an int64 count 2**61 = 1, the highest of them -4 times."""
    a, c, sign_bit = words(x), words(out), np.uint64(signed)
    for i in range(count):
        negative = (a[i] >> _63) & sign_bit
        value = (a[i] & _P) + (a[i] >> _61) - (negative << _3)
        value += _P & (_ZERO - (value >> _63))
        c[i] = once(value)


def encode(count: int, x: int, signed: bool, out: int) -> None:
    _encode(count, x, int(signed), out)


@kernel
def _decode(count: int, x: int, out: int) -> None:
    a, c = words(x), words(out)
    for i in range(count):
        c[i] = a[i] - (_P & (_ZERO - (a[i] >> _60)))


def decode(count: int, x: int, out: int) -> bool:
    _decode(count, x, out)
    return False
