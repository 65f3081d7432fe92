"""Where randomness comes from: the system, or a function handed in by a test.

An `Rng` is a function from a number of bytes to that many random bytes. Production code leaves it at `system_rng`;
frozen transcripts pass `seeded_rng`, which lives with the tests.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rng", "random_array", "system_rng"]

Rng = Callable[[int], bytes]

system_rng: Rng = os.urandom


def random_array(rng: Rng, shape: tuple[int, ...], dtype: Any = np.uint8) -> NDArray[Any]:
    """A fresh, writable array of uniform elements of an integer dtype.

    Args:
        rng: the source.
        shape: of the result.
        dtype: any NumPy integer type; every bit pattern is equally likely.
    """
    kind = np.dtype(dtype)
    n_bytes = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    return np.frombuffer(bytearray(rng(n_bytes)), dtype=kind).reshape(shape)
