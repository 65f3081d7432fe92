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
Cost: two messages that wait for each other; for each product 64 random OTs of the receiver (4 bytes each, k = 4) and
288 bytes of the sender; for a vector of m the same OTs and m times the 288 bytes; for a bit one OT and `width` bytes.
Every batch of 512 products (32,768 bits) is a message of its own.
Source: Gilboa, "Two party RSA key generation", CRYPTO 1999, section 4.1, with random OT and corrections of 64 - i bits
as in Demmler, Schneider and Zohner, ABY, NDSS 2015, section III.A; vectors as in Mohassel and Zhang, SecureML, ePrint
2017/396, section IV. Deviation: corrections are rounded up to whole bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
from numpy.typing import NDArray

from protocols.arithmetic.works import Batch, Block, Choice, Correction
from protocols.channel import Channel
from protocols.ot import OtReceiver, OtSender
from protocols.ot.extension import MESSAGE_OTS
from protocols.ot.parts import TOGETHER
from protocols.ot.work import run, together

__all__ = ["choose", "send", "send_in_turn"]

Bytes = NDArray[np.uint8]
Before = Callable[[Batch], Awaitable[None]]
After = Callable[[Batch], None]

AHEAD = 16
"""Batches of OTs, about, that a receiver extends before their corrections have come."""
LONG = 1 << 11  # OTs, times columns, whose corrections take a good part of a millisecond


async def send(channel: Channel, ot: OtSender, work: Correction) -> None:
    """The sender's side of all of a work.

    Args:
        channel: to the receiver; the corrections alone are sent on it.
        ot: for this call alone.
    Raises:
        MessageError: the receiver's message has a wrong length.
    """

    def correct(part: slice, pairs: Bytes) -> list[Bytes]:
        batch = _batch_of(work, part)
        return [work.correct(batch, block, pairs) for block in work.blocks(batch)]

    async def tell(messages: list[list[Bytes]]) -> None:
        for some in messages:
            for message in some:
                await channel.send(message)

    if work.is_wide:
        await send_in_turn(channel, ot, work)
    else:
        await ot.each(work.n_ots, correct, tell)


async def send_in_turn(
    channel: Channel, ot: OtSender, work: Correction, *, before: Before | None = None, after: After | None = None
) -> None:
    """The same, batch by batch: where the corrections of a batch are many messages, or have to wait for something.

    Args:
        before: awaited before the corrections of a batch are made, while its OTs are already there.
        after: called when they are made.
    """
    batches = work.batches()
    for start in range(0, len(batches), TOGETHER):
        group = batches[start : start + TOGETHER]
        pairs = await ot.random(sum(batch.count for batch in group) * work.unit_ots)
        for batch in group:
            if before is not None:
                await before(batch)
            own = slice((batch.first - group[0].first) * work.unit_ots, None)
            for block in work.blocks(batch):
                size = block.count * work.unit_ots * (block.stop - block.start)
                await channel.send(await run(work.correct, batch, block, pairs[own], long=size > LONG))
            if after is not None:
                after(batch)


async def choose(channel: Channel, ot: OtReceiver, work: Choice, *, after: After | None = None) -> None:
    """The receiver's side.

    Args:
        after: called when a batch is complete.
    Raises:
        MessageError: the sender's message has a wrong length.
    """
    batches = work.batches()
    extended: asyncio.Queue[list[tuple[Batch, Bytes]]] = asyncio.Queue(AHEAD // TOGETHER)

    def keep(part: slice, pads: Bytes) -> tuple[Batch, Bytes]:
        return _batch_of(work, part), work.keep(pads)

    async def finish() -> None:
        done = 0
        while done < len(batches):
            group = await extended.get()
            done += len(group)
            blocks = [(batch, block, pads) for batch, pads in group for block in work.blocks(batch)]
            step = 1 if work.is_wide else len(blocks)
            for start in range(0, len(blocks), step):
                some = blocks[start : start + step]
                messages = [np.frombuffer(await channel.receive(block.n_bytes), np.uint8) for _, block, _ in some]
                await run(_finish, work, some, messages, long=work.is_wide or len(group[0][1]) > LONG)
            if after is not None:
                for batch, _ in group:
                    after(batch)

    await together(ot.each(work.n_ots, lambda part: work.choices(_batch_of(work, part)), keep, extended.put), finish())


def _finish(work: Choice, blocks: list[tuple[Batch, Block, Bytes]], messages: list[Bytes]) -> None:
    for (batch, block, pads), message in zip(blocks, messages, strict=True):
        work.finish(batch, block, pads, message)


def _batch_of(work: Correction | Choice, part: slice) -> Batch:
    """The batch whose OTs are one part of all."""
    number: int = part.start // MESSAGE_OTS
    return work.batches()[number]
