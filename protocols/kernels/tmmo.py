"""The correlation-robust hash TMMO over many blocks: E(E(x) ^ tweak) ^ E(x), with E = AES-128 under a public key.

Guo, Katz, Wang and Yu, ePrint 2019/074, section 7.4. What it is for and what it costs is said in `protocols.hashing`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.kernels import aes, cpu
from protocols.kernels.intrinsics import aes_tmmo
from protocols.kernels.jit import kernel

__all__ = ["tmmo", "tmmo_bits"]

Words = NDArray[np.uint64]
_GROUP = 64  # blocks whose bits fill a word: a multiple of what all registers hold


@kernel
def _tmmo(lanes: Any, paired: Any, first: Any, blocks: Any, round_keys: Any, scratch: Any) -> None:
    step, n_blocks = 8 * len(lanes), blocks.shape[0]
    keys, base, spare = round_keys.ctypes.data, blocks.ctypes.data, scratch.ctypes.data
    for i in range(0, n_blocks, step):
        address, rest = base + 16 * i, n_blocks - i
        if rest < step:
            address = spare
            for j in range(rest):
                scratch[j, 0], scratch[j, 1] = blocks[i + j, 0], blocks[i + j, 1]
        if paired:
            aes_tmmo(lanes, 8, 1, first + np.uint64(i >> 1), address, address, keys)
        else:
            aes_tmmo(lanes, 8, 0, first + np.uint64(i), address, address, keys)
        if rest < step:
            for j in range(rest):
                blocks[i + j, 0], blocks[i + j, 1] = scratch[j, 0], scratch[j, 1]


@kernel
def _tmmo_bits(
    lanes: Any, first: Any, blocks: Any, low: Any, high: Any, round_keys: Any, scratch: Any, packed: Any
) -> None:
    step, n_blocks = 8 * len(lanes), blocks.shape[0]
    keys, spare, one = round_keys.ctypes.data, scratch.ctypes.data, np.uint64(1)
    for i in range(0, n_blocks, _GROUP):
        width = min(_GROUP, n_blocks - i)
        for j in range(width):
            scratch[j, 0] = blocks[i + j, 0] ^ low
            scratch[j, 1] = blocks[i + j, 1] ^ high
        for j in range(0, _GROUP, step):
            aes_tmmo(lanes, 8, 0, first + np.uint64(i + j), spare + 16 * j, spare + 16 * j, keys)
        bits = np.uint64(0)
        for j in range(_GROUP - 1, -1, -1):
            bits = (bits << one) | (scratch[j, 0] & one)
        if width < _GROUP:
            bits &= (one << np.uint64(width)) - one
        for byte in range((width + 7) // 8):
            packed[i // 8 + byte] = bits >> np.uint64(8 * byte)


def tmmo(key: bytes, first: int, blocks: Words, *, paired: bool) -> None:
    """Hash blocks in place.

    Args:
        key: 16 bytes, public.
        first: the tweak of the first block.
        blocks: uint64 of shape (n, 2), C-contiguous and writable.
        paired: block i has the tweak first + i // 2 instead of first + i.
    """
    if cpu.path() == "portable":
        tweaks = np.zeros(blocks.shape, np.uint64)
        tweaks[:, 0] = np.uint64(first) + (np.arange(len(blocks), dtype=np.uint64) >> np.uint64(paired))
        inner = aes.encrypt_blocks(key, blocks.view(np.uint8)).view(np.uint64)
        blocks[:] = aes.encrypt_blocks(key, (inner ^ tweaks).view(np.uint8)).view(np.uint64) ^ inner
        return
    round_keys = aes.expand_keys(np.frombuffer(bytearray(key), np.uint8))[0]
    scratch = np.zeros((8 * len(cpu.lanes()), 2), np.uint64)
    _tmmo(cpu.lanes(), paired, np.uint64(first), blocks, round_keys, scratch)


def tmmo_bits(key: bytes, first: int, blocks: Words, offset: Words, packed: NDArray[np.uint8]) -> None:
    """The lowest bit of the hash of each block ^ offset, packed; block i has the tweak first + i.

    Args:
        key: 16 bytes, public.
        blocks: uint64 of shape (n, 2), C-contiguous.
        offset: uint64 of shape (2,).
        packed: uint8 of shape (ceil(n / 8),); where to write.
    """
    if cpu.path() == "portable":
        whole = blocks ^ offset
        tmmo(key, first, whole, paired=False)
        packed[:] = np.packbits((whole[:, 0] & np.uint64(1)).astype(np.uint8), bitorder="little")
        return
    round_keys = aes.expand_keys(np.frombuffer(bytearray(key), np.uint8))[0]
    scratch = np.zeros((_GROUP, 2), np.uint64)
    _tmmo_bits(cpu.lanes(), np.uint64(first), blocks, offset[0], offset[1], round_keys, scratch, packed)
