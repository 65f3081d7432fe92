"""Networks in memory: shape of the mesh, latency, bandwidth, and the hook that tampers."""

from __future__ import annotations

import asyncio

import pytest

from mpcnet.errors import MPCNetError, PeerDisconnected
from mpcnet.wire.frames import Kind
from mpcnet.wire.memory import memory_links, memory_mesh
from tests.kit.network import close_links, gather_errors, nothing_left

SESSION = bytes(32)


async def test_everybody_has_a_link_to_everybody_else() -> None:
    names = ["a", "b", "c", "d"]
    async with nothing_left():
        mesh, session_id = memory_mesh(names)
        assert len(session_id) == 32
        for name, links in zip(names, mesh, strict=True):
            assert set(links) == set(names) - {name}
            assert all(link.peer == peer for peer, link in links.items())

        async def greet(me: int, you: int) -> None:
            channel = mesh[me][names[you]].channel("hello")
            await channel.send(bytes([me]))
            assert bytes(await channel.receive(1)) == bytes([you])

        await asyncio.gather(*(greet(me, you) for me in range(4) for you in range(4) if me != you))
        await close_links(*mesh)


async def test_names_differ() -> None:
    with pytest.raises(ValueError, match="same name"):
        memory_mesh(["a", "a"])


async def test_byte_counts_are_the_same_each_time() -> None:
    async def count() -> list[int]:
        mesh, _ = memory_mesh(["a", "b"])
        one, two = mesh[0]["b"].channel("x"), mesh[1]["a"].channel("x")
        for n_bytes in (0, 10, 5_000_000):
            await asyncio.gather(one.send(bytes(n_bytes)), two.receive(n_bytes))
        return [mesh[0]["b"].bytes_sent, mesh[1]["a"].bytes_sent]

    assert await count() == await count()


async def test_latency_takes_at_least_its_time() -> None:
    left, right = memory_links("a", "b", session_id=SESSION, latency_seconds=0.03)
    one, two = left.channel("x"), right.channel("x")
    loop = asyncio.get_running_loop()
    start = loop.time()
    for _ in range(3):
        await one.send(b"ping")
        await two.receive(4)
        await two.send(b"pong")
        await one.receive(4)
    assert loop.time() - start >= 6 * 0.03


async def test_bandwidth_is_a_limit_and_latency_does_not_lower_it_much() -> None:
    left, right = memory_links("a", "b", session_id=SESSION, latency_seconds=0.05, bandwidth=50e6)
    one, two = left.channel("x"), right.channel("x")
    loop = asyncio.get_running_loop()
    start = loop.time()
    await asyncio.gather(one.send(bytes(10_000_000)), two.receive(10_000_000))
    assert loop.time() - start >= 0.2 + 0.05
    assert left.stats.bytes_sent < 10_000_000 + 200 * 16 + 100


@pytest.mark.parametrize(
    "change",
    [
        lambda data: [data[:-1]],
        lambda data: [data, data],
        lambda data: [],
        lambda data: [bytes([data[0] ^ 0x40]) + data[1:]],
        lambda data: [data[:5] + bytes([data[5] ^ 1]) + data[6:]],
    ],
    ids=["cut", "repeat", "drop", "kind", "channel"],
)
async def test_what_happens_to_a_frame_is_noticed(change: object) -> None:
    def tamper(sender: str, receiver: str, number: int, data: bytes) -> list[bytes]:
        assert {sender, receiver} == {"a", "b"}
        return change(data) if sender == "a" and data[0] == Kind.MESSAGE else [data]  # type: ignore[operator]

    left, right = memory_links("a", "b", session_id=SESSION, tamper=tamper, liveness_seconds=0.2)
    one, two = left.channel("x"), right.channel("x")

    async def take() -> None:
        assert bytes(await two.receive(50)) == b"1" * 50
        assert bytes(await two.receive(60)) == b"2" * 60

    await one.send(b"1" * 50)
    await one.send(b"2" * 60)
    try:
        async with asyncio.timeout(0.5):
            (error,) = await gather_errors(take())
    except TimeoutError:
        error = None  # waits for what was dropped; a deadline of the run ends that
        assert change(b"x" * 20) == []  # type: ignore[operator]
    else:
        assert error is not None
    left.kill()
    right.kill()


async def test_a_killed_end_is_noticed_by_the_other() -> None:
    left, right = memory_links("a", "b", session_id=SESSION, latency_seconds=0.01)
    one, two = left.channel("x"), right.channel("x")
    await one.send(b"last")
    left.kill()
    assert bytes(await two.receive(4)) == b"last"
    with pytest.raises(PeerDisconnected, match="a: closed the connection"):
        await two.receive(1)
    with pytest.raises(MPCNetError):
        await two.send(b"x")
