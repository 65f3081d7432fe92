"""What a session says beside its protocols, as conversations that can be played: statements, order, reports, endings.

As in `tests.fuzz.played`, with a session on top. Its coins are the system's, so what is opened on shares may contradict
what the others said: that is one more thing that a peer can do.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from circuits import Bit, UInt, circuit
from mpcnet.array.agreement import REPORT_BYTES
from mpcnet.cause import Cause
from mpcnet.credit import statement
from mpcnet.errors import PeerDisconnected
from mpcnet.record.summary import countersign
from mpcnet.session import Session
from protocols.boolean import TripleSource
from tests.fuzz import seeds
from tests.fuzz.played import PlayedChannel, Said, changed, ended, script_of
from tests.kit.additive import trusted_ots
from tests.kit.links import SESSION_ID, plain_links
from tests.kit.mesh import make_meshes

__all__ = ["SESSIONS", "Meeting", "play"]

NAMES = ("bank", "bureau", "lender")


@dataclass(frozen=True, eq=False)
class Meeting:
    """A body of a session, the same at every party.

    Args:
        name: of the seed.
        body: what each does.
        names: the parties.
        fails: a body that fails at every party.
        to: to whom it is played; by default to everybody.
    """

    name: str
    body: Callable[[Session], Awaitable[Any]]
    names: Sequence[str] = NAMES
    fails: bool = False
    to: Sequence[str] = ()

    @property
    def seats(self) -> Sequence[str]:
        """Who can be played to."""
        return self.to or self.names

    @functools.cached_property
    def said(self) -> dict[str, Said]:
        """What each party hears."""

        async def run() -> dict[str, Said]:
            links = plain_links(self.names)

            async def party(name: str) -> None:
                async with Dealt(name, sorted(self.names), links[name], SESSION_ID) as session:
                    await self.body(session)

            async with asyncio.timeout(20):
                results = await asyncio.gather(*map(party, self.names), return_exceptions=True)
            failed = [isinstance(results[self.names.index(name)], Exception) for name in self.seats]
            assert all(failed) if self.fails else not any(failed), results
            heard: dict[str, Said] = {}
            for name in self.names:
                found = heard.setdefault(name, {})
                for peer, link in links[name].items():
                    for who, path, message in link.wire.messages:
                        if who == peer:
                            found.setdefault((who, path), []).append(message)
            return {name: dict(sorted(found.items())) for name, found in heard.items()}

        return asyncio.run(run())


class Dealt(Session):
    """A session whose OT was set up by a trusted party; how it sets it up itself is played in `conversations`."""

    async def set_up(self, key: str, make: Any, fork: Any) -> Any:
        ots = trusted_ots(make_meshes(self.n_parties))[self.party_id]
        if key == ".triples":
            mesh = self.mesh_of(key, {p: self.open_channel(p, key, secret=False).fork("dealt") for p in self.peers})
            return TripleSource(mesh, ots.senders, ots.receivers).fork(mesh)
        _, garbler, evaluator = key.split("/")
        peer, made = (evaluator, ots.senders) if self.name == garbler else (garbler, ots.receivers)
        return made[self.parties.index(peer)].fork(self.open_channel(peer, key, secret=False).fork("dealt"))


class PlayedLink:
    """A link to a peer that says what is in a script, and then no more."""

    bytes_sent = bytes_received = moved = status = peer_status = 0
    awaits = False
    on_news: Callable[[], None] | None = None
    told: Cause | None = None
    is_over = False

    def __init__(self, peer: str, script: Mapping[tuple[str, str], Any], most: int, loss: asyncio.Event) -> None:
        self.peer, self._script, self._most, self.loss = peer, script, most, loss
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def channel(self, label: str) -> PlayedChannel:
        held = {".program/recovery/statements": self.loss}
        return PlayedChannel(self._script, self._most, self.peer, label, SESSION_ID, held)

    def break_off(self) -> None:
        """The peer is lost; from now on the others say so."""
        self.is_over = True
        self.loss.set()
        self.failure.set_exception(PeerDisconnected(f"{self.peer}: the link closed", peer=self.peer))
        self.failure.exception()

    def report(self, cause: Cause) -> None:
        self.is_over = True
        if self.on_news is not None:
            asyncio.get_running_loop().call_soon(self.on_news)

    async def close(self) -> None:
        self.is_over = True


def play(meetings: Sequence[Meeting], data: bytes) -> None:
    """As `tests.fuzz.played.play`."""
    seats = [(meeting, name) for meeting in meetings for name in meeting.seats]
    meeting, name = seats[(data[0] if data else 0) % len(seats)]
    asyncio.run(_run(meeting, name, changed(meeting.said[name], data[1:])))


async def _run(meeting: Meeting, name: str, said: Said) -> None:
    script, _ = script_of(said)
    most = max(script_of(meeting.said[name])[1], REPORT_BYTES if "arrays" in meeting.name else 0)
    peers = [peer for peer in sorted(meeting.names) if peer != name]

    async def role() -> None:
        loss = asyncio.Event()
        links = {peer: PlayedLink(peer, script, most, loss) for peer in peers}
        async with Dealt(name, sorted(meeting.names), links, SESSION_ID) as session:
            await meeting.body(session)

    await ended(asyncio.ensure_future(role()), [*peers, "", name])


# ---- what is done in them


@circuit
def small(a: UInt[3], b: UInt[3], c: UInt[3]) -> tuple[UInt[6], Bit]:
    return a * b, a < c


async def evaluate(session: Session, protocol: str) -> None:
    owners = dict(zip("abc", NAMES, strict=True))
    own = {port: 1 for port, owner in owners.items() if owner == session.name}
    await session.evaluate(small, own, owners=owners, reveal_to=["lender"], protocol=protocol)


async def arrays(session: Session) -> None:
    """Enough operations for a report of how far everybody is."""
    sh = session.shamir(threshold=1)
    x = sh.input(np.arange(3) if session.name == "bank" else None, owner="bank", shape=(3,), dtype=sh.int(16))
    for _ in range(70):
        x = x + 1
    await (x * x).reveal(to="lender")


async def parting(session: Session) -> None:
    """The lender's program is another one."""
    sh = session.shamir(threshold=1)
    x = sh.input(np.arange(3) if session.name == "bank" else None, owner="bank", shape=(3,), dtype=sh.int(16))
    await (x * x if session.name == "lender" else x + x).reveal()


