"""One side's part of many products by OT: what is corrected, what is chosen, and what is added up at home.

A work has units, the products, vectors or bits that one number chooses; the OTs of so many units as one message of OT
holds are a batch, and the corrections of a batch are cut into blocks, a message each. See `protocols.arithmetic.gilboa`
for the protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from protocols import bits
from protocols.ot.extension import MESSAGE_OTS

__all__ = ["Batch", "BitProducts", "Block", "Choice", "ChosenBits", "ChosenProducts", "ChosenVectors", "Correction"]
__all__ += ["Products", "Vectors", "warm_up"]

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

WORD_BITS = 64
BLOCK_BYTES = 1 << 20
"""About what a message of corrections holds, and what is stretched at a time."""
COLUMNS = 16
"""Vectors are cut at multiples of it: there the streams of all widths are at the start of an AES block."""


@dataclass(frozen=True)
class Batch:
    """Units whose OTs are extended together."""

    number: int
    first: int
    count: int

    @property
    def units(self) -> slice:
        return slice(self.first, self.first + self.count)


@dataclass(frozen=True)
class Block:
    """Units of a batch, counted from the first of all, and columns, whose corrections are one message."""

    first: int
    count: int
    start: int
    stop: int
    n_bytes: int

    @property
    def units(self) -> slice:
        return slice(self.first, self.first + self.count)


class _Work:
    """What both sides agree on.

    Args:
        n_units: products, vectors or bits.
        unit_ots: OTs of each.
        n_columns: elements of a vector.
        column_bytes: corrections of one unit and column.

    Attributes:
        is_wide: whether the corrections of a batch are many messages.
    """

    is_wide = False

    def __init__(self, n_units: int, unit_ots: int, n_columns: int, column_bytes: int) -> None:
        self.n_units, self.unit_ots, self.n_columns, self.column_bytes = n_units, unit_ots, n_columns, column_bytes

    @cached_property
    def _batches(self) -> list[Batch]:
        step = MESSAGE_OTS // self.unit_ots
        firsts = range(0, self.n_units, step)
        return [Batch(number, first, min(step, self.n_units - first)) for number, first in enumerate(firsts)]

    def batches(self) -> list[Batch]:
        return self._batches

    def blocks(self, batch: Batch) -> list[Block]:
        width = min(self.n_columns, max(COLUMNS, BLOCK_BYTES // self.column_bytes // COLUMNS * COLUMNS))
        step = max(1, BLOCK_BYTES // (self.column_bytes * max(width, 1)))
        last = batch.first + batch.count
        return [
            Block(first, count, start, stop, count * (stop - start) * self.column_bytes)
            for first in range(batch.first, last, step)
            for count in [min(step, last - first)]
            for start in range(0, self.n_columns, width)
            for stop in [min(start + width, self.n_columns)]
        ]

    def ots(self, batch: Batch, block: Block) -> slice:
        """The OTs of a block among those of its batch."""
        start = (block.first - batch.first) * self.unit_ots
        return slice(start, start + block.count * self.unit_ots)

    @property
    def n_ots(self) -> int:
        return self.n_units * self.unit_ots

    def keep(self, pads: Bytes) -> Bytes:
        """What a receiver needs of a batch's pads, uint8 of shape (n, 16), until the corrections come; a copy."""
        return pads.copy() if self.is_wide else np.ascontiguousarray(pads[:, :8])


class Correction(Protocol):
    """The sender's side of a work; `share` is complete when all has been sent."""

    unit_ots: int
    is_wide: bool
    share: Words

    @property
    def n_ots(self) -> int: ...

    def batches(self) -> list[Batch]: ...

    def blocks(self, batch: Batch) -> list[Block]: ...

    def correct(self, batch: Batch, block: Block, pairs: Bytes) -> Bytes:
        """Add to its share, and give the message for a block."""
        ...


