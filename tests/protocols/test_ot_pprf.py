"""Punctured trees: everything is known but the leaf at the end of the path."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.kernels import cpu
from protocols.ot import pprf


def grown(depth: int, n_trees: int, path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(depth)
    base = random.integers(0, 256, (n_trees, depth, 2, 16), np.uint8)
    received = np.take_along_axis(base, (1 - path)[:, :, None, None].astype(int), axis=2)[:, :, 0]
    leaves, corrections = pprf.grow(base)
    assert leaves.shape == (n_trees, 2**depth, 16)
    assert corrections.shape == (n_trees, depth - 1, 2, 16)
    return leaves, pprf.grow_punctured(path, received, corrections)


@pytest.mark.parametrize("path", ["portable", cpu.available()[0]])
@pytest.mark.parametrize("depth", range(1, 9))
def test_all_leaves_but_one(depth: int, path: cpu.Path) -> None:
    """Every path through the tree, one tree for each."""
    ends = np.arange(2**depth)
    bits = (ends[:, None] >> np.arange(depth)[::-1] & 1).astype(np.uint8)
    with cpu.use(path):
        leaves, punctured = grown(depth, 2**depth, bits)
    assert len({leaf.tobytes() for leaf in leaves.reshape(-1, 16)}) == 4**depth
    for end in ends:
        assert not punctured[end, 0].any()
        for y in range(1, 2**depth):
            assert (punctured[end, y] == leaves[end, y ^ end]).all()


def test_a_changed_correction_changes_leaves() -> None:
    base = np.random.default_rng(0).integers(0, 256, (1, 3, 2, 16), np.uint8)
    path = np.array([[0, 1, 0]], np.uint8)
    received = np.stack([base[0, level, 1 - path[0, level]] for level in range(3)])[None]
    leaves, corrections = pprf.grow(base)
    corrections[0, 1, 1, 5] ^= 4  # last level, the side off the path
    punctured = pprf.grow_punctured(path, received, corrections)
    wrong = [y for y in range(1, 8) if (punctured[0, y] != leaves[0, y ^ 0b010]).any()]
    assert wrong == [1]
