"""Products of a number here and a number there, modulo 2^64, shared: correlated OT on the bits of one factor.

    sender, x                                           receiver, y
    random OT for each bit i of y            <------->  chooses with these bits: has p_b of the pads p0, p1
    t_i = p0 - p1 + x modulo 2^(64 - i)       ------->
    - sum of p0 2^i                                     sum of (p_b + y_i t_i) 2^i

The two sums add up to x y. `Products` are of numbers; `Vectors` multiply a whole vector by each number of the receiver,
with pads that a generator stretches, at the OTs of one number; `BitProducts` multiply by single bits.

A work is one side's part of many such products, cut into batches of OTs of which one message each is enough, and into
blocks of corrections of which one message each is sent. The receiver extends up to AHEAD batches before it needs the
corrections, so that one trip's delay is paid once and not for each batch.

Security: semi-honest, as the random OT is (`protocols.ot.extension`): t_i is masked by the pad that the receiver did
not choose, y is hidden by OT. The shares are uniform. A stretched pad is AES-128 in counter mode under it. Leaks sizes.
Cost: two messages that wait for each other; for each product 64 random OTs of the receiver (8 bytes each, k = 2) and
288 bytes of the sender; for a vector of m the same OTs and m times the 288 bytes; for a bit one OT and `width` bytes.
Every batch of 512 products (32,768 bits) is a message of its own.
Source: Gilboa, "Two party RSA key generation", CRYPTO 1999, section 4.1, with random OT and corrections of 64 - i bits
as in Demmler, Schneider and Zohner, ABY, NDSS 2015, section III.A; vectors as in Mohassel and Zhang, SecureML, ePrint
2017/396, section IV. Deviation: corrections are rounded up to whole bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.channel import Channel
from protocols.ot import OtReceiver, OtSender
from protocols.ot.extension import MESSAGE_OTS
from protocols.ot.work import run, together

__all__ = ["BitProducts", "Block", "ChosenBits", "ChosenProducts", "ChosenVectors", "Products", "Vectors"]
__all__ += ["Batch", "Choice", "Correction", "choose", "send", "warm_up"]

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

WORD_BITS = 64
AHEAD = 16
"""Batches of OTs that a receiver extends before their corrections have come."""
BLOCK_BYTES = 1 << 20
"""About what a message of corrections holds, and what is stretched at a time."""
COLUMNS = 16
"""Vectors are cut at multiples of it: there the streams of all widths are at the start of an AES block."""
LONG = 1 << 11  # OTs whose corrections take a good part of a millisecond


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
    """

    def __init__(self, n_units: int, unit_ots: int, n_columns: int, column_bytes: int) -> None:
        self.n_units, self.unit_ots, self.n_columns, self.column_bytes = n_units, unit_ots, n_columns, column_bytes

    def batches(self) -> list[Batch]:
        step = MESSAGE_OTS // self.unit_ots
        firsts = range(0, self.n_units, step)
        return [Batch(number, first, min(step, self.n_units - first)) for number, first in enumerate(firsts)]

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

    @property
    def n_bytes(self) -> int:
        """Of all corrections."""
        return self.n_units * self.n_columns * self.column_bytes


Before = Callable[[Batch], Awaitable[None]]
After = Callable[[Batch], None]


class Correction(Protocol):
    """The sender's side of a work; `share` is complete when all has been sent."""

    unit_ots: int
    share: Words

    def batches(self) -> list[Batch]: ...

    def blocks(self, batch: Batch) -> list[Block]: ...

    def correct(self, batch: Batch, block: Block, pairs: Bytes) -> Bytes:
        """Add to its share, and give the message for a block."""
        ...


class Choice(Protocol):
    """The receiver's side."""

    unit_ots: int
    share: Words

    def batches(self) -> list[Batch]: ...

    def blocks(self, batch: Batch) -> list[Block]: ...

    def bits(self, batch: Batch) -> Bytes:
        """The choices of a batch."""
        ...

    def finish(self, batch: Batch, block: Block, pads: Bytes, message: Bytes) -> None:
        """Add to its share."""
        ...


async def send(
    channel: Channel, ot: OtSender, work: Correction, *, before: Before | None = None, after: After | None = None
) -> None:
    """The sender's side of all of a work.

    Args:
        channel: to the receiver; the corrections alone are sent on it.
        ot: for this call alone.
        before: awaited before the corrections of a batch are made, while its OTs are already there.
        after: called when they are made.
    """
    for batch in work.batches():
        pairs = await ot.random(batch.count * work.unit_ots)
        if before is not None:
            await before(batch)
        for block in work.blocks(batch):
            await channel.send(await run(work.correct, batch, block, pairs, long=_is_long(work, block)))
        if after is not None:
            after(batch)


async def choose(channel: Channel, ot: OtReceiver, work: Choice, *, after: After | None = None) -> None:
    """The receiver's side.

    Args:
        after: called when a batch is complete.
    Raises:
        MessageError: the sender's message has a wrong length.
    """
    extended: asyncio.Queue[tuple[Batch, Bytes]] = asyncio.Queue(AHEAD)
    batches = work.batches()

    async def extend() -> None:
        for batch in batches:
            _, pads = await ot.random(batch.count * work.unit_ots, choices=work.bits(batch))
            await extended.put((batch, pads))

    async def finish() -> None:
        for _ in batches:
            batch, pads = await extended.get()
            for block in work.blocks(batch):
                message = np.frombuffer(await channel.receive(block.n_bytes), np.uint8)
                await run(work.finish, batch, block, pads, message, long=_is_long(work, block))
            if after is not None:
                after(batch)

    await together(extend(), finish())


def _is_long(work: Correction | Choice, block: Block) -> bool:
    return block.count * work.unit_ots * (block.stop - block.start) > LONG


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

    def bits(self, batch: Batch) -> Bytes:
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

    def bits(self, batch: Batch) -> Bytes:
        return self._chosen[batch.units]

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

    def bits(self, batch: Batch) -> Bytes:
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
        choice.finish(batch, block, pads[:n_ots], correction.correct(batch, block, pairs[:n_ots]).copy())


def _bits_of(words: Words) -> Bytes:
    return np.unpackbits(np.ascontiguousarray(words).view(np.uint8), bitorder="little")


def _stretch(pads: Bytes, width: int, block: Block) -> Bytes:
    """Streams of pads, uint8 of shape (n, 16), from a block's first column on: `width` bytes for each, and 8 more."""
    from protocols.kernels.aes import keystream

    n_blocks = -(-((block.stop - block.start) * width + 8) // 16)
    return keystream(np.ascontiguousarray(pads), block.start * width // 16, n_blocks).reshape(len(pads), -1)
