"""What every sender and receiver of OT must do, whatever they are made of; and a trusted party that does just that.

    await check_ot(maker)

`maker` is an async function that returns (sender, receiver, n_sent), connected and fresh; `n_sent()` counts the
messages said so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from protocols.errors import StateError
from tests.kit.channels import run_pair

Maker = Callable[[], Awaitable[tuple[Any, Any, Callable[[], int]]]]
COUNTS = (0, 1, 2, 7, 8, 127, 128, 129, 1000)


def select(pairs: np.ndarray, choices: np.ndarray) -> np.ndarray:
    return pairs[np.arange(len(choices)), choices.astype(int)]


async def check_random(sender: Any, receiver: Any, count: int) -> np.ndarray:
    pairs, (choices, got) = await run_pair(sender.random(count), receiver.random(count))
    assert pairs.dtype == choices.dtype == got.dtype == np.uint8
    assert pairs.shape == (count, 2, 16)
    assert choices.shape == (count,)
    assert got.shape == (count, 16)
    assert (choices <= 1).all()
    assert (got == select(pairs, choices)).all()
    assert (pairs[:, 0] != pairs[:, 1]).any(axis=1).all()
    if count >= 100:
        assert 0.2 < choices.mean() < 0.8
    return pairs


async def check_random_bits(sender: Any, receiver: Any, count: int, choices: np.ndarray) -> bytes:
    chosen = np.packbits(choices.astype(np.uint8), bitorder="little")
    (zeros, ones), got = await run_pair(sender.random_bits(count), receiver.random_bits(count, chosen))
    assert zeros.dtype == ones.dtype == got.dtype == np.uint8
    assert zeros.shape == ones.shape == got.shape == (-(-count // 8),)
    pairs, bits = (
        np.unpackbits([zeros, ones], axis=1, count=count, bitorder="little"),
        np.unpackbits(got, count=count, bitorder="little"),
    )
    assert (bits == select(pairs.T, choices)).all()
    if count >= 100:
        assert all(0.3 < row.mean() < 0.7 for row in (*pairs, pairs[0] ^ pairs[1]))
    return zeros.tobytes()


async def check_correlated(sender: Any, receiver: Any, choices: np.ndarray, delta: bytes) -> np.ndarray:
    keys, macs = await run_pair(sender.correlated(len(choices), delta), receiver.correlated(choices))
    assert keys.dtype == macs.dtype == np.uint8
    assert keys.shape == macs.shape == (len(choices), 16)
    offset = choices.astype(np.uint8)[:, None] * np.frombuffer(delta, np.uint8)
    assert (macs == keys ^ offset).all()
    return keys


async def check_chosen(sender: Any, receiver: Any, messages: np.ndarray, choices: np.ndarray) -> None:
    nothing, got = await run_pair(sender.chosen(messages), receiver.chosen(choices))
    assert nothing is None
    assert got.dtype == np.uint8
    assert got.shape == (len(choices), 16)
    assert (got == select(messages, choices)).all()


async def check_ot(maker: Maker) -> None:
    """Every variant at every count, mixed on one setup; wrong arguments; use out of turn."""
    random = np.random.default_rng(7)
    sender, receiver, n_sent = await maker()
    seen: set[bytes] = set()
    n_values = 0
    for count in COUNTS:
        pairs = await check_random(sender, receiver, count)
        choices = random.integers(0, 2, count)
        bits = [await check_random_bits(sender, receiver, count, choices) for _ in range(2)]
        assert count < 100 or bits[0] != bits[1]
        keys = await check_correlated(sender, receiver, choices, random.bytes(16))
        await check_chosen(sender, receiver, random.integers(0, 256, (count, 2, 16), np.uint8), choices)
        values = [row.tobytes() for row in pairs.reshape(-1, 16)] + [row.tobytes() for row in keys]
        n_values += len(values)
        seen.update(values)
    assert len(seen) == n_values, "a random value came twice"

    messages = random.integers(0, 256, (20, 2, 16), np.uint8)
    for constant in (0, 1):
        await check_correlated(sender, receiver, np.full(20, constant), bytes(range(16)))
        await check_chosen(sender, receiver, messages, np.full(20, constant, dtype=bool))
    await check_correlated(sender, receiver, random.integers(0, 2, 20), bytes(16))
    await check_wrong_arguments(sender, receiver, n_sent)
    await check_chosen(sender, receiver, messages, random.integers(0, 2, 20))
    await check_turns(*(await maker())[:2])


async def check_wrong_arguments(sender: Any, receiver: Any, n_sent: Callable[[], int]) -> None:
    """Each is a ValueError before the first byte, and does no harm."""
    before = n_sent()
    for wrong in (
        lambda: sender.random(-1),
        lambda: sender.random(1.5),
        lambda: sender.random(True),
        lambda: receiver.random(-1),
        lambda: receiver.random("3"),
        lambda: sender.random_bits(-1),
        lambda: receiver.random_bits(-1, np.zeros(0, np.uint8)),
        lambda: receiver.random_bits(9, np.zeros(1, np.uint8)),
        lambda: receiver.random_bits(8, np.zeros(1, np.int64)),
        lambda: sender.correlated(-1, bytes(16)),
        lambda: sender.correlated(3, bytes(15)),
        lambda: sender.chosen(np.zeros((3, 2, 15), np.uint8)),
        lambda: sender.chosen(np.zeros((3, 1, 16), np.uint8)),
        lambda: sender.chosen(np.zeros((3, 16), np.uint8)),
        lambda: sender.chosen(np.zeros((3, 2, 16), np.int64)),
        lambda: receiver.chosen(np.array([0, 1, 2])),
        lambda: receiver.chosen(np.array([0, -1])),
        lambda: receiver.chosen(np.array([0.0, 1.0])),
        lambda: receiver.chosen(np.zeros((2, 2), np.uint8)),
        lambda: receiver.correlated(np.array([3])),
        lambda: receiver.correlated(np.array("01")),
    ):
        with pytest.raises(ValueError, match=r"count|delta|messages|choices"):
            await wrong()
    with pytest.raises(TypeError):
        await sender.correlated(3, 16)
    assert n_sent() == before


async def check_turns(sender: Any, receiver: Any) -> None:
    """A second call while one is under way is refused; a call that fails ends the object."""
    first = asyncio.ensure_future(sender.random(5))
    await asyncio.sleep(0)
    with pytest.raises(StateError):
        await sender.random(5)
    await receiver.random(5)
    assert (await first).shape == (5, 2, 16)

    waiting = asyncio.ensure_future(sender.random(5))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(StateError):
        await sender.random(5)


class TrustedParty:
    """The ideal functionality: it sees everything, and tells each side what that side is to know."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._from_receiver: asyncio.Queue[np.ndarray] = asyncio.Queue()
        self._from_sender: asyncio.Queue[np.ndarray] = asyncio.Queue()
        self.n_told = 0

    def pairs(self, count: int) -> np.ndarray:
        return self._random.integers(0, 256, (count, 2, 16), np.uint8)

    def choices(self, count: int) -> np.ndarray:
        return self._random.integers(0, 2, count, np.uint8)

    async def sender_says(self, pairs: np.ndarray) -> None:
        self.n_told += 1
        await self._from_receiver.get()
        self._from_sender.put_nowait(pairs)

    async def receiver_says(self, choices: np.ndarray) -> np.ndarray:
        self.n_told += 1
        self._from_receiver.put_nowait(choices)
        return select(await self._from_sender.get(), choices)


