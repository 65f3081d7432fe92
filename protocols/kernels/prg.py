"""The small-field VOLE of SoftSpokenOT: the streams of many seeds, folded into rows of bits.

A tree of depth k has 2**k leaves, each the seed of an AES-CTR stream s_x (`protocols.kernels.aes`). From it come
u, the XOR of all streams, and for each bit b < k the row v_b, the XOR of the streams of the leaves x whose
bit b is set. That is Roy, ePrint 2022/192, section 3.1: u and v over GF(2^k), with v = sum of x * s_x.

Nothing here branches or indexes on a secret: the seeds alone are secret.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.kernels import aes, cpu
from protocols.kernels.intrinsics import aes_fold, xor_into
from protocols.kernels.jit import kernel

__all__ = ["ROW_WORDS", "Streams", "correct", "spread"]

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

ROW_WORDS = 16  # rows are as long as a multiple of this: two registers of the widest kind
_KEY_BYTES = 176  # 11 round keys


@kernel
def _fold(lanes: Any, first: Any, depths: Any, punctured: Any, round_keys: Any, u: Any, v: Any, scratch: Any) -> None:
    blocks = 2 * len(lanes)
    n_groups, row_bytes = u.shape[1] // (2 * blocks), u.shape[1] * 8
    u_row, v_row = u.ctypes.data, v.ctypes.data
    keys, total = round_keys.ctypes.data, scratch.ctypes.data
    for tree in range(depths.shape[0]):
        depth = depths[tree]
        for group in range(n_groups):
            counter, offset = first + np.uint64(group * blocks), group * blocks * 16
            low, high = v_row + offset, v_row + row_bytes + offset
            if depth == 1:  # `high` is not touched when there are two leaves
                if punctured:
                    aes_fold(lanes, 2, 1, counter, keys, low, low, total)
                else:
                    aes_fold(lanes, 2, 0, counter, keys, low, low, total)
                    xor_into(lanes, 2, total, u_row + offset)
            else:
                if punctured:
                    aes_fold(lanes, 4, 1, counter, keys, low, high, total)
                else:
                    aes_fold(lanes, 4, 0, counter, keys, low, high, total)
                    xor_into(lanes, 2, total, u_row + offset)
                for quad in range(1, 1 << (depth - 2)):
                    aes_fold(lanes, 4, 0, counter, keys + quad * 4 * _KEY_BYTES, low, high, total)
                    if not punctured:
                        xor_into(lanes, 2, total, u_row + offset)
                    for bit in range(2, depth):
                        if (quad >> (bit - 2)) & 1:
                            xor_into(lanes, 2, total, v_row + bit * row_bytes + offset)
        keys += (1 << depth) * _KEY_BYTES
        u_row += row_bytes
        v_row += depth * row_bytes


@kernel
def _correct(rows: Any, masks: Any, trees: Any, corrections: Any) -> None:
    for r in range(rows.shape[0]):
        mask, tree = masks[r], trees[r]
        for w in range(rows.shape[1]):
            rows[r, w] ^= mask & corrections[tree, w]


@kernel
def _spread(rows: Any, low: Any, high: Any, target: Any) -> None:
    for i in range(rows.shape[0]):
        target[i, 0], target[i, 1] = rows[i, 0], rows[i, 1]
        target[i, 2], target[i, 3] = rows[i, 0] ^ low, rows[i, 1] ^ high


def correct(rows: Words, masks: Words, trees: NDArray[np.int64], corrections: Words) -> None:
    """XOR into row r the correction of its tree, where the row's mask says so; in place.

    Args:
        rows: uint64 of shape (n, m).
        masks: uint64 of shape (n,), each all zeros or all ones.
        trees: int64 of shape (n,).
        corrections: uint64 of shape (trees, m).
    """
    _correct(rows, masks, trees, corrections)


def spread(rows: Words, delta: Words, out: Words) -> None:
    """Write each block x of `rows`, (n, 2), to `out`, (n, 4), as the pair x, x ^ delta."""
    _spread(rows, delta[0], delta[1], out)


class Streams:
    """The streams of the leaves of several trees, to be read from any block on.

    Args:
        seeds: uint8 of shape (leaves of all trees, 16), tree after tree.
        depths: the depth of each tree, 1 or more.
        punctured: leaf 0 of each tree is unknown: its stream counts as 0, and `u` is not made.
    """

    def __init__(self, seeds: Bytes, depths: tuple[int, ...], *, punctured: bool) -> None:
        if min(depths) < 1 or len(seeds) != sum(1 << depth for depth in depths):
            raise ValueError(f"{len(seeds)} seeds do not fill trees of depths {depths}")
        self.depths, self.punctured, self._seeds = depths, punctured, seeds
        self.path = cpu.path()
        aes.self_check()
        if self.path == "portable":
            self._encryptors = [aes.encryptor(seed.tobytes()) for seed in seeds]
        else:
            self._lanes = cpu.lanes()
            self._round_keys = aes.expand_keys(seeds)
            self._depths = np.array(depths, np.int64)

    def rekeyed(self, block: bytes) -> Streams:
        """The streams of other seeds, each the AES of `block` under one of these.

        Args:
            block: 16 bytes, no counter of these streams: as a little-endian number at least 2**64.
        """
        if not any(block[8:]):
            raise ValueError("this block is one of the streams themselves")
        return Streams(aes.encrypt_under_each(self._seeds, block), self.depths, punctured=self.punctured)

    def fold(self, first: int, u: Words, v: Words) -> None:
        """Write rows u and v from block `first` of every stream on; one thread at a time.

        Args:
            first: number of the first block.
            u: uint64 of shape (trees, n_words), C-contiguous; all 0 afterwards when punctured.
            v: of shape (sum of depths, n_words); n_words is a multiple of ROW_WORDS.
        """
        n_words = u.shape[1]
        if n_words % ROW_WORDS or u.shape[0] != len(self.depths) or v.shape != (sum(self.depths), n_words):
            raise ValueError(f"rows of shape {u.shape} and {v.shape} do not fit trees of depths {self.depths}")
        u.fill(0)
        v.fill(0)
        if self.path == "portable":
            self._fold_portable(first, u, v)
        else:
            scratch = np.empty(2 * ROW_WORDS, np.uint64)
            _fold(self._lanes, np.uint64(first), self._depths, self.punctured, self._round_keys, u, v, scratch)

    def _fold_portable(self, first: int, u: Words, v: Words) -> None:
        blocks = np.zeros((u.shape[1] // 2, 2), "<u8")
        blocks[:, 0] = np.arange(first, first + len(blocks), dtype=np.uint64)
        counters, leaf, row = blocks.tobytes(), 0, 0
        for tree, depth in enumerate(self.depths):
            streams = [
                np.frombuffer(encryptor.update(counters), np.uint64)
                for encryptor in self._encryptors[leaf : leaf + (1 << depth)]
            ]
            if not self.punctured:
                u[tree] = np.bitwise_xor.reduce(streams)
            for bit in range(depth):
                v[row + bit] = np.bitwise_xor.reduce([s for x, s in enumerate(streams) if (x >> bit) & 1])
            leaf, row = leaf + (1 << depth), row + depth
