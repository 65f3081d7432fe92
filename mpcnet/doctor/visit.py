"""All checks of a party: its own, then the other parties, who may look at this one meanwhile.

The doctor listens at the party's own port, so that doctors of several parties find each other, and see whether each can
be reached. A party that waits for its run answers as well. Nothing that comes in can be more than a look.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mpcnet.doctor.checks import Check, Report, State
from mpcnet.doctor.own import examine_own
from mpcnet.errors import ConnectFailed, MPCNetError
from mpcnet.roster import format_address
from mpcnet.wire.probe import DOCTOR

if TYPE_CHECKING:
    from mpcnet.config import Config
    from mpcnet.doctor.look import Look
    from mpcnet.identity import Identity
    from mpcnet.roster import Roster

__all__ = ["examine"]

RETRY_SECONDS = 0.5
NO_JOB = bytes(32)


async def examine(
    path: str | Path,
    *,
    job: Path | None = None,
    job_digest: bytes | None = None,
    alone: bool = False,
    wait_seconds: float = 10.0,
    listen_socket: socket.socket | None = None,
    on_check: Callable[[Check], None] | None = None,
) -> Report:
    """Check a party, its machine and, unless `alone`, every other party.

    Args:
        path: party.toml, or its folder.
        job: the job file that is about to be run: it is checked, and compared with the others'.
        job_digest: of what is about to be run, where there is no file; None leaves jobs uncompared.
        alone: leave the other parties out.
        wait_seconds: how long to try parties that are not there, and to let them look at this one.
        listen_socket: a bound socket, instead of the address in the configuration; it is closed.
        on_check: called with each finding as it is made.
    """
    from mpcnet.doctor.machine import examine_machine
    from mpcnet.doctor.papers import examine_data, examine_job, examine_record

    report, told = Report(), 0

    def tell() -> None:
        nonlocal told
        for check in report.checks[told:] if on_check is not None else ():
            on_check(check)  # type: ignore[misc]
        told = len(report.checks)

    try:
        own = examine_own(Path(path), report)
        if own.config is not None:
            examine_data(own.config, report)
        if own.config is not None and own.identity is not None and own.roster is not None:
            examine_record(own.config, own.identity, own.roster, report)
        if job is not None and (own.config is None or own.roster is None):
            report.add("job", State.SKIP, "needs party.toml and the roster")
        elif job is not None and own.config is not None:
            job_digest = examine_job(job, own.config, report)
        tell()
        await asyncio.to_thread(examine_machine, own.folder, report)
        tell()
        if alone:
            return report
        if own.config is None or own.roster is None:
            missing = "party.toml" if own.config is None else "the roster"
            report.add("tcp", State.SKIP, f"needs {missing}", party="others")
            tell()
            return report
        visit = _Visit(own.config, own.identity, own.roster, job_digest, report)
        handed, listen_socket = listen_socket, None
        await visit.pay(wait_seconds, handed, tell)
        return report
    finally:
        if listen_socket is not None:
            listen_socket.close()


class _Visit:
    """One doctor's round of the other parties."""

    def __init__(
        self, config: Config, identity: Identity | None, roster: Roster, job_digest: bytes | None, report: Report
    ) -> None:
        from mpcnet.doctor.look import Look

        self._config, self._identity, self._roster, self._report = config, identity, roster, report
        self._me, self._job = roster.party(config.name), job_digest
        others = [party for party in roster.parties if party.name != config.name]
        self._looks = {party.name: Look(identity, roster, party, job_digest) for party in others}
        self._callers: set[str] = set()
        self._called = asyncio.Event()

    async def pay(self, wait_seconds: float, listen_socket: socket.socket | None, tell: Callable[[], None]) -> None:
        """Look at all, be looked at, and note what was found."""
        from mpcnet.wire.lobby import Lobby

        end = time.monotonic() + wait_seconds
        sock = await self._open(listen_socket) if self._identity is not None else None
        tell()
        lobby = Lobby(sock, self._admit) if sock is not None else None
        try:
            looks = [self._look_until(look, end) for look in self._looks.values()]
            await asyncio.gather(*looks)
            while sock is not None and self._expected and time.monotonic() < end:
                self._called.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(RETRY_SECONDS, max(0.0, end - time.monotonic()))):
                        await self._called.wait()
        finally:
            if lobby is not None:
                await lobby.close()
        for name, look in self._looks.items():
            self._report.extend(look.checks)
            self._note_caller(name, look, listening=sock is not None)
        if lobby is not None and lobby.strangers:
            count = "one connection" if lobby.strangers == 1 else f"{lobby.strangers} connections"
            found = f"{count} by strangers meanwhile; the last one {lobby.last_stranger}"
            self._report.add("strangers", State.WARN, found, "a party with an old roster or certificate, or a scanner")
        tell()

    @property
    def _expected(self) -> set[str]:
        """Who is there, would dial this party in a run or is about to look at it, and has not come yet."""
        there = {name: look.answer for name, look in self._looks.items() if look.answer is not None}
        coming = {name for name, answer in there.items() if self._dials_us(name) or answer.state == DOCTOR}
        return coming - self._callers

    def _dials_us(self, name: str) -> bool:
        return self._roster.party(name).party_id > self._me.party_id

    async def _look_until(self, look: Look, end: float) -> None:
        while True:
            await look.attempt()
            if not look.is_away or time.monotonic() + RETRY_SECONDS > end:
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _admit(self, sock: socket.socket) -> None:
        from mpcnet.wire.greeting import Greeter, Looked

        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert self._identity is not None
        job = self._job if self._job is not None else NO_JOB
        greeter = Greeter(self._identity, self._roster, job, bytes(32), doctor=True)
        try:
            await greeter.greet(sock, None, where="")
        except Looked as look:
            self._callers.add(look.peer)
            self._called.set()
        except MPCNetError:
            return

    async def _open(self, given: socket.socket | None) -> socket.socket | None:
        from mpcnet.runtime import bind_address
        from mpcnet.wire.lobby import BACKLOG

        address = self._config.listen or (self._me.host, self._me.port)
        sock = given
        try:
            if sock is None:
                sock = await asyncio.to_thread(bind_address, address, self._config.source)
            sock.listen(BACKLOG)
        except (OSError, ConnectFailed) as error:
            if sock is not None:
                sock.close()
            text = str(error).removesuffix("; is another program using the port?")
            if "in use" in text.lower():  # by a run of this party, which answers looks itself
                hint = f"`ss -ltnp sport = :{address[1]}` says which program: end it, unless it is a run of this party"
                self._report.add("port", State.WARN, text, hint)
            else:
                hint = f'behind a router or in a container: write listen = "0.0.0.0:{address[1]}" into '
                self._report.add("port", State.MEND, text, f"{hint}{self._config.source}")
            return None
        host, port = sock.getsockname()[:2]
        self._report.add("port", State.WELL, f"listening on {format_address(host, port)}")
        return sock

    def _note_caller(self, name: str, look: Look, *, listening: bool) -> None:
        """Whether a party that would dial this one in a run was able to."""
        if not self._dials_us(name) or not listening:
            return
        if name in self._callers:
            self._report.add("way back", State.WELL, f"{name} reached this party", party=name)
        elif look.answer is not None:
            found = f"{name} is there, but did not reach this party at {self._me.address}"
            mend = f"start `mpcnet doctor` at {name} at the same time; else look for a firewall here"
            self._report.add("way back", State.WARN, found, mend, party=name)
