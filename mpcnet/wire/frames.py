"""Frames: how bytes on a link are cut. Bytes in, calls out; no I/O.

A frame is a header of 16 bytes, little-endian, and a payload:

    bits 0-7    kind
    bits 8-31   length of the payload in bytes
    bits 32-63  channel: a number chosen by the sender of the frame, 0 for frames of the link itself
    bits 64-127 argument: its meaning depends on the kind

The header is checked in full, kind by kind, before room is made for a payload. `docs/wire-format.md` has the table.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NoReturn, Protocol

from mpcnet.errors import FrameError

__all__ = [
    "CHARGE_BYTES",
    "HEADER_BYTES",
    "MAX_CONTROL_BYTES",
    "MAX_CREDIT",
    "MAX_DATA_BYTES",
    "MAX_MESSAGE_BYTES",
    "MAX_UNCLAIMED",
    "MIN_PIECE_BYTES",
    "NAME_BYTES",
    "UNCLAIMED_BYTES",
    "FrameReader",
    "FrameSink",
    "Kind",
    "pack_frame",
    "pack_header",
]

HEADER: Final = struct.Struct("<IIQ")
HEADER_BYTES: Final = HEADER.size
MAX_DATA_BYTES: Final = 256 * 1024  # payload of one MESSAGE or MORE
MAX_CONTROL_BYTES: Final = 8 * 1024
NAME_BYTES: Final = 32
CHARGE_BYTES: Final = 128  # taken from a channel's credit for each message besides its length: what it costs to hold
UNCLAIMED_BYTES: Final = 16 * 1024  # credit of a channel before its other end is known to be open
MAX_UNCLAIMED: Final = 1024  # channels that one end opened and the other did not
MIN_PIECE_BYTES: Final = 4096  # the least payload of a piece that is not the last of its message
MAX_MESSAGE_BYTES: Final = 1 << 48
MAX_CREDIT: Final = 1 << 62
DIRECT_BYTES: Final = 16 * 1024  # from here on it pays to read straight into the payload's place


class Kind(IntEnum):
    """What a frame is."""

    HELLO = 1  # handshake: who I am and what I mean
    PROOF = 2  # handshake: signature over both hellos
    READY = 3  # handshake: the acceptor is content
    REJECT = 4  # handshake: why not
    PROBE = 5  # instead of a handshake: a look, see `mpcnet.wire.probe`; argument: bytes of filler wanted
    ANSWER = 6  # to a look: what this party is
    FILLER = 7  # to a look: bytes that mean nothing
    CONFIRM = 16  # the session id, once the whole mesh stands
    OPEN = 17  # the sender opened a channel; argument: credit it gives for the other direction
    MESSAGE = 18  # first piece of a message; argument: length of the whole
    MORE = 19  # next piece
    CREDIT = 20  # argument: how much may be sent on this channel since its start
    CLOSE = 21  # the sender is done with the channel, both ways
    PING = 22
    PONG = 23  # argument: that of the ping
    ABORT = 24  # the run is over: culprit and reason
    GOODBYE = 25  # nothing more will come
    SEEN = 26  # everything up to your goodbye arrived


_SIZES: Final[dict[int, tuple[int, int]]] = {
    Kind.HELLO: (1, MAX_CONTROL_BYTES),
    Kind.PROOF: (64, 64),
    Kind.READY: (0, 0),
    Kind.REJECT: (0, MAX_CONTROL_BYTES),
    Kind.PROBE: (0, MAX_DATA_BYTES),
    Kind.ANSWER: (1, MAX_CONTROL_BYTES),
    Kind.FILLER: (0, MAX_DATA_BYTES),
    Kind.CONFIRM: (1, MAX_CONTROL_BYTES),
    Kind.OPEN: (NAME_BYTES, NAME_BYTES),
    Kind.MESSAGE: (0, MAX_DATA_BYTES),
    Kind.MORE: (1, MAX_DATA_BYTES),
    Kind.CREDIT: (0, 0),
    Kind.CLOSE: (0, 0),
    Kind.PING: (0, 0),
    Kind.PONG: (0, 0),
    Kind.ABORT: (1, MAX_CONTROL_BYTES),
    Kind.GOODBYE: (0, 0),
    Kind.SEEN: (0, 0),
}
_CHANNEL_KINDS: Final = frozenset({Kind.OPEN, Kind.MESSAGE, Kind.MORE, Kind.CREDIT, Kind.CLOSE})
_ARGUMENT_KINDS: Final = frozenset({Kind.PROBE, Kind.OPEN, Kind.MESSAGE, Kind.CREDIT, Kind.PING, Kind.PONG})


def pack_header(kind: int, n_bytes: int, *, channel: int = 0, argument: int = 0) -> bytes:
    """The header of a frame whose payload has `n_bytes`."""
    return HEADER.pack(kind | n_bytes << 8, channel, argument)


def pack_frame(kind: int, payload: bytes = b"", *, channel: int = 0, argument: int = 0) -> bytes:
    """A whole frame, for small payloads."""
    return HEADER.pack(kind | len(payload) << 8, channel, argument) + payload


class FrameSink(Protocol):
    """Who gets the frames of a `FrameReader`."""

    def begin(self, kind: int, channel: int, argument: int, n_bytes: int) -> memoryview:
        """A valid header came; return where its payload of `n_bytes` goes, or raise FrameError."""
        ...

    def end(self) -> bool:
        """The payload is complete, at the place that `begin` gave; return whether to go on to the next frame."""
        ...


class FrameReader:
    """Cuts a stream of bytes, in any pieces, into frames.

    Args:
        sink: gets the frames.
        peer: named in errors.
    """

    def __init__(self, sink: FrameSink, peer: str) -> None:
        self._sink, self._peer = sink, peer
        self._head = bytearray(HEADER_BYTES)
        self._have = 0
        self._body: memoryview | None = None
        self._filled = 0
        self._broken = self._stopped = False

    def direct(self) -> memoryview | None:
        """Where the next bytes may be written without a copy, when that is worth it; then call `advance`."""
        body = self._body
        if body is None or len(body) - self._filled < DIRECT_BYTES or self._broken:
            return None
        return body[self._filled :]

    def advance(self, n_bytes: int) -> None:
        """`n_bytes` were written at the start of `direct()`."""
        assert self._body is not None
        self._filled += n_bytes
        if self._filled == len(self._body):
            self._finish()

    def feed(self, data: memoryview) -> int:
        """Take the next bytes of the stream.

        Returns:
            how many were taken: all, unless the sink said to stop.
        Raises:
            FrameError: a header that no party of this version sends, or what the sink objects to; the reader is
                then of no more use.
        """
        if self._broken:
            self._fail("more bytes after a broken frame")
        position, n_bytes = 0, len(data)
        while position < n_bytes and not self._stopped:
            if self._body is None:
                taken = min(HEADER_BYTES - self._have, n_bytes - position)
                if taken == HEADER_BYTES:
                    position += taken
                    self._start(*HEADER.unpack_from(data, position - taken))
                    continue
                self._head[self._have : self._have + taken] = data[position : position + taken]
                self._have += taken
                position += taken
                if self._have == HEADER_BYTES:
                    self._have = 0
                    self._start(*HEADER.unpack(self._head))
            else:
                taken = min(len(self._body) - self._filled, n_bytes - position)
                self._body[self._filled : self._filled + taken] = data[position : position + taken]
                position += taken
                self.advance(taken)
        return position

    def _start(self, first: int, channel: int, argument: int) -> None:
        kind, n_bytes = first & 0xFF, first >> 8
        sizes = _SIZES.get(kind)
        if sizes is None:
            self._fail(f"frame of unknown kind {kind}")
        low, high = sizes
        if not low <= n_bytes <= high:
            limit = f"{low} to {high}" if low != high else f"{low}"
            self._fail(f"a {Kind(kind).name} frame has {limit} bytes of payload, this one says {n_bytes}")
        if (channel != 0) != (kind in _CHANNEL_KINDS):
            self._fail(f"a {Kind(kind).name} frame with channel number {channel}")
        if argument and kind not in _ARGUMENT_KINDS:
            self._fail(f"a {Kind(kind).name} frame with an argument")
        self._broken = True  # unless the sink returns
        body = self._sink.begin(kind, channel, argument, n_bytes)
        self._broken = False
        self._body, self._filled = body, 0
        if not n_bytes:
            self._finish()

    def _finish(self) -> None:
        self._body = None
        self._broken = True
        self._stopped = not self._sink.end()
        self._broken = False

    def _fail(self, text: str) -> NoReturn:
        self._broken = True
        raise FrameError(f"{self._peer}: {text}", peer=self._peer)
