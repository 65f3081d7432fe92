"""A conversation that was held once, played to one party again with changes: what an arbitrary peer may say to it.

    talk = Talk("name", n_parties, prepare, role)
    play(talk, data)        `data` says to whom the others speak, and which of their messages are changed, and how

All parties once run their roles against each other, with coins that are always the same. Then one of them runs alone,
and hears what the others said, changed: it may take that for good, or raise what RemoteProtocolError and a lost peer
stand for. Whatever it is told, it ends, leaves no task, and asks for no message longer than the longest that there was.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpcnet.errors import MPCNetError, PeerDisconnected
from protocols.channel import Buffer
from protocols.errors import CheckFailed, LocalProtocolError, MessageError, RemoteProtocolError
from tests.kit.mesh import MemoryMesh, make_meshes, run_all

__all__ = ["Said", "Talk", "changed", "play"]

SECONDS = 20.0  # far more than any of these takes
Said = dict[tuple[str, str], list[bytes]]
"""(speaker, path) -> the messages on it, in order."""


@dataclass(frozen=True, eq=False)
class Talk:
    """Roles of a protocol.

    Args:
        name: for its coins.
        n_parties: how many take part; they are called p0, p1, ...
        prepare: makes of the meshes of all parties what a trusted party would have set up for them.
        role: what a party does, from what was prepared, its number and its mesh.
    """

    name: str
    n_parties: int
    prepare: Callable[[Sequence[Any]], Any]
    role: Callable[[Any, int, Any], Awaitable[Any]]

    @property
    def seats(self) -> range:
        """Who can be played to."""
        return range(self.n_parties)

    @functools.cached_property
    def said(self) -> Said:
        """What all parties say to each other."""

        async def run() -> Said:
            meshes = make_meshes(self.n_parties)
            made = self.prepare(meshes)
            await run_all([self.role(made, i, mesh) for i, mesh in enumerate(meshes)])
            found: Said = {}
            for mesh in meshes:
                for peer, channel in mesh.channels.items():
                    for who, path, message in channel.wire.messages:
                        if who == f"p{mesh.party_id}":
                            found.setdefault((who, f"p{peer}{path}"), []).append(message)
            return found

        return asyncio.run(run())

    def heard(self, party: int) -> Said:
        """What one party hears: (speaker, path without the party) -> messages."""
        me = f"p{party}"
        return {
            (who, path.removeprefix(me)): messages
            for (who, path), messages in sorted(self.said.items())
            if path == me or path.startswith(f"{me}/")
        }


class PlayedChannel:
    """A channel whose peer says what is in a script, whatever it hears; on some paths not before an event."""

    def __init__(
        self,
        script: Mapping[tuple[str, str], deque[bytes]],
        most: int,
        peer: str,
        path: str,
        id: bytes,
        held: Mapping[str, asyncio.Event] | None = None,
    ) -> None:
        self._script, self._most, self._held = script, most, held or {}
        self.peer, self._path, self.session_id = peer, path, id
        self._labels: set[str] = set()

    async def send(self, *parts: Buffer) -> None:
        await asyncio.sleep(0)

    async def receive(self, n_bytes: int) -> memoryview:
        assert n_bytes <= self._most, f"{n_bytes} bytes asked for where no message has more than {self._most}"
        await asyncio.sleep(0)
        if self._path in self._held:
            await self._held[self._path].wait()
        messages = self._script.get((self.peer, self._path))
        if not messages:
            raise PeerDisconnected(f"{self.peer}: it left while more was expected of it", peer=self.peer)
        message = messages.popleft()
        if len(message) != n_bytes:
            raise MessageError(f"expected a message of {n_bytes} bytes, got {len(message)}", peer=self.peer)
        return memoryview(bytearray(message))

    def fork(self, label: str) -> PlayedChannel:
        assert label not in self._labels
        self._labels.add(label)
        id = hashlib.blake2b(label.encode(), key=self.session_id, digest_size=32).digest()
        return PlayedChannel(self._script, self._most, self.peer, f"{self._path}/{label}", id, self._held)


def script_of(said: Said) -> tuple[dict[tuple[str, str], deque[bytes]], int]:
    """A script, and the length of its longest message."""
    longest = max((len(message) for messages in said.values() for message in messages), default=0)
    return {place: deque(messages) for place, messages in said.items()}, longest


def play(talks: Sequence[Talk], data: bytes) -> None:
    """Play one of some conversations.

    Args:
        data: a byte that says which conversation and which party; what follows, see `changed`.
    """
    seats = [(talk, party) for talk in talks for party in talk.seats]
    talk, party = seats[(data[0] if data else 0) % len(seats)]
    asyncio.run(_run(talk, party, changed(talk.heard(party), data[1:])))


async def _run(talk: Talk, party: int, said: Said) -> None:
    script, _ = script_of(said)
    most = max((len(message) for messages in talk.heard(party).values() for message in messages), default=0)
    meshes = []
    for i in range(talk.n_parties):
        channels: Any = {
            peer: PlayedChannel(script, most, f"p{peer}", "", bytes(range(32)))
            for peer in range(talk.n_parties)
            if peer != i
        }
        meshes.append(MemoryMesh(i, talk.n_parties, bytes(range(32)), channels))
    made = talk.prepare(meshes)
    await ended(talk.role(made, party, meshes[party]), [f"p{i}" for i in range(talk.n_parties) if i != party])


async def ended(role: Awaitable[Any], peers: Sequence[str]) -> None:
    """Await a role; check how it ends."""
    try:
        async with asyncio.timeout(SECONDS):
            await role
    except LocalProtocolError as error:
        raise AssertionError("a peer's fault is told as this party's own") from error
    except (RemoteProtocolError, MPCNetError) as error:
        # of a check that fails it may be that nobody can tell whose fault it was, or that this party is outvoted
        named = [*peers, "", "this party"] if isinstance(error, CheckFailed) else peers
        if error.peer not in named:
            raise AssertionError(f"names {error.peer!r}: {error}") from error
        raise
    finally:
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left


class _Reader:
    """Numbers out of bytes; 0 behind the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._data)

    def take(self, n_bytes: int) -> bytes:
        found = self._data[self._at : self._at + n_bytes]
        self._at += n_bytes
        return found

    def number(self, n_bytes: int) -> int:
        return int.from_bytes(self.take(n_bytes), "little")


