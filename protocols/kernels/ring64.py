"""Arithmetic modulo 2**64 on arrays of one word an element: it runs on every CPU.

All functions work on addresses and check nothing. They are those of `protocols.kernels.mersenne127`, which documents
them; where an element is any word, there is nothing to mask, to check or to encode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from protocols.kernels.jit import kernel
from protocols.kernels.memory import address, words

__all__ = ["ADD", "MUL", "SUB", "add_along", "binary", "combine", "dot", "matmul"]

ADD, SUB, MUL = (0,), (0, 0), (0, 0, 0)

_COLUMNS, _DEPTH = 8, 256  # of a block of the right matrix in `matmul`: 16 KiB
_BLOCK = 1024
_ZERO = np.uint64(0)


@kernel
def _apply(op: Any, x: Any, y: Any) -> Any:
    if len(op) == 1:
        return x + y
    if len(op) == 2:
        return x - y
    return x * y


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
    for first in range(0, count, _BLOCK):
        last = min(first + _BLOCK, count)
        for j in range(n_terms):
            a, factor = words(bases[j]), f[j]
            if j == 0:
                for i in range(first, last):
                    c[i] = a[i] * factor
            else:
                for i in range(first, last):
                    c[i] += a[i] * factor


def combine(factors: Sequence[int], arrays: Sequence[int], count: int, out: int) -> None:
    table = np.array([*factors, *arrays], np.uint64)
    at = address(table)
    _combine(len(factors), at, at + 8 * len(factors), count, out)


@kernel
def _dot(n_terms: int, xs: int, ys: int, plus: int, count: int, out: int) -> None:
    lefts, rights, z, c = words(xs), words(ys), words(plus), words(out)
    for first in range(0, count, _BLOCK):
        last = min(first + _BLOCK, count)
        for j in range(n_terms):
            a, b = words(lefts[j]), words(rights[j])
            if j:
                for i in range(first, last):
                    c[i] += a[i] * b[i]
            elif plus:
                for i in range(first, last):
                    c[i] = z[i] + a[i] * b[i]
            else:
                for i in range(first, last):
                    c[i] = a[i] * b[i]


def dot(xs: Sequence[int], ys: Sequence[int], plus: int, count: int, out: int) -> None:
    table = np.array([*xs, *ys], np.uint64)
    at = address(table)
    _dot(len(xs), at, at + 8 * len(xs), plus, count, out)


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
                base, columns, start, distance = low * y_row + first * y_column, block, 0, depth
                if y_row == 1:  # columns have no gaps
                    columns, start, distance = b, base, y_column
                else:
                    for i in range(depth):
                        for j in range(n_columns):
                            block[j * depth + i] = b[base + i * y_row + j * y_column]
                for row in range(m):
                    p, r = row * k + low, (batch * m + row) * n + first
                    for j in range(n_columns):
                        q, total = start + j * distance, _ZERO
                        for i in range(depth):
                            total += a[p + i] * columns[q + i]
                        c[r + j] = c[r + j] + total if low else total


def matmul(sizes: tuple[int, int, int], offsets: Any, x: int, y: int, y_strides: tuple[int, int], out: int) -> None:
    block = np.empty(_COLUMNS * _DEPTH, np.uint64)
    _matmul(len(offsets) // 2, address(offsets), *sizes, x, y, y_strides, address(block), out)


@kernel
def _add_along(n_outer: int, n: int, n_inner: int, x: int, out: int) -> None:
    a, c = words(x), words(out)
    for outer in range(n_outer):
        base = outer * n * n_inner
        if n_inner == 1:
            total = _ZERO
            for i in range(n):
                total += a[base + i]
            c[outer] = total
            continue
        for first in range(0, n_inner, _BLOCK):
            width = min(_BLOCK, n_inner - first)
            r = outer * n_inner + first
            for i in range(width):
                c[r + i] = _ZERO
            for row in range(n):
                p = base + row * n_inner + first
                for i in range(width):
                    c[r + i] += a[p + i]


def add_along(n_outer: int, n: int, n_inner: int, x: int, out: int) -> None:
    _add_along(n_outer, n, n_inner, x, out)
