"""Collects the timeline of one session: phases, work, messages, and how long each was waited for.

A tracer sees sizes, times and labels of channels, and never a byte of a message. It holds a limited number of events;
what comes after is counted and left out. Without one a session does nothing of this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from protocols.channel import Buffer, Channel

__all__ = ["Event", "Tracer"]

MAX_EVENTS: Final = 400_000
SHORT_SECONDS: Final = 20e-6  # of work or of waiting: not worth an event


class Event(NamedTuple):
    """Something that took time.

    Attributes:
        kind: "phase", "work", "send" or "wait".
        name: of the phase or the function; the label of the channel.
        start, end: seconds, by `time.perf_counter`.
        peer: of the channel; "" where there is none.
        number, n_bytes: of a message, counted in its direction on its channel from 0.
    """

    kind: str
    name: str
    start: float
    end: float
    peer: str = ""
    number: int = 0
    n_bytes: int = 0


class Tracer:
    """The timeline of one session at one party; hand it to `mpcnet.connect(..., trace=tracer)`.

    Attributes:
        events: in the order of their ends.
        dropped: how many there was no room for.
        started, epoch: the same moment by `time.perf_counter` and in seconds since the epoch.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.dropped = 0
        self.started, self.epoch = time.perf_counter(), time.time()
        self.party, self.parties, self.session_id = "", (), b""  # type: tuple[str, tuple[str, ...], bytes]
        self.stands = self.started

    def begin(self, party: str, parties: tuple[str, ...], session_id: bytes) -> None:
        """The session stands: every party comes here at about the same moment."""
        self.party, self.parties, self.session_id = party, parties, session_id
        self.stands = time.perf_counter()

    def phase(self, name: str, start: float, end: float) -> None:
        """A phase of the session is over."""
        self._add(Event("phase", name, start, end))

    def worked(self, function: Callable[..., Any], start: float, end: float) -> None:
        """A function has run; for `protocols.ot.work.watcher`."""
        if end - start >= SHORT_SECONDS:
            name = str(getattr(function, "__qualname__", "work")).rpartition(".")[2].strip("_<>")
            module = str(getattr(function, "__module__", "")).rpartition(".")[2]
            self._add(Event("work", f"{module}.{name}", start, end))

    def watch(self, channel: Channel, label: str) -> Channel:
        """The channel, with its messages noted."""
        return _Watched(self, channel, label)

    def sent(self, channel: _Watched, number: int, n_bytes: int, start: float) -> None:
        """A message has left."""
        self._add(Event("send", channel.label, start, time.perf_counter(), channel.peer, number, n_bytes))

    def received(self, channel: _Watched, number: int, n_bytes: int, start: float) -> None:
        """A message is here that was asked for at `start`."""
        self._add(Event("wait", channel.label, start, time.perf_counter(), channel.peer, number, n_bytes))

    def _add(self, event: Event) -> None:
        if len(self.events) < MAX_EVENTS:
            self.events.append(event)
        else:
            self.dropped += 1


class _Watched:
    """A channel whose messages are noted; `protocols.channel.Channel`."""

    __slots__ = ("_channel", "_received", "_sent", "_tracer", "label", "peer", "session_id")

    def __init__(self, tracer: Tracer, channel: Channel, label: str) -> None:
        self.peer, self.session_id, self.label = channel.peer, channel.session_id, label
        self._tracer, self._channel = tracer, channel
        self._sent = self._received = 0

    async def send(self, *parts: Buffer) -> None:
        start, number = time.perf_counter(), self._sent
        self._sent += 1
        n_bytes = sum(part.nbytes if isinstance(part, np.ndarray | memoryview) else len(part) for part in parts)
        await self._channel.send(*parts)
        self._tracer.sent(self, number, n_bytes, start)

    async def receive(self, n_bytes: int) -> memoryview:
        start = time.perf_counter()
        message = await self._channel.receive(n_bytes)
        self._tracer.received(self, self._received, n_bytes, start)
        self._received += 1
        return message

    def fork(self, label: str) -> _Watched:
        return _Watched(self._tracer, self._channel.fork(label), f"{self.label}/{label}")

    def close(self) -> None:
        close = getattr(self._channel, "close", None)
        if close is not None:
            close()
