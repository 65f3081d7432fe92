"""Products of shares modulo 2^64 from random OT: pads become one party's share and its corrections in one pass.

For a bit b at place i and a word x, with pads p0, p1 at the sender and p_b at the receiver:

    t = p0 - p1 + x             the correction, modulo 2^(64 - i), sent in 8 - i // 8 bytes
    sender    -(p0 << i)        receiver    (p_b + b t) << i            together b x 2^i

A correction is a word at an address that need not be aligned: it is stored whole, and what is too much of it is
overwritten by the next one. It is loaded as the last bytes of the word that ends with it, so that nothing behind a
message is read. No branch and no index depends on a secret. Plain LLVM: it runs on every little-endian CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from protocols.kernels.intrinsics import emit, load, pointer, store
from protocols.kernels.jit import kernel

__all__ = [
    "PRODUCT_BYTES",
    "SLACK",
    "WIDTHS",
    "choose_bits",
    "choose_products",
    "choose_vectors",
    "correct_bits",
    "correct_products",
    "correct_vectors",
]

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]

SLACK = 8
"""Bytes that a buffer of corrections has beyond them."""
WIDTHS = (8, 7, 6, 5, 4, 3, 2, 1)
"""Bytes of a correction, for each eight bits of the word that chooses."""
PRODUCT_BYTES = 8 * sum(WIDTHS)
"""Corrections of one product."""

_WORD = ir.IntType(64)


@emit
def _load(typing_context: Any, address: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return load(builder, pointer(builder, arguments[0], _WORD), 0)

    return types.uint64(types.uintp), generate


@emit
def _store(typing_context: Any, address: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        store(builder, arguments[1], pointer(builder, arguments[0], _WORD), 0)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uint64), generate


@kernel
def _correct_products(pairs: Any, x: Any, share: Any, corrections: Any) -> None:
    target = corrections.ctypes.data
    for j in range(x.shape[0]):
        word, total = x[j], np.uint64(0)
        for group in range(8):
            for i in range(8 * group, 8 * group + 8):
                zero = pairs[64 * j + i, 0]
                _store(target, zero - pairs[64 * j + i, 2] + word)
                total += zero << np.uint64(i)
                target += 8 - group
        share[j] = np.uint64(0) - total


@kernel
def _choose_products(pads: Any, y: Any, corrections: Any, share: Any) -> None:
    source = corrections.ctypes.data
    for j in range(y.shape[0]):
        word, total = y[j], np.uint64(0)
        for group in range(8):
            drop = np.uint64(8 * group)
            for i in range(8 * group, 8 * group + 8):
                place = np.uint64(i)
                mask = np.uint64(0) - ((word >> place) & np.uint64(1))
                found = _load(source - group) >> drop
                total += (pads[64 * j + i] + (found & mask)) << place
                source += 8 - group
        share[j] = total


@kernel
def _correct_bits(pairs: Any, x: Any, share: Any, corrections: Any, width: Any) -> None:
    target = corrections.ctypes.data
    for j in range(x.shape[0]):
        zero = pairs[j, 0]
        _store(target, zero - pairs[j, 2] + x[j])
        share[j] = np.uint64(0) - zero
        target += width


@kernel
def _choose_bits(pads: Any, bits: Any, corrections: Any, share: Any, width: Any) -> None:
    drop = np.uint64(8 * (8 - width))
    source = corrections.ctypes.data  # of 8 - width bytes that mean nothing, and the corrections
    for j in range(bits.shape[0]):
        share[j] = pads[j] + ((_load(source) >> drop) & (np.uint64(0) - np.uint64(bits[j])))
        source += width


@kernel
def _correct_vectors(
    zeros: Any, ones: Any, group: Any, x: Any, rows: Any, first: Any, share: Any, corrections: Any
) -> None:
    target, width = corrections.ctypes.data, 8 - group
    for j in range(x.shape[0]):
        row = rows[j]
        for b in range(8):
            place = np.uint64(8 * group + b)
            zero, one = zeros[8 * j + b].ctypes.data, ones[8 * j + b].ctypes.data
            for m in range(x.shape[1]):
                pad = _load(zero)
                _store(target, pad - _load(one) + x[j, m])
                share[row, first + m] -= pad << place
                zero += width
                one += width
                target += width


@kernel
def _choose_vectors(
    pads: Any, group: Any, y: Any, corrections: Any, rows: Any, first: Any, n_columns: Any, share: Any
) -> None:
    width, drop = 8 - group, np.uint64(8 * group)
    source = corrections.ctypes.data - group
    for j in range(y.shape[0]):
        row = rows[j]
        for b in range(8):
            place = np.uint64(8 * group + b)
            mask = np.uint64(0) - ((y[j] >> place) & np.uint64(1))
            pad = pads[8 * j + b].ctypes.data
            for m in range(n_columns):
                found = (_load(source) >> drop) & mask
                share[row, first + m] += (_load(pad) + found) << place
                pad += width
                source += width


def correct_products(pairs: Bytes, x: Words, corrections: Bytes) -> Words:
    """The sender's side of products x y, of a word here and a word there.

    Args:
        pairs: pads of 64 OTs for each product, uint8 of shape (64 * n, 2, 16), C-contiguous.
        x: uint64 of shape (n,).
        corrections: where they go, uint8 of shape (PRODUCT_BYTES * n + SLACK,).
    Returns:
        its shares, uint64 of shape (n,).
    """
    share = np.empty(len(x), np.uint64)
    _correct_products(pairs.reshape(-1, 32).view(np.uint64), x, share, corrections)
    return share


def choose_products(pads: Bytes, y: Words, corrections: Bytes) -> Words:
    """The receiver's side: the first halves of the pads that the bits of y have chosen, uint8 of shape (64 * n, 8)."""
    share = np.empty(len(y), np.uint64)
    _choose_products(pads.reshape(-1).view(np.uint64), y, corrections, share)
    return share


