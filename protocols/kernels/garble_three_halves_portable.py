"""Three halves without instructions of ours, as `protocols.kernels.garble_portable`; pair of colors by pair of colors.

Arrays have the shape (gates, instances), labels one more axis of two halves.
"""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.kernels.aes import encryptor
from protocols.kernels.garble_portable import encrypt, pieces, xor_gates

__all__ = ["evaluate_portable", "garble_portable"]

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
ONE = np.uint64(1)


class Slice(NamedTuple):
    """Half a label and its control bit."""

    half: Words
    bit: Words

    def __xor__(self, other: Slice) -> Slice:
        return Slice(self.half ^ other.half, self.bit ^ other.bit)

    def where(self, bit: Words) -> Slice:
        """0 where the bit is 0."""
        return Slice(self.half & _mask(bit), self.bit & bit)


def _mask(bits: Words) -> Words:
    return np.uint64(0) - bits


def _alpha(labels: Words) -> Words:
    carry: Words = labels >> np.uint64(48)
    return labels << np.uint64(16) ^ carry ^ carry << np.uint64(16)


def _apply(r: tuple[Words, Words], a: Words, b: Words, i: Words, j: Words) -> tuple[Words, Words]:
    """Left and right half of R_ij (A, B)."""
    a_l, a_r, b_l, b_r = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    r_l, r_r = (_mask(bits) for bits in r)
    left = _mask(ONE ^ i) & b_l ^ r_l & (a_l ^ a_r ^ b_l) ^ r_r & (a_l ^ b_r)
    right = _mask(ONE ^ j) & a_r ^ r_l & (a_l ^ b_r) ^ r_r & (a_r ^ b_l ^ b_r)
    return left, right


def _hash_inputs(program: Any, piece: slice, wires: Words, n: int) -> tuple[Words, Words, Words]:
    """Labels a and b of each gate, and what AES is to encrypt, of shape (3 * gates, n, 2)."""
    a, b = wires[program.left[piece], :n], wires[program.right[piece], :n]
    y = np.stack([_alpha(a), _alpha(b), _alpha(a ^ b)], axis=1)
    y[..., 0] ^= np.arange(n, dtype=np.uint64)
    return a, b, y.reshape(-1, n, 2)


def _sliced(hashed: Words) -> list[Slice]:
    """The hashes of a, b and a ^ b."""
    return [Slice(hashed[k::3, :, 0], hashed[k::3, :, 1] & ONE) for k in range(3)]


def _random_bits(secret: tuple[int, int], counter: int, count: int, n: int) -> tuple[Words, Words]:
    """e_L and e_R of some gates, of which `counter` numbers the first key."""
    numbers = np.zeros((count, 2), "<u8")
    numbers[:, 0] = np.arange(counter, counter + 3 * count, 3, dtype=np.uint64)
    key = (secret[0] | secret[1] << 64).to_bytes(16, "little")
    blocks = np.frombuffer(encryptor(key).update(numbers.tobytes()), np.uint64).reshape(count, 1, 2)
    bits = blocks >> np.arange(n, dtype=np.uint64)[:, None] & ONE
    return bits[..., 0], bits[..., 1]


