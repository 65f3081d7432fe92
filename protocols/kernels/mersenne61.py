"""Arithmetic modulo 2**61 - 1 on arrays of one word an element: it runs on every 64-bit CPU.

All functions work on addresses and check nothing; elements are canonical, and so are results. What is secret decides no
branch and no address. The functions are those of `protocols.kernels.mersenne127`, which documents them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from protocols.kernels.jit import kernel
from protocols.kernels.wide import add_product, product, words

__all__ = [
    "ADD",
    "MAX_TERMS",
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
    "shift_right",
]

ADD, SUB, MUL = (0,), (0, 0), (0, 0, 0)
MAX_TERMS = 32  # products that are added before they are reduced: 64 of them and an element stay below 2**128

_ROWS, _DEPTH, _TILE = 8, 256, 4  # of a block of the right matrix in `matmul`: 16 KiB
_BLOCK = 1024
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_P = np.uint64((1 << 61) - 1)
_3, _32, _58, _61, _63 = np.uint64(3), np.uint64(32), np.uint64(58), np.uint64(61), np.uint64(63)
_LOW_HALF = np.uint64((1 << 32) - 1)


@kernel
def _once(x: Any) -> Any:
    """x modulo 2**61 - 1 for x below twice that."""
    less = x - _P
    return less + (_P & (_ZERO - (less >> _63)))


@kernel
def _fold(low: Any, high: Any) -> Any:
    """A number of 128 bits, below 2**63."""
    return (low & _P) + (((low >> _61) | (high << _3)) & _P) + (high >> _58)


@kernel
def _reduce(low: Any, high: Any) -> Any:
    x = _fold(low, high)
    return _once((x & _P) + (x >> _61))


@kernel
def _apply(op: Any, x: Any, y: Any) -> Any:
    if len(op) == 1:
        return _once(x + y)
    if len(op) == 2:
        less = x - y
        return less + (_P & (_ZERO - (less >> _63)))
    low, high = product(x, y)
    return _once((low & _P) + ((low >> _61) | (high << _3)))


@kernel
def _binary(
    op: Any, n_rows: int, count: int, x: int, x_row: int, x_step: int, y: int, y_row: int, y_step: int, out: int
) -> None:
    a, b, c = words(x), words(y), words(out)
    for row in range(n_rows):
        p, q, r = row * x_row, row * y_row, row * count
        if x_step == 1 and y_step == 1:
            for i in range(count):
                c[r + i] = _apply(op, a[p + i], b[q + i])
        elif x_step == 1 and y_step == 0:
            constant = b[q]
            for i in range(count):
                c[r + i] = _apply(op, a[p + i], constant)
        else:
            for i in range(count):
                c[r + i] = _apply(op, a[p + i * x_step], b[q + i * y_step])


def binary(op: Any, sizes: tuple[int, int], x: tuple[int, int, int], y: tuple[int, int, int], out: int) -> None:
    _binary(op, *sizes, *x, *y, out)


@kernel
def _combine(n_terms: int, factors: int, arrays: int, count: int, out: int) -> None:
    f, bases, c = words(factors), words(arrays), words(out)
    for i in range(count):
        total = (_ZERO, _ZERO)
        for j in range(n_terms):
            total = add_product(total, words(bases[j])[i], f[j])
        c[i] = _reduce(total[0], total[1])


def combine(factors: Sequence[int], arrays: Sequence[int], count: int, out: int) -> None:
    table = np.array([factors, arrays], np.uint64)
    _combine(len(factors), table[0].ctypes.data, table[1].ctypes.data, count, out)


@kernel
def _dot(n_terms: int, xs: int, ys: int, plus: int, count: int, out: int) -> None:
    lefts, rights, z, c = words(xs), words(ys), words(plus), words(out)
    for i in range(count):
        low = _ZERO
        if plus:
            low = z[i]
        total = (low, _ZERO)
        for j in range(n_terms):
            total = add_product(total, words(lefts[j])[i], words(rights[j])[i])
        c[i] = _reduce(total[0], total[1])


def dot(xs: Sequence[int], ys: Sequence[int], plus: int, count: int, out: int) -> None:
    table = np.array([xs, ys], np.uint64)
    _dot(len(xs), table[0].ctypes.data, table[1].ctypes.data, plus, count, out)


@kernel
def _matmul(
    n_batch: int,
    offsets: int,
    m: int,
    k: int,
    n: int,
    x: int,
    y: int,
    y_row: int,
    y_column: int,
    out: int,
) -> None:
    block = np.empty(_ROWS * _DEPTH, np.uint64)
    starts, c = words(offsets), words(out)
    for batch in range(n_batch):
        a, b = words(x + 8 * starts[2 * batch]), words(y + 8 * starts[2 * batch + 1])
        for first in range(0, n, _ROWS):
            n_columns = min(_ROWS, n - first)
            for low in range(0, k, _DEPTH):
                depth = min(_DEPTH, k - low)
                for i in range(depth):
                    for j in range(n_columns):
                        block[j * depth + i] = b[(low + i) * y_row + (first + j) * y_column]
                for row in range(m):
                    p, r = row * k + low, (batch * m + row) * n + first
                    j = 0
                    while j < n_columns:
                        s, t, u, v = (_ZERO, _ZERO), (_ZERO, _ZERO), (_ZERO, _ZERO), (_ZERO, _ZERO)
                        q = j * depth
                        if j + _TILE <= n_columns:
                            for start in range(0, depth, MAX_TERMS):
                                for i in range(start, min(start + MAX_TERMS, depth)):
                                    value = a[p + i]
                                    s = add_product(s, value, block[q + i])
                                    t = add_product(t, value, block[q + depth + i])
                                    u = add_product(u, value, block[q + 2 * depth + i])
                                    v = add_product(v, value, block[q + 3 * depth + i])
                                s, t = (_fold(s[0], s[1]), _ZERO), (_fold(t[0], t[1]), _ZERO)
                                u, v = (_fold(u[0], u[1]), _ZERO), (_fold(v[0], v[1]), _ZERO)
                            n_done = _TILE
                        else:
                            for start in range(0, depth, MAX_TERMS):
                                for i in range(start, min(start + MAX_TERMS, depth)):
                                    s = add_product(s, a[p + i], block[q + i])
                                s = (_fold(s[0], s[1]), _ZERO)
                            n_done = 1
                        found = (s[0], t[0], u[0], v[0])
                        for i in range(n_done):
                            before = c[r + j + i] if low else _ZERO
                            c[r + j + i] = _reduce(found[i] + before, _ZERO)
                        j += n_done


def matmul(sizes: tuple[int, int, int], offsets: Any, x: int, y: int, y_strides: tuple[int, int], out: int) -> None:
    _matmul(len(offsets), offsets.ctypes.data, *sizes, x, y, *y_strides, out)


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
            c[outer] = _reduce(low + (high << _32), (high >> _32) + (_ONE if low + (high << _32) < low else _ZERO))
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
                low = lows[i] + (highs[i] << _32)
                carry = _ONE if low < lows[i] else _ZERO
                c[outer * n_inner + first + i] = _reduce(low, (highs[i] >> _32) + carry)


def add_along(n_outer: int, n: int, n_inner: int, x: int, out: int) -> None:
    _add_along(n_outer, n, n_inner, x, out)


@kernel
def _mask(count: int, x: int, out: int) -> Any:
    a, c, found = words(x), words(out), _ZERO
    for i in range(count):
        value = a[i] & _P
        c[i] = value
        found += (value + _ONE) >> _61
    return found


def mask(count: int, x: int, out: int) -> int:
    return int(_mask(count, x, out))


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
        c[i] = _once(value)


def encode(count: int, x: int, signed: bool, out: int) -> None:
    _encode(count, x, int(signed), out)


@kernel
def _decode(count: int, x: int, out: int) -> None:
    a, c = words(x), words(out)
    for i in range(count):
        c[i] = a[i] - (_P & (_ZERO - (a[i] >> np.uint64(60))))


def decode(count: int, x: int, out: int) -> bool:
    _decode(count, x, out)
    return False


@kernel
def _shift_right(count: int, x: int, n_bits: int, out: int) -> None:
    a, c, down = words(x), words(out), np.uint64(n_bits)
    for i in range(count):
        c[i] = a[i] >> down


def shift_right(count: int, x: int, n_bits: int, out: int) -> None:
    _shift_right(count, x, n_bits, out)
