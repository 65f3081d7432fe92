"""Two ends of a channel in memory, in several tempers, with counters, a transcript and a place to tamper.

buffered   sends never wait
lockstep   a send waits until the peer has received it: finds protocols that deadlock on a slow peer
trickling  every send and receive yields to the loop several times: finds wrong assumptions about interleaving
delayed    a message arrives a second later, without a wait for the sender: counts rounds, see `tests.kit.rounds`
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from protocols.channel import Buffer
from protocols.errors import MessageError

Temper = Literal["buffered", "lockstep", "trickling", "delayed"]
TEMPERS: tuple[Temper, ...] = ("buffered", "lockstep", "trickling")
Tamper = Callable[[str, str, int, bytes], list[bytes]]
"""(sender, label path, number of the message on that channel, message) -> the messages to deliver instead."""


@dataclass
class Wire:
    """What the two ends share: the transcript of a run."""

    temper: Temper = "buffered"
    tamper: Tamper | None = None
    messages: list[tuple[str, str, bytes]] = field(default_factory=list)
    queues: dict[tuple[str, str], asyncio.Queue[tuple[bytes, asyncio.Event]]] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    delayed: dict[tuple[str, str], deque[tuple[bytes, asyncio.Event]]] = field(default_factory=dict)

    def queue(self, sender: str, path: str) -> asyncio.Queue[tuple[bytes, asyncio.Event]]:
        return self.queues.setdefault((sender, path), asyncio.Queue())

    def delay(self, key: tuple[str, str], item: tuple[bytes, asyncio.Event]) -> None:
        """Put an item into a queue a second later; the loop's timers keep no order among equals, so this does."""
        waiting = self.delayed.setdefault(key, deque())
        waiting.append(item)
        asyncio.get_running_loop().call_later(1, lambda: self.queue(*key).put_nowait(waiting.popleft()))

    def n_bytes(self, sender: str) -> int:
        """Bytes that one end sent, over all forks."""
        return sum(len(data) for who, _, data in self.messages if who == sender)

    def n_messages(self, sender: str) -> int:
        return sum(who == sender for who, _, _ in self.messages)

    def hash(self) -> str:
        """A hash of everything said, channel by channel: what `wire_hashes.json` freezes."""
        h = hashlib.sha256()
        by_channel: dict[tuple[str, str], list[bytes]] = {}
        for who, path, data in self.messages:
            by_channel.setdefault((path, who), []).append(data)
        for (path, who), parts in sorted(by_channel.items()):
            h.update(f"{path}|{who}|{len(parts)}\n".encode())
            for data in parts:
                h.update(len(data).to_bytes(8, "little"))
                h.update(data)
        return h.hexdigest()


class MemoryChannel:
    """One end of a channel in memory."""

    def __init__(self, wire: Wire, me: str, peer: str, path: str, session_id: bytes) -> None:
        self.wire, self.me, self.peer, self.path, self.session_id = wire, me, peer, path, session_id
        self._labels: set[str] = set()

    async def send(self, *parts: Buffer) -> None:
        message = b"".join(
            bytes(np.ascontiguousarray(p).data) if isinstance(p, np.ndarray) else bytes(p) for p in parts
        )
        wire, key = self.wire, (self.me, self.path)
        number = wire.counts.get(key, 0)
        wire.counts[key] = number + 1
        wire.messages.append((self.me, self.path, message))
        delivered = [message] if wire.tamper is None else wire.tamper(self.me, self.path, number, message)
        for data in delivered:
            read = asyncio.Event()
            if wire.temper == "trickling":
                for _ in range(3):
                    await asyncio.sleep(0)
            if wire.temper == "delayed":
                wire.delay(key, (data, read))
            else:
                wire.queue(*key).put_nowait((data, read))
            if wire.temper == "lockstep":
                await read.wait()

    async def receive(self, n_bytes: int) -> memoryview:
        if self.wire.temper == "trickling":
            for _ in range(5):
                await asyncio.sleep(0)
        data, read = await self.wire.queue(self.peer, self.path).get()
        read.set()
        if len(data) != n_bytes:
            raise MessageError(f"expected a message of {n_bytes} bytes, got {len(data)}", peer=self.peer)
        return memoryview(bytearray(data))

    def fork(self, label: str) -> MemoryChannel:
        if label in self._labels:
            raise ValueError(f"label {label!r} is in use on this channel")
        self._labels.add(label)
        session_id = hashlib.blake2b(label.encode(), key=self.session_id, digest_size=32).digest()
        return MemoryChannel(self.wire, self.me, self.peer, f"{self.path}/{label}", session_id)


def channel_pair(
    temper: Temper = "buffered", tamper: Tamper | None = None, names: tuple[str, str] = ("left", "right")
) -> tuple[MemoryChannel, MemoryChannel]:
    """Two connected ends; `.wire` of either holds the transcript."""
    wire, session_id = Wire(temper, tamper), bytes(range(32))
    left, right = names
    return MemoryChannel(wire, left, right, "", session_id), MemoryChannel(wire, right, left, "", session_id)


async def run_pair(left: Awaitable[Any], right: Awaitable[Any], *, seconds: float = 60) -> tuple[Any, Any]:
    """Run two roles against each other; the first error ends both and is raised as it is."""
    tasks = [asyncio.ensure_future(left), asyncio.ensure_future(right)]
    try:
        done, pending = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task in done:
                task.result()
        if pending:
            raise TimeoutError(f"a role did not finish in {seconds} s")
        return tasks[0].result(), tasks[1].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
