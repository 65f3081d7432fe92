"""Strings of bytes, as standards print them, to the numbers that wide ports take, and back.

See docs/conventions.md: AES and SHA-2 ports are big-endian, SHA-3 ports little-endian.
"""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["Order", "from_port", "to_port"]

Order = Literal["big", "little"]


@overload
def to_port(data: bytes | bytearray | memoryview, order: Order) -> int: ...
@overload
def to_port(data: NDArray[np.uint8], order: Order) -> NDArray[Any]: ...
def to_port(data: bytes | bytearray | memoryview | NDArray[np.uint8], order: Order) -> Any:
    """The number of a string of bytes.

    Args:
        data: bytes, or for a batch a uint8 array of shape (batch, n_bytes).
    Returns:
        an integer, or an object array of shape (batch,) of integers.
    Raises:
        TypeError: an array of another dtype or number of dimensions.
    """
    if not isinstance(data, np.ndarray):
        return int.from_bytes(data, order)
    if data.dtype != np.uint8 or data.ndim != 2:
        raise TypeError(f"expected a uint8 array of shape (batch, n_bytes), got {data.dtype} of shape {data.shape}")
    numbers = np.empty(len(data), dtype=object)
    numbers[:] = [int.from_bytes(row.tobytes(), order) for row in data]
    return numbers


@overload
def from_port(value: int, n_bytes: int, order: Order) -> bytes: ...
@overload
def from_port(value: NDArray[Any], n_bytes: int, order: Order) -> NDArray[np.uint8]: ...
def from_port(value: int | NDArray[Any], n_bytes: int, order: Order) -> Any:
    """The inverse of `to_port`: bytes of one number, or a uint8 array of shape (batch, n_bytes).

    Raises:
        OverflowError: a number is negative or needs more bytes.
    """
    if not isinstance(value, np.ndarray):
        return int(value).to_bytes(n_bytes, order)
    data = b"".join(int(number).to_bytes(n_bytes, order) for number in value)
    return np.frombuffer(data, dtype=np.uint8).reshape(len(value), n_bytes)
