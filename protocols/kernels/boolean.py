"""XOR gates on packed shares, in plain Numba: it runs on every CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.kernels.jit import kernel

__all__ = ["xor_gates"]

Words = NDArray[np.uint64]
Slots = NDArray[np.int32]


@kernel
def _xor_gates(wires: Any, left: Any, right: Any, out: Any) -> None:
    for gate in range(len(out)):
        a, b, c = wires[left[gate]], wires[right[gate]], wires[out[gate]]
        for word in range(wires.shape[1]):
            c[word] = a[word] ^ b[word]


def xor_gates(wires: Words, left: Slots, right: Slots, out: Slots) -> None:
    """Run XOR gates in order: wires[out] = wires[left] ^ wires[right].

    Args:
        wires: uint64 of shape (n_slots, n_words), C-contiguous; changed in place.
        left, right, out: int32 of shape (n_gates,), slots; within n_slots, which is not checked.
    """
    _xor_gates(wires, left, right, out)
