"""Shapes of matrix products: numpy.matmul's rules cut down to batches of matrices, and who chooses in OT."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Factors", "MatrixPlan"]

Words = NDArray[np.uint64]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Factors:
    """Factors of any shapes that numpy.matmul takes, as (batch, m, k) @ (batch, k, n).

    Where one factor is a single matrix and the other one a batch, the batch becomes rows or columns of one matrix: so
    every number of the single matrix occurs once.

    Attributes:
        x, y: shapes as given.
        left, right: shapes of the matrices.
        result: shape of the product.
    """

    x: Shape
    y: Shape
    left: tuple[int, int, int]
    right: tuple[int, int, int]
    result: Shape

    @classmethod
    def of(cls, x: Shape, y: Shape) -> Factors:
        """Find the sizes.

        Raises:
            ValueError: the shapes do not fit.
        """
        wide_x, wide_y = cls._widened(x, y)
        if not x or not y or wide_x[-1] != wide_y[-2]:
            raise ValueError(f"matrices of shapes {x} and {y} have no product")
        try:
            batch = np.broadcast_shapes(wide_x[:-2], wide_y[:-2])
        except ValueError:
            raise ValueError(f"matrices of shapes {x} and {y} have no product") from None
        m, k, n = wide_x[-2], wide_x[-1], wide_y[-1]
        result = (*batch, *((m,) if len(x) > 1 else ()), *((n,) if len(y) > 1 else ()))
        count = math.prod(batch)
        if len(wide_y) == 2:
            return cls(x, y, (1, count * m, k), (1, k, n), result)
        if len(wide_x) == 2:
            return cls(x, y, (1, m, k), (1, k, count * n), result)
        return cls(x, y, (count, m, k), (count, k, n), result)

    @staticmethod
    def _widened(x: Shape, y: Shape) -> tuple[Shape, Shape]:
        return (1, *x) if len(x) == 1 else x, (*y, 1) if len(y) == 1 else y

    @property
    def _batch(self) -> Shape:
        wide_x, wide_y = self._widened(self.x, self.y)
        return np.broadcast_shapes(wide_x[:-2], wide_y[:-2])

    @property
    def _turns_columns(self) -> bool:
        wide_x, wide_y = self._widened(self.x, self.y)
        return len(wide_x) == 2 < len(wide_y)

    def left_of(self, x: Words) -> Words:
        """The left factor."""
        wide = x.reshape(self._widened(self.x, self.y)[0])
        if self.left[0] != 1 or self._turns_columns or wide.ndim == 2:
            wide = np.broadcast_to(wide, (*(self._batch if self.left[0] != 1 else ()), *wide.shape[-2:]))
        return np.ascontiguousarray(wide).reshape(self.left)

    def right_of(self, y: Words) -> Words:
        """The right factor."""
        wide = y.reshape(self._widened(self.x, self.y)[1])
        if self._turns_columns:
            return np.ascontiguousarray(np.moveaxis(wide, -2, 0)).reshape(self.right)
        if self.left[0] != 1:
            wide = np.broadcast_to(wide, (*self._batch, *wide.shape[-2:]))
        return np.ascontiguousarray(wide).reshape(self.right)

    def result_of(self, product: Words) -> Words:
        """The product, (batch, m, n), in the shape that numpy.matmul gives it."""
        if self._turns_columns:
            m, n = self.left[1], self._widened(self.x, self.y)[1][-1]
            product = np.moveaxis(product.reshape(m, *self._batch, n), 0, -2)
        return np.ascontiguousarray(product).reshape(self.result)


@dataclass(frozen=True)
class MatrixPlan:
    """How x @ y is done, for x of shape (batch, m, k) and y of shape (batch, k, n).

    Attributes:
        batch, m, k, n: sizes.
        turned: whether the numbers of x choose, and the rows of y are the vectors.
    """

    batch: int
    m: int
    k: int
    n: int

    @property
    def turned(self) -> bool:
        return self.m < self.n

    @property
    def n_units(self) -> int:
        """Numbers that choose."""
        return self.n_rows * self.k

    @property
    def n_columns(self) -> int:
        """Length of a vector."""
        return max(self.m, self.n)

    @property
    def n_rows(self) -> int:
        """Rows of the result that the vectors are added up to: its own, or its columns."""
        return self.batch * min(self.m, self.n)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row that each unit adds to."""
        return np.repeat(np.arange(self.n_rows, dtype=np.int64), self.k)

    def chooser(self, x: Words, y: Words) -> Words:
        """The numbers that choose, row after row: uint64 of shape (n_units,)."""
        return np.ascontiguousarray(x if self.turned else y.swapaxes(1, 2)).reshape(-1)

    def vectors(self, x: Words, y: Words) -> Words:
        """The vectors: uint64 of shape (batch * k, n_columns)."""
        return np.ascontiguousarray(y if self.turned else x.swapaxes(1, 2)).reshape(-1, self.n_columns)

    @property
    def which(self) -> NDArray[np.int64]:
        """The vector that each unit is multiplied by."""
        by_batch = np.arange(self.batch * self.k, dtype=np.int64).reshape(self.batch, 1, self.k)
        return np.repeat(by_batch, min(self.m, self.n), axis=1).reshape(-1)

    def result(self, share: Words) -> Words:
        """Rows, (n_rows, n_columns), as (batch, m, n)."""
        rows = share.reshape(self.batch, min(self.m, self.n), self.n_columns)
        return np.ascontiguousarray(rows if self.turned else rows.swapaxes(1, 2))
