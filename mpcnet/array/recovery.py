"""The program goes on without a party that was lost, where the engine's threshold leaves enough of the others.

    every party that finds a connection lost, or hears of it: stops its operations, and to every party that is left
    statement   = who is lost, and which operations are done here                          --->
    once all that are left name the same lost parties:
    operations that are done at all of them keep their results; all others run anew, on channels of a new epoch

A share of Shamir's sharing stays one, whoever else is there: what is done needs no repair. An operation that is done
here and not everywhere is run again with the others, and so is what followed from it. What was revealed stays: a party
whose share showed it to somebody has the operations done that lead there. Recipes of operations are kept until every
party says that it has done them; parties tell each other how far they are now and then.

An operation cannot run anew without the lost party where it sets the engine up, or where that party gives its input:
then the session ends at every party, and names it. A connection that breaks between two living parties costs both:
what one takes for lost, all do.

Security: new epochs have session ids of their own, so no mask serves twice. The lost party and others that collude may
be up to the threshold, as ever; that a party is lost is no reason to trust it.
Cost: 32 operations or a reveal: 8 bytes to each other party. A loss: a statement of STATEMENT_BYTES from each to each.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from mpcnet.array.node import Node
from mpcnet.errors import MPCNetError, PeerDisconnected
from protocols.channel import Mesh
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from mpcnet.array.program import Program

__all__ = ["Recovery"]

BITMAP_BYTES: Final = 512
STATEMENT_BYTES: Final = 2 + 8 + BITMAP_BYTES
FRONTIER_BYTES: Final = 8
TELL_EVERY: Final = 32

_log = logging.getLogger("mpcnet")


class Done:
    """Which operations a party has done: all below the frontier, and some beyond."""

    def __init__(self, frontier: int, beyond: set[int]) -> None:
        self.frontier, self.beyond = frontier, beyond

    def __contains__(self, number: int) -> bool:
        return number < self.frontier or number in self.beyond

    def pack(self) -> bytes:
        bits = np.zeros(8 * BITMAP_BYTES, np.uint8)
        bits[[n - self.frontier for n in self.beyond if n - self.frontier < len(bits)]] = 1
        return self.frontier.to_bytes(8, "little") + np.packbits(bits, bitorder="little").tobytes()

    @classmethod
    def unpack(cls, message: bytes) -> Done:
        frontier = int.from_bytes(message[:8], "little")
        bits = np.unpackbits(np.frombuffer(message[8:], np.uint8), bitorder="little")
        return cls(frontier, {frontier + int(i) for i in np.flatnonzero(bits)})


class Recovery:
    """One party's side.

    Args:
        mesh: for statements alone.
        program: that is to go on.

    Attributes:
        lost: parties by number.
    """

    def __init__(self, mesh: Mesh, program: Program) -> None:
        self._program, self._session = program, program.session
        self._statements, self._frontiers = mesh.fork("statements"), mesh.fork("frontiers")
        self.lost: set[int] = set()
        self._kept: dict[int, Node] = {}  # operations that are not known to be done everywhere, in order
        self._done = Done(0, set())
        self._acknowledged = dict.fromkeys(mesh.channels, 0)
        self._forgotten = self._told = 0
        self._heard: dict[int, tuple[frozenset[int], Done]] = {}
        self._news = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._advanced = asyncio.Event()
        self._tasks = [asyncio.create_task(self._tell())]
        for peer in mesh.channels:
            self._tasks += [asyncio.create_task(self._hear(peer)), asyncio.create_task(self._follow(peer))]

    # ---- while all are there

    def keep(self, node: Node) -> None:
        """An operation of the program."""
        self._kept[node.number] = node

    def note(self, node: Node) -> None:
        """An operation is done here."""
        done = self._done
        done.beyond.add(node.number)
        while done.frontier in done.beyond:
            done.beyond.discard(done.frontier)
            done.frontier += 1
        if done.frontier - self._told >= TELL_EVERY or node.name == "reveal":
            self._advanced.set()
        self._forget()

    def _forget(self) -> None:
        """Drop the recipes of what is done everywhere."""
        upto = min([self._done.frontier, *(n for p, n in self._acknowledged.items() if p not in self.lost)])
        while self._forgotten < upto:
            self._kept.pop(self._forgotten).forget()
            self._forgotten += 1

    async def _tell(self) -> None:
        while True:
            await self._advanced.wait()
            self._advanced.clear()
            self._told = self._done.frontier
            message = self._told.to_bytes(FRONTIER_BYTES, "little")
            for peer, channel in self._frontiers.channels.items():
                if peer not in self.lost:
                    with contextlib.suppress(MPCNetError):
                        await channel.send(message)

    async def _follow(self, peer: int) -> None:
        with self._listening():
            while True:
                told = int.from_bytes(await self._frontiers.channels[peer].receive(FRONTIER_BYTES), "little")
                self._acknowledged[peer] = max(self._acknowledged[peer], told)
                self._forget()

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """A peer that is gone is for whoever watches the connection; one that says something impossible ends it all."""
        try:
            yield
        except ProtocolError as error:
            self._session.fail(error)
        except MPCNetError:
            pass

    # ---- when somebody is lost

    def lose(self, party: int, why: str) -> None:
        """A party is not there any more."""
        if party in self.lost:
            return
        self.lost.add(party)
        name = self._session.parties[party]
        self._program.agreement.drop(party)
        self._session.drop(name)
        left = [one for i, one in enumerate(self._session.parties) if i not in self.lost]
        _log.warning("%s is lost (%s); the computation goes on with %s", name, why, ", ".join(left))
        self._program.note_loss(name)
        self._news.set()
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._recover())

    async def _hear(self, peer: int) -> None:
        channel = self._statements.channels[peer]
        name, me = self._session.parties[peer], self._session.party_id
        with self._listening():
            while True:
                message = bytes(await channel.receive(STATEMENT_BYTES))
                mask = int.from_bytes(message[:2], "little")
                lost = frozenset(i for i in range(self._session.n_parties) if mask >> i & 1)
                if me in lost:
                    text = f"{name}: it takes this party for lost, and goes on without it"
                    self._session.fail(PeerDisconnected(text, peer=name))
                    return
                self._heard[peer] = (lost, Done.unpack(message[2:]))
                for missing in [self._session.parties[party] for party in sorted(lost - self.lost)]:
                    if not self._program.outlives(missing, f"as {name} says"):
                        self._session.fail(PeerDisconnected(f"{missing}: lost, as {name} says", peer=missing))
                        return
                self._news.set()

    async def _recover(self) -> None:
        try:
            await self._program.pause()
            told: frozenset[int] | None = None
            while True:
                self._news.clear()
                lost = frozenset(self.lost)
                left = [peer for peer in self._statements.channels if peer not in lost]
                if told != lost:
                    told = lost
                    await self._state(left, lost)
                elif all(self._heard.get(peer, (None, None))[0] == lost for peer in left):
                    break
                else:
                    await self._news.wait()
            self._go_on([self._heard[peer][1] for peer in left], lost)
        except Exception as error:
            self._session.fail(error)

    async def _state(self, left: Sequence[int], lost: frozenset[int]) -> None:
        message = sum(1 << party for party in lost).to_bytes(2, "little") + self._done.pack()
        for peer in left:
            with contextlib.suppress(MPCNetError):  # it is lost too, and whoever watches the connection says so
                await self._statements.channels[peer].send(message)

    def _go_on(self, others: Sequence[Done], lost: frozenset[int]) -> None:
        """Run anew what is not done everywhere."""
        settled: set[int] = set()
        again: list[Node] = []
        for number, node in self._kept.items():
            whole = all(operand.number in settled or operand.number < self._forgotten for operand in node.operands)
            if whole and (not node.talks or all(number in done for done in [self._done, *others])):
                settled.add(number)
            if number not in settled or not node.done:
                again.append(node)
            if number not in settled and node.needs_all and node.needs_all & lost:
                name = self._session.parties[min(node.needs_all & lost)]
                text = f"{name}: lost before {node.text} was done, which needs it"
                self._session.fail(PeerDisconnected(text, peer=name))
                return
        undone = {node.number for node in again}
        self._done = Done(self._forgotten, {n for n in self._kept if n not in undone})
        while self._done.frontier in self._done.beyond:
            self._done.beyond.discard(self._done.frontier)
            self._done.frontier += 1
        self._program.go_on(again, lost)
        self._forget()

    async def stop(self) -> None:
        """End all tasks."""
        tasks = [*self._tasks, *([self._work] if self._work is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
