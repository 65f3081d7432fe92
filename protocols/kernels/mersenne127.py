"""Arithmetic modulo 2**127 - 1 on arrays of two words an element, the lower first: it runs on every 64-bit CPU.

All functions work on addresses and check nothing; elements are canonical, and so are results. `op` is ADD, SUB or
MUL: a tuple whose length says what to do, so that Numba compiles one version for each. What is secret decides no
branch and no address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from protocols.kernels.intrinsics import emit
from protocols.kernels.jit import kernel
from protocols.kernels.wide import (
    add_product_by_columns,
    add_scaled,
    canonical,
    fold_columns,
    join,
    split,
    widened,
    words,
)

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
MODULUS = (1 << 127) - 1
MAX_TERMS = 16  # of `combine`: the sum of so many products with a factor below 2**60 has at most 192 bits

_SMALL = 1 << 60
_ROWS, _DEPTH = 8, 128  # of a block of the right matrix in `matmul`: 16 KiB
_ZERO, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64((1 << 64) - 1)
_HIGH = np.uint64((1 << 63) - 1)  # the high word of the modulus
_63 = np.uint64(63)
_PAIR, _QUAD = types.UniTuple(types.uint64, 2), [types.uint64] * 4


@emit
def _add(typing_context: Any, x_low: Any, x_high: Any, y_low: Any, y_high: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total = builder.add(join(builder, arguments[:2], 128), join(builder, arguments[2:], 128))
        return context.make_tuple(builder, _PAIR, split(builder, canonical(builder, total, 127), 2))

    return _PAIR(*_QUAD), generate


@emit
def _sub(typing_context: Any, x_low: Any, x_high: Any, y_low: Any, y_high: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        negative = builder.sub(ir.IntType(128)(MODULUS), join(builder, arguments[2:], 128))
        total = builder.add(join(builder, arguments[:2], 128), negative)
        return context.make_tuple(builder, _PAIR, split(builder, canonical(builder, total, 127), 2))

    return _PAIR(*_QUAD), generate


def _halves(builder: Any, arguments: Any) -> tuple[Any, Any]:
    """Two integers of 127 bits whose sum is the product modulo the modulus."""
    kind = ir.IntType(128)
    x_low, x_high, y_low, y_high = arguments
    bottom = widened(builder, x_low, y_low, 128)
    # No carry: two products below 2**127 and a word fit in 128 bits.
    middle = builder.add(widened(builder, x_low, y_high, 128), widened(builder, x_high, y_low, 128))
    middle = builder.add(middle, builder.lshr(bottom, kind(64)))
    top = builder.add(widened(builder, x_high, y_high, 128), builder.lshr(middle, kind(64)))
    low = builder.or_(builder.and_(bottom, kind((1 << 64) - 1)), builder.shl(middle, kind(64)))
    upper = builder.or_(builder.shl(top, kind(1)), builder.lshr(low, kind(127)))
    return builder.and_(low, kind(MODULUS)), upper


@emit
def _add_halves(
    typing_context: Any, total: Any, x_low: Any, x_high: Any, y_low: Any, y_high: Any
) -> tuple[Any, Callable[..., Any]]:
    """_add_halves(total, x_low, x_high, y_low, y_high): three words, total plus a number equal to x * y."""
    kind = types.UniTuple(types.uint64, 3)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(192)
        found = join(builder, [builder.extract_value(arguments[0], i) for i in range(3)], 192)
        for half in _halves(builder, arguments[1:]):
            found = builder.add(found, builder.zext(half, wide))
        return context.make_tuple(builder, kind, split(builder, found, 3))

    return kind(kind, *_QUAD), generate


@emit
def _mul(typing_context: Any, x_low: Any, x_high: Any, y_low: Any, y_high: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        low, upper = _halves(builder, arguments)
        total = builder.add(low, upper)
        return context.make_tuple(builder, _PAIR, split(builder, canonical(builder, total, 127), 2))

    return _PAIR(*_QUAD), generate


@kernel
def _apply(op: Any, x_low: Any, x_high: Any, y_low: Any, y_high: Any) -> Any:
    if len(op) == 1:
        return _add(x_low, x_high, y_low, y_high)
    if len(op) == 2:
        return _sub(x_low, x_high, y_low, y_high)
    return _mul(x_low, x_high, y_low, y_high)


@kernel
def _binary(
    op: Any, n_rows: int, count: int, x: int, x_row: int, x_step: int, y: int, y_row: int, y_step: int, out: int
) -> None:
    a, b, c = words(x), words(y), words(out)
    for row in range(n_rows):
        p, q, r = row * x_row, row * y_row, 2 * row * count
        for _ in range(count):
            low, high = _apply(op, a[p], a[p + 1], b[q], b[q + 1])
            c[r], c[r + 1] = low, high
            p, q, r = p + x_step, q + y_step, r + 2


def binary(op: Any, sizes: tuple[int, int], x: tuple[int, int, int], y: tuple[int, int, int], out: int) -> None:
    """out = x op y, over rows of elements.

    Args:
        sizes: rows, and elements of a row; `out` has no gaps.
        x, y: address, and the distance of rows and of elements in words; 0 repeats one.
    """
    _binary(op, *sizes, *x, *y, out)


@kernel
def _combine(n_terms: int, factors: int, arrays: int, count: int, out: int) -> None:
    f, bases, c = words(factors), words(arrays), words(out)
    for i in range(count):
        total = (_ZERO, _ZERO, _ZERO)
        for j in range(n_terms):
            a = words(bases[j])
            total = _add_halves(total, a[2 * i], a[2 * i + 1], f[2 * j], f[2 * j + 1])
        c[2 * i], c[2 * i + 1] = fold_columns(total)


@kernel
def _combine_small(n_terms: int, factors: int, arrays: int, count: int, out: int) -> None:
    """As above, where factor j is the word f[2 j] below 2**60, times -1 where f[2 j + 1] is all ones, else it is 0."""
    f, bases, c = words(factors), words(arrays), words(out)
    for i in range(count):
        total = (_ZERO, _ZERO, _ZERO)
        for j in range(n_terms):
            a, sign = words(bases[j]), f[2 * j + 1]
            total = add_scaled(total, a[2 * i] ^ sign, (a[2 * i + 1] ^ sign) & _HIGH, f[2 * j])
        c[2 * i], c[2 * i + 1] = fold_columns(total)


def combine(factors: Sequence[int], arrays: Sequence[int], count: int, out: int) -> None:
    """out = the sum of factors[j] * arrays[j], at most MAX_TERMS; factors are in 0..modulus-1."""
    table = np.empty((2, len(factors), 2), np.uint64)
    small = all(min(factor, MODULUS - factor) < _SMALL for factor in factors)
    for j, factor in enumerate(factors):
        if small:
            table[0, j] = (factor, 0) if factor < _SMALL else (MODULUS - factor, _ALL)
        else:
            table[0, j] = (factor & int(_ALL), factor >> 64)
    bases = table[1].reshape(-1)[: len(factors)]
    bases[:] = arrays
    run = _combine_small if small else _combine
    run(len(factors), table.ctypes.data, bases.ctypes.data, count, out)


@kernel
def _dot(n_terms: int, xs: int, ys: int, plus: int, count: int, out: int) -> None:
    lefts, rights, c = words(xs), words(ys), words(out)
    z = words(plus)
    for i in range(count):
        low, high = _ZERO, _ZERO
        if plus:
            low, high = z[2 * i], z[2 * i + 1]
        total = (low, high, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO)
        for j in range(n_terms):
            a, b = words(lefts[j]), words(rights[j])
            total = add_product_by_columns(total, a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1])
        c[2 * i], c[2 * i + 1] = fold_columns(total)


def dot(xs: Sequence[int], ys: Sequence[int], plus: int, count: int, out: int) -> None:
    """out = the sum of xs[j] * ys[j], element by element, and of `plus` where that is not 0."""
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
    block = np.empty(2 * _ROWS * _DEPTH, np.uint64)
    starts, c = words(offsets), words(out)
    for batch in range(n_batch):
        a, b = words(x + 8 * starts[2 * batch]), words(y + 8 * starts[2 * batch + 1])
        for first in range(0, n, _ROWS):
            n_columns = min(_ROWS, n - first)
            for low in range(0, k, _DEPTH):
                depth = min(_DEPTH, k - low)
                for i in range(depth):
                    for j in range(n_columns):
                        source, target = (low + i) * y_row + (first + j) * y_column, 2 * (j * depth + i)
                        block[target], block[target + 1] = b[source], b[source + 1]
                for row in range(m):
                    for j in range(n_columns):
                        p, q = 2 * (row * k + low), 2 * j * depth
                        total = (_ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO)
                        for _ in range(depth):
                            total = add_product_by_columns(total, a[p], a[p + 1], block[q], block[q + 1])
                            p, q = p + 2, q + 2
                        found = fold_columns(total)
                        r = 2 * ((batch * m + row) * n + first + j)
                        if low:
                            found = _add(found[0], found[1], c[r], c[r + 1])
                        c[r], c[r + 1] = found


def matmul(sizes: tuple[int, int, int], offsets: Any, x: int, y: int, y_strides: tuple[int, int], out: int) -> None:
    """out = x @ y for a batch of matrices.

    Args:
        sizes: m, k > 0, n: x is m by k and has no gaps, y is k by n.
        offsets: int64 of shape (batch, 2): where each x and y starts, in words from the addresses.
        y_strides: distance of y's rows and of its columns, in words.
    """
    _matmul(len(offsets), offsets.ctypes.data, *sizes, x, y, *y_strides, out)


@kernel
def _add_along(n_outer: int, n: int, n_inner: int, x: int, out: int) -> None:
    a, c = words(x), words(out)
    for outer in range(n_outer):
        for i in range(n_inner):
            p = 2 * (outer * n * n_inner + i)
            total = (_ZERO, _ZERO, _ZERO)
            for _ in range(n):
                total = add_scaled(total, a[p], a[p + 1], _ONE)
                p += 2 * n_inner
            r = 2 * (outer * n_inner + i)
            c[r], c[r + 1] = fold_columns(total)


def add_along(n_outer: int, n: int, n_inner: int, x: int, out: int) -> None:
    """out of shape (n_outer, n_inner) = the sum over the middle axis of x, which has no gaps."""
    _add_along(n_outer, n, n_inner, x, out)


@kernel
def _mask(count: int, x: int, out: int) -> Any:
    a, c, found = words(x), words(out), _ZERO
    for i in range(count):
        low, high = a[2 * i], a[2 * i + 1] & _HIGH
        c[2 * i], c[2 * i + 1] = low, high
        found += _ONE if (low == _ALL) & (high == _HIGH) else _ZERO
    return found


def mask(count: int, x: int, out: int) -> int:
    """Clear what stands above 127 bits; how many are the modulus then."""
    return int(_mask(count, x, out))


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
        negative = high >> np.uint64(62)
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
    up = np.uint64(63) - down
    for i in range(count):
        low, high = a[2 * i], a[2 * i + 1]
        if n_bits < 64:
            c[2 * i], c[2 * i + 1] = (low >> down) | ((high << _ONE) << up), high >> down
        else:
            c[2 * i], c[2 * i + 1] = high >> down, _ZERO


def shift_right(count: int, x: int, n_bits: int, out: int) -> None:
    """By 0..127 bits."""
    _shift_right(count, x, n_bits, out)
