"""Gates on packed shares, in plain Numba: it runs on every CPU.

A wire is a row of bits for each piece of its share, in words. A bit string is what travels and what AND gates work on:
the rows of many gates one behind the other, `count` bits each, with nothing between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.kernels.jit import kernel

__all__ = ["add_products", "finish_products", "gather", "scatter", "xor_gates"]

Words = NDArray[np.uint64]
Slots = NDArray[np.int32]
Indices = NDArray[np.int64]

_TILE = 512  # words that are worked on together: some rows of them stay in the first-level cache
_ONES = 0xFFFFFFFFFFFFFFFF


@kernel
def _xor_gates(wires: Any, left: Any, right: Any, out: Any) -> None:
    for gate in range(len(out)):
        a, b, c = wires[left[gate]], wires[right[gate]], wires[out[gate]]
        for word in range(wires.shape[1]):
            c[word] = a[word] ^ b[word]


@kernel
def _gather(wires: Any, slots: Any, count: Any, strings: Any) -> None:
    n_words, rest = (count + 63) // 64, count % 64
    mask = np.uint64(_ONES) >> np.uint64((64 - rest) % 64)
    for piece in range(wires.shape[1]):
        target = strings[piece]
        for gate in range(len(slots)):
            row = wires[slots[gate], piece]
            word, shift = gate * count // 64, np.uint64(gate * count % 64)
            last = row[n_words - 1] & mask
            if shift == 0:
                for w in range(n_words - 1):
                    target[word + w] = row[w]
                target[word + n_words - 1] = last
                continue
            back = np.uint64(64) - shift
            if n_words == 1:
                target[word] |= last << shift
            else:
                target[word] |= row[0] << shift
                for w in range(1, n_words - 1):
                    target[word + w] = (row[w] << shift) | (row[w - 1] >> back)
                target[word + n_words - 1] = (last << shift) | (row[n_words - 2] >> back)
            if (gate * count + count + 63) // 64 > word + n_words:
                target[word + n_words] = last >> back


@kernel
def _scatter(strings: Any, slots: Any, count: Any, wires: Any) -> None:
    n_words = (count + 63) // 64
    for piece in range(wires.shape[1]):
        source = strings[piece]
        for gate in range(len(slots)):
            row = wires[slots[gate], piece]
            word, shift = gate * count // 64, np.uint64(gate * count % 64)
            if shift == 0:
                for w in range(n_words):
                    row[w] = source[word + w]
                continue
            back = np.uint64(64) - shift
            for w in range(n_words - 1):
                row[w] = (source[word + w] >> shift) | (source[word + w + 1] << back)
            last = source[word + n_words - 1] >> shift
            if word + n_words < len(source):
                last |= source[word + n_words] << back
            row[n_words - 1] = last


@kernel
def _sum_rows(rows: Any, chosen: Any, first: Any, end: Any, start: Any, width: Any, out: Any) -> None:
    row = rows[chosen[first]]
    for w in range(width):
        out[w] = row[start + w]
    for i in range(first + 1, end):
        row = rows[chosen[i]]
        for w in range(width):
            out[w] ^= row[start + w]


@kernel
def _add_products(x: Any, y: Any, lefts: Any, left_ends: Any, rights: Any, right_ends: Any, z: Any) -> None:
    a, b = np.empty(_TILE, np.uint64), np.empty(_TILE, np.uint64)
    for start in range(0, len(z), _TILE):
        width = min(_TILE, len(z) - start)
        left = right = 0
        for term in range(len(left_ends)):
            _sum_rows(x, lefts, left, left_ends[term], start, width, a)
            _sum_rows(y, rights, right, right_ends[term], start, width, b)
            left, right = left_ends[term], right_ends[term]
            for w in range(width):
                z[start + w] ^= a[w] & b[w]


@kernel
def _finish_products(d: Any, e: Any, a: Any, b: Any, mask: Any, z: Any) -> None:
    for w in range(len(z)):
        z[w] ^= (d[w] & (b[w] ^ (e[w] & mask))) ^ (e[w] & a[w])


def xor_gates(wires: Words, left: Slots, right: Slots, out: Slots) -> None:
    """Run XOR gates in order: wires[out] = wires[left] ^ wires[right].

    Args:
        wires: uint64 of shape (n_slots, pieces, n_words), C-contiguous; changed in place.
        left, right, out: int32 of shape (n_gates,), slots; within n_slots, which is not checked.
    """
    _xor_gates(wires.reshape(len(wires), -1), left, right, out)


def gather(wires: Words, slots: Slots, count: int) -> Words:
    """The rows of some slots as bit strings, one for each piece.

    Args:
        wires: uint64 of shape (n_slots, pieces, n_words), C-contiguous.
        slots: int32 of shape (n,), within n_slots, which is not checked.
        count: bits of a row, at most 64 * n_words.
    Returns:
        uint64 of shape (pieces, ceil(n * count / 64)), 0 behind the last bit.
    """
    strings = np.zeros((wires.shape[1], -(-len(slots) * count // 64)), np.uint64)
    if count:
        _gather(wires, slots, count, strings)
    return strings


def scatter(strings: Words, slots: Slots, count: int, wires: Words) -> None:
    """The inverse of `gather`: write the rows; what stands behind `count` bits in one means nothing.

    Args:
        strings: uint64 of shape (pieces, ceil(n * count / 64)), C-contiguous.
    """
    if strings.shape != (wires.shape[1], -(-len(slots) * count // 64)):
        raise ValueError(f"strings of shape {strings.shape} do not hold {len(slots)} rows of {count} bits")
    if count:
        _scatter(strings, slots, count, wires)


def add_products(x: Words, y: Words, terms: tuple[Indices, ...], z: Words) -> None:
    """z ^= the sum over all terms of (sum of some rows of x) & (sum of some rows of y), sums being XOR.

    Args:
        x, y: uint64 of shape (pieces, n_words), C-contiguous.
        terms: four arrays of int64: the rows of x of all terms and where those of each end, the same for y; none is
            empty. Within the pieces, which is not checked.
        z: uint64 of shape (n_words,); changed in place.
    """
    _add_products(x, y, *terms, z)


def finish_products(d: Words, e: Words, a: Words, b: Words, z: Words, *, both: bool) -> None:
    """z ^= d & b ^ e & a, and ^ d & e where `both`; all uint64 of one shape (n_words,), z in place."""
    _finish_products(d, e, a, b, np.uint64(_ONES if both else 0), z)
