"""In-process networks: the same links, channels and frames as over TLS, over pipes in memory.

For tests and for simulation: a pipe may have latency and bandwidth, and a hook that sees each frame on its way and
may change, drop, repeat or cut it. There is no TLS and no handshake. Time is the loop's own.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from mpcnet.wire.connection import Link
from mpcnet.wire.driver import Receiver
from mpcnet.wire.mux import PIECE_BYTES, WINDOW_BYTES

__all__ = ["MemoryTransport", "Tamper", "memory_links", "memory_mesh"]

Tamper = Callable[[str, str, int, bytes], list[bytes]]
"""(sender, receiver, number of the frame in that direction, frame) -> what to deliver in its place."""

HIGH_WATER_BYTES: Final = 1024 * 1024


class MemoryTransport:
    """One end of a pipe; `mpcnet.wire.driver.Transport`.

    Args:
        me, peer: names, for the tamper hook.
        latency_seconds: from the moment a byte has left until it arrives.
        bandwidth: bytes a second that leave; None for no limit.
        tamper: see `Tamper`.
    """

    def __init__(
        self,
        me: str,
        peer: str,
        *,
        latency_seconds: float = 0.0,
        bandwidth: float | None = None,
        tamper: Tamper | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._me, self._peer = me, peer
        self._latency, self._bandwidth, self._tamper = latency_seconds, bandwidth, tamper
        self._other: MemoryTransport | None = None
        self._receiver: Receiver | None = None
        self._frames = 0
        self._way: deque[tuple[float, bytes | None]] = deque()  # arrival time and bytes; None is the end
        self._way_bytes = 0
        self._busy_until = 0.0
        self._carries = self._awaits_room = False
        self._state = "open"
        self._timer: asyncio.TimerHandle | None = None
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.wire_sent = self.wire_received = 0

    def join(self, other: MemoryTransport) -> None:
        """Make the two the ends of one pipe."""
        self._other, other._other = other, self

    def start(self, receiver: Receiver) -> None:
        """Begin to deliver what the other end sent."""
        self._receiver = receiver
        if self._other is not None:
            self._other._schedule()

    @property
    def has_room(self) -> bool:
        """Whether less than the pipe's buffer waits to leave."""
        if self._state != "open":
            return False
        if self._bandwidth is not None:
            return (self._busy_until - self._loop.time()) * self._bandwidth < HIGH_WATER_BYTES
        return self._latency > 0 or self._way_bytes < HIGH_WATER_BYTES

    def write(self, frame: Sequence[bytes | memoryview]) -> None:
        """Put a copy of the frame on its way."""
        if self._state != "open":
            return
        data, self._frames = b"".join(frame), self._frames + 1
        pieces = [data] if self._tamper is None else self._tamper(self._me, self._peer, self._frames - 1, data)
        for piece in pieces:
            self._busy_until = max(self._busy_until, self._loop.time())
            if self._bandwidth is not None:
                self._busy_until += len(piece) / self._bandwidth
            self.wire_sent += len(piece)
            self._way_bytes += len(piece)
            self._way.append((self._busy_until + self._latency, piece))
        self._schedule()
        if self._bandwidth is not None and not self.has_room and not self._awaits_room:
            self._awaits_room = True
            self._loop.call_at(self._busy_until - HIGH_WATER_BYTES / 2 / self._bandwidth, self._on_room)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self, seconds: float) -> None:
        """End this direction; over when the other has ended too, or after `seconds`."""
        if self._state != "open":
            return
        self._state = "closing"
        self._way.append((max(self._busy_until, self._loop.time()) + self._latency, None))
        self._schedule()
        self._timer = self._loop.call_later(seconds, self.kill)
        if self._other is None or self._other._state == "closed":
            self.kill()

    def kill(self) -> None:
        """End both directions; what is on its way still arrives."""
        if self._state == "closed":
            return
        if self._state == "open":
            self._way.append((max(self._busy_until, self._loop.time()) + self._latency, None))
            self._schedule()
        self._state = "closed"
        if self._timer is not None:
            self._timer.cancel()
        if not self.closed.done():
            self.closed.set_result(None)

    def _schedule(self) -> None:
        if self._carries or not self._way or self._other is None or self._other._receiver is None:
            return
        self._carries = True
        arrival = self._way[0][0]
        if arrival <= self._loop.time():
            self._loop.call_soon(self._carry)
        else:
            self._loop.call_at(arrival, self._carry)

    def _carry(self) -> None:
        """Deliver what has arrived by now."""
        assert self._other is not None
        self._carries = False
        now = self._loop.time()
        for _ in range(len(self._way)):
            if self._way[0][0] > now:
                break
            _, data = self._way.popleft()
            self._way_bytes -= len(data or b"")
            self._other._arrive(data)
        self._other._rest()
        self._schedule()
        if self.has_room and self._receiver is not None:
            self._receiver.writable()

    def _on_room(self) -> None:
        self._awaits_room = False
        if self.has_room and self._receiver is not None:
            self._receiver.writable()

    def _arrive(self, data: bytes | None) -> None:
        receiver = self._receiver
        if data is None:
            was_open = self._state == "open"
            self.kill()
            if was_open and receiver is not None:
                receiver.lost("closed the connection without a goodbye")
            return
        self.wire_received += len(data)
        view, start = memoryview(data), 0
        while start < len(view) and self._state == "open" and receiver is not None:
            place = receiver.direct()
            if place is None:
                receiver.feed(view[start : start + HIGH_WATER_BYTES])
                start = len(view)
            else:
                n_bytes = min(len(place), len(view) - start)
                place[:n_bytes] = view[start : start + n_bytes]
                start += n_bytes
                receiver.advance(n_bytes)

    def _rest(self) -> None:
        if self._state == "open" and self._receiver is not None:
            self._receiver.read_some()


