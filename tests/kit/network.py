"""Networks for tests: parties with fresh identities on loopback, and the contract that every channel keeps."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcnet.identity import Identity
from mpcnet.roster import Party, Roster
from mpcnet.wire.connection import Link
from mpcnet.wire.greeting import Greeter, Guest
from mpcnet.wire.transport import MeshEvent, connect_mesh
from protocols.channel import Channel, exchange
from protocols.errors import MessageError

JOB = bytes(range(32))


@dataclass
class Net:
    """Parties that know each other, each with a port of its own that is bound but does not listen yet."""

    identities: dict[str, Identity]
    roster: Roster
    sockets: dict[str, socket.socket]
    events: dict[str, list[MeshEvent]] = field(default_factory=dict)

    def connect(
        self,
        name: str,
        *,
        roster: Roster | None = None,
        job: bytes = JOB,
        identity: Identity | None = None,
        connect_seconds: float = 10.0,
        liveness_seconds: float = 30.0,
    ) -> Awaitable[tuple[dict[str, Link], bytes]]:
        """`connect_mesh` as that party."""
        return connect_mesh(
            identity or self.identities[name],
            roster or self.roster,
            job,
            connect_seconds=connect_seconds,
            liveness_seconds=liveness_seconds,
            listen_socket=self.sockets.pop(name, None),
            on_event=self.events.setdefault(name, []).append,
        )

    async def connect_all(self, **options: Any) -> dict[str, tuple[dict[str, Link], bytes]]:
        """`connect_mesh` as every party."""
        names = self.roster.names
        return dict(zip(names, await asyncio.gather(*(self.connect(n, **options) for n in names)), strict=True))

    async def until(self, name: str, kind: str) -> None:
        """Wait until that party has had such an event."""
        while not any(event.kind == kind for event in self.events.get(name, [])):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def port(self, name: str) -> int:
        """Where the others look for that party."""
        return self.roster.party(name).port

    def close(self) -> None:
        """Give the ports back."""
        for sock in self.sockets.values():
            sock.close()


def make_net(folder: Path, *names: str) -> Net:
    """Fresh identities and ports; close the result."""
    identities = {name: Identity.create(name, folder / name) for name in names}
    sockets = {name: bound_socket() for name in names}
    roster = make_roster(identities, {name: sock.getsockname()[1] for name, sock in sockets.items()})
    return Net(identities, roster, sockets)


def make_roster(identities: dict[str, Identity], ports: dict[str, int]) -> Roster:
    """A roster on loopback."""
    return Roster(tuple(Party(name, "127.0.0.1", ports[name], (i.certificate,)) for name, i in identities.items()))


def bound_socket() -> socket.socket:
    """A socket on a free port of loopback, which nobody can connect to yet."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


async def greet(net: Net, me: str, peer: str, job: bytes = JOB, nonce: bytes = b"n" * 32) -> Guest:
    """Dial a peer and do the whole handshake by hand."""
    greeter = Greeter(net.identities[me], net.roster, job, nonce)
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", net.port(peer)))
        except ConnectionRefusedError:
            sock.close()
            await asyncio.sleep(0.01)
            continue
        return await greeter.greet(sock, net.roster.party(peer), where="there")


async def gather_errors(*things: Awaitable[Any]) -> list[BaseException | None]:
    """What each raised, None where it did not."""
    results = await asyncio.gather(*things, return_exceptions=True)
    return [result if isinstance(result, BaseException) else None for result in results]


async def close_links(*meshes: dict[str, Link]) -> None:
    """Close everything in order."""
    await asyncio.gather(*(link.close() for mesh in meshes for link in mesh.values()))


@contextlib.asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """What happens inside leaves no task and no file descriptor behind."""
    tasks, files = asyncio.all_tasks(), open_files()
    yield
    await asyncio.sleep(0)
    assert asyncio.all_tasks() - tasks - {asyncio.current_task()} == set()
    assert open_files() == files


def open_files() -> set[str]:
    """The file descriptors of this process."""
    folder, found = Path("/proc/self/fd"), set()
    for entry in folder.iterdir() if folder.exists() else ():
        with contextlib.suppress(OSError):
            found.add(f"{entry.name} {entry.readlink()}")
    return {entry for entry in found if "/fd" not in entry}


Maker = Callable[[], Awaitable[tuple[Channel, Channel]]]


