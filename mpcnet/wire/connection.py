"""A live link to one peer: channels, heartbeats, abort and farewell, over any `Transport`.

A link has no task of its own: the transport's callbacks and one timer move it. When it fails, everything that waits
on it, on any channel, ends with the same error, which names the peer and the reason; `failure` has it too. After an
ABORT, of either side, the two go on to tell each other causes, until one closes.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Final

from mpcnet.cause import Cause
from mpcnet.errors import FrameError, MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.wire.channel import LinkChannel
from mpcnet.wire.counters import LinkStats
from mpcnet.wire.driver import Transport
from mpcnet.wire.handshake import pack_confirmation, printable
from mpcnet.wire.inbox import Incoming
from mpcnet.wire.last_words import pack_cause, unpack_cause
from mpcnet.wire.mux import PIECE_BYTES, WINDOW_BYTES, Mux, Stream
from mpcnet.wire.outbox import Outgoing
from protocols.errors import StateError

__all__ = ["Link", "LinkStats"]

BEATS: Final = 5  # heartbeats in the time that a peer may be silent
CLOSE_SECONDS: Final = 4.0
LINGER_SECONDS: Final = 1.0
_CLOCK_BITS: Final = 48  # of a heartbeat's argument; above them is the status
UNTENDED_SECONDS: Final = 5.0  # a link that the peer has ended, and that nobody here closes, closes itself


class Link:
    """One live connection to one peer.

    Args:
        me, peer: the parties' names.
        transport: connected, not started.
        liveness_seconds: how long the peer may be silent; None for links that cannot fall silent.
        window_bytes, piece_bytes: see `Mux`.

    Attributes:
        error: why the link failed; None while it has not, and when it was closed in order.
        failure: gets that error as its exception.
        confirmation: gets the payload of the peer's CONFIRM.
        session_id: 32 bytes, set by `stand`.
        told: the cause that the peer told last, in an ABORT; None while it has told none.
        on_news: called when `told` changes, and when the connection is over.
        status: 16 bits that are told the peer with each heartbeat.
    """

    def __init__(
        self,
        me: str,
        peer: str,
        transport: Transport,
        *,
        liveness_seconds: float | None = None,
        window_bytes: int = WINDOW_BYTES,
        piece_bytes: int = PIECE_BYTES,
    ) -> None:
        self.me, self.peer = me, peer
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._mux = Mux(peer, window_bytes=window_bytes, piece_bytes=piece_bytes)
        self.error: MPCNetError | None = None
        self.failure: asyncio.Future[None] = self._loop.create_future()
        self.confirmation: asyncio.Future[bytes] = self._loop.create_future()
        self.bytes_sent = self.bytes_received = 0
        self.session_id = b""
        self._root = b""
        self._labels: set[str] = set()
        self._seen = asyncio.Event()
        self._closing = False
        self._liveness = liveness_seconds
        self._silent_beats = self._heard = 0
        self._timer: asyncio.TimerHandle | None = None
        self._round_trip: float | None = None
        self._start = time.monotonic_ns()
        self.status = 0
        self._reported: Cause | None = None
        self.told: Cause | None = None
        self.on_news: Callable[[], None] | None = None
        transport.closed.add_done_callback(lambda _: self._tell_news())

    def start(self) -> None:
        """Begin to read, and to send heartbeats."""
        self._transport.start(self)
        if self._liveness is not None:
            self._timer = self._loop.call_later(self._liveness / BEATS, self._beat)
            self._ping()

    def stand(self, session_id: bytes) -> None:
        """The whole mesh stands: from now on channels can be opened."""
        pair = b"".join(
            len(name).to_bytes(4, "little") + name for name in sorted([self.me.encode(), self.peer.encode()])
        )
        self.session_id = session_id
        self._root = hashlib.blake2b(pair, key=session_id, digest_size=32, person=b"mpcnet-pair").digest()

    def send_confirmation(self, session_id: bytes, nonces: dict[str, bytes]) -> None:
        """Tell the peer what this party takes the session to be."""
        self._mux.confirm(pack_confirmation(session_id, nonces))
        self._pump()

    def channel(self, label: str) -> LinkChannel:
        """Open a channel; both ends use the same label, each label once a link.

        Raises:
            ValueError: the label was used.
            StateError: the session does not stand yet.
        """
        if not self._root:
            raise StateError(f"{self.peer}: channels open when the session stands")
        return LinkChannel(self, self._root, "", label, self._labels)

    @property
    def is_over(self) -> bool:
        """Whether the connection is gone, in order or not."""
        return self._transport.closed.done()

    @property
    def peer_status(self) -> int:
        """The 16 bits that the peer told with its last heartbeat."""
        return self._mux.last_ping >> _CLOCK_BITS

    @property
    def awaits(self) -> bool:
        """Whether anything here waits for the peer."""
        return self._mux.is_awaiting

    @property
    def moved(self) -> int:
        """Grows when anything moves on a channel."""
        return self._mux.moved

    @property
    def stats(self) -> LinkStats:
        """The counters, as they stand."""
        mux, transport = self._mux, self._transport
        return LinkStats(
            self.bytes_sent,
            self.bytes_received,
            transport.wire_sent,
            transport.wire_received,
            mux.messages_sent,
            mux.messages_received,
            mux.payload_sent,
            mux.payload_received,
            self._round_trip,
        )

    async def abort(self, reason: str, *, culprit: str = "") -> None:
        """End the run at the peer: it gets a PeerAborted. Takes at most about a second.

        Args:
            reason: one line, no secret.
            culprit: the party at fault; by default this one.
        """
        text, is_first = printable(reason), self.error is None
        if not self.is_over:
            self._fail(MPCNetError(f"this party ended the run: {text}", peer=culprit))
            if is_first:
                self.report(Cause(culprit or self.me, text, self.me))
            self._transport.close(LINGER_SECONDS)
        await self._until_closed()

    def report(self, cause: Cause) -> None:
        """Tell the peer why the run is over; again, where another cause comes first. Closes nothing."""
        if self.is_over or cause == self._reported or self._closing:
            return
        self._reported = cause
        self._fail(MPCNetError(f"this party ended the run: {cause.text}", peer=cause.culprit))
        self._mux.abort(pack_cause(cause))
        while (frame := self._mux.next_frame()) is not None:
            self._write(frame)
        self._transport.flush()

    async def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Say goodbye: whatever was sent arrives, then the connection ends. Takes at most about `seconds`.

        Receives that still wait here end with an error. The peer may go on to send, but nobody reads it.
        """
        if not self._closing and self.error is None:
            self._closing = True
            self._mux.goodbye()
            self._pump()
        try:
            if self.error is None and not self.is_over:
                async with asyncio.timeout(seconds):
                    await self._seen.wait()
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            self._end()
            self._transport.kill()
            raise
        self._end()
        self._mux.fail(StateError(f"{self.peer}: this side has closed the link"))
        self._transport.close(LINGER_SECONDS)
        await self._until_closed()

    def kill(self) -> None:
        """Drop the connection at once, without a word."""
        self._end()
        self._mux.fail(StateError(f"{self.peer}: this side has closed the link"))
        self._transport.kill()

    async def _until_closed(self) -> None:
        try:
            await asyncio.shield(self._transport.closed)
        except asyncio.CancelledError:
            self._transport.kill()
            raise

    # ---- for channels

    async def send(self, stream: Stream, parts: Sequence[memoryview]) -> None:
        """One message of these bytes, none of the parts empty; see `Channel.send`."""
        outgoing = self._mux.send(stream, parts)
        if not outgoing.done:
            self._pump()
        if not outgoing.done:
            await self._wait(stream, outgoing)
        if outgoing.error is not None:
            raise copy.copy(outgoing.error)

    async def receive(self, stream: Stream, n_bytes: int) -> memoryview:
        """One message of exactly `n_bytes`; see `Channel.receive`."""
        incoming = self._mux.receive(stream, n_bytes)
        self._pump()
        if not incoming.done:
            await self._wait(stream, incoming)
        if incoming.error is not None:
            raise copy.copy(incoming.error)
        assert incoming.data is not None
        return incoming.data

    def claim(self, name: bytes, show: str) -> Stream:
        """Open a stream of the mux."""
        stream = self._mux.claim(name, show)
        self._pump()
        return stream

    def release(self, stream: Stream) -> None:
        """Close a stream of the mux."""
        self._mux.close(stream)
        self._pump()

    async def _wait(self, stream: Stream, message: Outgoing | Incoming) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        message.finish = lambda: None if waiter.done() else waiter.set_result(None)
        try:
            await waiter
        except asyncio.CancelledError:
            message.finish = None
            if isinstance(message, Outgoing):
                self._mux.cancel_send(stream, message)
            else:
                self._mux.cancel_receive(stream, message)
            raise

    # ---- for the transport

    def direct(self) -> memoryview | None:
        """`Receiver`."""
        return self._mux.reader.direct()

    def advance(self, n_bytes: int) -> None:
        """`Receiver`."""
        self.bytes_received += n_bytes
        self._mux.reader.advance(n_bytes)

    def feed(self, data: memoryview) -> None:
        """`Receiver`."""
        self.bytes_received += len(data)
        try:
            self._mux.reader.feed(data)
        except FrameError as error:
            self._break(error)

    def read_some(self) -> None:
        """`Receiver`: act on what came for the link itself, and answer."""
        self._act_on_control()
        self._pump()

    def writable(self) -> None:
        """`Receiver`."""
        self._pump()

    def lost(self, reason: str) -> None:
        """`Receiver`."""
        self._act_on_control()
        self._seen.set()
        text = "has finished and left" if self._mux.peer_finished else reason
        error = PeerDisconnected(f"{self.peer}: {text}", peer=self.peer)
        if self._closing or self._mux.peer_finished:
            self._end()
            self._mux.fail(error)
        else:
            self._fail(error)

    def failed(self, error: Exception) -> None:
        """`Receiver`."""
        self._break(MPCNetError(f"{self.me}: its program failed with {type(error).__name__}", peer=self.me))

    def _act_on_control(self) -> None:
        while self._mux.control:
            kind, payload = self._mux.control.popleft()
            if isinstance(payload, int):
                self._round_trip = (self._clock() - payload % (1 << _CLOCK_BITS)) / 1e6
            elif kind == "confirm":
                self.confirmation.set_result(payload)
            elif kind == "abort":
                self._on_abort(payload)
            elif kind == "seen":
                self._seen.set()

    def _on_abort(self, payload: bytes) -> None:
        try:
            cause = unpack_cause(payload, self.peer)
        except ValueError as error:
            self._break(FrameError(f"{self.peer}: {error}", peer=self.peer))
            return
        self.told = cause
        if self.error is None:
            blame = f" because of {cause.culprit}" if cause.culprit != self.peer else ""
            text = f"{self.peer} ended the run{blame}: {cause.reason}"
            self._fail(PeerAborted(text, peer=cause.culprit, reason=cause.reason, culprit=cause.culprit))
            self._timer = self._loop.call_later(UNTENDED_SECONDS, self._transport.close, LINGER_SECONDS)
        self._tell_news()

    def _fail(self, error: MPCNetError) -> None:
        """The link is of no more use: whoever waits on it is told."""
        if self.error is not None:
            return
        self.error = error
        self._end()
        self._seen.set()
        if not self.failure.done():
            self.failure.set_exception(error)
            self.failure.exception()  # whoever does not ask is told by the channels
        self._mux.fail(error)

    def _break(self, error: MPCNetError) -> None:
        """The peer is silent, or does not make sense, or this side is at fault: tell it, and end the connection."""
        is_first = self.error is None
        self._fail(error)
        if is_first:
            self.report(Cause(error.peer, str(error).removeprefix(f"{error.peer}: "), self.me))
        self._transport.close(LINGER_SECONDS)

    def _tell_news(self) -> None:
        if self.on_news is not None:
            self.on_news()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pump(self) -> None:
        """Write whatever may be written."""
        wrote = False
        while self._transport.has_room and (frame := self._mux.next_frame()) is not None:
            self._write(frame)
            wrote = True
        if wrote:
            self._transport.flush()

    def _write(self, frame: list[bytes | memoryview]) -> None:
        self.bytes_sent += sum(map(len, frame))
        self._transport.write(frame)

    def _beat(self) -> None:
        """A heartbeat. Beats are counted, not seconds: a loop that was held up does not blame the peer for it."""
        assert self._liveness is not None
        self._silent_beats = 0 if self.bytes_received != self._heard else self._silent_beats + 1
        self._heard = self.bytes_received
        if self._silent_beats >= BEATS - 1 and not self._closing and not self._mux.peer_finished:
            text = f"silent for {self._liveness:g} s: stopped, overloaded, or cut off"
            self._break(PeerDisconnected(f"{self.peer}: {text}", peer=self.peer))
            return
        self._timer = self._loop.call_later(self._liveness / BEATS, self._beat)
        self._ping()

    def _ping(self) -> None:
        if self._transport.has_room:
            self._mux.ping(self._clock() % (1 << _CLOCK_BITS) | (self.status & 0xFFFF) << _CLOCK_BITS)
            self._pump()

    def _clock(self) -> int:
        """Microseconds since the beginning."""
        return (time.monotonic_ns() - self._start) // 1000

    def __repr__(self) -> str:
        return f"<Link to {self.peer}>"