def correct_bits(pairs: Bytes, x: Words, corrections: Bytes, width: int) -> Words:
    """The sender's side of products of words x, of shape (n,), here and bits there, modulo 2^(8 * width).

    Args:
        pairs: pads of one OT for each, uint8 of shape (n, 2, 16).
        corrections: uint8 of shape (width * n + SLACK,).
        width: 1 to 8.
    """
    share = np.empty(len(x), np.uint64)
    _correct_bits(pairs.reshape(-1, 32).view(np.uint64), x, share, corrections, width)
    return share


def choose_bits(pads: Bytes, bits: Bytes, corrections: Bytes, width: int) -> Words:
    """The receiver's side: the first halves of the pads that the bits, uint8 of shape (n,), have chosen."""
    share = np.empty(len(bits), np.uint64)
    behind = np.concatenate([np.zeros(SLACK - width, np.uint8), corrections])  # the first word has to start somewhere
    _choose_bits(pads.reshape(-1).view(np.uint64), bits, behind, share, width)
    return share


def correct_vectors(
    zeros: Bytes, ones: Bytes, group: int, x: Words, rows: Places, first: int, share: Words, corrections: Bytes
) -> None:
    """The sender's side of products of vectors x here and words there, for bits 8 * group to 8 * group + 7 of these.

    Args:
        zeros, ones: streams of both pads, uint8 of shape (8 * n, at least 8 + WIDTHS[group] * m), C-contiguous.
        group: 0 to 7.
        x: uint64 of shape (n, m), C-contiguous.
        rows: int64 of shape (n,), where its share of each product is added up: share[rows[j], first : first + m].
        corrections: uint8 of shape (8 * n * m * WIDTHS[group] + SLACK,).
    """
    _correct_vectors(zeros, ones, group, x, rows, first, share, corrections)


def choose_vectors(
    pads: Bytes, group: int, y: Words, corrections: Bytes, rows: Places, first: int, n_columns: int, share: Words
) -> None:
    """The receiver's side: streams of the pads that these bits of y, uint64 of shape (n,), have chosen; m columns.

    Behind the corrections of the groups before it, without which there would be nothing to read before those of this.
    """
    _choose_vectors(pads, group, y, corrections, rows, first, n_columns, share)
