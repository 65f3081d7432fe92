"""Phases that stand still, and who is to blame for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mpcnet.errors import Deadline, PeerAborted
from mpcnet.session import Session
from mpcnet.watch import PREPARING, follow
from protocols.channel import exchange
from tests.kit.links import plain_sessions, run_sessions
from tests.kit.network import Net, close_links

NAMES = ("bank", "bureau", "lender")


@pytest.mark.parametrize(
    ("peer", "told", "culprit"),
    [
        ("bureau", {}, "bureau"),
        ("bureau", {"bureau": 0b100}, "lender"),
        ("bureau", {"bureau": 0b101}, "lender"),  # it waits for this party too, which waits for it
        ("bureau", {"bureau": 0b001}, "bureau"),
        ("bureau", {"bureau": 0b100, "lender": 0b010}, "lender"),  # a circle: whoever was seen last
        ("lender", {"bureau": 0b100}, "lender"),
        ("bureau", {"bureau": 1 << 9}, "bureau"),  # nobody has that number
        ("bureau", {"bureau": PREPARING}, "bureau"),
    ],
)
def test_blame_follows_those_who_wait(peer: str, told: dict[str, int], culprit: str) -> None:
    assert follow(peer, "bank", NAMES, told) == culprit


async def test_phase_that_stands_still_is_ended_with_the_same_words_everywhere() -> None:
    sessions = plain_sessions(NAMES, phase_seconds=0.2)

    async def waits(session: Session) -> None:
        with session.phase("ot"):
            await session.channel("bank", "x").receive(1)

    async def sleeps(session: Session) -> None:
        await asyncio.Event().wait()

    results = await run_sessions(sessions, {"bank": sleeps, "bureau": waits, "lender": waits}, seconds=10)
    assert {type(results[name]) for name in ("bureau", "lender")} <= {Deadline, PeerAborted}
    (text,) = {str(error) for error in results.values()}
    assert text.startswith("bank: nothing has come from it for 0.2 s (phase 'ot') (seen by ")


async def test_phase_in_which_something_moves_goes_on() -> None:
    sessions = plain_sessions(("bank", "lender"), phase_seconds=0.2)

    async def talks(session: Session) -> str:
        (peer,) = session.peers
        channel = session.channel(peer, "x")
        with session.phase("evaluate"):
            for _ in range(10):
                await asyncio.sleep(0.05)
                await exchange(channel, b"1", n_bytes=1)
        return "done"

    assert await run_sessions(sessions, talks) == {"bank": "done", "lender": "done"}


async def test_outside_a_phase_a_program_may_wait_as_long_as_it_likes() -> None:
    sessions = plain_sessions(("bank", "lender"), phase_seconds=0.05)

    async def idles(session: Session) -> str:
        with session.phase("agree"):
            pass
        await asyncio.sleep(0.3)
        return "done"

    assert await run_sessions(sessions, idles) == {"bank": "done", "lender": "done"}
    assert [session._watch._timer for session in sessions.values()] == [None, None]


async def test_who_compiles_is_waited_for() -> None:
    sessions = plain_sessions(("bank", "lender"), phase_seconds=0.1)

    async def compiles(session: Session) -> str:
        with session.phase("prepare"):
            await asyncio.sleep(0.5)
        await session.channel("lender", "x").send(b"1")
        return "done"

    async def waits(session: Session) -> str:
        with session.phase("ot"):
            await session.channel("bank", "x").receive(1)
        return "done"

    assert await run_sessions(sessions, {"bank": compiles, "lender": waits}) == {"bank": "done", "lender": "done"}


async def test_no_limit_no_end() -> None:
    sessions = plain_sessions(("bank", "lender"), phase_seconds=0.0)
    assert sessions["bank"]._watch._between > 1

    async def waits(session: Session) -> Any:
        with session.phase("ot"):
            await asyncio.sleep(0.05)

    assert await run_sessions(sessions, waits) == {"bank": None, "lender": None}


async def test_heartbeats_carry_the_status(net: Net) -> None:
    meshes = await net.connect_all(liveness_seconds=0.5)
    links = {name: links for name, (links, _) in meshes.items()}
    one, two = links["bank"]["lender"], links["lender"]["bank"]
    assert not one.awaits
    waiting = asyncio.ensure_future(one.channel("x").receive(1))
    await asyncio.sleep(0)
    assert one.awaits
    one.status = 0b101 | PREPARING
    before = two.moved
    async with asyncio.timeout(5):
        while two.peer_status != 0b101 | PREPARING:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert two.stats.round_trip_seconds is not None
    assert 0 <= two.stats.round_trip_seconds < 5
    assert two.moved == before
    await two.channel("x").send(b"1")
    await waiting
    assert two.moved > before
    await close_links(*links.values())