class IdealOtSender:
    """Stands in for `OtSender` where a test wants no cryptography."""

    def __init__(self, party: TrustedParty) -> None:
        self._party, self._state = party, "ready"

    async def _say(self, pairs: np.ndarray) -> None:
        if self._state != "ready":
            raise StateError(f"this sender is {self._state}")
        self._state = "busy"
        try:
            await self._party.sender_says(pairs)
        except BaseException:
            self._state = "broken"
            raise
        self._state = "ready"

    async def random(self, count: int) -> np.ndarray:
        pairs = self._party.pairs(_count(count))
        await self._say(pairs)
        return pairs

    async def random_bits(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = await self.random(count)
        zeros, ones = (np.packbits(pairs[:, side, 0] & 1, bitorder="little") for side in (0, 1))
        return zeros, ones

    async def correlated(self, count: int, delta: bytes) -> np.ndarray:
        if len(delta) != 16:
            raise ValueError("delta")
        pairs = self._party.pairs(_count(count))
        pairs[:, 1] = pairs[:, 0] ^ np.frombuffer(delta, np.uint8)
        await self._say(pairs)
        return pairs[:, 0]

    async def chosen(self, messages: np.ndarray) -> None:
        if messages.dtype != np.uint8 or messages.shape[1:] != (2, 16):
            raise ValueError("messages")
        await self._say(messages)


class IdealOtReceiver:
    """Stands in for `OtReceiver` where a test wants no cryptography."""

    def __init__(self, party: TrustedParty) -> None:
        self._party = party

    async def random(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        choices = self._party.choices(_count(count))
        return choices, await self._party.receiver_says(choices)

    async def random_bits(self, count: int, choices: np.ndarray) -> np.ndarray:
        if choices.dtype != np.uint8 or choices.shape != (-(-_count(count) // 8),):
            raise ValueError("choices")
        got = await self._party.receiver_says(np.unpackbits(choices, count=count, bitorder="little"))
        return np.packbits(got[:, 0] & 1, bitorder="little")

    async def correlated(self, choices: np.ndarray) -> np.ndarray:
        return await self.chosen(choices)

    async def chosen(self, choices: np.ndarray) -> np.ndarray:
        if choices.ndim != 1 or choices.dtype.kind not in "bui" or not np.isin(choices, (0, 1)).all():
            raise ValueError("choices")
        return await self._party.receiver_says(choices)


def _count(count: object) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError("count")
    return count


async def ideal_ot() -> tuple[IdealOtSender, IdealOtReceiver, Callable[[], int]]:
    """A maker of the ideal twin."""
    party = TrustedParty()
    return IdealOtSender(party), IdealOtReceiver(party), lambda: party.n_told
