"""AES-128 over many blocks: under one key, and as a pseudorandom generator under many seeds.

Each function has a compiled form on the paths with AES instructions and one through `cryptography` elsewhere, which
give the same bytes; before its first use in a process the AES in use must reproduce the example of FIPS-197,
appendix C.1.

The generator is AES in counter mode: block i of the stream of a seed is AES(seed, i), i as a little-endian
128-bit number.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from protocols.kernels import cpu
from protocols.kernels.intrinsics import aes_blocks, aes_counter, aes_expand_key
from protocols.kernels.jit import kernel

__all__ = ["Bytes", "encrypt_blocks", "encrypt_under_each", "encryptor", "expand_keys", "keystream", "self_check"]

Bytes = NDArray[np.uint8]

KEY_BYTES = BLOCK_BYTES = 16
IN_FLIGHT = 8  # registers


@kernel
def _expand_keys(keys: Any, round_keys: Any) -> None:
    for i in range(keys.shape[0]):
        aes_expand_key(keys[i].ctypes.data, round_keys[i].ctypes.data)


@kernel
def _encrypt(lanes: Any, source: Any, target: Any, round_keys: Any) -> None:
    n_blocks, step = source.shape[0], 8 * len(lanes)
    whole = n_blocks - n_blocks % step
    for i in range(0, whole, step):
        aes_blocks(lanes, 8, source[i:].ctypes.data, target[i:].ctypes.data, round_keys.ctypes.data)
    if whole < n_blocks:
        rest = np.zeros((step, 2), np.uint64)
        rest[: n_blocks - whole] = source[whole:]
        aes_blocks(lanes, 8, rest.ctypes.data, rest.ctypes.data, round_keys.ctypes.data)
        target[whole:] = rest[: n_blocks - whole]


@kernel
def _keystream(lanes: Any, first: Any, target: Any, round_keys: Any) -> None:
    n_blocks, step = target.shape[1], 8 * len(lanes)
    whole = n_blocks - n_blocks % step
    rest = np.empty((step, 2), np.uint64)
    for row in range(target.shape[0]):
        keys = round_keys[row].ctypes.data
        for i in range(0, whole, step):
            aes_counter(lanes, 8, first + np.uint64(i), target[row, i:].ctypes.data, keys)
        if whole < n_blocks:
            aes_counter(lanes, 8, first + np.uint64(whole), rest.ctypes.data, keys)
            target[row, whole:] = rest[: n_blocks - whole]


@kernel
def _encrypt_under_each(lanes: Any, block: Any, target: Any, round_keys: Any) -> None:
    for row in range(target.shape[0]):
        aes_blocks(lanes, 1, block.ctypes.data, target[row].ctypes.data, round_keys[row].ctypes.data)


def encryptor(key: bytes) -> Any:
    """An AES-128-ECB encryption context of `cryptography`, for the portable path; not for two threads at once."""
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor()


def expand_keys(keys: Bytes) -> NDArray[np.uint64]:
    """Round keys for kernels.

    Args:
        keys: uint8 of shape (count, 16).
    Returns:
        uint64 of shape (count, 11, 2).
    Raises:
        RuntimeError: on the portable path, where nothing can use them, or where the AES in use is wrong.
    """
    if cpu.path() == "portable":
        raise RuntimeError("round keys are of no use on the portable path")
    _check_path(cpu.path())
    return _round_keys(keys)


def _round_keys(keys: Bytes) -> NDArray[np.uint64]:
    source = np.require(keys, np.uint8, ["C", "W"]).reshape(-1, KEY_BYTES)  # one compiled version for all
    result = np.empty((len(source), 11, 2), np.uint64)
    _expand_keys(source, result)
    return result


def encrypt_blocks(key: bytes, blocks: Bytes) -> Bytes:
    """AES-128 of each block under one key.

    Args:
        key: 16 bytes.
        blocks: uint8 of shape (..., 16).
    Returns:
        uint8 of the same shape.
    Raises:
        ValueError: a wrong shape or length.
        RuntimeError: the AES in use does not reproduce FIPS-197.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"an AES-128 key has {KEY_BYTES} bytes, not {len(key)}")
    if blocks.dtype != np.uint8 or not blocks.ndim or blocks.shape[-1] != BLOCK_BYTES:
        raise ValueError(f"blocks must be uint8 of shape (..., {BLOCK_BYTES}), not {blocks.dtype} {blocks.shape}")
    _check_path(cpu.path())
    return _encrypt_blocks(key, blocks)


