"""How arrays of elements that broadcast against each other become plain loops, without copies where possible."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

__all__ = ["Loops", "MatrixLoops", "loops_of", "matrix_loops_of"]

Elements = NDArray[np.uint64]
WORD_BYTES = 8


@dataclass(frozen=True)
class Loops:
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
    if x.shape == y.shape and x.flags.c_contiguous and y.flags.c_contiguous:
        shape = x.shape[:-1]
        return Loops(shape, (1, prod(shape)), x, y, (0, limbs), (0, limbs))
    shape = np.broadcast_shapes(x.shape[:-1], y.shape[:-1])
    x, y = words_together(x), words_together(y)
    axes = merged_axes(shape, np.broadcast_to(x, (*shape, limbs)).strides, np.broadcast_to(y, (*shape, limbs)).strides)
    if len(axes) > 2:
        x, y = (np.ascontiguousarray(np.broadcast_to(each, (*shape, limbs))) for each in (x, y))
        axes = [(prod(shape), WORD_BYTES * limbs, WORD_BYTES * limbs)]
    (n_rows, x_row, y_row), (count, x_step, y_step) = [*[(1, 0, 0)] * (2 - len(axes)), *axes]
    x_strides = (x_row // WORD_BYTES, x_step // WORD_BYTES)
    y_strides = (y_row // WORD_BYTES, y_step // WORD_BYTES)
    return Loops(shape, (n_rows, count), x, y, x_strides, y_strides)


def words_together(x: Elements) -> Elements:
    """The array itself where the limbs of an element are neighbours and lie on whole words; else a copy."""
    limbs = x.shape[-1]
    if limbs > 1 and x.size and x.strides[-1] != WORD_BYTES:
        return np.ascontiguousarray(x)
    if not x.flags.aligned or any(stride % WORD_BYTES for stride in x.strides):
        return x.copy()
    return x


def merged_axes(
    shape: tuple[int, ...], x_strides: tuple[int, ...], y_strides: tuple[int, ...]
) -> list[tuple[int, int, int]]:
    """The axes longer than 1 as (n, stride of x, stride of y), neighbours merged where both arrays allow it."""
    axes: list[tuple[int, int, int]] = []
    for n, x_stride, y_stride in zip(shape, x_strides, y_strides, strict=False):
        if n == 1:
            continue
        if axes and axes[-1][1:] == (n * x_stride, n * y_stride):
            axes[-1] = (axes[-1][0] * n, x_stride, y_stride)
        else:
            axes.append((n, x_stride, y_stride))
    return axes


@dataclass(frozen=True)
class MatrixLoops:
    """A batch of matrix products.

    Attributes:
        shape: of the result, without the limbs.
        sizes: m, k, n.
        x: whose matrices have no gaps.
        y: as it is.
        offsets: int64 of shape (batch, 2): where each pair of matrices starts, in words.
        y_strides: distance of rows and of columns of y, in words.
    """

    shape: tuple[int, ...]
    sizes: tuple[int, int, int]
    x: Elements
    y: Elements
    offsets: NDArray[np.int64]
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
    batch = np.broadcast_shapes(x.shape[:-3], y.shape[:-3])
    shape = (*batch, *(() if row else (m,)), *(() if column else (n,)))
    x, y = np.ascontiguousarray(words_together(x)), words_together(y)
    if y.ndim == 3 and prod(batch) > 1:  # one matrix for all: the rows of all others are those of one
        m, batch = m * prod(batch), ()
        x = x.reshape(m, k, x.shape[-1])
    offsets = np.stack([batch_offsets(each, batch) for each in (x, y)], axis=-1)
    y_strides = (y.strides[-3] // WORD_BYTES, y.strides[-2] // WORD_BYTES)
    return MatrixLoops(shape, (m, k, n), x, y, np.ascontiguousarray(offsets), y_strides)


def batch_offsets(x: Elements, batch: tuple[int, ...]) -> NDArray[np.int64]:
    """Where the matrices of a batch start, in words."""
    offsets = np.zeros(1, np.int64)
    for n, stride in zip(batch, np.broadcast_to(x, (*batch, *x.shape[-3:])).strides, strict=False):
        offsets = (offsets[:, None] + np.arange(n, dtype=np.int64) * (stride // WORD_BYTES)).reshape(-1)
    return offsets