def memory_links(
    left: str,
    right: str,
    *,
    session_id: bytes,
    latency_seconds: float = 0.0,
    bandwidth: float | None = None,
    tamper: Tamper | None = None,
    liveness_seconds: float | None = None,
    window_bytes: int = WINDOW_BYTES,
    piece_bytes: int = PIECE_BYTES,
) -> tuple[Link, Link]:
    """Two joined links; arguments as for `memory_mesh`."""
    ends = [
        MemoryTransport(me, peer, latency_seconds=latency_seconds, bandwidth=bandwidth, tamper=tamper)
        for me, peer in ((left, right), (right, left))
    ]
    ends[0].join(ends[1])
    links = [
        Link(
            me,
            peer,
            end,
            liveness_seconds=liveness_seconds,
            window_bytes=window_bytes,
            piece_bytes=piece_bytes,
        )
        for (me, peer), end in zip(((left, right), (right, left)), ends, strict=True)
    ]
    for link in links:
        link.stand(session_id)
        link.start()
    return links[0], links[1]


def memory_mesh(
    names: Sequence[str],
    *,
    latency_seconds: float = 0.0,
    bandwidth: float | None = None,
    tamper: Tamper | None = None,
    liveness_seconds: float | None = None,
    window_bytes: int = WINDOW_BYTES,
    piece_bytes: int = PIECE_BYTES,
) -> tuple[list[dict[str, Link]], bytes]:
    """A full mesh of links between parties in this process; needs a running event loop.

    Args:
        names: the parties, in party order, no two alike.
        latency_seconds: one way, for each link.
        bandwidth: bytes a second, for each link and direction; None for no limit.
        tamper: what happens to frames on their way.
        liveness_seconds: how long a peer may be silent; None for no heartbeats, so that byte counts are exact.
        window_bytes, piece_bytes: see `Mux`.
    Returns:
        for each party its links by the peer's name, and the session id, which depends on the names alone.
    """
    if len(set(names)) != len(names):
        raise ValueError("two parties have the same name")
    session_id = hashlib.blake2b("\0".join(names).encode(), digest_size=32, person=b"mpcnet-memory").digest()
    mesh: list[dict[str, Link]] = [{} for _ in names]
    for i, j in itertools.combinations(range(len(names)), 2):
        mesh[i][names[j]], mesh[j][names[i]] = memory_links(
            names[i],
            names[j],
            session_id=session_id,
            latency_seconds=latency_seconds,
            bandwidth=bandwidth,
            tamper=tamper,
            liveness_seconds=liveness_seconds,
            window_bytes=window_bytes,
            piece_bytes=piece_bytes,
        )
    return mesh, session_id
