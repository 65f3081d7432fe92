"""The two roles: random, correlated and chosen OT, as often as one likes, after one setup.

A role does one call at a time; `fork` makes others that run beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols import bits
from protocols.channel import Channel, receive_array
from protocols.errors import StateError
from protocols.ot import derive
from protocols.ot.base import BaseOtReceiver, BaseOtSender
from protocols.ot.contract import Blocks, Packed, RandomOtReceiver, RandomOtSender
from protocols.ot.extension import KAPPA, SoftSpokenReceiver, SoftSpokenSender, tree_depths
from protocols.ot.work import together
from protocols.rng import Rng, system_rng

__all__ = ["OtReceiver", "OtSender", "receive", "send"]

BLOCK_BYTES = 16
_AHEAD = 2  # parts of a call that the receiver may be ahead of the sender's answers


class _Once:
    """One call at a time, and none after a call that failed: the two sides would no longer count alike."""

    def __init__(self) -> None:
        self._state = "ready"

    @contextmanager
    def call(self) -> Iterator[None]:
        if self._state == "busy":
            raise StateError("an OT call on this object has not ended; await them in turn, or use a fork of it")
        if self._state == "broken":
            raise StateError("an earlier OT call on this object failed; set up anew")
        self._state = "busy"
        try:
            yield
        except BaseException:
            self._state = "broken"
            raise
        self._state = "ready"


def _parts(count: int, largest: int) -> list[slice]:
    return [slice(start, min(start + largest, count)) for start in range(0, count, largest)]


def _count(count: Any) -> int:
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
        raise ValueError(f"count must be an integer of at least 0, not {count!r}")
    return int(count)


def _messages(messages: Any) -> Blocks:
    array = np.asarray(messages)
    if array.dtype != np.uint8 or array.shape[1:] != (2, BLOCK_BYTES):
        raise ValueError(f"messages must be uint8 of shape (n, 2, {BLOCK_BYTES}), not {array.dtype} {array.shape}")
    return array


class OtSender:
    """The sender of OTs. `setup` makes one; both sides then make the same calls in the same order.

    Security: that of its source; `setup` takes SoftSpokenOT, semi-honest (`protocols.ot.extension`). Leaks the counts.

    Args:
        channel: to the receiver, for this object alone.
        source: where random OTs come from.
    """

    def __init__(self, channel: Channel, source: RandomOtSender) -> None:
        self._channel, self._source, self._once = channel, source, _Once()

    @classmethod
    async def setup(cls, channel: Channel, *, k: int = 2, rng: Rng = system_rng) -> OtSender:
        """Set up SoftSpokenOT: 128 base OTs, some 50 ms.

        Args:
            channel: to the receiver, for this object alone.
            k: 1 to 8, the same at both sides; an OT costs ceil(128 / k) / 8 bytes more and 2**k / k times the AES.
            rng: the source of randomness.
        Raises:
            ValueError: k is not between 1 and 8.
            MessageError: the receiver's message has a wrong length or holds an invalid group element.
        """
        return cls(channel, await SoftSpokenSender.setup(channel, k, rng=rng))

    def fork(self, channel: Channel) -> OtSender:
        """A sender on another channel, for calls that run beside those of this one; nothing is said.

        Security: as if all OTs were those of one setup, see the source.

        Args:
            channel: to the same receiver, for the fork alone; the receiver forks with its end of it.
        Raises:
            StateError: there was a fork for this session id.
        """
        return OtSender(channel, self._source.fork(channel))

    async def random(self, count: int) -> Blocks:
        """Random pairs.

        Returns:
            uint8 of shape (count, 2, 16).
        Raises:
            ValueError: a negative count.
            StateError: another call has not ended, or failed.
            MessageError: the receiver's message has a wrong length.
        Cost: 1 message for each 32,768 OTs; receiver ceil(128 / k) / 8 bytes an OT, sender none.
        """
        count = _count(count)
        pairs = np.empty((count, 2, BLOCK_BYTES), np.uint8)
        with self._once.call():
            for part in _parts(count, self._source.max_count):
                await self._source.extend(pairs[part])
        return pairs

    async def random_bits(self, count: int) -> tuple[Packed, Packed]:
        """Random pairs of bits: bit 0 of the messages that `random` would give, in less time.

        Returns:
            the bits of all zero messages and those of all one messages, packed: uint8 of shape (ceil(count / 8),).
        Raises and costs what `random` does.
        """
        count = _count(count)
        zeros, ones = np.empty((2, bits.packed_bytes(count)), np.uint8)
        with self._once.call():
            for part in _parts(count, self._source.max_count):
                chosen = slice(part.start // 8, bits.packed_bytes(part.stop))
                await self._source.extend_bits(part.stop - part.start, zeros[chosen], ones[chosen])
        return zeros, ones

    async def correlated(self, count: int, delta: bytes) -> Blocks:
        """Random zero messages; the one message of each pair is zero message ^ delta.

        Args:
            count: how many.
            delta: 16 bytes, secret; the same or another one in each call.
        Returns:
            uint8 of shape (count, 16).
        Raises:
            ValueError: a negative count, or a delta of another length; TypeError: a delta that is no bytes.
            StateError: another call has not ended, or failed.
            MessageError: the receiver's message has a wrong length.
        Cost: 2 messages for each 32,768 OTs; receiver ceil(128 / k) / 8 bytes an OT, sender 16.
        """
        count, delta = _count(count), bytes(memoryview(delta))  # bytes(16) of a number would be 16 zeros
        if len(delta) != BLOCK_BYTES:
            raise ValueError(f"delta must have {BLOCK_BYTES} bytes, not {len(delta)}")
        keys = np.empty((count, BLOCK_BYTES), np.uint8)
        await self._answer(count, lambda part, pads: derive.correlate(pads, delta, keys[part]))
        return keys

    async def chosen(self, messages: Blocks) -> None:
        """Send one of each pair of messages, without learning which.

        Args:
            messages: uint8 of shape (n, 2, 16).
        Raises:
            ValueError: a wrong shape or dtype.
            StateError: another call has not ended, or failed.
            MessageError: the receiver's message has a wrong length.
        Cost: 2 messages for each 32,768 OTs; receiver ceil(128 / k) / 8 bytes an OT, sender 32.
        """
        messages = _messages(messages)
        await self._answer(len(messages), lambda part, pads: derive.mask_messages(pads, messages[part]))

    async def _answer(self, count: int, answer: Callable[[slice, Blocks], Blocks]) -> None:
        """Extend part after part, and send what `answer` makes of the pairs; the next part takes their memory."""
        with self._once.call():
            space = np.empty((min(count, self._source.max_count), 2, BLOCK_BYTES), np.uint8)
            for part in _parts(count, self._source.max_count):
                pads = space[: part.stop - part.start]
                await self._source.extend(pads)
                await self._channel.send(answer(part, pads))


class OtReceiver:
    """The receiver of OTs. `setup` makes one; both sides then make the same calls in the same order.

    Security: that of its source; `setup` takes SoftSpokenOT, semi-honest (`protocols.ot.extension`). Leaks the counts.

    Args:
        channel: to the sender, for this object alone.
        source: where random OTs come from.
        rng: the source of the choices of `random`.
    """

    def __init__(self, channel: Channel, source: RandomOtReceiver, *, rng: Rng = system_rng) -> None:
        self._channel, self._source, self._rng, self._once = channel, source, rng, _Once()

    @classmethod
    async def setup(cls, channel: Channel, *, k: int = 2, rng: Rng = system_rng) -> OtReceiver:
        """Set up SoftSpokenOT: 128 base OTs, some 50 ms; the arguments and errors are those of `OtSender.setup`."""
        return cls(channel, await SoftSpokenReceiver.setup(channel, k, rng=rng), rng=rng)

    def fork(self, channel: Channel) -> OtReceiver:
        """A receiver on another channel, for calls that run beside those of this one; as `OtSender.fork`."""
        return OtReceiver(channel, self._source.fork(channel), rng=self._rng)

    async def random(self, count: int, *, choices: NDArray[np.uint8] | None = None) -> tuple[NDArray[np.uint8], Blocks]:
        """Random choices, and the message of each pair that they name.

        Args:
            count: how many.
            choices: shape (count,), values 0 or 1, in place of random ones; costs nothing more.
        Returns:
            choices, uint8 of shape (count,); messages, uint8 of shape (count, 16).
        Raises:
            ValueError: a negative count, or choices of a wrong shape or value.
            StateError: another call has not ended, or failed.
        Cost: that of `OtSender.random`.
        """
        count = _count(count)
        chosen = None if choices is None else bits.as_bits(choices, "choices")
        if chosen is not None and len(chosen) != count:
            raise ValueError(f"choices must have shape ({count},), not ({len(chosen)},)")
        got = np.empty((count, BLOCK_BYTES), np.uint8)
        with self._once.call():
            choices = bits.random_bits(self._rng, count) if chosen is None else chosen
            for part in _parts(count, self._source.max_count):
                await self._source.extend(choices[part], got[part])
        return choices, got

    async def random_bits(self, count: int, choices: Packed) -> Packed:
        """Bit 0 of the messages that choices name, in less time than by `random`.

        Args:
            count: how many.
            choices: packed, uint8 of shape (ceil(count / 8),); what stands behind the last is ignored.
        Returns:
            uint8 of the same shape, packed.
        Raises:
            ValueError: a negative count, or choices of a wrong shape.
            StateError: another call has not ended, or failed.
        Cost: that of `OtSender.random`.
        """
        count = _count(count)
        if choices.dtype != np.uint8 or choices.shape != (bits.packed_bytes(count),):
            raise ValueError(
                f"choices must be uint8 of shape ({bits.packed_bytes(count)},), not {choices.dtype} {choices.shape}"
            )
        got = np.empty(bits.packed_bytes(count), np.uint8)
        with self._once.call():
            for part in _parts(count, self._source.max_count):
                chosen = slice(part.start // 8, bits.packed_bytes(part.stop))
                await self._source.extend_bits(part.stop - part.start, choices[chosen], got[chosen])
        return got

    async def correlated(self, choices: NDArray[np.uint8]) -> Blocks:
        """The zero message of each pair where the choice is 0, the one message where it is 1.

        Args:
            choices: shape (n,), values 0 or 1.
        Returns:
            uint8 of shape (n, 16): zero message ^ choice * delta.
        Raises:
            ValueError: choices has a wrong shape or value.
            StateError: another call has not ended, or failed.
            MessageError: the sender's message has a wrong length.
        Cost: that of `OtSender.correlated`.
        """
        return await self._answered(bits.as_bits(choices, "choices"), (BLOCK_BYTES,), derive.unmask_correlated)

    async def chosen(self, choices: NDArray[np.uint8]) -> Blocks:
        """Obtain one message of each pair, without telling the sender which.

        Args:
            choices: shape (n,), values 0 or 1.
        Returns:
            uint8 of shape (n, 16); row i is the sender's messages[i, choices[i]].
        Raises:
            ValueError: choices has a wrong shape or value.
            StateError: another call has not ended, or failed.
            MessageError: the sender's message has a wrong length.
        Cost: that of `OtSender.chosen`.
        """
        return await self._answered(bits.as_bits(choices, "choices"), (2, BLOCK_BYTES), derive.unmask_chosen)

    async def _answered(
        self,
        choices: NDArray[np.uint8],
        shape: tuple[int, ...],
        unmask: Callable[[Blocks, NDArray[np.uint8], Blocks], None],
    ) -> Blocks:
        """Extend part after part, some parts ahead of the sender's answers, and unmask these with `unmask`."""
        got = np.empty((len(choices), BLOCK_BYTES), np.uint8)
        extended: asyncio.Queue[slice] = asyncio.Queue(_AHEAD)
        parts = _parts(len(choices), self._source.max_count)

        async def extend() -> None:
            for part in parts:
                await self._source.extend(choices[part], got[part])
                await extended.put(part)

        async def answer() -> None:
            for _ in parts:
                part = await extended.get()
                unmask(
                    got[part], choices[part], await receive_array(self._channel, np.uint8, got[part].shape[:1] + shape)
                )

        with self._once.call():
            await together(extend(), answer())
        return got


