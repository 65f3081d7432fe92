"""A link over TCP without TLS, so that a measurement can tell what TLS costs.

Nothing else can open one: no configuration, no argument of `mpcnet.connect`. Two parties that have a session over TLS
agree in it on a port of the loopback interface and on a cookie; whoever does not know the cookie is not heard.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mpcnet.errors import ConnectFailed
from mpcnet.wire.connection import Link

if TYPE_CHECKING:
    from mpcnet.session import Session
    from mpcnet.wire.driver import Receiver

__all__ = ["PlainTransport", "open_plain_link"]

READ_BYTES: Final = 256 * 1024
BEHIND_BYTES: Final = 16 * 1024  # read behind a payload: the next header, and what small frames follow
SMALL_BYTES: Final = 8 * 1024  # frames up to here are gathered
FLUSH_BYTES: Final = 64 * 1024
COOKIE_BYTES: Final = 32
SECONDS: Final = 20.0


class PlainTransport:
    """A connected TCP socket, driven by the loop's callbacks; `mpcnet.wire.driver.Transport`.

    Payloads are read straight into their place and written straight from the sender's arrays; what the kernel does
    not take at once is copied.

    Args:
        sock: non-blocking; it belongs to the transport from here on.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._receiver: Receiver | None = None
        self._view = memoryview(bytearray(READ_BYTES))
        self._small = bytearray()
        self._out = memoryview(b"")
        self._state = "open"
        self._waits_to_write = self._flushes_soon = False
        self._timer: asyncio.TimerHandle | None = None
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.wire_sent = self.wire_received = 0

    def start(self, receiver: Receiver) -> None:
        """Begin to read."""
        self._receiver = receiver
        self._loop.add_reader(self._sock, self._on_readable)

    @property
    def has_room(self) -> bool:
        """Whether the kernel took everything so far."""
        return self._state == "open" and not self._out

    def write(self, frame: Sequence[bytes | memoryview]) -> None:
        """Hand a frame to the kernel; small ones wait for `flush` and go together."""
        if self._state != "open":
            return
        if sum(map(len, frame)) <= SMALL_BYTES:
            for piece in frame:
                self._small += piece
            if len(self._small) >= FLUSH_BYTES:
                self._send([])
        else:
            self._send(frame)

    def flush(self) -> None:
        """Send what was gathered, together with what else is written in this turn of the loop."""
        if not self._flushes_soon and self._state == "open":
            self._flushes_soon = True
            self._loop.call_soon(self._flush)

    def close(self, seconds: float) -> None:
        """Send what was written, end our side, and drop what comes until the peer's end, for at most `seconds`."""
        if self._state != "open":
            return
        self._state = "closing"
        self._timer = self._loop.call_later(seconds, self.kill)
        self._send([])

    def kill(self) -> None:
        """Close the socket now."""
        if self._state == "closed":
            return
        self._state = "closed"
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        self._out = memoryview(b"")
        self._small.clear()
        if not self.closed.done():
            self.closed.set_result(None)

    def _on_readable(self) -> None:
        receiver = self._receiver
        assert receiver is not None
        place = receiver.direct() if self._state == "open" else None
        try:
            if place is None:
                n_bytes = self._sock.recv_into(self._view)
            else:
                n_bytes = self._sock.recvmsg_into([place, self._view[:BEHIND_BYTES]])[0]
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(f"connection lost: {error.strerror}")
            return
        if not n_bytes:
            self._lose("connection lost")
            return
        self.wire_received += n_bytes
        if self._state != "open":
            return
        if place is not None:
            n_direct = min(n_bytes, len(place))
            receiver.advance(n_direct)
            n_bytes -= n_direct
        if n_bytes:
            receiver.feed(self._view[:n_bytes])
        receiver.read_some()

    def _lose(self, reason: str) -> None:
        was_open, receiver = self._state == "open", self._receiver
        self.kill()
        if was_open and receiver is not None:
            receiver.lost(reason)

    def _flush(self) -> None:
        self._flushes_soon = False
        if self._state == "open":
            self._send([])

    def _send(self, frame: Sequence[bytes | memoryview]) -> None:
        """Give the kernel what was gathered and this frame; keep a copy of what it does not take."""
        pieces: list[bytes | memoryview] = [bytes(self._small), *frame] if self._small else list(frame)
        self._small.clear()
        if self._out:
            self._out = memoryview(b"".join([self._out, *pieces]))
        elif pieces:
            n_bytes = self._take(pieces)
            if n_bytes < sum(map(len, pieces)):
                self._out = memoryview(b"".join(pieces))[n_bytes:]
        self._go_on()

    def _go_on(self) -> None:
        while self._out and (n_bytes := self._take([self._out])):
            self._out = self._out[n_bytes:]
        if self._out and not self._waits_to_write:
            self._waits_to_write = True
            self._loop.add_writer(self._sock, self._go_on)
        elif not self._out and self._waits_to_write:
            self._waits_to_write = False
            self._loop.remove_writer(self._sock)
            self._loop.call_soon(self._on_room)
        if self._state == "closing" and not self._out:
            self._end()

    def _take(self, pieces: Sequence[bytes | memoryview]) -> int:
        try:
            n_bytes = self._sock.sendmsg(pieces)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:  # reading says why; nothing more leaves
            return sum(map(len, pieces))
        self.wire_sent += n_bytes
        return n_bytes

    def _end(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.kill()

    def _on_room(self) -> None:
        if self.has_room and self._receiver is not None:
            self._receiver.writable()


async def open_plain_link(session: Session) -> Link:
    """A link without TLS to the one other party of a session on this machine, who calls this too.

    Raises:
        ConnectFailed: it did not come within some seconds.
    """
    (peer,) = session.peers
    channel = session.channel(peer, "plain-link")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SECONDS):
            if session.party_id == 0:
                cookie = secrets.token_bytes(COOKIE_BYTES)
                with socket.socket() as bound:
                    bound.setblocking(False)
                    bound.bind(("127.0.0.1", 0))
                    bound.listen()
                    await channel.send(cookie, bound.getsockname()[1].to_bytes(2, "little"))
                    sock = await _accept(loop, bound, cookie)
            else:
                message = bytes(await channel.receive(COOKIE_BYTES + 2))
                cookie = message[:COOKIE_BYTES]
                sock = socket.socket()
                sock.setblocking(False)
                try:
                    await loop.sock_connect(sock, ("127.0.0.1", int.from_bytes(message[COOKIE_BYTES:], "little")))
                    await loop.sock_sendall(sock, cookie)
                except BaseException:
                    sock.close()
                    raise
    except TimeoutError:
        raise ConnectFailed(f"{peer}: does not open the plain link within {SECONDS:g} s", peer=peer) from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link = Link(session.name, peer, PlainTransport(sock))
    link.stand(hashlib.blake2b(cookie, key=session.session_id, digest_size=32, person=b"mpcnet-plain").digest())
    link.start()
    return link


async def _accept(loop: asyncio.AbstractEventLoop, bound: socket.socket, cookie: bytes) -> socket.socket:
    """The first connection that shows the cookie."""
    while True:
        sock, _ = await loop.sock_accept(bound)
        sock.setblocking(False)
        try:
            shown = b""
            while len(shown) < COOKIE_BYTES and (more := await loop.sock_recv(sock, COOKIE_BYTES - len(shown))):
                shown += more
        except OSError:
            shown = b""
        except BaseException:
            sock.close()
            raise
        if hmac.compare_digest(shown, cookie):
            return sock
        sock.close()