class Choice(Protocol):
    """The receiver's side."""

    unit_ots: int
    is_wide: bool
    share: Words

    @property
    def n_ots(self) -> int: ...

    def batches(self) -> list[Batch]: ...

    def blocks(self, batch: Batch) -> list[Block]: ...

    def choices(self, batch: Batch) -> Bytes:
        """The choices of a batch, packed."""
        ...

    def keep(self, pads: Bytes) -> Bytes:
        """What is needed of the pads of a batch until its corrections come."""
        ...

    def finish(self, batch: Batch, block: Block, pads: Bytes, message: Bytes) -> None:
        """Add to its share, from the pads that were kept."""
        ...


class Products(_Work):
    """x here times y there, number by number.

    Args:
        x: uint64 of shape (n,).
    """

    def __init__(self, x: Words) -> None:
        from protocols.kernels.gilboa import PRODUCT_BYTES

        super().__init__(len(x), WORD_BITS, 1, PRODUCT_BYTES)
        self._x, self.share = x, np.empty(len(x), np.uint64)

    def correct(self, batch: Batch, block: Block, pairs: Bytes) -> Bytes:
        from protocols.kernels.gilboa import SLACK, correct_products

        own, message = block.units, np.empty(block.n_bytes + SLACK, np.uint8)
        self.share[own] = correct_products(pairs[self.ots(batch, block)], self._x[own], message)
        return message[: block.n_bytes]


class ChosenProducts(_Work):
    """The other side of `Products`: y, uint64 of shape (n,)."""

    def __init__(self, y: Words) -> None:
        from protocols.kernels.gilboa import PRODUCT_BYTES

        super().__init__(len(y), WORD_BITS, 1, PRODUCT_BYTES)
        self._y, self.share = y, np.empty(len(y), np.uint64)

    def choices(self, batch: Batch) -> Bytes:
        return _bits_of(self._y[batch.units])

    def finish(self, batch: Batch, block: Block, pads: Bytes, message: Bytes) -> None:
        from protocols.kernels.gilboa import choose_products

        own = block.units
        self.share[own] = choose_products(pads[self.ots(batch, block)], self._y[own], message)


class BitProducts(_Work):
    """x here times a bit there, modulo 2^(8 * width).

    Args:
        x: uint64 of shape (n,).
        width: bytes of a correction, 1 to 8.
    """

    def __init__(self, x: Words, width: int) -> None:
        super().__init__(len(x), 1, 1, width)
        self._x, self.share = x, np.empty(len(x), np.uint64)

    def correct(self, batch: Batch, block: Block, pairs: Bytes) -> Bytes:
        from protocols.kernels.gilboa import SLACK, correct_bits

        own, message = block.units, np.empty(block.n_bytes + SLACK, np.uint8)
        self.share[own] = correct_bits(pairs[self.ots(batch, block)], self._x[own], message, self.column_bytes)
        return message[: block.n_bytes]


class ChosenBits(_Work):
    """The other side of `BitProducts`: bits, uint8 of shape (n,)."""

    def __init__(self, chosen: Bytes, width: int) -> None:
        super().__init__(len(chosen), 1, 1, width)
        self._chosen, self.share = chosen, np.empty(len(chosen), np.uint64)

    def choices(self, batch: Batch) -> Bytes:
        return bits.pack(self._chosen[batch.units])

    def finish(self, batch: Batch, block: Block, pads: Bytes, message: Bytes) -> None:
        from protocols.kernels.gilboa import choose_bits

        own = block.units
        self.share[own] = choose_bits(pads[self.ots(batch, block)], self._chosen[own], message, self.column_bytes)


class _VectorWork(_Work):
    """Vectors of m here times numbers there, summed up: unit u belongs to row `rows[u]` of the result.

    Args:
        rows: int64 of shape (n,).
        n_rows: of the result.
        n_columns: m.

    Attributes:
        share: uint64 of shape (n_rows, m).
    """

    is_wide = True

    def __init__(self, rows: NDArray[np.int64], n_rows: int, n_columns: int) -> None:
        from protocols.kernels.gilboa import PRODUCT_BYTES

        super().__init__(len(rows), WORD_BITS, n_columns, PRODUCT_BYTES)
        self._rows, self.share = rows, np.zeros((n_rows, n_columns), np.uint64)

    def _groups(self, batch: Batch, block: Block, pads: Bytes) -> Bytes:
        """Pads of a block by eight bits: uint8 of shape (8, 8 * count, ..., 16)."""
        some = pads[self.ots(batch, block)]
        by_group = some.reshape(block.count, 8, 8, *some.shape[1:]).swapaxes(0, 1)
        return np.ascontiguousarray(by_group).reshape(8, 8 * block.count, *some.shape[1:])