async def send(channel: Channel, messages: Blocks, *, k: int = 2, rng: Rng = system_rng) -> None:
    """Send one of each pair of messages, without learning which; with a setup of its own.

    Up to 128 pairs go by base OT directly, more by SoftSpokenOT; with none, nothing is said.

    Security: semi-honest, random-oracle model, computational Diffie-Hellman. Leaks the count.

    Args:
        channel: ordered channel to the receiver.
        messages: uint8 of shape (n, 2, 16).
        k: 1 to 8, the same at both sides.
        rng: the source of randomness.
    Raises:
        ValueError: messages has a wrong shape or dtype, or k is not between 1 and 8; nothing was sent.
        MessageError: the receiver's message has a wrong length or holds an invalid group element.
    Cost: n <= 128: 3 messages, sender 32 + 32 * n bytes, receiver 64 * n. Else those of `OtSender.setup` and `chosen`.
    """
    messages = _messages(messages)
    tree_depths(k)
    if len(messages) > KAPPA:
        await (await OtSender.setup(channel, k=k, rng=rng)).chosen(messages)
    elif len(messages):
        await OtSender(channel, BaseOtSender(channel, rng=rng)).chosen(messages)


async def receive(channel: Channel, choices: NDArray[np.uint8], *, k: int = 2, rng: Rng = system_rng) -> Blocks:
    """Obtain one message of each pair, without telling the sender which; with a setup of its own.

    Security: semi-honest, random-oracle model, computational Diffie-Hellman. Leaks the count.

    Args:
        channel: ordered channel to the sender.
        choices: shape (n,), values 0 or 1.
        k: 1 to 8, the same at both sides.
        rng: the source of randomness.
    Returns:
        uint8 of shape (n, 16); row i is messages[i, choices[i]].
    Raises:
        ValueError: choices has a wrong shape or value, or k is not between 1 and 8; nothing was sent.
        MessageError: the sender's message has a wrong length or holds an invalid group element.
    Cost: that of `send`.
    """
    choices = bits.as_bits(choices, "choices")
    tree_depths(k)
    if len(choices) > KAPPA:
        return await (await OtReceiver.setup(channel, k=k, rng=rng)).chosen(choices)
    if len(choices):
        return await OtReceiver(channel, BaseOtReceiver(channel, rng=rng)).chosen(choices)
    return np.empty((0, BLOCK_BYTES), np.uint8)
