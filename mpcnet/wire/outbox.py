"""What one end wants to send on one channel, and the credit it has for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from mpcnet.wire.frames import CHARGE_BYTES, MIN_PIECE_BYTES, UNCLAIMED_BYTES, Kind, pack_header

__all__ = ["Outbox", "Outgoing"]


class Outgoing:
    """A message on its way out: `done` once its last byte has left, or `error` says why it never will."""

    __slots__ = ("done", "error", "finish", "left", "n_bytes", "parts", "started")

    def __init__(self, parts: Sequence[memoryview]) -> None:
        self.parts = deque(parts)
        self.n_bytes = self.left = sum(map(len, parts))
        self.started = self.done = False
        self.error: Exception | None = None
        self.finish: Callable[[], None] | None = None

    def cut(self, n_bytes: int) -> list[memoryview]:
        """Take the next bytes, without a copy."""
        self.left -= n_bytes
        pieces: list[memoryview] = []
        while n_bytes:
            part = self.parts[0]
            if len(part) <= n_bytes:
                pieces.append(self.parts.popleft())
            else:
                pieces.append(part[:n_bytes])
                self.parts[0] = part[n_bytes:]
            n_bytes -= len(pieces[-1])
        return pieces

    def end(self, error: Exception | None = None) -> None:
        """Tell whoever waits for it."""
        self.done, self.error = True, error
        self.parts.clear()
        if self.finish is not None:
            self.finish()


class Outbox:
    """The messages that wait to leave on one channel, in order.

    Attributes:
        limit: the credit that the peer gave, in all since the channel's start. used: how much of it is gone.
    """

    __slots__ = ("limit", "queue", "used")

    def __init__(self) -> None:
        self.limit, self.used = UNCLAIMED_BYTES, 0
        self.queue: deque[Outgoing] = deque()

    @property
    def may_send(self) -> bool:
        """Whether there is a next piece, with the credit it needs."""
        if not self.queue:
            return False
        first = self.queue[0]
        charge = 0 if first.started else CHARGE_BYTES
        return self.limit - self.used >= charge + min(first.left, MIN_PIECE_BYTES)

    def next_piece(self, number: int, piece_bytes: int) -> tuple[list[bytes | memoryview], Outgoing]:
        """The next frame, of at most `piece_bytes`, and the message it is of; only where `may_send`."""
        outgoing = self.queue[0]
        if outgoing.started:
            n_bytes = min(outgoing.left, piece_bytes, self.limit - self.used)
            head = pack_header(Kind.MORE, n_bytes, channel=number)
        else:
            outgoing.started = True
            self.used += CHARGE_BYTES
            n_bytes = min(outgoing.left, piece_bytes, self.limit - self.used)
            head = pack_header(Kind.MESSAGE, n_bytes, channel=number, argument=outgoing.n_bytes)
        self.used += n_bytes
        frame: list[bytes | memoryview] = [head, *outgoing.cut(n_bytes)]
        if not outgoing.left:
            self.queue.popleft()
        return frame, outgoing

    def cancel(self, outgoing: Outgoing) -> bool:
        """Nobody waits for it any more: take it back (True) or, where it has begun, send the rest from a copy."""
        if outgoing.started:
            outgoing.parts = deque([memoryview(b"".join(outgoing.parts))])
            return False
        self.queue.remove(outgoing)
        outgoing.end()
        return True
