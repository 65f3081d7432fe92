"""How arrays of elements that broadcast against each other become plain loops, without copies where possible."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Loops", "MatrixLoops", "loops_of", "matrix_loops_of"]

Elements = NDArray[np.uint64]
WORD_BYTES = 8


class Loops(NamedTuple):
    """Rows of elements.

    Attributes:
        shape: of the result, without the limbs.
        sizes: rows, and elements of a row.
        x, y: the arrays; they must live as long as the strides are used.
        x_strides, y_strides: distance of rows and of elements, in words; 0 repeats one.
    """

    shape: tuple[int, ...]
    sizes: tuple[int, int]
    x: Elements
    y: Elements
    x_strides: tuple[int, int]
    y_strides: tuple[int, int]


def loops_of(x: Elements, y: Elements) -> Loops:
    """Two nested loops over the leading axes of two arrays, broadcast.

    Raises:
        ValueError: the shapes do not broadcast.
    """
    limbs = x.shape[-1]
    if x.shape == y.shape and without_gaps(x) and without_gaps(y):
        shape = x.shape[:-1]
        return Loops(shape, (1, prod(shape)), x, y, (0, limbs), (0, limbs))
    x, y = words_together(x), words_together(y)
    shape, axes = broadcast(x, y)
    if len(axes) > 2:
        x, y = (np.ascontiguousarray(np.broadcast_to(each, (*shape, limbs))) for each in (x, y))
        axes = [(prod(shape), limbs, limbs)]
    (n_rows, x_row, y_row), (count, x_step, y_step) = [*[(1, 0, 0)] * (2 - len(axes)), *axes]
    return Loops(shape, (n_rows, count), x, y, (x_row, x_step), (y_row, y_step))


def without_gaps(x: Elements) -> bool:
    flags = x.flags
    return flags.c_contiguous and flags.aligned


def words_together(x: Elements) -> Elements:
    """The array itself where the limbs of an element are neighbours and lie on whole words; else a copy."""
    if without_gaps(x):
        return x
    if x.size and x.shape[-1] > 1 and x.strides[-1] != WORD_BYTES:
        return np.ascontiguousarray(x)
    if not x.flags.aligned or any(stride % WORD_BYTES for stride in x.strides):
        return x.copy()
    return x


def broadcast(x: Elements, y: Elements) -> tuple[tuple[int, ...], list[tuple[int, int, int]]]:
    """The common shape, and its axes longer than 1 as (n, stride of x, stride of y), in words.

    Neighbours are merged where both arrays allow it.
    """
    n_axes = max(x.ndim, y.ndim) - 1
    x_shape, x_strides = (1,) * (n_axes + 1 - x.ndim) + x.shape[:-1], (0,) * (n_axes + 1 - x.ndim) + x.strides
    y_shape, y_strides = (1,) * (n_axes + 1 - y.ndim) + y.shape[:-1], (0,) * (n_axes + 1 - y.ndim) + y.strides
    shape: list[int] = []
    axes: list[tuple[int, int, int]] = []
    for nx, ny, bx, by in zip(x_shape, y_shape, x_strides, y_strides, strict=False):
        if nx != ny and nx != 1 and ny != 1:
            raise ValueError(f"shapes {x.shape[:-1]} and {y.shape[:-1]} cannot be broadcast together")
        n = ny if nx == 1 else nx
        shape.append(n)
        if n == 1:
            continue
        sx, sy = (0 if nx == 1 else bx // WORD_BYTES), (0 if ny == 1 else by // WORD_BYTES)
        if axes and axes[-1][1:] == (n * sx, n * sy):
            axes[-1] = (axes[-1][0] * n, sx, sy)
        else:
            axes.append((n, sx, sy))
    return tuple(shape), axes


class MatrixLoops(NamedTuple):
    """A batch of matrix products.

    Attributes:
        shape: of the result, without the limbs.
        sizes: m, k, n.
        x: whose matrices have no gaps.
        y: as it is.
        offsets: uint64 of length 2 * batch: where each x and each y starts, in words.
        y_strides: distance of rows and of columns of y, in words.
    """

    shape: tuple[int, ...]
    sizes: tuple[int, int, int]
    x: Elements
    y: Elements
    offsets: NDArray[np.uint64]
    y_strides: tuple[int, int]


def matrix_loops_of(x: Elements, y: Elements) -> MatrixLoops:
    """The products that numpy.matmul forms of the leading axes.

    Raises:
        ValueError: an array has no such axis, or the shapes do not match.
    """
    if x.ndim < 2 or y.ndim < 2:
        raise ValueError("a matrix product takes arrays of at least one axis: multiply by a single element instead")
    row, column = x.ndim == 2, y.ndim == 2
    x = x[None] if row else x
    y = y[:, None] if column else y
    m, k, n = x.shape[-3], x.shape[-2], y.shape[-2]
    if y.shape[-3] != k:
        raise ValueError(f"a matrix product of {k} columns with {y.shape[-3]} rows: they must be equal")
    batch = np.broadcast_shapes(x.shape[:-3], y.shape[:-3]) if x.ndim > 3 or y.ndim > 3 else ()
    shape = (*batch, *(() if row else (m,)), *(() if column else (n,)))
    x, y = np.ascontiguousarray(words_together(x)), words_together(y)
    if y.ndim == 3 and batch:  # one matrix for all: the rows of all others are those of one
        m, batch = m * prod(batch), ()
        x = x.reshape(m, k, x.shape[-1])
    if batch:
        offsets = np.stack([batch_offsets(each, batch) for each in (x, y)], axis=-1).reshape(-1).view(np.uint64)
    else:
        offsets = np.zeros(2, np.uint64)
    return MatrixLoops(shape, (m, k, n), x, y, offsets, (y.strides[-3] // WORD_BYTES, y.strides[-2] // WORD_BYTES))


def batch_offsets(x: Elements, batch: tuple[int, ...]) -> NDArray[np.int64]:
    """Where the matrices of a batch start, in words."""
    offsets = np.zeros(1, np.int64)
    for n, stride in zip(batch, np.broadcast_to(x, (*batch, *x.shape[-3:])).strides, strict=False):
        offsets = (offsets[:, None] + np.arange(n, dtype=np.int64) * (stride // WORD_BYTES)).reshape(-1)
    return offsets
