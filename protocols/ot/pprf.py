"""Punctured trees: many seeds at one party, all but one of them at the other, from one base OT for each level.

The tree of Goldreich, Goldwasser and Micali: each node is a seed whose two children are the first two blocks of its
AES-CTR stream; the 2**depth leaves are numbered from left to right. The party that grows the tree sends, for each
level, the XOR of all left and of all right children, each masked by one message of the level's base OT; the other takes
the side off its path, and so learns every node except those on the path. On the first level the base OT's messages are
the nodes.

The path is secret. So the punctured tree is not kept in the order of the leaves but in that of y = x ^ path: the hole
is always at 0, the node learned on a level always at 1, and children change places under a mask. Nothing branches or
indexes on the path, and y is the order in which the small-field VOLE wants its seeds.

Security: the generator is AES-128 under the seed as key. Semi-honest: the grower's sums are not checked.
Cost: 32 bytes for each tree and level behind the first, from the grower.
Source: Boyle et al., ePrint 2019/1159 (the puncturable PRF from OT), as Roy, ePrint 2022/192, uses it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols import bits
from protocols.ot.contract import Blocks

__all__ = ["grow", "grow_punctured"]


def _children(nodes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(trees, n, 2) to (trees, n, 2, 2): both children of each node."""
    from protocols.kernels.aes import keystream

    n_trees, n_nodes, _ = nodes.shape
    seeds = np.ascontiguousarray(nodes).view(np.uint8).reshape(-1, 16)
    return keystream(seeds, 0, 2).view(np.uint64).reshape(n_trees, n_nodes, 2, 2)


def grow(base: Blocks) -> tuple[Blocks, Blocks]:
    """Grow whole trees.

    Args:
        base: the pairs of the base OTs, uint8 of shape (trees, depth, 2, 16), depth 1 or more.
    Returns:
        leaves, uint8 of shape (trees, 2**depth, 16); corrections to send, uint8 of shape (trees, depth - 1, 2, 16).
    """
    pairs = np.ascontiguousarray(base).view(np.uint64)
    n_trees, depth = pairs.shape[:2]
    nodes = pairs[:, 0]
    corrections = np.empty((n_trees, depth - 1, 2, 2), np.uint64)
    for level in range(1, depth):
        children = _children(nodes)
        corrections[:, level - 1] = np.bitwise_xor.reduce(children, axis=1) ^ pairs[:, level]
        nodes = children.reshape(n_trees, -1, 2)
    return np.ascontiguousarray(nodes).view(np.uint8), corrections.view(np.uint8)


def grow_punctured(path: NDArray[np.uint8], base: Blocks, corrections: Blocks) -> Blocks:
    """Grow trees without the leaf at the end of each path.

    Args:
        path: bits of shape (trees, depth), the first level (the highest bit of the leaf's number) first.
        base: what the base OTs gave for the choices 1 - path, uint8 of shape (trees, depth, 16).
        corrections: from the grower, uint8 of shape (trees, depth - 1, 2, 16).
    Returns:
        uint8 of shape (trees, 2**depth, 16): row y is leaf y ^ path, row 0 is 0.
    """
    received = np.ascontiguousarray(base).view(np.uint64)
    sums = np.ascontiguousarray(corrections).view(np.uint64)
    n_trees, depth = path.shape
    turn = bits.masks(path)  # (trees, depth)
    nodes = np.stack([np.zeros_like(received[:, 0]), received[:, 0]], axis=1)
    for level in range(1, depth):
        children = _children(nodes)
        swap = turn[:, level, None, None] & (children[:, :, 0] ^ children[:, :, 1])
        children[:, :, 0] ^= swap
        children[:, :, 1] ^= swap
        # Off the path is the right side where the path turns left.
        left, right = sums[:, level - 1, 0], sums[:, level - 1, 1]
        off = right ^ (turn[:, level, None] & (left ^ right)) ^ received[:, level]
        children[:, 0, 0] = 0
        children[:, 0, 1] = off ^ np.bitwise_xor.reduce(children[:, 1:, 1], axis=1)
        nodes = children.reshape(n_trees, -1, 2)
    return np.ascontiguousarray(nodes).view(np.uint8)
