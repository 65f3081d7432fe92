"""Pairs of blocks that are delta apart, in one pass: correlated OT from random OT, and labels of input wires.

See `protocols.ot.derive` and `protocols.garbling.labels`.

No branch and no index depends on a choice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.kernels.jit import kernel

__all__ = ["correct_all", "select_all", "shift_all"]

Words = NDArray[np.uint64]


@kernel
def _correct_all(pairs: Any, low: Any, high: Any, keys: Any, corrections: Any) -> None:
    for i in range(pairs.shape[0]):
        first, second = pairs[i, 0], pairs[i, 1]
        keys[i, 0], keys[i, 1] = first, second
        corrections[i, 0] = first ^ pairs[i, 2] ^ low
        corrections[i, 1] = second ^ pairs[i, 3] ^ high


@kernel
def _select_all(pads: Any, choices: Any, corrections: Any) -> None:
    for i in range(pads.shape[0]):
        mask = np.uint64(0) - np.uint64(choices[i])
        pads[i, 0] ^= mask & corrections[i, 0]
        pads[i, 1] ^= mask & corrections[i, 1]


@kernel
def _shift_all(blocks: Any, choices: Any, low: Any, high: Any) -> None:
    for i in range(blocks.shape[0]):
        mask = np.uint64(0) - np.uint64(choices[i])
        blocks[i, 0] ^= mask & low
        blocks[i, 1] ^= mask & high


def correct_all(pairs: Words, delta: Words, keys: Words) -> Words:
    """The sender's corrections, r_0 ^ r_1 ^ delta of each pair.

    Args:
        pairs: C-contiguous of shape (n, 4), r_0 and r_1 beside each other.
        delta: shape (2,).
        keys: C-contiguous of shape (n, 2), takes r_0.
    Returns:
        shape (n, 2).
    """
    corrections = np.empty((len(pairs), 2), np.uint64)
    _correct_all(pairs, delta[0], delta[1], keys, corrections)
    return corrections


def select_all(pads: Words, choices: NDArray[np.uint8], corrections: Words) -> None:
    """XOR each correction into its pad where the choice is 1; in place.

    Args:
        pads, corrections: C-contiguous of shape (n, 2).
        choices: of shape (n,), 0 or 1.
    """
    usable = (np.require(array, requirements=("C", "W")) for array in (choices, corrections))  # one kind for the kernel
    _select_all(pads, *usable)


def shift_all(blocks: Words, choices: NDArray[np.uint8], delta: Words) -> None:
    """XOR delta into each block where the choice is 1; in place.

    Args:
        blocks: C-contiguous of shape (n, 2).
        choices: of shape (n,), 0 or 1.
        delta: shape (2,).
    """
    _shift_all(blocks, np.require(choices, requirements=("C", "W")), delta[0], delta[1])