def garble_portable(
    program: Any,
    run: int,
    first: int,
    last: int,
    wires: Words,
    n: int,
    delta: tuple[int, int],
    secret: tuple[int, int],
    start: tuple[int, int],
    counter: int,
    tables: Bytes,
) -> None:
    """Garble gates first, ..., last - 1, of which `first` is in run number `run`.

    Args:
        wires: uint64 of shape (n_slots, at least n, 2), zero labels.
        secret: the garbler's key for random bits.
        counter: number of the first key.
        tables: uint8 of shape (AND gates, 25 * n).
    """
    offset = np.array(delta, np.uint64)
    for begin, end, is_and in pieces(program, run, first, last, n):
        piece, count = slice(begin, end), end - begin
        if not is_and:
            xor_gates(program.left[piece], program.right[piece], program.out[piece], wires)
            continue
        a, b, y = _hash_inputs(program, piece, wires, n)
        y = np.concatenate([y, y ^ _alpha(offset)], axis=1)
        hashed = encrypt(start, counter, y) ^ y
        of_zero, of_one = _sliced(hashed[:, :n]), _sliced(hashed[:, n:])
        e = _random_bits(secret, counter, count, n)
        p_a, p_b = a[..., 0] & ONE, b[..., 0] & ONE
        one_a, one_b = p_a ^ ONE, p_b ^ ONE
        left, right = {}, {}
        for at in product((0, 1), repeat=2):
            i, j = (np.full_like(p_a, color) for color in at)
            x, y_ = p_a ^ i, p_b ^ j  # what the labels of these colors mean
            both = (i ^ j) & (one_a ^ one_b)
            r = e[0] ^ i & one_a ^ both, e[1] ^ j & one_b ^ both
            a_i, b_j = (label ^ _mask(bit)[..., None] & offset for label, bit in ((a, x), (b, y_)))
            known = _apply(r, a_i, b_j, i, j)
            hashes = [
                zero ^ (zero ^ one).where(bit) for zero, one, bit in zip(of_zero, of_one, (x, y_, x ^ y_), strict=True)
            ]
            ends = [half & _mask(x & y_) for half in offset]
            left[at] = hashes[0] ^ hashes[2] ^ Slice(known[0] ^ ends[0], r[0])
            right[at] = hashes[1] ^ hashes[2] ^ Slice(known[1] ^ ends[1], r[1])
        c = left[0, 0], right[0, 0]
        g = c[0] ^ left[1, 1], c[1] ^ right[1, 1], c[0] ^ left[0, 1]
        z = sum((row.bit << np.uint64(k) for k, row in enumerate((*c, *g))), np.uint64(0))
        rows = tables[:count]
        rows[:, : 16 * n] = np.stack([g[0].half, g[1].half], axis=-1).reshape(count, -1).view(np.uint8)
        rows[:, 16 * n : 24 * n] = np.ascontiguousarray(g[2].half).view(np.uint8)
        rows[:, 24 * n :] = z.astype(np.uint8)
        wires[program.out[piece], :n] = np.stack([c[0].half, c[1].half], axis=-1)
        counter += 3 * count
        tables = tables[count:]


def evaluate_portable(
    program: Any,
    run: int,
    first: int,
    last: int,
    wires: Words,
    n: int,
    start: tuple[int, int],
    counter: int,
    tables: Bytes,
) -> None:
    """Evaluate gates first, ..., last - 1; as `garble_portable`, over active labels."""
    for begin, end, is_and in pieces(program, run, first, last, n):
        piece, count = slice(begin, end), end - begin
        if not is_and:
            xor_gates(program.left[piece], program.right[piece], program.out[piece], wires)
            continue
        a, b, y = _hash_inputs(program, piece, wires, n)
        hashes = _sliced(encrypt(start, counter, y) ^ y)
        rows = np.ascontiguousarray(tables[:count])
        first_two = np.ascontiguousarray(rows[:, : 16 * n]).view(np.uint64).reshape(count, n, 2)
        third = np.ascontiguousarray(rows[:, 16 * n : 24 * n]).view(np.uint64)
        z = rows[:, 24 * n :].astype(np.uint64)
        bits = [z >> np.uint64(k) & ONE for k in range(5)]
        g_0, g_1, g_2 = Slice(first_two[..., 0], bits[2]), Slice(first_two[..., 1], bits[3]), Slice(third, bits[4])
        i, j = a[..., 0] & ONE, b[..., 0] & ONE
        left = hashes[0] ^ hashes[2] ^ g_0.where(i) ^ g_2.where(i ^ j)
        right = hashes[1] ^ hashes[2] ^ g_1.where(j) ^ g_2.where(i ^ j)
        known = _apply((left.bit ^ bits[0], right.bit ^ bits[1]), a, b, i, j)
        wires[program.out[piece], :n] = np.stack([left.half ^ known[0], right.half ^ known[1]], axis=-1)
        counter += 3 * count
        tables = tables[count:]
