"""Single instances out of packed shares of bits, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.boolean.contract import BitShares, Words, n_words

__all__ = ["chain", "extend", "gather", "join_words", "raw_integers", "select_words", "unpack_words", "words_of"]

Bits = NDArray[np.uint8]
Index = NDArray[np.intp]


def unpack_words(words: Words, count: int) -> Bits:
    """Rows of words to rows of single bits: (..., n_words) to uint8 of shape (..., count)."""
    octets = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(octets, axis=-1, bitorder="little", count=count)


def join_words(bits: Bits) -> Words:
    """The inverse of `unpack_words`."""
    packed = np.packbits(bits, axis=-1, bitorder="little")
    octets = np.zeros((*bits.shape[:-1], 8 * n_words(bits.shape[-1])), np.uint8)
    octets[..., : packed.shape[-1]] = packed
    return octets.view(np.uint64)


def select_words(words: Words, count: int, index: Index) -> Words:
    """Instances by number, in that order."""
    return join_words(unpack_words(words, count)[..., index])


def gather(shares: BitShares, index: Index) -> BitShares:
    """Instances of shares by number, in that order."""
    return BitShares(select_words(shares.words, shares.count, index), len(index), shares.owner)


def chain(parts: Sequence[BitShares]) -> BitShares:
    """The instances of all parts, one part behind the other; all have the same bits."""
    owners = {part.owner for part in parts}
    bits = np.concatenate([unpack_words(part.words, part.count) for part in parts], axis=-1)
    return BitShares(join_words(bits), bits.shape[-1], owners.pop() if len(owners) == 1 else None)


def extend(shares: BitShares, width: int, *, signed: bool) -> BitShares:
    """The same numbers in more bits."""
    missing = width - shares.n_bits
    if missing <= 0:
        return shares
    top = shares.words[-1:] if signed else np.zeros_like(shares.words[-1:])
    words = np.concatenate([shares.words, *[top] * missing])
    return BitShares(words, shares.count, shares.owner)


def words_of(raw: NDArray[Any], width: int) -> Words:
    """The low bits of integers as rows of words, (width, n_words)."""
    flat = raw.reshape(-1)
    bits = np.empty((width, len(flat)), np.uint8)
    for i in range(width):
        bits[i] = (flat >> i if flat.dtype == object else flat >> min(i, 63)) & 1
    return join_words(bits)


def raw_integers(words: Words, count: int, *, signed: bool) -> NDArray[Any]:
    """Integers from rows of words; int64."""
    bits = unpack_words(words, count)
    raw = np.zeros(count, np.int64)
    for i, row in enumerate(bits):
        raw |= row.astype(np.int64) << i
    if signed and len(bits) < 64:
        raw = (raw << (64 - len(bits))) >> (64 - len(bits))
    return raw
