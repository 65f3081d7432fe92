"""From a connected socket to a peer who is who it should be: TLS, pinned certificate, hello.

Until then the other end is a stranger: what it may send is bounded here, how long it may take by the caller. Failures
are of two kinds. `NotReached`: it was nobody of the roster, or the line broke; trying again may help. HandshakeFailed
and FrameError: a party of the roster, proven by its key, means something else, or refuses this one; trying again will
not help.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mpcnet.errors import FrameError, HandshakeFailed
from mpcnet.wire.advice import advise, wrong_party
from mpcnet.wire.handshake import Handshake, reject_frame
from mpcnet.wire.tls import Tls, describe, is_refusal, make_context

if TYPE_CHECKING:
    from mpcnet.identity import Identity
    from mpcnet.roster import Party, Roster

__all__ = ["Greeter", "Guest", "NotReached"]

MAX_STRANGER_BYTES: Final = 32 * 1024  # a whole handshake has about 3 KiB
READ_BYTES: Final = 16 * 1024
FAREWELL_SECONDS: Final = 0.5


class NotReached(Exception):
    """The other end is nobody of the roster, or the connection broke; the text is the rest of a sentence about it."""


@dataclass(repr=False)
class Guest:
    """A peer whose handshake is through.

    Attributes:
        peer: who it is.
        nonce: the one of its process and session.
        sock, tls, rest: the connection, and plaintext that was read already.
    """

    peer: Party
    nonce: bytes
    sock: socket.socket
    tls: Tls
    rest: bytes


class Greeter:
    """What this party shows and expects in every handshake of a session.

    Args:
        identity, roster, job_digest: who this is, with whom, for what.
        nonce: 32 fresh bytes.
    Raises:
        ConfigError: the own key or certificate cannot be used.
    """

    def __init__(self, identity: Identity, roster: Roster, job_digest: bytes, nonce: bytes) -> None:
        self.identity, self.roster, self.job_digest, self.nonce = identity, roster, job_digest, nonce
        self.me = roster.party(identity.name)
        self._by_fingerprint = roster.by_fingerprint()
        self._contexts = {acceptor: make_context(identity, roster, acceptor=acceptor) for acceptor in (False, True)}

    async def greet(self, sock: socket.socket, expected: Party | None, *, where: str) -> Guest:
        """Do the whole handshake; the socket is closed unless it succeeds.

        Args:
            sock: connected, non-blocking.
            expected: whom this side dialled; None where it accepts.
            where: the address, for messages.
        Raises:
            NotReached, HandshakeFailed, FrameError: see above.
        """
        try:
            greeting = _Greeting(self, sock, expected, where)
            try:
                return await greeting.run()
            except HandshakeFailed as error:
                await greeting.leave(reject_frame(str(error).removeprefix(f"{error.peer}: ")))
                raise
            except FrameError:
                await greeting.leave(reject_frame("sent bytes that are no handshake"))
                raise
            except NotReached:
                await greeting.leave()
                raise
            except OSError as error:
                raise NotReached(f"connection lost: {describe(error).lower()}") from None
        except BaseException:
            sock.close()
            raise

    def context(self, *, acceptor: bool) -> ssl.SSLContext:
        """The TLS settings of one side."""
        return self._contexts[acceptor]

    def who(self, fingerprint: str) -> Party | None:
        """Whose certificate that is."""
        return self._by_fingerprint.get(fingerprint)


class _Greeting:
    """One handshake."""

    def __init__(self, greeter: Greeter, sock: socket.socket, expected: Party | None, where: str) -> None:
        self._greeter, self._sock, self._expected, self._where = greeter, sock, expected, where
        self._acceptor = expected is None
        self._loop = asyncio.get_running_loop()
        self._tls = Tls(greeter.context(acceptor=self._acceptor), acceptor=self._acceptor)
        self._received = 0
        self._through = False  # TLS, as far as this side can tell

    async def run(self) -> Guest:
        """TLS, then the hello."""
        try:
            while not self._tls.handshake():
                await self._flush()
                await self._more()
            self._through = True
            await self._flush()
            peer, fingerprint = self._identify()
            greeter = self._greeter
            handshake = Handshake(
                greeter.identity,
                greeter.roster,
                greeter.job_digest,
                greeter.nonce,
                peer,
                fingerprint,
                dialer=not self._acceptor,
            )
            self._tls.write(handshake.start())
            await self._flush()
            while not handshake.done:
                while (plain := self._tls.read(READ_BYTES)) is None:
                    await self._more()
                if not plain:
                    raise NotReached("closed the connection in the middle of the handshake")
                self._tls.write(handshake.feed(plain))
                await self._flush()
        except ssl.SSLError as error:
            raise self._judge(error) from None
        return Guest(peer, handshake.peer_nonce, self._sock, self._tls, handshake.rest)

    async def leave(self, last_words: bytes = b"") -> None:
        """Say why, end our side, and give the other a moment to read it, so that the kernel does not drop it."""
        with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                if self._through and last_words:
                    self._tls.write(last_words)
                if self._through:
                    self._tls.finish()
                await self._flush()
                self._sock.shutdown(socket.SHUT_WR)
                left = MAX_STRANGER_BYTES
                while left > 0 and (data := await self._loop.sock_recv(self._sock, READ_BYTES)):
                    left -= len(data)

    def _identify(self) -> tuple[Party, str]:
        """Whose key TLS has verified, by the fingerprint of its certificate alone."""
        fingerprint = self._tls.peer_fingerprint
        peer, me, expected = self._greeter.who(fingerprint), self._greeter.me, self._expected
        if expected is None:
            if peer is None or peer.name == me.name:
                raise NotReached("shows a certificate that is not in the roster")
            if peer.party_id < me.party_id:
                text = f"{peer.name}: dials {me.name}, which should dial it; install the same release at both"
                raise HandshakeFailed(text, peer=peer.name)
            return peer, fingerprint
        if peer is None:
            text = f"{expected.name}: at {self._where} answers somebody with a certificate that is not in the roster"
            raise HandshakeFailed(text, peer=expected.name)
        if peer.name != expected.name:
            text = f"{expected.name}: at {self._where} {wrong_party(expected.name, peer.name)}"
            raise HandshakeFailed(text, peer=expected.name)
        return peer, fingerprint

    def _judge(self, error: ssl.SSLError) -> Exception:
        """What a TLS error means for the run."""
        expected = self._expected
        final = isinstance(error, ssl.SSLCertVerificationError) or (self._through and is_refusal(error))
        if expected is not None and final:
            text = advise(error, self._greeter.identity, expected.name)
            return HandshakeFailed(f"{expected.name}: at {self._where} {text}", peer=expected.name)
        return NotReached(describe(error))

    async def _more(self) -> None:
        data = await self._loop.sock_recv(self._sock, READ_BYTES)
        if not data:
            raise NotReached("closed the connection in the middle of the handshake")
        self._received += len(data)
        if self._received > MAX_STRANGER_BYTES:
            raise NotReached(f"sent more than {MAX_STRANGER_BYTES} bytes in the handshake")
        self._tls.incoming.write(data)

    async def _flush(self) -> None:
        if self._tls.outgoing.pending:
            await self._loop.sock_sendall(self._sock, self._tls.outgoing.read())
