"""Bits in arrays, and packed: element i is bit i % 8 of byte i // 8, the least significant first.

Unpacked bits are uint8 of value 0 or 1. A packed row is padded to whole bytes with zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.rng import Rng

__all__ = ["as_bits", "masks", "pack", "packed_bytes", "random_bits", "transpose", "unpack"]

Bits = NDArray[np.uint8]


def packed_bytes(n_bits: int) -> int:
    """Bytes that hold so many bits."""
    return (n_bits + 7) // 8


def as_bits(values: Any, name: str = "bits") -> Bits:
    """The values as an array of bits, or an error that names them and shows none.

    Args:
        values: one-dimensional, of bool or any integer dtype, every value 0 or 1.
        name: what they are, for the error.
    Raises:
        ValueError: another shape, dtype or value.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (n,), not {array.shape}")
    if array.size == 0:
        return np.empty(0, np.uint8)
    if array.dtype.kind not in "bui":
        raise ValueError(f"{name} must be bool or integers, not {array.dtype}")
    if array.dtype.kind != "b" and (array.max() > 1 or array.min() < 0):
        raise ValueError(f"{name} must all be 0 or 1")
    return array.astype(np.uint8)


def pack(bits: Bits) -> NDArray[np.uint8]:
    """Pack the last axis: (..., n) of 0 and 1 to (..., packed_bytes(n))."""
    return np.packbits(bits, axis=-1, bitorder="little")


def unpack(packed: NDArray[np.uint8], n_bits: int) -> Bits:
    """Unpack the last axis to n bits; what stands behind them is dropped.

    Raises:
        ValueError: the last axis holds another number of bytes.
    """
    if packed.shape[-1] != packed_bytes(n_bits):
        raise ValueError(f"{n_bits} bits are packed in {packed_bytes(n_bits)} bytes, not {packed.shape[-1]}")
    return np.unpackbits(packed, axis=-1, count=n_bits, bitorder="little")


def masks(bits: Bits) -> NDArray[np.uint64]:
    """All ones where a bit is 1, else 0, to select without a branch or an index."""
    return np.uint64(0) - bits.astype(np.uint64)


def random_bits(rng: Rng, n_bits: int) -> Bits:
    """Fresh uniform bits, packed_bytes(n_bits) of the source."""
    return unpack(np.frombuffer(rng(packed_bytes(n_bits)), np.uint8), n_bits)


def transpose(packed: NDArray[np.uint8], n_columns: int) -> NDArray[np.uint8]:
    """Transpose a bit matrix whose rows are packed.

    Args:
        packed: uint8 of shape (n_rows, packed_bytes(n_columns)).
        n_columns: bits of a row.
    Returns:
        uint8 of shape (n_columns, packed_bytes(n_rows)), padded with zeros.
    Raises:
        ValueError: a wrong shape or dtype.
    """
    from protocols.kernels.transpose import transpose as transpose_words

    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != packed_bytes(n_columns):
        raise ValueError(f"expected uint8 of shape (n, {packed_bytes(n_columns)}), not {packed.dtype} {packed.shape}")
    n_rows, n_bytes = packed.shape
    padded = np.zeros((-(-n_rows // 64) * 64, -(-n_bytes // 8) * 8), np.uint8)
    padded[:n_rows, :n_bytes] = packed
    turned = transpose_words(padded.view(np.uint64), n_columns).view(np.uint8)
    return turned[:, : packed_bytes(n_rows)].copy()
