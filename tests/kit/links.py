"""Links of the plainest kind, to put a session under: queues in memory that can be broken at will.

The real ones live in `mpcnet.wire`; these have nothing that could go wrong by itself, so a test of the session says
something about the session.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from mpcnet.cause import Cause
from mpcnet.concurrency import together
from mpcnet.errors import MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.session import Session
from protocols.channel import Buffer
from tests.kit.channels import MemoryChannel, Temper, Wire

SESSION_ID = bytes(range(32))


class PlainLink:
    """One end of a link; `other` is the other end."""

    other: PlainLink

    def __init__(self, me: str, peer: str, wire: Wire) -> None:
        self.me, self.peer, self.wire = me, peer, wire
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()  # no more will come
        self.closed = False
        self.reported: list[Cause] = []
        self.told: Cause | None = None
        self.on_news: Callable[[], None] | None = None
        self._labels: set[str] = set()
        self.status = 0

    @property
    def peer_status(self) -> int:
        return self.other.status

    @property
    def awaits(self) -> bool:
        return True

    @property
    def moved(self) -> int:
        return self.bytes_sent + self.bytes_received

    @property
    def bytes_sent(self) -> int:
        return self.wire.n_bytes(self.me)

    @property
    def bytes_received(self) -> int:
        return self.wire.n_bytes(self.peer)

    def channel(self, label: str) -> PlainChannel:
        if label in self._labels:
            raise ValueError(f"label {label!r} is in use")
        self._labels.add(label)
        return PlainChannel(self, MemoryChannel(self.wire, self.me, self.peer, label, SESSION_ID))

    @property
    def is_over(self) -> bool:
        """Whether it was closed, or is broken and not by an abort."""
        return self.closed or (self.ended.is_set() and self.told is None)

    def report(self, cause: Cause) -> None:
        if cause in self.reported[-1:]:
            return
        self.reported.append(cause)
        if not self.is_over and not self.other.closed:
            self.other.hear(cause)

    def hear(self, cause: Cause) -> None:
        """The other end has told a cause."""
        self.told = cause
        text = f"{self.peer} ended the run: {cause.reason}"
        self.fail(PeerAborted(text, peer=cause.culprit, reason=cause.reason, culprit=cause.culprit))
        if self.on_news is not None:
            self.on_news()

    async def close(self) -> None:
        self.closed = True
        for end in (self, self.other):
            end.ended.set()
            if end.on_news is not None:
                end.on_news()

    def fail(self, error: MPCNetError) -> None:
        """This end finds the link broken."""
        if not self.failure.done() and not self.closed:
            self.failure.set_exception(error)
            self.failure.exception()
            self.ended.set()

    def fall_silent(self) -> None:
        """Both ends find that the other one is gone."""
        for end in (self, self.other):
            end.fail(PeerDisconnected(f"{end.peer}: the link closed", peer=end.peer))


class PlainChannel:
    """A memory channel that ends with its link."""

    def __init__(self, link: PlainLink, channel: MemoryChannel) -> None:
        self._link, self._channel = link, channel
        self.peer, self.session_id = channel.peer, channel.session_id

    def _check(self) -> None:
        if self._link.failure.done():
            self._link.failure.result()
        if self._link.closed:
            raise PeerDisconnected(f"{self.peer}: this side closed the link", peer=self.peer)

    async def send(self, *parts: Buffer) -> None:
        self._check()
        await self._channel.send(*parts)

    async def receive(self, n_bytes: int) -> memoryview:
        self._check()
        receiving = asyncio.ensure_future(self._channel.receive(n_bytes))
        ending = asyncio.ensure_future(self._link.ended.wait())
        try:
            await asyncio.wait({receiving, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                await asyncio.sleep(0)
            if receiving.done():
                return receiving.result()
            self._check()
            raise PeerDisconnected(f"{self.peer}: it left while more was expected of it", peer=self.peer)
        finally:
            for task in (receiving, ending):
                task.cancel()
            await asyncio.gather(receiving, ending, return_exceptions=True)

    def fork(self, label: str) -> PlainChannel:
        return PlainChannel(self._link, self._channel.fork(label))


def plain_links(names: Sequence[str], temper: Temper = "buffered") -> dict[str, dict[str, PlainLink]]:
    """For each party its link to each other one."""
    links: dict[str, dict[str, PlainLink]] = {name: {} for name in names}
    for one, two in itertools.combinations(names, 2):
        wire = Wire(temper)
        links[one][two], links[two][one] = PlainLink(one, two, wire), PlainLink(two, one, wire)
        links[one][two].other, links[two][one].other = links[two][one], links[one][two]
    return links


def plain_sessions(names: Sequence[str], temper: Temper = "buffered", **options: Any) -> dict[str, Session]:
    """A session for each party, not yet entered."""
    links = plain_links(names, temper)
    return {name: Session(name, sorted(names), links[name], SESSION_ID, **options) for name in names}


async def run_sessions(sessions: dict[str, Session], roles: Any, *, seconds: float = 60) -> dict[str, Any]:
    """Run `roles(session)`, or `roles[name](session)`, at every party; its result or its exception, by name."""

    async def party(name: str, session: Session) -> Any:
        try:
            async with session:
                return await (roles[name] if isinstance(roles, dict) else roles)(session)
        except Exception as error:
            return error

    async with asyncio.timeout(seconds):
        results = await together(*(party(name, session) for name, session in sessions.items()))
    return dict(zip(sessions, results, strict=True))