def changed(said: Said, data: bytes) -> Said:
    """Messages with the changes that some bytes stand for: for each two bytes for the message, one for what becomes of
    it, two for a number that it takes, and perhaps some to put in.
    """
    edited = {place: list(messages) for place, messages in said.items()}
    reader = _Reader(data)
    while not reader.is_over:
        places = [(place, i) for place, messages in edited.items() for i in range(len(messages))]
        if not places:
            break
        place, i = places[reader.number(2) % len(places)]
        how, number = reader.number(1), reader.number(2)
        other, j = places[number % len(places)]
        messages = edited[place]
        messages[i : i + 1] = _change(messages[i], how % 12, number, edited[other][j], reader)
    return edited


def _change(message: bytes, how: int, number: int, other: bytes, reader: _Reader) -> list[bytes]:
    """What becomes of one message."""
    at = number % (len(message) + 1)
    match how:
        case 0:
            flipped = bytearray(message)
            if message:
                flipped[number // 8 % len(message)] ^= 1 << number % 8
            return [bytes(flipped)]
        case 1:
            return [message[:at]]
        case 2:
            return [message + bytes(number)]
        case 3:
            return [message, message]
        case 4:
            return []
        case 5:
            return [other]
        case 6:
            return [b"\xff" * len(message)]
        case 7:
            return [bytes(len(message))]
        case 8:
            return [hashlib.shake_128(number.to_bytes(2, "little")).digest(len(message))]
        case 9:
            put = reader.take(reader.number(1))
            return [(message[:at] + put + message[at + len(put) :])[: len(message)]]
        case 10:
            return [reader.take(reader.number(1))]
        case _:
            return [message, other]
