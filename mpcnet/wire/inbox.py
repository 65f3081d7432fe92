"""What arrives at one end of one channel, the credit given for it, and who waits for it.

Nothing is allocated on the peer's word: until somebody asks for a message of just that length, what comes lies in
chunks, one a frame, within the credit that was given. From then on it goes straight to its place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn

import numpy as np

from mpcnet.errors import FrameError
from mpcnet.wire.frames import CHARGE_BYTES, MAX_MESSAGE_BYTES, MIN_PIECE_BYTES, UNCLAIMED_BYTES
from protocols.errors import MessageError

__all__ = ["Inbox", "Incoming"]

_SMALL: Final = 4096


class Incoming:
    """A message that this end waits for: `done` once `data` holds it, or `error` says why it never will."""

    __slots__ = ("data", "done", "error", "finish", "n_bytes")

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self.data: memoryview | None = None
        self.done = False
        self.error: Exception | None = None
        self.finish: Callable[[], None] | None = None

    def end(self, data: memoryview | None, error: Exception | None = None) -> None:
        """Tell whoever waits for it."""
        self.done, self.data, self.error = True, data, error
        if self.finish is not None:
            self.finish()


class Arrival:
    """A message of which a part has come.

    Attributes:
        length: of the whole, as the peer says.
        got: how much has come, in whole frames.
        owner: who waits for it; None while nobody does.
        place: room for the whole, once somebody asked for just that length; until then it lies in `chunks`.
    """

    __slots__ = ("chunks", "got", "length", "owner", "place")

    def __init__(self, length: int, got: int = 0) -> None:
        self.length, self.got = length, got
        self.owner: Incoming | None = None
        self.place: memoryview | None = None
        self.chunks: list[memoryview] = []

    def settle(self) -> memoryview:
        """Make room for the whole message, and move there what lies in chunks."""
        chunks, self.chunks = self.chunks, []
        whole = len(chunks) == 1 and len(chunks[0]) == self.length
        self.place = place = chunks[0] if whole else _room(self.length)
        start = 0
        for chunk in () if whole else chunks:
            place[start : start + len(chunk)] = chunk
            start += len(chunk)
        return place


class Inbox:
    """The messages that arrive on one channel, in order.

    Args:
        peer: named in errors.
        show: names the channel in errors.

    Attributes:
        window: credit while nobody waits. limit: credit given so far, in all. got: how much of it came. consumed: how
            much of that takes no room here any more. wanted: what is still to come of messages somebody waits for.
        error: a message had the wrong length, and the channel is of no more use.
        received, received_bytes: messages that were handed over, and their bytes.
    """

    __slots__ = (
        "_arrival",
        "_closed",
        "_in_place",
        "_queued",
        "_waiting",
        "consumed",
        "error",
        "got",
        "limit",
        "peer",
        "received",
        "received_bytes",
        "show",
        "wanted",
        "window",
    )

    def __init__(self, peer: str, show: str) -> None:
        self.peer, self.show = peer, show
        self.window = self.limit = UNCLAIMED_BYTES
        self.got = self.consumed = self.wanted = 0
        self.received = self.received_bytes = 0
        self.error: Exception | None = None
        self._closed = self._in_place = False
        self._arrival: Arrival | None = None
        self._queued: deque[memoryview] = deque()
        self._waiting: deque[Incoming] = deque()

    @property
    def fair_limit(self) -> int:
        """The credit that the peer should have: for all that needs no room, and a window."""
        return self.consumed + self.wanted + self.window

    @property
    def has_news(self) -> bool:
        """Whether so much credit is free that it is worth a frame to say so.

        Whoever waits is never stuck for it: the peer then has credit for what is wanted and half a window.
        """
        return not self._closed and self.fair_limit - self.limit >= self.window // 2

    @property
    def is_between_messages(self) -> bool:
        """Whether nothing has begun to arrive, or nobody cares any more."""
        return self._arrival is None or self._closed

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for a message."""
        return bool(self._waiting) or (self._arrival is not None and self._arrival.owner is not None)

    @property
    def _is_deaf(self) -> bool:
        return self._closed or self.error is not None

    def receive(self, n_bytes: int, refusal: Exception | None) -> Incoming:
        """Wait for one message of exactly `n_bytes`; it may be done at once.

        Args:
            n_bytes: the length.
            refusal: why nothing more will come, if so; what came before is still handed over.
        """
        incoming, arrival = Incoming(n_bytes), self._arrival
        if self._closed:
            incoming.end(None, refusal)
            return incoming
        if self.error is None and self._queued:
            if len(self._queued[0]) == n_bytes:
                self.consumed += CHARGE_BYTES + n_bytes
                self._hand_over(incoming, self._queued.popleft())
                return incoming
            self._refuse(n_bytes, len(self._queued[0]))
        elif self.error is None and arrival is not None and arrival.owner is None and arrival.length != n_bytes:
            self._refuse(n_bytes, arrival.length)
        error = self.error or refusal
        if error is not None:
            incoming.end(None, error)
        elif arrival is not None and arrival.owner is None:
            arrival.owner = incoming
            if arrival.place is None:
                arrival.settle()
                self.consumed += CHARGE_BYTES + arrival.got
                self.wanted += arrival.length - arrival.got
        else:
            self._waiting.append(incoming)
            self.wanted += CHARGE_BYTES + n_bytes
        return incoming

    def cancel(self, incoming: Incoming) -> None:
        """Nobody waits for it any more: what has begun to arrive, or has just arrived, is kept for the next one."""
        if incoming.done:
            self._take_back(incoming)
        elif self._arrival is not None and self._arrival.owner is incoming:
            self._arrival.owner = None
        else:
            self._waiting.remove(incoming)
            self.wanted -= CHARGE_BYTES + incoming.n_bytes

    def end_waiting(self, error: Exception) -> None:
        """Everybody who waits gets the error."""
        if self._arrival is not None and self._arrival.owner is not None:
            owner, self._arrival.owner = self._arrival.owner, None
            owner.end(None, error)
        while self._waiting:
            incoming = self._waiting.popleft()
            self.wanted -= CHARGE_BYTES + incoming.n_bytes
            incoming.end(None, error)

    def close(self, error: Exception) -> None:
        """This end listens no more: what is here and what still comes is dropped."""
        self._closed = True
        self._drop(error)

    def begin(self, length: int | None, n_bytes: int) -> memoryview:
        """A frame of `n_bytes` begins, the first of a message of `length` or (None) a further one; say where it goes.

        Raises:
            FrameError: out of turn, too long, too short a piece, or beyond the credit.
        """
        arrival = self._arrival
        if length is not None:
            if arrival is not None:
                self._bad("a new message before the last one was complete")
            if length > MAX_MESSAGE_BYTES or n_bytes > length:
                self._bad(f"a message of {length} bytes that begins with {n_bytes}")
            self.got += CHARGE_BYTES
        elif arrival is None or n_bytes > arrival.length - arrival.got:
            self._bad("more of a message than it has")
        left = length if arrival is None else arrival.length - arrival.got
        assert left is not None
        if n_bytes < min(MIN_PIECE_BYTES, left):
            self._bad(f"a piece of {n_bytes} bytes of a longer message")
        self.got += n_bytes
        if self.got > self.limit:
            self._bad(f"{self.got - self.limit} bytes beyond its credit")
        if arrival is None:
            arrival = self._start(left)
        self._in_place = arrival.place is not None
        if arrival.place is not None:
            return arrival.place[arrival.got : arrival.got + n_bytes]
        return memoryview(bytearray(n_bytes))

    def end(self, payload: memoryview) -> None:
        """The frame is complete; `payload` is where it went."""
        arrival, n_bytes = self._arrival, len(payload)
        assert arrival is not None
        if arrival.place is not None:
            if not self._in_place:  # somebody came for it after the frame had begun
                arrival.place[arrival.got : arrival.got + n_bytes] = payload
            self.consumed += n_bytes
            self.wanted -= n_bytes
        elif not self._is_deaf:
            arrival.chunks.append(payload)
        arrival.got += n_bytes
        if arrival.got == arrival.length:
            self._arrival = None
            if not self._is_deaf:
                self._complete(arrival)

    def _start(self, length: int) -> Arrival:
        arrival = self._arrival = Arrival(length)
        if self._waiting and self._waiting[0].n_bytes != length:
            self._refuse(self._waiting[0].n_bytes, length)
        elif self._waiting:
            arrival.owner = self._waiting.popleft()
            arrival.settle()
            self.consumed += CHARGE_BYTES
            self.wanted -= CHARGE_BYTES
        return arrival

    def _complete(self, arrival: Arrival) -> None:
        if arrival.place is None:
            self._queued.append(arrival.settle())
        elif arrival.owner is None:  # it was cancelled: now it takes room after all
            self.consumed -= CHARGE_BYTES + arrival.length
            self._queued.append(arrival.place)
        else:
            self._hand_over(arrival.owner, arrival.place)

    def _hand_over(self, incoming: Incoming, data: memoryview) -> None:
        self.received += 1
        self.received_bytes += len(data)
        incoming.end(data)

    def _take_back(self, incoming: Incoming) -> None:
        """It arrived at the moment when it was given up. Somebody who waits already has been promised the next one."""
        others_wait = self._waiting or (self._arrival is not None and self._arrival.owner is not None)
        if incoming.data is not None and not others_wait and not self._is_deaf:
            self.received -= 1
            self.received_bytes -= incoming.n_bytes
            self.consumed -= CHARGE_BYTES + incoming.n_bytes
            self._queued.appendleft(incoming.data)

    def _refuse(self, n_bytes: int, length: int) -> None:
        """A message has another length than this end waits for: the two no longer agree on what is said here."""
        text = f"expected a message of {n_bytes} bytes, got {length} (channel {self.show!r})"
        self.error = MessageError(text, peer=self.peer)
        self._drop(self.error)

    def _drop(self, error: Exception) -> None:
        self.end_waiting(error)
        self._queued.clear()
        if self._arrival is not None:  # its end is still watched for, its bytes are not kept
            self._arrival = Arrival(self._arrival.length, self._arrival.got)

    def _bad(self, text: str) -> NoReturn:
        raise FrameError(f"{self.peer}: sent {text} (channel {self.show!r})", peer=self.peer)


def _room(n_bytes: int) -> memoryview:
    """Fresh writable memory; large rooms are not cleared first."""
    return memoryview(bytearray(n_bytes)) if n_bytes <= _SMALL else np.empty(n_bytes, dtype=np.uint8).data
