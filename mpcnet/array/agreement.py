"""All parties reach the same operations in the same order, or all of them are told where they part.

    every party, at each operation that talks (and after 64 that do not)          to every other
    checkpoint  = a hash of all operations so far                                   --->

An operation talks once every other party has sent the same checkpoint for it. Checkpoints leave when the program
reaches the operation, not when its operands are there, so they run ahead and a chain of operations waits for them once.
The end of the program is a checkpoint too. Where two checkpoints differ, both sides send the places of their programs
since the last one that was the same; each finds the first that differs, and raises an error that shows both.

    a party that sees a difference                                                  to those it differs from
    report      = for up to 64 operations a hash and a line of text                 --->
                                                                                    to all others
    verdict     = the two places as text                                            --->

Security: hashes of 128 bits; they cover shapes, types, owners, recipients and public numbers, and no secret. The texts
name operations, shapes and lines of files without their folders; a peer's text is shown and never acted upon.
Cost: 16 bytes for each checkpoint to each other party, and no round of its own where the program runs ahead.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import Callable
from hmac import compare_digest

from mpcnet.array.node import Node
from mpcnet.errors import DivergenceError, MPCNetError, PeerDisconnected
from mpcnet.reasons import clean
from protocols.channel import Mesh

__all__ = ["Agreement"]

DIGEST_BYTES = 16
SPAN = 64  # operations from one checkpoint to the next, at most
ENTRY_BYTES = 120  # of a report: 8 of the hash, the rest text
REPORT_BYTES = 1 + 2 + SPAN * ENTRY_BYTES
REPORT, VERDICT = 0, 1
REPORT_SECONDS = 5.0  # how long to wait for the other side's places


class Agreement:
    """One party's side.

    Args:
        mesh: for these messages alone.
        me: this party's name.
        names: of the other parties, by number.
        on_progress: called when more operations may talk.
        on_error: called with the error that ends the program.

    Attributes:
        names: of the other parties, by number; of those that were dropped too.
    """

    def __init__(
        self,
        mesh: Mesh,
        me: str,
        names: dict[int, str],
        on_progress: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._me, self.names = me, names
        self._on_progress, self._on_error = on_progress, on_error
        self._checkpoints, self._places = mesh.fork("checkpoints"), mesh.fork("places")
        self._chain = bytes(DIGEST_BYTES)
        self._made: list[bytes] = []  # checkpoints
        self._upto: list[int] = []  # for each checkpoint: how many operations it covers
        self._recent: deque[tuple[bytes, str | Node]] = deque()  # operations not agreed with everybody yet
        self._forgotten = 0  # how many were before these
        self._more = asyncio.Event()
        self._agreed = dict.fromkeys(names, 0)
        self._sent = dict.fromkeys(names, 0)
        self._last = -1  # the checkpoint of the end
        self._reported: set[int] = set()
        self._verdict: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._heard: dict[int, asyncio.Task[bytes]] = {}
        self._closed = False

    def start(self) -> None:
        """Begin to talk."""
        for peer in self.names:
            self._heard[peer] = asyncio.create_task(self._hear_places(peer))
        for work in (self._tell, self._hear, self._heed):
            self._tasks += [asyncio.create_task(work(peer)) for peer in self.names]

    @property
    def agreed(self) -> int:
        """How many checkpoints are the same at all parties."""
        return min(self._agreed.values())

    def add(self, node: Node) -> None:
        """The next operation of the program."""
        self._extend(node.signature, node)
        if node.talks:
            node.checkpoint = len(self._made)
        if node.talks or len(self._recent) + self._forgotten - (self._upto[-1] if self._upto else 0) >= SPAN:
            self._checkpoint()

    def end(self) -> None:
        """The program has no more operations."""
        n_operations = len(self._recent) + self._forgotten
        self._extend(b"end", f"the end of the program, after {n_operations} operations")
        self._last = len(self._made)
        self._checkpoint()

    def has_ended(self, peer: str) -> bool:
        """Whether that party's program and this one's have come to the same end."""
        return self._last >= 0 and any(self.names[p] == peer and n > self._last for p, n in self._agreed.items())

    def drop(self, party: int) -> None:
        """Go on without a party."""
        before = self.agreed
        self._agreed.pop(party, None)
        self._sent.pop(party, None)
        self._settle(before)

    def is_dropped(self, peer: str) -> bool:
        """Whether the others go on without that party."""
        return any(name == peer and party not in self._agreed for party, name in self.names.items())

    async def wait_for_end(self) -> None:
        """Until every party has come to the same end, and been told of this one's."""
        await self._until(lambda: min(self.agreed, *self._sent.values()) > self._last)

    async def has_word_of(self, peer: str) -> bool:
        """Whether a party that has left said why: that its program and another one parted."""
        for party, name in self.names.items():
            if name == peer and party in self._heard:
                with contextlib.suppress(MPCNetError):
                    return bool(await asyncio.shield(self._heard[party]))
        return False

    async def stop(self) -> None:
        """End all tasks."""
        self._closed = True
        tasks = [*self._tasks, *self._heard.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- this party's operations

    def _extend(self, signature: bytes, what: str | Node) -> None:
        self._chain = hashlib.blake2b(
            signature, key=self._chain, digest_size=DIGEST_BYTES, person=b"mpcnet-array"
        ).digest()
        self._recent.append((self._chain, what))

    def _checkpoint(self) -> None:
        self._made.append(self._chain)
        self._upto.append(self._forgotten + len(self._recent))
        self._more.set()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._more.clear()
            await self._more.wait()

    # ---- what is said and heard

    async def _tell(self, peer: int) -> None:
        channel = self._checkpoints.channels[peer]
        try:
            while self._last < 0 or self._sent[peer] <= self._last:
                await self._until(lambda: peer not in self._sent or len(self._made) > self._sent[peer])
                await channel.send(self._made[self._sent[peer]])
                self._sent[peer] += 1
                self._more.set()
        except Exception as error:
            if peer not in self._sent:
                return
            if not isinstance(error, MPCNetError) or self.has_ended(self.names[peer]):
                self._fail(error)  # else the one that listens finds out what it means

    async def _hear(self, peer: int) -> None:
        channel, agreed = self._checkpoints.channels[peer], self._agreed
        try:
            while self._last < 0 or agreed[peer] <= self._last:
                await self._until(lambda: peer not in agreed or len(self._made) > agreed[peer])
                theirs = bytes(await channel.receive(DIGEST_BYTES))
                if not compare_digest(theirs, self._made[agreed[peer]]):
                    await self._differ(peer)
                    return
                self._agree(peer)
        except PeerDisconnected as error:
            has_word = await self.has_word_of(self.names[peer])
            if peer not in agreed:
                return
            if not has_word:
                self._fail(self._left_early(peer, error))
            elif not self._closed:  # it saw a difference before this party could
                await self._differ(peer)
        except Exception as error:
            if peer in agreed:
                self._fail(error)

    def _agree(self, peer: int) -> None:
        before = self.agreed
        self._agreed[peer] += 1
        self._settle(before)

    def _settle(self, before: int) -> None:
        """More may be agreed on than before."""
        self._more.set()
        if self.agreed > before:
            settled = self._upto[self.agreed - 1]
            while self._forgotten < settled:
                self._recent.popleft()
                self._forgotten += 1
            self._on_progress()

    def _fail(self, error: Exception) -> None:
        if not self._closed:
            self._on_error(error)

    def _left_early(self, peer: int, error: PeerDisconnected) -> MPCNetError:
        at = self._text(self._upto[self._agreed[peer]] - 1)
        return PeerDisconnected(f"{error}; this party is at {at}", peer=self.names[peer])

    # ---- where programs part

    async def _differ(self, peer: int) -> None:
        """This party's checkpoint and a peer's differ."""
        name, mine, agreed = self.names[peer], self._report(peer), self._agreed[peer]
        theirs = b""
        with contextlib.suppress(MPCNetError, TimeoutError):
            await asyncio.wait_for(self._until(lambda: self._sent[peer] > agreed), REPORT_SECONDS)
            if peer not in self._reported:
                self._reported.add(peer)
                await self._places.channels[peer].send(mine)
            theirs = await asyncio.wait_for(asyncio.shield(self._heard[peer]), REPORT_SECONDS)
        if theirs[:1] == bytes([VERDICT]):
            return  # `_heed` raises it
        places = _first_difference(mine, theirs) if theirs else None
        if places is None:
            at = self._text(self._upto[self._agreed[peer]] - 1)
            text = f"the programs part: {self._me} is at {at}, and {name} elsewhere"
            error = DivergenceError(text, peer=name, mine=at)
        else:
            here, there = places
            if _what(here) == _what(there):
                there += ", with other operands or public numbers"
            text = f"the programs part: {self._me} is at {here}, and {name} at {clean(there)}"
            error = DivergenceError(text, peer=name, mine=here, theirs=clean(there))
        await self._tell_others(str(error))
        self._fail(error)

    async def _tell_others(self, text: str) -> None:
        """Those who have not seen it themselves."""
        message = _pack(VERDICT, [(b"", text)])
        for other in self.names:
            if other not in self._reported:
                self._reported.add(other)
                with contextlib.suppress(MPCNetError):
                    await self._places.channels[other].send(message)

    async def _hear_places(self, peer: int) -> bytes:
        return bytes(await self._places.channels[peer].receive(REPORT_BYTES))

    async def _heed(self, peer: int) -> None:
        """A verdict of others about others."""
        message = b""
        with contextlib.suppress(Exception):
            message = await asyncio.shield(self._heard[peer])
        if message[:1] == bytes([VERDICT]):
            text = clean(_texts(message)[0])
            self._fail(DivergenceError(f"{text} (reported by {self.names[peer]})", peer=self.names[peer]))

    def _report(self, peer: int) -> bytes:
        """The operations since the last checkpoint that was the same at this peer."""
        agreed = self._agreed[peer]
        first = self._upto[agreed - 1] if agreed else 0
        entries = []
        for i in range(first, min(first + SPAN, self._forgotten + len(self._recent))):
            entries.append((self._recent[i - self._forgotten][0], self._text(i)))
        return _pack(REPORT, entries)

    def _text(self, place: int) -> str:
        what = self._recent[place - self._forgotten][1]
        return what if isinstance(what, str) else what.text


def _pack(kind: int, entries: list[tuple[bytes, str]]) -> bytes:
    """A report, or a verdict, whose text may take all the room."""
    head = bytes([kind]) + len(entries).to_bytes(2, "little")
    if kind == VERDICT:
        return (head + entries[0][1].encode())[:REPORT_BYTES].ljust(REPORT_BYTES, b"\0")
    rows = [digest[:8] + text.encode()[: ENTRY_BYTES - 8].ljust(ENTRY_BYTES - 8, b"\0") for digest, text in entries]
    return (head + b"".join(rows)).ljust(REPORT_BYTES, b"\0")


def _entries(message: bytes) -> list[tuple[bytes, str]]:
    count = min(int.from_bytes(message[1:3], "little"), SPAN)
    rows = [message[3 + i * ENTRY_BYTES : 3 + (i + 1) * ENTRY_BYTES] for i in range(count)]
    return [(row[:8], row[8:].rstrip(b"\0").decode(errors="replace")) for row in rows]


def _texts(message: bytes) -> list[str]:
    if message[0] == VERDICT:
        return [message[3:].rstrip(b"\0").decode(errors="replace")]
    return [text for _, text in _entries(message)]


def _what(text: str) -> str:
    """An operation without the line that called it."""
    return text.rpartition(" at ")[0]


def _first_difference(mine: bytes, theirs: bytes) -> tuple[str, str] | None:
    """The first operation that is another one at the other party, as each describes it."""
    for (digest, here), (other, there) in zip(_entries(mine), _entries(theirs), strict=False):
        if digest != other:
            return here, there
    return None
