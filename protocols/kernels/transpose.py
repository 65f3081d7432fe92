"""Transposition of bit matrices, in plain Numba: it runs on every CPU.

A row is an array of little-endian uint64 words: bit j of a row is bit j % 64 of word j // 64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.kernels.jit import kernel

__all__ = ["transpose"]

Words = NDArray[np.uint64]

_TILE = 32  # words of a row that are worked on together: 64 rows of them stay in the first-level cache


@kernel
def _transpose(source: Any, target: Any) -> None:
    n_bands, n_words = source.shape[0] // 64, (target.shape[0] + 63) // 64
    tile = np.empty((64, _TILE), np.uint64)
    for band in range(n_bands):
        for start in range(0, n_words, _TILE):
            width = min(_TILE, n_words - start)
            for r in range(64):
                for w in range(width):
                    tile[r, w] = source[64 * band + r, start + w]
            # Hacker's Delight, section 7-3: swap ever smaller off-diagonal squares; each word column is one matrix.
            mask, distance = np.uint64(0x00000000FFFFFFFF), 32
            while distance:
                bits = np.uint64(distance)
                r = 0
                while r < 64:
                    upper, lower = tile[r], tile[r + distance]
                    for w in range(_TILE):
                        moved = ((upper[w] >> bits) ^ lower[w]) & mask
                        lower[w] ^= moved
                        upper[w] ^= moved << bits
                    r = (r + distance + 1) & ~distance
                distance >>= 1
                mask ^= mask << np.uint64(distance)
            for w in range(width):
                row = 64 * (start + w)
                for r in range(min(64, target.shape[0] - row)):
                    target[row + r, band] = tile[r, w]


def transpose(matrix: Words, n_rows: int | None = None, *, out: Words | None = None) -> Words:
    """The transpose of a bit matrix.

    Args:
        matrix: uint64 of shape (64 * n, m): 64 n rows of 64 m bits.
        n_rows: how many rows of the transpose are wanted, from the first; all 64 m by default.
        out: where to put them, C-contiguous; allocated by default.
    Returns:
        uint64 of shape (n_rows, n).
    Raises:
        ValueError: a wrong shape or dtype.
    """
    if matrix.dtype != np.uint64 or matrix.ndim != 2 or matrix.shape[0] % 64:
        raise ValueError(f"expected uint64 of shape (64 * n, m), not {matrix.dtype} {matrix.shape}")
    n_rows = 64 * matrix.shape[1] if n_rows is None else n_rows
    shape = (n_rows, matrix.shape[0] // 64)
    if not 0 <= n_rows <= 64 * matrix.shape[1]:
        raise ValueError(f"the transpose has {64 * matrix.shape[1]} rows, not {n_rows}")
    if out is None:
        out = np.empty(shape, np.uint64)
    elif out.dtype != np.uint64 or out.shape != shape or not out.flags.c_contiguous:
        raise ValueError(f"out must be contiguous uint64 of shape {shape}, not {out.dtype} {out.shape}")
    _transpose(np.require(matrix, requirements=["C", "W"]), out)
    return out
