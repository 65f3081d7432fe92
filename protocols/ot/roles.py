"""The two roles: random, correlated and chosen OT, as often as one likes, after one setup.

A role does one call at a time; `fork` makes others that run beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from protocols import bits
from protocols.channel import Channel, receive_array
from protocols.ot import derive
from protocols.ot.contract import Blocks, Packed, RandomOtReceiver, RandomOtSender
from protocols.ot.extension import SoftSpokenReceiver, SoftSpokenSender
from protocols.ot.parts import TOGETHER, Once, bytes_of, checked_count, groups_of, make_all, nothing, packed, size_of
from protocols.ot.work import run, together
from protocols.rng import Rng, system_rng

__all__ = ["OtReceiver", "OtSender", "messages_of"]

T = TypeVar("T")
BLOCK_BYTES = 16
_AHEAD = 1  # groups of parts that wait for the sender's answers, besides the one whose answers are awaited


def messages_of(messages: Any) -> Blocks:
    """Pairs of messages, checked.

    Raises:
        ValueError: a wrong shape or dtype.
    """
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
        self._channel, self._source, self._once = channel, source, Once()

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
        count = checked_count(count)
        pairs = np.empty((count, 2, BLOCK_BYTES), np.uint8)
        await self._all(count, lambda part, begun: self._source.blocks(begun, pairs[part]), nothing)
        return pairs

    async def random_bits(self, count: int) -> tuple[Packed, Packed]:
        """Random pairs of bits: bit 0 of the messages that `random` would give, in less time.

        Returns:
            the bits of all zero messages and those of all one messages, packed: uint8 of shape (ceil(count / 8),).
        Raises and costs what `random` does.
        """
        count = checked_count(count)
        zeros, ones = np.empty((2, bits.packed_bytes(count)), np.uint8)

        def make(part: slice, begun: Any) -> None:
            self._source.low_bits(begun, zeros[bytes_of(part)], ones[bytes_of(part)])

        await self._all(count, make, nothing)
        return zeros, ones

    async def each(
        self, count: int, use: Callable[[slice, Blocks], T], then: Callable[[list[T]], Awaitable[None]]
    ) -> None:
        """Random pairs that are used at once, part after part, where the caches still hold them.

        Args:
            count: how many.
            use: called for each part, the OTs of one message, with its place among all and the pairs, uint8 of shape
                (n, 2, 16), in the thread that made them; their memory is then taken for others.
            then: awaited with what `use` gave for the parts that were made together, TOGETHER at most.
        Errors and cost: those of `random`.
        """
        await self._all(checked_count(count), self._used_at_once(count, use), then)

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
        count, delta = checked_count(count), bytes(memoryview(delta))  # bytes(16) of a number would be 16 zeros
        if len(delta) != BLOCK_BYTES:
            raise ValueError(f"delta must have {BLOCK_BYTES} bytes, not {len(delta)}")
        keys = np.empty((count, BLOCK_BYTES), np.uint8)
        use = self._used_at_once(count, lambda part, pairs: derive.correlate(pairs, delta, keys[part]))
        await self._all(count, use, self._send_all)
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
        messages = messages_of(messages)
        space = np.empty((min(len(messages), TOGETHER * self._source.max_count), 2, BLOCK_BYTES), np.uint8)

        def make(part: slice, begun: Any) -> Blocks:
            start = part.start % len(space)  # a place of its own in its group, because that is what is sent
            pairs = space[start : start + part.stop - part.start]
            self._source.blocks(begun, pairs)
            return derive.mask_messages(pairs, messages[part])

        await self._all(len(messages), make, self._send_all)

    def _used_at_once(self, count: int, use: Callable[[slice, Blocks], T]) -> Callable[[slice, Any], T]:
        """Make pairs in memory that the next part takes, and use them."""
        space = np.empty((min(count, self._source.max_count), 2, BLOCK_BYTES), np.uint8)

        def make(part: slice, begun: Any) -> T:
            pairs = space[: part.stop - part.start]
            self._source.blocks(begun, pairs)
            return use(part, pairs)

        return make

    async def _send_all(self, messages: list[Blocks]) -> None:
        for message in messages:
            await self._channel.send(message)

    async def _all(
        self, count: int, make: Callable[[slice, Any], T], then: Callable[[list[T]], Awaitable[None]]
    ) -> None:
        """Go through all parts, TOGETHER in one go: hear what they need, one trip to a thread for `make`, `then`."""
        with self._once.call():
            for group in groups_of(count, self._source.max_count):
                begun = [await self._source.begin(part.stop - part.start) for part in group]
                await then(await run(make_all, make, group, begun, long=self._source.is_long(size_of(group))))


class OtReceiver:
    """The receiver of OTs. `setup` makes one; both sides then make the same calls in the same order.

    Security: that of its source; `setup` takes SoftSpokenOT, semi-honest (`protocols.ot.extension`). Leaks the counts.

    Args:
        channel: to the sender, for this object alone.
        source: where random OTs come from.
        rng: the source of the choices of `random`.
    """

    def __init__(self, channel: Channel, source: RandomOtReceiver, *, rng: Rng = system_rng) -> None:
        self._channel, self._source, self._rng, self._once = channel, source, rng, Once()

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
        count = checked_count(count)
        chosen = None if choices is None else bits.as_bits(choices, "choices")
        if chosen is not None and len(chosen) != count:
            raise ValueError(f"choices must have shape ({count},), not ({len(chosen)},)")
        if chosen is None:
            chosen = bits.random_bits(self._rng, count)
        got = np.empty((count, BLOCK_BYTES), np.uint8)
        with self._once.call():
            await self._all(count, packed(chosen), lambda part, begun: self._into(got, part, begun), nothing)
        return chosen, got

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
        count = checked_count(count)
        if choices.dtype != np.uint8 or choices.shape != (bits.packed_bytes(count),):
            raise ValueError(
                f"choices must be uint8 of shape ({bits.packed_bytes(count)},), not {choices.dtype} {choices.shape}"
            )
        got = np.empty(bits.packed_bytes(count), np.uint8)

        def make(part: slice, begun: Any) -> tuple[Packed, None]:
            return self._source.low_bits(begun, got[bytes_of(part)]), None

        with self._once.call():
            await self._all(count, lambda part: choices[bytes_of(part)], make, nothing)
        return got

    async def each(
        self,
        count: int,
        choose: Callable[[slice], Packed],
        use: Callable[[slice, Blocks], T],
        then: Callable[[list[T]], Awaitable[None]],
    ) -> None:
        """Random OT whose messages are used at once, part after part, as `OtSender.each`.

        Args:
            count: how many.
            choose: gives the choices of a part, packed, uint8 of shape (ceil(n / 8),), in a thread.
            use: takes the messages of a part, uint8 of shape (n, 16), in the same thread; their memory is then taken
                for others.
            then: awaited with what `use` gave for the parts that were made together, when they have been sent.
        Errors and cost: those of `random`.
        """
        count = checked_count(count)
        space = np.empty((min(count, self._source.max_count), BLOCK_BYTES), np.uint8)

        def make(part: slice, begun: Any) -> tuple[Packed, T]:
            pads = space[: part.stop - part.start]
            message = self._source.blocks(begun, pads)
            return message, use(part, pads)

        with self._once.call():
            await self._all(count, choose, make, then)

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
        extended: asyncio.Queue[list[slice]] = asyncio.Queue(_AHEAD)
        n_groups = len(groups_of(len(choices), self._source.max_count))

        async def answer() -> None:
            for _ in range(n_groups):
                group = await extended.get()
                messages = [await receive_array(self._channel, np.uint8, got[part].shape[:1] + shape) for part in group]

                def finish(group: list[slice] = group, messages: list[Blocks] = messages) -> None:
                    for part, message in zip(group, messages, strict=True):
                        unmask(got[part], choices[part], message)

                await run(finish, long=self._source.is_long(size_of(group)))

        def make(part: slice, begun: Any) -> tuple[Packed, slice]:
            return self._source.blocks(begun, got[part]), part

        with self._once.call():
            await together(self._all(len(choices), packed(choices), make, extended.put), answer())
        return got

    def _into(self, got: Blocks, part: slice, begun: Any) -> tuple[Packed, None]:
        return self._source.blocks(begun, got[part]), None

    async def _all(
        self,
        count: int,
        choose: Callable[[slice], Packed],
        make: Callable[[slice, Any], tuple[Packed, T]],
        then: Callable[[list[T]], Awaitable[None]],
    ) -> None:
        """Go through all parts, TOGETHER in one go: one trip to a thread for `make`, all messages, `then`."""
        for group in groups_of(count, self._source.max_count):
            begun = [await self._source.begin(part.stop - part.start, partial(choose, part)) for part in group]
            made = await run(make_all, make, group, begun, long=self._source.is_long(size_of(group)))
            for message, _ in made:
                if len(message):
                    await self._channel.send(message)
            await then([used for _, used in made])
