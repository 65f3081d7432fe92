"""Channels over one connection, with credit for each. Frames in, frames and events out; no I/O.

Every message is charged to the credit of its channel, CHARGE_BYTES plus its length, as its bytes arrive. A receiver
gives credit for a window, and for all of a message that it already waits for: those bytes go straight to the place
where they belong, so they need no window. A sender without credit waits, and no other channel with it.

Each end numbers the channels it opens and speaks of them by its own number; what makes two ends meet is the 32-byte
name in OPEN. A channel that the peer opened and this end has not ("unclaimed") has a small window; how many there may
be is bounded, and an opener that runs too far ahead holds back by itself. So a peer can make this end hold at most
MAX_UNCLAIMED * UNCLAIMED_BYTES, plus the window of each channel that this end opened, plus what this end waits for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NoReturn

from mpcnet.errors import FrameError, PeerDisconnected
from mpcnet.wire.frames import (
    MAX_CREDIT,
    MAX_DATA_BYTES,
    MAX_UNCLAIMED,
    MIN_PIECE_BYTES,
    UNCLAIMED_BYTES,
    FrameReader,
    Kind,
    pack_frame,
)
from mpcnet.wire.inbox import Inbox, Incoming
from mpcnet.wire.outbox import Outbox, Outgoing
from protocols.errors import MessageError, StateError

__all__ = ["PIECE_BYTES", "WINDOW_BYTES", "Mux", "Stream"]

WINDOW_BYTES: Final = 1024 * 1024
PIECE_BYTES: Final = 128 * 1024  # what messages are cut into: other channels get their turn after one
_LAST_NUMBER: Final = (1 << 32) - 1
_AFTER_GOODBYE: Final = frozenset({Kind.SEEN, Kind.PING, Kind.PONG, Kind.ABORT, Kind.CREDIT, Kind.CLOSE})
_HANDSHAKE: Final = frozenset(kind for kind in Kind if kind < Kind.CONFIRM)


class Stream:
    """One channel as one end sees it: both directions, and how far it has begun and ended.

    Attributes:
        name: 32 bytes, the same at both ends.
        number, peer_number: by which this end and the peer speak of it; 0 before their OPEN.
    """

    __slots__ = (
        "claimed",
        "closed",
        "has_credit_news",
        "inbox",
        "name",
        "number",
        "outbox",
        "peer_closed",
        "peer_number",
        "ready",
        "said_close",
    )

    def __init__(self, name: bytes, peer: str) -> None:
        self.name = name
        self.number = self.peer_number = 0
        self.claimed = self.closed = self.said_close = self.peer_closed = False
        self.ready = self.has_credit_news = False
        self.inbox, self.outbox = Inbox(peer, name[:4].hex()), Outbox()

    @property
    def show(self) -> str:
        """Names it in errors."""
        return self.inbox.show


class Mux:
    """One end of a connection, after the handshake.

    Args:
        peer: named in errors.
        window_bytes: credit for a channel that this end opened and does not read at the moment. On a slow line at
            most this much moves in a round trip, unless the receiver waits for larger messages than that.
        piece_bytes: the largest payload of a frame that this end sends.

    `moved` grows with everything that leaves or arrives on a channel; `last_ping` is the argument of the last PING.
    `control` collects what came for the link itself, for the driver to take out: ("confirm", payload),
    ("abort", payload), ("seen", b""), ("pong", argument). `peer_finished` says that a goodbye came.
    """

    def __init__(self, peer: str, *, window_bytes: int = WINDOW_BYTES, piece_bytes: int = PIECE_BYTES) -> None:
        if window_bytes < UNCLAIMED_BYTES or not MIN_PIECE_BYTES <= piece_bytes <= MAX_DATA_BYTES:
            raise ValueError(f"window_bytes >= {UNCLAIMED_BYTES}, {MIN_PIECE_BYTES} <= piece_bytes <= {MAX_DATA_BYTES}")
        self.peer, self._window, self._piece = peer, window_bytes, piece_bytes
        self.reader = FrameReader(self, peer)
        self.control: deque[tuple[str, bytes | int]] = deque()
        self.messages_sent = self.payload_sent = self.moved = self.last_ping = 0
        self.pending = 0  # messages that were to be sent and have not left yet
        self.peer_finished = False
        self._streams: dict[bytes, Stream] = {}
        self._inward: dict[int, Stream] = {}
        self._number = self._peer_number = 0
        self._unanswered = self._unclaimed = 0
        self._held_back: deque[Stream] = deque()
        self._out: deque[bytes] = deque()
        self._ready: deque[Stream] = deque()
        self._credit_news: deque[Stream] = deque()
        self._pong: int | None = None
        self._goodbye = self._said_goodbye = self._confirmed = False
        self._error: Exception | None = None
        self._past_received = (0, 0)
        # the frame that is arriving
        self._kind = self._argument = 0
        self._stream: Stream | None = None
        self._payload = memoryview(b"")

    # ---- what this end wants

    def claim(self, name: bytes, show: str) -> Stream:
        """Open this end of the channel with that 32-byte name; `show` names it in errors.

        Raises:
            ValueError: this end has it already.
        """
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = Stream(name, self.peer)
        elif stream.claimed:
            raise ValueError(f"channel {show!r} is open already")
        else:
            self._unclaimed -= 1
        stream.claimed, stream.inbox.show, stream.inbox.window = True, show, self._window
        if stream.peer_number or self._unanswered < MAX_UNCLAIMED:
            self._open(stream)
        else:
            self._held_back.append(stream)
        return stream

    def send(self, stream: Stream, parts: Sequence[memoryview]) -> Outgoing:
        """Queue one message. The parts are bytes, none of them empty, and stay untouched until it is done."""
        outgoing = Outgoing(parts)
        error = self._why_not(stream, "send on")
        if error is not None:
            outgoing.end(error)
        else:
            self.pending += 1
            stream.outbox.queue.append(outgoing)
            self._touch(stream)
        return outgoing

    def cancel_send(self, stream: Stream, outgoing: Outgoing) -> None:
        """Nobody waits for it any more: take it back or, where it has begun, send the rest from a copy."""
        if not outgoing.done and stream.outbox.cancel(outgoing):
            self.pending -= 1
            self._touch(stream)
            self._close_when_sent(stream)

    def receive(self, stream: Stream, n_bytes: int) -> Incoming:
        """Wait for one message of exactly `n_bytes`; it may be done at once."""
        refusal = self._why_not(stream, f"receive {n_bytes} bytes on")
        incoming = stream.inbox.receive(n_bytes, refusal)
        self._offer(stream)
        return incoming

    def cancel_receive(self, stream: Stream, incoming: Incoming) -> None:
        """Nobody waits for it any more: what has begun to arrive is kept for the next one."""
        stream.inbox.cancel(incoming)

    def close(self, stream: Stream) -> None:
        """This end is done with the channel: queued sends still leave, what arrives is dropped."""
        if not stream.closed:
            stream.closed = True
            stream.inbox.close(StateError(f"channel {stream.show!r} is closed"))
            self._close_when_sent(stream)

    def ping(self, argument: int) -> None:
        """Ask for a pong."""
        self._out.append(pack_frame(Kind.PING, argument=argument))

    def confirm(self, payload: bytes) -> None:
        """Tell the peer what this end takes the session to be."""
        self._out.append(pack_frame(Kind.CONFIRM, payload))

    def abort(self, payload: bytes) -> None:
        """Tell the peer that the run is over, before anything else that waits."""
        self._out.appendleft(pack_frame(Kind.ABORT, payload))

    def goodbye(self) -> None:
        """Say that nothing more will come, once everything queued has left."""
        self._goodbye = True

    def fail(self, error: Exception) -> None:
        """The link is over: everything that waits ends with `error`, and so does everything that follows."""
        if self._error is None:
            self._error = error
            self._end_all(error)

    @property
    def messages_received(self) -> int:
        """Messages that were handed over."""
        return self._past_received[0] + sum(stream.inbox.received for stream in self._streams.values())

    @property
    def payload_received(self) -> int:
        """Bytes of messages that were handed over."""
        return self._past_received[1] + sum(stream.inbox.received_bytes for stream in self._streams.values())

    # ---- what leaves

    def next_frame(self) -> list[bytes | memoryview] | None:
        """The next bytes to write, at once; None while there is nothing that may be sent."""
        if self._out:
            return [self._out.popleft()]
        if self._pong is not None:
            argument, self._pong = self._pong, None
            return [pack_frame(Kind.PONG, argument=argument)]
        while self._credit_news:
            stream = self._credit_news.popleft()
            stream.has_credit_news = False
            if not stream.closed:
                stream.inbox.limit = max(stream.inbox.limit, stream.inbox.fair_limit)
                return [pack_frame(Kind.CREDIT, channel=stream.number, argument=stream.inbox.limit)]
        while self._ready and self._error is None:
            stream = self._ready.popleft()
            stream.ready = False
            if stream.outbox.may_send:
                return self._next_piece(stream)
        if self._goodbye and not self._said_goodbye and not self.pending and self._error is None:
            self._said_goodbye = True
            return [pack_frame(Kind.GOODBYE)]
        return None

    @property
    def is_awaiting(self) -> bool:
        """Whether anything here waits for the peer: to send, or for room to be sent to."""
        return any(stream.inbox.is_awaited or stream.outbox.queue for stream in self._streams.values())

    def _next_piece(self, stream: Stream) -> list[bytes | memoryview]:
        self.moved += 1
        frame, outgoing = stream.outbox.next_piece(stream.number, self._piece)
        if not outgoing.left:
            self.pending -= 1
            self.messages_sent += 1
            self.payload_sent += outgoing.n_bytes
            outgoing.end()
            self._close_when_sent(stream)
        self._touch(stream)
        return frame

    def _touch(self, stream: Stream) -> None:
        """Line the channel up when it may send."""
        if not stream.ready and stream.number and stream.outbox.may_send:
            stream.ready = True
            self._ready.append(stream)

    def _open(self, stream: Stream) -> None:
        if self._number == _LAST_NUMBER:
            raise StateError(f"{self.peer}: this link has had {_LAST_NUMBER} channels; start a new session")
        self._number += 1
        stream.number = self._number
        if not stream.peer_number:
            self._unanswered += 1
        inbox = stream.inbox
        inbox.limit = max(inbox.limit, inbox.fair_limit)
        self._out.append(pack_frame(Kind.OPEN, stream.name, channel=stream.number, argument=inbox.limit))
        self._touch(stream)
        self._close_when_sent(stream)

    def _offer(self, stream: Stream) -> None:
        """Announce more credit, when it is enough to be worth a frame."""
        if not stream.has_credit_news and stream.number and stream.inbox.has_news:
            stream.has_credit_news = True
            self._credit_news.append(stream)

    def _close_when_sent(self, stream: Stream) -> None:
        if stream.closed and stream.number and not stream.outbox.queue and not stream.said_close:
            stream.said_close = True
            self._out.append(pack_frame(Kind.CLOSE, channel=stream.number))
            self._forget_if_over(stream)

    def _forget_if_over(self, stream: Stream) -> None:
        if stream.said_close and stream.peer_closed:
            self._streams.pop(stream.name, None)
            count, n_bytes = self._past_received
            self._past_received = count + stream.inbox.received, n_bytes + stream.inbox.received_bytes

    # ---- what arrives

    def begin(self, kind: int, channel: int, argument: int, n_bytes: int) -> memoryview:
        """`FrameSink`: judge a header, and say where its payload goes."""
        self._kind, self._argument, self._stream = kind, argument, None
        if self.peer_finished and kind not in _AFTER_GOODBYE:
            self._bad(f"a {Kind(kind).name} frame after its goodbye")
        if kind in (Kind.MESSAGE, Kind.MORE):
            stream = self._stream = self._peers_stream(channel)
            self._payload = stream.inbox.begin(argument if kind == Kind.MESSAGE else None, n_bytes)
            return self._payload
        if kind == Kind.OPEN and (channel <= self._peer_number or argument > MAX_CREDIT):
            self._bad("an OPEN frame with a number that was used, or too much credit")
        if kind in (Kind.CREDIT, Kind.CLOSE):
            self._stream = self._peers_stream(channel)
        if kind == Kind.CONFIRM and self._confirmed:
            self._bad("a second CONFIRM frame")
        if kind == Kind.SEEN and not self._said_goodbye:
            self._bad("a SEEN frame without a goodbye from here")
        if kind in _HANDSHAKE:
            self._bad(f"a {Kind(kind).name} frame after the handshake")
        self._peer_number = channel if kind == Kind.OPEN else self._peer_number
        self._payload = memoryview(bytearray(n_bytes))
        return self._payload

    def end(self) -> bool:
        """`FrameSink`: the payload of that frame is complete."""
        kind, stream = self._kind, self._stream
        if stream is not None:
            self._end_on(stream, kind)
        elif kind == Kind.OPEN:
            self._peer_opens(bytes(self._payload))
        elif kind == Kind.PING:
            self._pong = self.last_ping = self._argument
        elif kind == Kind.PONG:
            self.control.append(("pong", self._argument))
        elif kind == Kind.CONFIRM:
            self._confirmed = True
            self.control.append(("confirm", bytes(self._payload)))
        elif kind == Kind.ABORT:
            self.control.append(("abort", bytes(self._payload)))
        elif kind == Kind.SEEN:
            self.control.append(("seen", b""))
        elif kind == Kind.GOODBYE:
            self.peer_finished = True
            self._out.append(pack_frame(Kind.SEEN))
            self._end_all(PeerDisconnected(f"{self.peer}: has finished and left, nothing more comes", peer=self.peer))
        return True

    def _end_on(self, stream: Stream, kind: int) -> None:
        if kind == Kind.CREDIT:
            outbox = stream.outbox
            if not outbox.limit <= self._argument <= MAX_CREDIT:
                self._bad(f"credit of {self._argument} on channel {stream.show!r}, after {outbox.limit}")
            outbox.limit = self._argument
            self._touch(stream)
        elif kind == Kind.CLOSE:
            self._peer_closes(stream)
        else:
            self.moved += 1
            stream.inbox.end(self._payload)
            self._offer(stream)

    def _peer_opens(self, name: bytes) -> None:
        stream = self._streams.get(name)
        if stream is None:
            self._unclaimed += 1
            if self._unclaimed > MAX_UNCLAIMED:
                self._bad(f"more than {MAX_UNCLAIMED} OPEN frames for channels that this party does not know")
            stream = self._streams[name] = Stream(name, self.peer)
        elif stream.peer_number:
            self._bad(f"a second OPEN frame for channel {stream.show!r}")
        stream.peer_number = self._peer_number
        self._inward[stream.peer_number] = stream
        stream.outbox.limit = max(stream.outbox.limit, self._argument)
        if stream.number:
            self._unanswered -= 1
            while self._held_back and self._unanswered < MAX_UNCLAIMED:
                held = self._held_back.popleft()
                if not held.number:
                    self._open(held)
        elif stream.claimed:
            self._open(stream)
        self._touch(stream)

    def _peer_closes(self, stream: Stream) -> None:
        if not stream.inbox.is_between_messages and not self._goodbye:
            self._bad(f"a CLOSE frame in the middle of a message (channel {stream.show!r})")
        stream.peer_closed = True
        del self._inward[stream.peer_number]
        error = MessageError(f"the peer closed channel {stream.show!r}", peer=self.peer)
        stream.inbox.end_waiting(error)
        self._end_sends(stream, error)
        self._forget_if_over(stream)

    def _peers_stream(self, channel: int) -> Stream:
        stream = self._inward.get(channel)
        if stream is None:
            self._bad(f"a frame for channel number {channel}, which it does not have open")
        return stream

    def _why_not(self, stream: Stream, action: str) -> Exception | None:
        if self._error is not None:
            return self._error
        if stream.closed:
            return StateError(f"channel {stream.show!r} is closed")
        if stream.peer_closed:
            return MessageError(f"cannot {action} channel {stream.show!r}: the peer closed it", peer=self.peer)
        if self.peer_finished:
            text = f"{self.peer}: has finished and left, cannot {action} channel {stream.show!r}"
            return PeerDisconnected(text, peer=self.peer)
        if self._goodbye:
            return StateError(f"{self.peer}: this side has closed the link")
        return None

    def _end_all(self, error: Exception) -> None:
        for stream in list(self._streams.values()):
            stream.inbox.end_waiting(error)
            self._end_sends(stream, error)

    def _end_sends(self, stream: Stream, error: Exception) -> None:
        while stream.outbox.queue:
            self.pending -= 1
            stream.outbox.queue.popleft().end(error)
        self._close_when_sent(stream)

    def _bad(self, text: str) -> NoReturn:
        raise FrameError(f"{self.peer}: sent {text}", peer=self.peer)
