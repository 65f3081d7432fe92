"""Arithmetic modulo 2**127 - 1 on arrays of two words an element, the lower first: it runs on every 64-bit CPU.

All functions work on addresses and check nothing; elements are canonical, and so are results. `op` is ADD, SUB or
MUL: a tuple whose length says what to do, so that Numba compiles one version for each. What is secret decides no
branch and no address.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from protocols.kernels.jit import kernel
from protocols.kernels.memory import address, words
from protocols.kernels.mersenne127_emit import add_product, add_scaled, apply, fold, put_element

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
    "shift_right",
]

ADD, SUB, MUL = (0,), (0, 0), (0, 0, 0)

_MODULUS = (1 << 127) - 1
_SMALL = 1 << 60  # the sum of four elements times numbers below it has less than 190 bits
_COLUMNS, _DEPTH = 8, 128  # of a block of the right matrix in `matmul`: 16 KiB
_ZERO, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64((1 << 64) - 1)
_HIGH = np.uint64((1 << 63) - 1)  # the high word of the modulus
_62, _63 = np.uint64(62), np.uint64(63)


@kernel
def _binary(
    op: Any, n_rows: int, count: int, x: int, x_row: int, x_step: int, y: int, y_row: int, y_step: int, out: int
) -> None:
    a, b, c = words(x), words(y), words(out)
    for row in range(n_rows):
        p, q, r = row * x_row, row * y_row, 2 * row * count
        for i in range(count):
            put_element(c, r + 2 * i, apply(op, a, p, b, q))
            p, q = p + x_step, q + y_step


def binary(op: Any, sizes: tuple[int, int], x: tuple[int, int, int], y: tuple[int, int, int], out: int) -> None:
    """out = x op y, over rows of elements.

    Args:
        sizes: rows, and elements of a row; `out` has no gaps.
        x, y: address, and the distance of rows and of elements in words; 0 repeats one.
    """
    _binary(op, *sizes, *x, *y, out)


@kernel
def _terms(n: Any, xs: int, ys: int, y_step: int, z: int, z_step: int, count: int, out: int) -> None:
    """out = z + the sum of len(n) products of arrays, at most four; the addresses of arrays are at xs and ys."""
    last = len(n) - 1
    left, right = words(xs), words(ys)
    a0, b0 = words(left[0]), words(right[0])
    a1, b1 = words(left[min(1, last)]), words(right[min(1, last)])
    a2, b2 = words(left[min(2, last)]), words(right[min(2, last)])
    a3, b3 = words(left[last]), words(right[last])
    addend, c, q, r = words(z), words(out), 0, 0
    for i in range(count):
        p = 2 * i
        total = (addend[r], addend[r + 1], _ZERO, _ZERO, _ZERO, _ZERO)
        total = add_product(total, a0, p, b0, q)
        if len(n) > 1:
            total = add_product(total, a1, p, b1, q)
        if len(n) > 2:
            total = add_product(total, a2, p, b2, q)
        if len(n) > 3:
            total = add_product(total, a3, p, b3, q)
        put_element(c, p, fold(total))
        q, r = q + y_step, r + z_step


@kernel
def _small_terms(n: Any, xs: int, factors: int, z: int, z_step: int, count: int, out: int) -> None:
    """The same for numbers: factor j is f[2 j], below 2**60, times -1 where f[2 j + 1] is all ones, else it is 0."""
    last = len(n) - 1
    left, f = words(xs), words(factors)
    a0, a1, a2, a3 = words(left[0]), words(left[min(1, last)]), words(left[min(2, last)]), words(left[last])
    f0, f1, f2, f3 = f[0], f[2 * min(1, last)], f[2 * min(2, last)], f[2 * last]
    s0, s1, s2, s3 = f[1], f[2 * min(1, last) + 1], f[2 * min(2, last) + 1], f[2 * last + 1]
    addend, c, r = words(z), words(out), 0
    for i in range(count):
        p = 2 * i
        total = (addend[r], addend[r + 1], _ZERO)
        total = add_scaled(total, a0, p, f0, s0)
        if len(n) > 1:
            total = add_scaled(total, a1, p, f1, s1)
        if len(n) > 2:
            total = add_scaled(total, a2, p, f2, s2)
        if len(n) > 3:
            total = add_scaled(total, a3, p, f3, s3)
        put_element(c, p, fold(total))
        r += z_step


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
        first, z, z_step = first + 4, out, 2


@kernel
def _combine_small(n_terms: int, xs: int, factors: int, z: int, z_step: int, count: int, out: int) -> None:
    first = 0
    while first < n_terms:
        n, x, f = n_terms - first, xs + 8 * first, factors + 16 * first
        if n == 1:
            _small_terms((0,), x, f, z, z_step, count, out)
        elif n == 2:
            _small_terms((0, 0), x, f, z, z_step, count, out)
        elif n == 3:
            _small_terms((0, 0, 0), x, f, z, z_step, count, out)
        else:
            _small_terms((0, 0, 0, 0), x, f, z, z_step, count, out)
        first, z, z_step = first + 4, out, 2


def combine(factors: Sequence[int], arrays: Sequence[int], count: int, out: int) -> None:
    """out = the sum of factors[j] * arrays[j]; factors are in 0..modulus-1."""
    n = len(factors)
    small = all(min(factor, _MODULUS - factor) < _SMALL for factor in factors)
    numbers = np.zeros((n + 1, 2), np.uint64)  # the last is 0, from which the sum starts
    for j, factor in enumerate(factors):
        if small:
            numbers[j] = (factor, 0) if factor < _SMALL else (_MODULUS - factor, _ALL)
        else:
            numbers[j] = (factor & int(_ALL), factor >> 64)
    at = address(numbers.reshape(-1))
    bases = np.array([*arrays, *range(at, at + 16 * n, 16)], np.uint64)
    xs = address(bases)
    if small:
        _combine_small(n, xs, at, at + 16 * n, 0, count, out)
    else:
        _dot(n, xs, xs + 8 * n, 0, at + 16 * n, 0, count, out)


def dot(xs: Sequence[int], ys: Sequence[int], plus: int, count: int, out: int) -> None:
    """out = the sum of xs[j] * ys[j], element by element, and of `plus` where that is not 0."""
    bases, zero = np.array([*xs, *ys], np.uint64), np.zeros(2, np.uint64)
    at = address(bases)
    _dot(len(xs), at, at + 8 * len(xs), 2, plus or address(zero), 2 if plus else 0, count, out)


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
            for low in range(0, k, _DEPTH):
                depth = min(_DEPTH, k - low)
                base, columns, start, distance = low * y_row + first * y_column, block, 0, 2 * depth
                if y_row == 2:  # columns have no gaps
                    columns, start, distance = b, base, y_column
                else:
                    for i in range(depth):
                        for j in range(n_columns):
                            source, target = base + i * y_row + j * y_column, 2 * (j * depth + i)
                            block[target], block[target + 1] = b[source], b[source + 1]
                for row in range(m):
                    for j in range(n_columns):
                        p, q = 2 * (row * k + low), start + j * distance
                        r = 2 * ((batch * m + row) * n + first + j)
                        total = (_ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO)
                        if low:
                            total = (c[r], c[r + 1], _ZERO, _ZERO, _ZERO, _ZERO)
                        for _ in range(depth):
                            total = add_product(total, a, p, columns, q)
                            p, q = p + 2, q + 2
                        put_element(c, r, fold(total))


def matmul(sizes: tuple[int, int, int], offsets: Any, x: int, y: int, y_strides: tuple[int, int], out: int) -> None:
    """out = x @ y for a batch of matrices.

    Args:
        sizes: m, k > 0, n: x is m by k and has no gaps, y is k by n.
        offsets: uint64 of length 2 * batch: where each x and each y starts, in words from the addresses.
        y_strides: distance of y's rows and of its columns, in words.
    """
    block = np.empty(2 * _COLUMNS * _DEPTH, np.uint64)
    _matmul(len(offsets) // 2, address(offsets), *sizes, x, y, y_strides, address(block), out)


@kernel
def _add_along(n_outer: int, n: int, n_inner: int, x: int, out: int) -> None:
    a, c = words(x), words(out)
    for outer in range(n_outer):
        for i in range(n_inner):
            p = 2 * (outer * n * n_inner + i)
            total = (_ZERO, _ZERO, _ZERO)
            for _ in range(n):
                total = add_scaled(total, a, p, _ONE, _ZERO)
                p += 2 * n_inner
            r = 2 * (outer * n_inner + i)
            put_element(c, r, fold(total))


def add_along(n_outer: int, n: int, n_inner: int, x: int, out: int) -> None:
    """out of shape (n_outer, n_inner) = the sum over the middle axis of x, which has no gaps."""
    _add_along(n_outer, n, n_inner, x, out)


@kernel
def _mask(count: int, x: int) -> Any:
    a, found = words(x), _ZERO
    for i in range(count):
        low, high = a[2 * i], a[2 * i + 1] & _HIGH
        a[2 * i + 1] = high
        found += _ONE if (low == _ALL) & (high == _HIGH) else _ZERO
    return found


def mask(count: int, x: int) -> int:
    """Clear what stands above 127 bits, in place; how many are the modulus then."""
    return int(_mask(count, x))


@kernel
def _not_canonical(count: int, x: int) -> Any:
    a, found = words(x), _ZERO
    for i in range(count):
        low, high = a[2 * i], a[2 * i + 1]
        full = _ONE if low == _ALL else _ZERO
        found |= (high >> _63) | ((high + full) >> _63)
    return found


def not_canonical(count: int, x: int) -> bool:
    """Whether an element is above modulus - 1."""
    return bool(_not_canonical(count, x))


@kernel
def _encode(count: int, x: int, signed: int, out: int) -> None:
    a, c, sign_bit = words(x), words(out), np.uint64(signed)
    for i in range(count):
        negative = (a[i] >> _63) & sign_bit
        c[2 * i], c[2 * i + 1] = a[i] - negative, _HIGH & (_ZERO - negative)


def encode(count: int, x: int, signed: bool, out: int) -> None:
    """From int64 or uint64."""
    _encode(count, x, int(signed), out)


@kernel
def _decode(count: int, x: int, out: int) -> Any:
    a, c, large = words(x), words(out), _ZERO
    for i in range(count):
        low, high = a[2 * i], a[2 * i + 1]
        negative = high >> _62
        low += negative
        high += (_ONE if low < negative else _ZERO) + (negative << _63)
        c[2 * i], c[2 * i + 1] = low, high
        large |= high ^ (_ZERO - (low >> _63))
    return large


def decode(count: int, x: int, out: int) -> bool:
    """To signed numbers of 128 bits; whether some do not fit in 64."""
    return bool(_decode(count, x, out))


@kernel
def _shift_right(count: int, x: int, n_bits: int, out: int) -> None:
    a, c, down = words(x), words(out), np.uint64(n_bits & 63)
    up = _63 - down
    for i in range(count):
        low, high = a[2 * i], a[2 * i + 1]
        if n_bits < 64:
            c[2 * i], c[2 * i + 1] = (low >> down) | ((high << _ONE) << up), high >> down
        else:
            c[2 * i], c[2 * i + 1] = high >> down, _ZERO


def shift_right(count: int, x: int, n_bits: int, out: int) -> None:
    """By 0..127 bits."""
    _shift_right(count, x, n_bits, out)