def _encrypt_blocks(key: bytes, blocks: Bytes) -> Bytes:
    source = np.require(blocks, requirements=["C", "W"])
    if cpu.path() == "portable":
        return np.frombuffer(bytearray(encryptor(key).update(source.reshape(-1))), np.uint8).reshape(blocks.shape)
    target = np.empty_like(source)
    flat = (array.reshape(-1, BLOCK_BYTES).view(np.uint64) for array in (source, target))
    _encrypt(cpu.lanes(), *flat, _round_keys(np.frombuffer(bytearray(key), np.uint8))[0])
    return target


def encrypt_under_each(keys: Bytes, block: bytes) -> Bytes:
    """AES-128 of one block under many keys.

    Args:
        keys: uint8 of shape (count, 16).
        block: 16 bytes.
    Returns:
        uint8 of shape (count, 16).
    Raises:
        ValueError: a wrong shape or length.
        RuntimeError: the AES in use does not reproduce FIPS-197.
    """
    if keys.dtype != np.uint8 or keys.ndim != 2 or keys.shape[1] != KEY_BYTES:
        raise ValueError(f"keys must be uint8 of shape (count, {KEY_BYTES}), not {keys.dtype} {keys.shape}")
    if len(block) != BLOCK_BYTES:
        raise ValueError(f"an AES block has {BLOCK_BYTES} bytes, not {len(block)}")
    _check_path(cpu.path())
    target = np.empty((len(keys), BLOCK_BYTES), np.uint8)
    if cpu.path() == "portable":
        for row, key in zip(target, keys, strict=True):
            row[:] = np.frombuffer(encryptor(key.tobytes()).update(block), np.uint8)
    else:
        source = np.frombuffer(bytearray(block), np.uint64)
        _encrypt_under_each((0,), source, target.view(np.uint64), _round_keys(keys))
    return target


def keystream(seeds: Bytes, first: int, n_blocks: int) -> Bytes:
    """Blocks first, first + 1, ... of the pseudorandom streams of many seeds.

    Args:
        seeds: uint8 of shape (count, 16), each used for nothing else.
        first: number of the first block, below 2**63.
        n_blocks: how many of each stream.
    Returns:
        uint8 of shape (count, n_blocks, 16).
    Raises:
        ValueError: a wrong shape or number.
        RuntimeError: the AES in use does not reproduce FIPS-197.
    """
    if seeds.dtype != np.uint8 or seeds.ndim != 2 or seeds.shape[1] != KEY_BYTES:
        raise ValueError(f"seeds must be uint8 of shape (count, {KEY_BYTES}), not {seeds.dtype} {seeds.shape}")
    if first < 0 or n_blocks < 0 or first + n_blocks > 2**63:
        raise ValueError(f"no blocks {first} to {first + n_blocks} in a stream")
    _check_path(cpu.path())
    target = np.empty((len(seeds), n_blocks, BLOCK_BYTES), np.uint8)
    if cpu.path() == "portable":
        blocks = np.zeros((n_blocks, 2), "<u8")
        blocks[:, 0] = np.arange(first, first + n_blocks, dtype=np.uint64)
        counters = blocks.tobytes()
        for row, seed in zip(target, seeds, strict=True):
            row[:] = np.frombuffer(encryptor(seed.tobytes()).update(counters), np.uint8).reshape(row.shape)
    else:
        _keystream(cpu.lanes(), np.uint64(first), target.view(np.uint64), _round_keys(seeds))
    return target


def self_check() -> None:
    """Encrypt the example of FIPS-197, appendix C.1, with the AES in use; once in a process for each path.

    Raises:
        RuntimeError: it is wrong; nothing may be encrypted with it.
    """
    _check_path(cpu.path())


@cache
def _check_path(name: cpu.Path) -> None:
    block = np.frombuffer(bytes.fromhex("00112233445566778899aabbccddeeff"), np.uint8)
    found = _encrypt_blocks(bytes(range(16)), np.tile(block, (37, 1)))
    if not (found == np.frombuffer(bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a"), np.uint8)).all():
        raise RuntimeError(f"the AES of this machine ({name}) does not reproduce FIPS-197: it cannot be trusted")