async def losing(session: Session) -> None:
    """The town is lost, and the others go on."""
    sh = session.shamir(threshold=1)
    x = sh.input(np.arange(3) if session.name == "bank" else None, owner="bank", shape=(3,), dtype=sh.int(16))
    await (x + 1).reveal()
    links: Any = session._links
    if session.name == "town":
        for link in links.values():
            link.fall_silent()
        return
    if isinstance(links["town"], PlayedLink):
        links["town"].break_off()
    for _ in range(3):
        x = x + 1
        await x.reveal()


async def agree(session: Session) -> None:
    mine = statement.Statement(bytes(32), "yao", 10, 10, bytes(range(32)))
    await statement.agree(session, mine)


async def fork(session: Session) -> None:
    async with session.fork("part") as part:
        channel = part.channel(part.peers[0], "x") if part.name == "bank" else None
        if channel is not None:
            await channel.send(b"x")
        elif part.name == "bureau":
            await part.channel("bank", "x").receive(1)


async def abort(session: Session) -> None:
    """A fork that the lender ends, which the session outlives."""
    with contextlib.suppress(Exception):
        async with session.fork("part") as part:
            if part.name == "lender":
                raise ValueError
            await part.channel("lender", "x").receive(1)


@functools.cache
def world() -> Any:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return seeds.world(Path(folder))


async def sign(session: Session) -> None:
    identities, roster = world()
    await countersign(session, roster, identities[session.name], bytes(32), (3, "11" * 32), seconds=5)


SESSIONS: dict[str, list[Meeting]] = {
    "evaluation": [
        Meeting("yao", functools.partial(evaluate, protocol="yao")),
        Meeting("gmw", functools.partial(evaluate, protocol="gmw")),
    ],
    "arrays": [
        Meeting("arrays", arrays),
        Meeting("arrays-parting", parting, fails=True),
        Meeting("arrays-losing", losing, (*NAMES, "town"), to=("bureau", "lender")),
    ],
    "session": [
        Meeting("statement", agree),
        Meeting("fork", fork),
        Meeting("abort", abort),
        Meeting("countersign", sign, seeds.NAMES),
    ],
}