class Vectors(_VectorWork):
    """The side of the vectors.

    Args:
        x: uint64 of shape (n_vectors, m).
        which: the vector of each unit, int64 of shape (n,).
    """

    def __init__(self, x: Words, which: NDArray[np.int64], rows: NDArray[np.int64], n_rows: int) -> None:
        super().__init__(rows, n_rows, x.shape[1])
        self._x, self._which = x, which

    def correct(self, batch: Batch, block: Block, pairs: Bytes) -> Bytes:
        from protocols.kernels.gilboa import SLACK, WIDTHS, correct_vectors

        own = block.units
        x = np.ascontiguousarray(self._x[self._which[own], block.start : block.stop])
        rows = self._rows[own]
        message, place = np.empty(block.n_bytes + SLACK, np.uint8), 0
        for group, pads in enumerate(self._groups(batch, block, pairs)):
            zeros, ones = (_stretch(pads[:, side], WIDTHS[group], block) for side in (0, 1))
            correct_vectors(zeros, ones, group, x, rows, block.start, self.share, message[place:])
            place += 8 * x.size * WIDTHS[group]
        return message[: block.n_bytes]


class ChosenVectors(_VectorWork):
    """The side of the numbers: y, uint64 of shape (n,)."""

    def __init__(self, y: Words, rows: NDArray[np.int64], n_rows: int, n_columns: int) -> None:
        super().__init__(rows, n_rows, n_columns)
        self._y = y

    def choices(self, batch: Batch) -> Bytes:
        return _bits_of(self._y[batch.units])

    def finish(self, batch: Batch, block: Block, pads: Bytes, message: Bytes) -> None:
        from protocols.kernels.gilboa import WIDTHS, choose_vectors

        own, width, place = block.units, block.stop - block.start, 0
        y, rows = self._y[own], self._rows[own]
        for group, some in enumerate(self._groups(batch, block, pads)):
            streams = _stretch(some, WIDTHS[group], block)
            choose_vectors(streams, group, y, message[place:], rows, block.start, width, self.share)
            place += 8 * block.count * width * WIDTHS[group]


def warm_up() -> None:
    """Run every kernel once."""
    from protocols.kernels.aes import keystream

    pairs, pads, one = np.zeros((64, 2, 16), np.uint8), np.zeros((64, 16), np.uint8), np.zeros(1, np.uint64)
    rows = np.zeros(1, np.int64)
    works: list[tuple[Correction, Choice]] = [
        (Products(one), ChosenProducts(one)),
        (BitProducts(one, 1), ChosenBits(np.zeros(1, np.uint8), 1)),
        (Vectors(one.reshape(1, 1), rows, rows, 1), ChosenVectors(one, rows, 1, 1)),
    ]
    keystream(pads, 0, 1)
    for correction, choice in works:
        (batch,) = correction.batches()
        (block,) = correction.blocks(batch)
        n_ots = correction.unit_ots
        choice.finish(batch, block, choice.keep(pads[:n_ots]), correction.correct(batch, block, pairs[:n_ots]).copy())


def _bits_of(words: Words) -> Bytes:
    """Packed as they are."""
    return np.ascontiguousarray(words).view(np.uint8)


def _stretch(pads: Bytes, width: int, block: Block) -> Bytes:
    """Streams of pads, uint8 of shape (n, 16), from a block's first column on: `width` bytes for each, and 8 more."""
    from protocols.kernels.aes import keystream

    n_blocks = -(-((block.stop - block.start) * width + 8) // 16)
    return keystream(np.ascontiguousarray(pads), block.start * width // 16, n_blocks).reshape(len(pads), -1)