async def check_channel(maker: Maker) -> None:
    """The contract of `protocols.channel.Channel`, for any kind; `maker` gives two fresh joined ends."""
    left, right = await maker()
    assert isinstance(left, Channel)
    assert isinstance(right, Channel)
    assert left.session_id == right.session_id
    assert len(left.session_id) == 32
    assert left.peer != right.peer
    await _check_messages(left, right)
    await _check_memory(left, right)
    await _check_both_ways(left, right)
    await _check_forks(left, right)
    await _check_cancelled(left, right)
    await _check_length(left.fork("length"), right.fork("length"))


async def _check_messages(left: Channel, right: Channel) -> None:
    """Parts make one message, messages stay apart and in order, an empty one counts."""
    array = np.arange(5, dtype="<u4").reshape(5, 1)

    async def speak() -> None:
        await left.send(b"one", bytearray(b"two"), memoryview(b"three"), array)
        await left.send()
        await left.send(b"", np.zeros((0, 16), dtype=np.uint8))
        await left.send(array[::2])
        for number in range(50):
            await left.send(number.to_bytes(2, "little"))

    async def listen() -> None:
        assert bytes(await right.receive(31)) == b"onetwothree" + array.tobytes()
        assert bytes(await right.receive(0)) == b""
        assert bytes(await right.receive(0)) == b""
        assert bytes(await right.receive(12)) == np.array([0, 2, 4], dtype="<u4").tobytes()
        for number in range(50):
            assert int.from_bytes(await right.receive(2), "little") == number

    await asyncio.gather(speak(), listen())


async def _check_memory(left: Channel, right: Channel) -> None:
    """What was sent may change afterwards; what was received is the receiver's own, and writable."""
    data = np.full(300_000, 7, dtype=np.uint8)

    async def speak() -> None:
        await left.send(data)
        data[:] = 9
        await left.send(data)

    async def listen() -> tuple[memoryview, memoryview]:
        return await right.receive(300_000), await right.receive(300_000)

    _, (first, second) = await asyncio.gather(speak(), listen())
    assert bytes(first) == bytes([7]) * 300_000
    second[0] = 1
    assert first[0] == 7
    assert second[1] == 9
    assert np.frombuffer(first, dtype=np.uint8).sum() == 7 * 300_000


async def _check_both_ways(left: Channel, right: Channel) -> None:
    """Two large messages at once do not block each other."""
    one, two = os.urandom(3_000_000), os.urandom(2_000_001)
    got = await asyncio.gather(exchange(left, one, n_bytes=len(two)), exchange(right, two, n_bytes=len(one)))
    assert bytes(got[0]) == two
    assert bytes(got[1]) == one


async def _check_forks(left: Channel, right: Channel) -> None:
    """Forks meet by label, in any order, do not mix, and have session ids of their own."""
    lefts = {label: left.fork(label) for label in ("a", "b", "c/d")}
    rights = {label: right.fork(label) for label in ("c/d", "b", "a")}
    deep = left.fork("c").fork("d"), right.fork("c").fork("d")
    ids = [left.session_id, deep[0].session_id, *(channel.session_id for channel in lefts.values())]
    assert len(set(ids)) == len(ids)
    for label in lefts:
        assert lefts[label].session_id == rights[label].session_id
    with pytest.raises(ValueError, match="label"):
        left.fork("a")
    await asyncio.gather(
        *(lefts[label].send(label.encode()) for label in ("b", "a", "c/d")),
        deep[1].send(b"deep"),
        *(_expect(rights[label], label.encode()) for label in ("a", "c/d", "b")),
        _expect(deep[0], b"deep"),
    )


async def _expect(channel: Channel, data: bytes) -> None:
    assert bytes(await channel.receive(len(data))) == data


async def _check_cancelled(left: Channel, right: Channel) -> None:
    """A receive that is given up loses nothing."""
    one, two = left.fork("cancelled"), right.fork("cancelled")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(two.receive(10), 0.01)
    await asyncio.gather(one.send(b"0123456789"), _expect(two, b"0123456789"))


async def _check_length(left: Channel, right: Channel) -> None:
    """A message of another length is refused, with both sizes and the peer named."""

    async def expect() -> None:
        with pytest.raises(MessageError, match=r"16 bytes.* 17\b") as caught:
            await right.receive(16)
        assert caught.value.peer == right.peer

    await asyncio.gather(left.send(b"x" * 17), expect())
