"""From a connected socket to a peer who is who it should be: TLS, pinned certificate, hello.

Until then the other end is a stranger: what it may send is bounded here, how long it may take by the caller. Who
accepts says nothing before the dialler's first frame: that may be a PROBE, a doctor's look, which is answered. Failures
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
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, NoReturn

from mpcnet.errors import FrameError, HandshakeFailed
from mpcnet.wire.advice import advise, wrong_party
from mpcnet.wire.frames import Kind
from mpcnet.wire.handshake import VERSION, Handshake, reject_frame
from mpcnet.wire.probe import BUDGET_BYTES, DOCTOR, WAITING, Answer, Answerer, make_answer
from mpcnet.wire.tls import Tls, describe, is_refusal, make_context

if TYPE_CHECKING:
    from mpcnet.identity import Identity
    from mpcnet.roster import Party, Roster

__all__ = ["Greeter", "Guest", "Looked", "NotReached"]

MAX_STRANGER_BYTES: Final = 32 * 1024  # a whole handshake has about 3 KiB
READ_BYTES: Final = 16 * 1024
FAREWELL_SECONDS: Final = 0.5


class NotReached(Exception):
    """The other end is nobody of the roster, or the connection broke; the text is the rest of a sentence about it."""


class Looked(Exception):
    """A party of the roster came for a look, or to a doctor; it is answered and gone.

    Attributes:
        peer: its name.
        for_a_run: it came to a doctor, but for a run.
    """

    def __init__(self, peer: str, *, for_a_run: bool = False) -> None:
        super().__init__(f"{peer} came for a look")
        self.peer, self.for_a_run = peer, for_a_run


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
        doctor: this is no run but a doctor: it answers looks, and runs come to nothing, to try again.
    Raises:
        ConfigError: the own key or certificate cannot be used.
    """

    def __init__(
        self, identity: Identity, roster: Roster, job_digest: bytes, nonce: bytes, *, doctor: bool = False
    ) -> None:
        self.identity, self.roster, self.job_digest, self.nonce = identity, roster, job_digest, nonce
        self.is_doctor = doctor
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
            Looked: it was a doctor, and has been answered.
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
            except (NotReached, Looked):
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

    def answer(self) -> Answer:
        """What this party says to a look."""
        job = self.job_digest if any(self.job_digest) else b""
        return make_answer(VERSION, version("mpcnet"), self.roster, job, DOCTOR if self.is_doctor else WAITING)

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
        self._received, self._limit = 0, MAX_STRANGER_BYTES
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
            if self._acceptor:
                first = await self._plain()
                if first[0] == Kind.PROBE:
                    await self._answer(peer, first)
                if greeter.is_doctor:
                    raise Looked(peer.name, for_a_run=True)
                self._refuse_wrong_way(peer)
                self._tls.write(handshake.start())
                self._tls.write(handshake.feed(first))
            else:
                self._tls.write(handshake.start())
            await self._flush()
            while not handshake.done:
                self._tls.write(handshake.feed(await self._plain()))
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
            return peer, fingerprint
        if peer is None:
            text = f"{expected.name}: at {self._where} answers somebody with a certificate that is not in the roster"
            raise HandshakeFailed(text, peer=expected.name)
        if peer.name != expected.name:
            text = f"{expected.name}: at {self._where} {wrong_party(expected.name, peer.name)}"
            raise HandshakeFailed(text, peer=expected.name)
        return peer, fingerprint

    def _refuse_wrong_way(self, peer: Party) -> None:
        me = self._greeter.me
        if peer.party_id < me.party_id:
            text = f"{peer.name}: dials {me.name}, which should dial it; install the same release at both"
            raise HandshakeFailed(text, peer=peer.name)

    async def _answer(self, peer: Party, first: bytes) -> NoReturn:
        """Answer a doctor until it leaves."""
        answerer, plain = Answerer(self._greeter.answer, peer.name), first
        self._limit = BUDGET_BYTES + MAX_STRANGER_BYTES
        with contextlib.suppress(NotReached, OSError):
            while plain:
                self._tls.write(answerer.feed(plain))
                await self._flush()
                plain = await self._plain()
        raise Looked(peer.name)

    def _judge(self, error: ssl.SSLError) -> Exception:
        """What a TLS error means for the run."""
        expected = self._expected
        final = isinstance(error, ssl.SSLCertVerificationError) or (self._through and is_refusal(error))
        if expected is not None and final:
            text = advise(error, self._greeter.identity, expected.name)
            return HandshakeFailed(f"{expected.name}: at {self._where} {text}", peer=expected.name)
        return NotReached(describe(error))

    async def _plain(self) -> bytes:
        """The next plaintext, at least a byte."""
        while (plain := self._tls.read(READ_BYTES)) is None:
            await self._more()
        if not plain:
            raise NotReached("closed the connection in the middle of the handshake")
        return plain

    async def _more(self) -> None:
        data = await self._loop.sock_recv(self._sock, READ_BYTES)
        if not data:
            raise NotReached("closed the connection in the middle of the handshake")
        self._received += len(data)
        if self._received > self._limit:
            raise NotReached(f"sent more than {self._limit} bytes in the handshake")
        self._tls.incoming.write(data)

    async def _flush(self) -> None:
        if self._tls.outgoing.pending:
            await self._loop.sock_sendall(self._sock, self._tls.outgoing.read())
