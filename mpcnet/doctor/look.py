"""One other party, seen from here: its name and port, TCP, TLS, who it is, what it runs, its clock, the line to it.

TLS is done without judging the certificate, and the certificate is judged here: so the doctor can say whose it is, and
goes on where only a date is wrong. Nothing is asked before it is certain that the key is that of a party of the roster.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import shlex
import socket
import ssl
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

from mpcnet.doctor.checks import Check, State, split
from mpcnet.doctor.mends import RIGHT_CLOCK, WRONG_CLOCK, add_to, move, renewal
from mpcnet.errors import ConfigError, FrameError
from mpcnet.identity import read_certificates
from mpcnet.wire.advice import SET_CLOCK, advise
from mpcnet.wire.frames import MAX_DATA_BYTES
from mpcnet.wire.handshake import VERSION, printable
from mpcnet.wire.lobby import resolve
from mpcnet.wire.probe import Answer, Asker
from mpcnet.wire.tls import Tls, describe, make_context, refusal

if TYPE_CHECKING:
    from mpcnet.identity import Certificate, Identity
    from mpcnet.roster import Party, Roster

__all__ = ["Look"]

STEP_SECONDS: Final = 5.0
QUESTIONS: Final = 5  # for the round trip and the clock
BULK_SECONDS: Final = 0.4
MAX_BULK_BYTES: Final = 4 * 1024 * 1024
READ_BYTES: Final = 64 * 1024
CLOCK_WARN_SECONDS, CLOCK_MEND_SECONDS = 5.0, 3600.0
SLOW_SECONDS, SLOW_RATE = 0.5, 250_000.0  # a round trip, bytes a second: a run works, and takes long


class _Over(Exception):
    """Nothing more can be found out about this party now."""


class Look:
    """What can be found out about one other party.

    Args:
        identity, roster: this party and everybody; without an identity the look ends at TCP.
        party: whom to look at.
        job_digest: of what this party is about to run; None where that is not said.

    Attributes:
        checks: the findings of the last attempt.
        answer: what the party said of itself.
    """

    def __init__(self, identity: Identity | None, roster: Roster, party: Party, job_digest: bytes | None) -> None:
        self._identity, self._roster, self._party, self._job = identity, roster, party, job_digest
        self.checks: list[Check] = []
        self.answer: Answer | None = None

    @property
    def is_away(self) -> bool:
        """Whether it may help to try again."""
        return any(check.state == State.AWAY for check in self.checks)

    async def attempt(self) -> None:
        """Look once, from the beginning."""
        self.checks, self.answer = [], None
        with contextlib.suppress(_Over):
            await self._through()

    async def _through(self) -> None:
        addresses = await self._resolve()
        sock = await self._connect(addresses)
        try:
            if self._identity is None:
                self._end("tls", State.SKIP, "needs key and certificate", "")
            async with self._talk(sock, self._identity) as talk:
                await self._ask(talk)
        finally:
            sock.close()

    # ---- step by step

    async def _resolve(self) -> list[tuple[int, Any]]:
        host = self._party.host
        try:
            async with asyncio.timeout(STEP_SECONDS):
                found = await resolve(host, self._party.port)
        except OSError as error:
            text = "no answer from the name service" if isinstance(error, TimeoutError) else describe(error).lower()
            self._end("name", State.MEND, f"{host}: {text}", f"mend the name service here, or {self._move()}")
        shown = sorted({str(where[0]) for _, where in found})
        self._add("name", State.WELL, host if shown == [host] else f"{host} is {', '.join(shown)}")
        return list(found)

    async def _connect(self, addresses: list[tuple[int, Any]]) -> socket.socket:
        reason = ""
        for family, where in addresses:
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.setblocking(False)
            started = time.perf_counter()
            try:
                async with asyncio.timeout(STEP_SECONDS):
                    await asyncio.get_running_loop().sock_connect(sock, where)
            except OSError as error:
                sock.close()
                reason = refusal(error)
            except BaseException:
                sock.close()
                raise
            else:
                break
        else:
            name = self._party.name
            mend = f"start `mpcnet doctor` at {name} as well; if it runs, look for a firewall or a wrong address"
            self._end("tcp", State.AWAY, f"{self._party.address}: {reason}", mend)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        seconds = time.perf_counter() - started
        self._add("tcp", State.WELL, f"{self._party.address}: connected in {_time(seconds)}")
        return sock

    @contextlib.asynccontextmanager
    async def _talk(self, sock: socket.socket, identity: Identity) -> AsyncIterator[_Talk]:
        context = make_context(identity, self._roster, acceptor=False)
        context.verify_mode = ssl.CERT_NONE
        talk = _Talk(sock, Tls(context, acceptor=False), self._party.name)
        name = self._party.name
        try:
            async with asyncio.timeout(STEP_SECONDS):
                await talk.handshake()
        except ssl.SSLError as error:
            self._end("tls", State.MEND, describe(error), f"another service on that port? Else {self._move()}")
        except (TimeoutError, OSError) as error:
            what = "does not go on" if isinstance(error, TimeoutError) else describe(error).lower()
            self._end(
                "tls",
                State.AWAY,
                f"{what} in the TLS handshake",
                f"end what hangs there and start it again; if that is not {name}, {self._move()}",
            )
        self._judge(talk.certificate)
        try:
            async with asyncio.timeout(2 * STEP_SECONDS):
                yield talk
        except ssl.SSLError as error:
            found, mend = split(ConfigError(advise(error, identity, name)))
            self._end("accepted", State.MEND, found, mend.partition(" UTC. ")[2] or mend)
        except FrameError as error:
            found = str(error).removeprefix(f"{name}: ")
            self._end("version", State.MEND, found, f"install the same release here and at {name}")
        except EOFError:
            self._end("answer", State.AWAY, "closed the connection instead of an answer", "try again")
        except (TimeoutError, OSError) as error:
            what = "no answer in time" if isinstance(error, TimeoutError) else describe(error).lower()
            self._end("answer", State.AWAY, what, "try again; is the line overloaded?")

    def _judge(self, der: bytes) -> None:
        """Whose certificate it is, and whether it is valid by this clock."""
        expected, now = self._party, datetime.datetime.now(datetime.UTC)
        certificate = _read(der)
        if certificate is None:
            self._end("identity", State.MEND, "shows a certificate of another kind", self._move())
        found = self._roster.by_fingerprint().get(certificate.fingerprint)
        get = f"get {expected.name}.public.toml from {expected.name}, then"
        if found is None and certificate.key == expected.key:
            self._end(
                "identity",
                State.MEND,
                "shows a new certificate that is not in this roster",
                f"{get} {add_to(self._roster, expected.name)}",
            )
        if found is None:
            text = f"shows a certificate that is not in the roster, sha256:{certificate.fingerprint}"
            new_key = f"{get} compare the fingerprint, and {add_to(self._roster, expected.name, new_key=True)}"
            mend = f"has {expected.name} a new key? Then {new_key}. Else it is somebody else"
            self._end("identity", State.MEND, text, mend)
        if found.name != expected.name:
            self._end("identity", State.MEND, f"{found.name} answers there", self._move())
        if not certificate.is_valid(now):
            expired = now > certificate.valid_until
            limit = certificate.valid_until if expired else certificate.valid_from
            text = f"its certificate {'expired on' if expired else 'is not valid before'} {limit:%Y-%m-%d %H:%M} UTC"
            self._add(
                "tls",
                State.MEND,
                text,
                f"{RIGHT_CLOCK}{renewal(expected.name, self._roster)}" if expired else WRONG_CLOCK,
            )
        else:
            self._add("tls", State.WELL, f"TLS 1.3, certificate valid until {certificate.valid_until:%Y-%m-%d}")
        self._add("identity", State.WELL, f"{expected.name} has proven its key")

    async def _ask(self, talk: _Talk) -> None:
        answer, seconds, offset = await talk.meet()
        self.answer = answer
        self._compare(answer)
        self._add_clock(offset)
        slow = "a run works, but takes long; is the line overloaded, or goes it by a detour?"
        state = State.WARN if seconds > SLOW_SECONDS else State.WELL
        self._add("round trip", state, _time(seconds), slow if state == State.WARN else "")
        down, up = await talk.measure(seconds)
        state = State.WARN if min(down, up) < SLOW_RATE else State.WELL
        found = f"{_rate(down)} from it, {_rate(up)} to it"
        self._add("bandwidth", state, found, slow if state == State.WARN else "")

    def _compare(self, answer: Answer) -> None:
        name, release = self._party.name, printable(answer.release, 40)
        same = f"install the same release here and at {name}"
        if answer.version != VERSION:
            self._end(
                "version", State.MEND, f"speaks version {answer.version} of the protocol, this party {VERSION}", same
            )
        self._add("version", *_compare_release(release, same))
        mine = {party.digest: party.name for party in self._roster.parties}
        if answer.roster == self._roster.digest:
            self._add("roster", State.WELL, f"the same, {answer.roster.hex()[:16]}")
        else:
            differ = [mine[digest] for digest in mine if digest not in answer.entries]
            which = f"in the entry of {', '.join(differ)}" if differ else "it has more entries"
            found = f"{answer.roster.hex()[:16]} there, {self._roster.digest.hex()[:16]} here: {which}"
            every = " ".join(f"{party}.public.toml" for party in differ) or "*.public.toml"
            command = f"mpcnet roster add {every} --roster {shlex.quote(self._roster.source)}"
            self._add("roster", State.MEND, found, f"here and there, with the same public files: `{command}`")
        if self._job is None or not answer.job:
            doing = "waits for a run" if answer.job else "runs its doctor"
            self._add("job", State.WELL, f"{name} {doing}")
        elif answer.job == self._job:
            self._add("job", State.WELL, f"the same, {answer.job.hex()[:16]}")
        else:
            found = f"{answer.job.hex()[:16]} there, {self._job.hex()[:16]} here"
            mend = "`mpcnet job show JOB` says the digest of each file: take the one that all have signed"
            self._add("job", State.MEND, found, mend)

    def _add_clock(self, offset: float) -> None:
        ahead = "ahead of" if offset > 0 else "behind"
        found = f"{_time(abs(offset))} {ahead} this machine's clock"
        if abs(offset) < CLOCK_WARN_SECONDS:
            self._add("clock", State.WELL, found)
        else:
            state = State.WARN if abs(offset) < CLOCK_MEND_SECONDS else State.MEND
            self._add("clock", state, found, f"at the one that is wrong: `{SET_CLOCK}`")

    def _move(self) -> str:
        return f"correct its address: {move(self._party.name, self._roster)}"

    def _add(self, name: str, state: State, found: str, mend: str = "") -> None:
        self.checks.append(Check(name, self._party.name, state, found, mend))

    def _end(self, name: str, state: State, found: str, mend: str) -> NoReturn:
        self._add(name, state, found, mend)
        raise _Over


class _Talk:
    """The connection to the party, once TCP stands."""

    def __init__(self, sock: socket.socket, tls: Tls, peer: str) -> None:
        self._sock, self._tls, self._asker = sock, tls, Asker(peer)
        self._loop = asyncio.get_running_loop()

    @property
    def certificate(self) -> bytes:
        """What the party showed and proved the key of, DER."""
        return self._tls.session.getpeercert(binary_form=True) or b""

    async def handshake(self) -> None:
        while not self._tls.handshake():
            await self._flush()
            await self._more()
        await self._flush()

    async def meet(self) -> tuple[Answer, float, float]:
        """The party's answer, the shortest round trip, and how far its clock is ahead, in seconds."""
        best, offset = float("inf"), 0.0
        for _ in range(QUESTIONS):
            asked, started = time.time(), time.perf_counter()
            await self._ask([(0, 0)])
            seconds = time.perf_counter() - started
            if seconds < best:
                best, offset = seconds, self._asker.answers[-1].time - (asked + seconds / 2)
        return self._asker.answers[-1], best, offset

    async def measure(self, round_trip: float) -> tuple[float, float]:
        """Bytes a second from the party and to it."""
        rates = []
        for up in (False, True):
            n_bytes, seconds = MAX_DATA_BYTES // 4, 0.0
            while True:
                started = time.perf_counter()
                full, rest = divmod(n_bytes, MAX_DATA_BYTES)
                sizes = [MAX_DATA_BYTES] * full + [rest] * bool(rest)
                await self._ask([(size, 0) if up else (0, size) for size in sizes])
                seconds = max(time.perf_counter() - started - round_trip, 1e-6)
                if n_bytes >= MAX_BULK_BYTES or seconds * 4 > BULK_SECONDS:
                    break
                n_bytes = min(8 * n_bytes, MAX_BULK_BYTES)
            rates.append(n_bytes / seconds)
        return rates[0], rates[1]

    async def _ask(self, questions: list[tuple[int, int]]) -> None:
        """Ask all at once, and wait until all are answered."""
        goal = self._asker.fillers + len(questions)
        for n_bytes, wanted in questions:
            self._tls.write(self._asker.ask(n_bytes, wanted))
        sending = asyncio.ensure_future(self._flush())
        try:
            while self._asker.fillers < goal:
                plain = self._tls.read(READ_BYTES)
                if plain is None:
                    await self._more()
                elif plain:
                    self._asker.feed(plain)
                else:
                    raise EOFError
            await sending
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _more(self) -> None:
        data = await self._loop.sock_recv(self._sock, READ_BYTES)
        if not data:
            raise ConnectionResetError("connection closed")
        self._tls.incoming.write(data)

    async def _flush(self) -> None:
        if self._tls.outgoing.pending:
            await self._loop.sock_sendall(self._sock, self._tls.outgoing.read())


def _read(der: bytes) -> Certificate | None:
    try:
        (certificate,) = read_certificates(ssl.DER_cert_to_PEM_cert(der), "")
    except (ConfigError, ValueError):
        return None
    return certificate


def _compare_release(theirs: str, mend: str) -> tuple[State, str, str]:
    from importlib.metadata import version

    mine = version("mpcnet")
    if theirs == mine:
        return State.WELL, f"mpcnet {mine} here and there", ""
    return State.WARN, f"mpcnet {theirs} there, {mine} here", mend


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.1f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else _hours(seconds)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def _rate(rate: float) -> str:
    return f"{rate / 1e6:.1f} MB/s" if rate < 1e9 else f"{rate / 1e9:.1f} GB/s"
