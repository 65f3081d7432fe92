"""Half gates without instructions of ours: AES through `cryptography`, the rest in NumPy and plain Numba.

For every CPU that the other paths do not know, and the plainest statement of what they compute. It takes the AND
gates of a run together; its speed is that of making two AES contexts for each gate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.kernels.aes import encryptor
from protocols.kernels.jit import kernel

__all__ = ["encrypt", "evaluate_portable", "garble_portable", "pieces", "xor_gates"]

Words = NDArray[np.uint64]

AT_ONCE = 4096  # pairs of a gate and an instance


@kernel
def xor_gates(left: Any, right: Any, out: Any, wires: Any) -> None:
    """XOR gates, one after the other."""
    for gate in range(len(left)):
        a, b, c = wires[left[gate]], wires[right[gate]], wires[out[gate]]
        for i in range(wires.shape[1]):
            c[i, 0] = a[i, 0] ^ b[i, 0]
            c[i, 1] = a[i, 1] ^ b[i, 1]


def _sigma(blocks: Words) -> Words:
    low, high = blocks[..., 0], blocks[..., 1]
    return np.stack([high, high ^ low], axis=-1)


def _color_masks(labels: Words) -> Words:
    """All ones where the color bit is 1, all zeros where it is 0; one more axis of length 1."""
    return np.uint64(0) - (labels[..., :1] & np.uint64(1))


def encrypt(start: tuple[int, int], counter: int, blocks: Words) -> Words:
    """AES of blocks of shape (n_keys, count, 2), row i under key start ^ (counter + i)."""
    rows = []
    for i, row in enumerate(blocks):
        key = (start[0] ^ (counter + i)) | start[1] << 64
        rows.append(encryptor(key.to_bytes(16, "little")).update(row.tobytes()))
    return np.frombuffer(b"".join(rows), np.uint64).reshape(blocks.shape)


def pieces(program: Any, run: int, first: int, last: int, n: int) -> Any:
    """(first gate, gate behind the last, is it AND) of stretches of one operation, AND gates not too many at once."""
    step = max(1, AT_ONCE // n)
    while first < last:
        end = min(int(program.run_ends[run]), last)
        run += 1
        is_and = bool(program.op[first])
        while first < end:
            stop = min(end, first + step) if is_and else end
            yield first, stop, is_and
            first = stop


def _hash_inputs(program: Any, piece: slice, wires: Words, n: int) -> tuple[Words, Words]:
    """Labels of shape (2 * n_gates, n, 2), a and b of each gate, and what AES is to encrypt of them."""
    slots = np.stack([program.left[piece], program.right[piece]], axis=-1).reshape(-1)
    labels = wires[slots, :n]
    y = _sigma(labels)
    y[..., 0] ^= np.arange(n, dtype=np.uint64)
    return labels, y


def garble_portable(
    program: Any,
    run: int,
    first: int,
    last: int,
    wires: Words,
    n: int,
    delta: tuple[int, int],
    start: tuple[int, int],
    counter: int,
    tables: Words,
) -> None:
    """Garble gates first, ..., last - 1, of which `first` is in run number `run`.

    Args:
        wires: uint64 of shape (n_slots, at least n, 2), zero labels.
        counter: number of the first key.
        tables: uint64 of shape (AND gates, n, 2, 2).
    """
    offset = np.array(delta, np.uint64)
    s_offset = _sigma(offset)
    for begin, end, is_and in pieces(program, run, first, last, n):
        piece = slice(begin, end)
        if not is_and:
            xor_gates(program.left[piece], program.right[piece], program.out[piece], wires)
            continue
        labels, y = _hash_inputs(program, piece, wires, n)
        hashed = encrypt(start, counter, np.concatenate([y, y ^ s_offset], axis=1))
        hash_0 = hashed[:, :n] ^ y
        both = hashed[:, :n] ^ hashed[:, n:] ^ s_offset  # H(x) ^ H(x ^ R)
        a, b = labels[::2], labels[1::2]
        t_g = both[::2] ^ (_color_masks(b) & offset)
        half_g = hash_0[::2] ^ (_color_masks(a) & t_g)
        half_e = hash_0[1::2] ^ (_color_masks(b) & both[1::2])
        tables[: end - begin, :, 0] = t_g
        tables[: end - begin, :, 1] = both[1::2] ^ a
        wires[program.out[piece], :n] = half_g ^ half_e
        counter += 2 * (end - begin)
        tables = tables[end - begin :]


def evaluate_portable(
    program: Any,
    run: int,
    first: int,
    last: int,
    wires: Words,
    n: int,
    start: tuple[int, int],
    counter: int,
    tables: Words,
) -> None:
    """Evaluate gates first, ..., last - 1; as `garble_portable`, over active labels."""
    for begin, end, is_and in pieces(program, run, first, last, n):
        piece = slice(begin, end)
        if not is_and:
            xor_gates(program.left[piece], program.right[piece], program.out[piece], wires)
            continue
        labels, y = _hash_inputs(program, piece, wires, n)
        hashed = encrypt(start, counter, y) ^ y
        a, b = labels[::2], labels[1::2]
        t_g, t_e = tables[: end - begin, :, 0], tables[: end - begin, :, 1]
        half_g = hashed[::2] ^ (_color_masks(a) & t_g)
        half_e = hashed[1::2] ^ (_color_masks(b) & (t_e ^ a))
        wires[program.out[piece], :n] = half_g ^ half_e
        counter += 2 * (end - begin)
        tables = tables[end - begin :]
