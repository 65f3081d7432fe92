"""Programs that part: every party is shown both places, whatever the difference, and nobody hangs."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from mpcnet.array import agreement
from mpcnet.concurrency import together
from mpcnet.errors import DivergenceError, PeerAborted, PeerDisconnected
from mpcnet.session import Session
from mpcnet.simulate import memory_sessions
from tests.kit.network import nothing_left

NAMES = ("bank", "bureau", "lender")


async def outcomes(role: Any, names: tuple[str, ...] = NAMES, **network: Any) -> dict[str, Any]:
    """What `role(session)` returns or raises at every party; no task is left."""
    sessions = memory_sessions(names, **network)

    async def party(session: Session) -> Any:
        try:
            async with session:
                return await role(session)
        except Exception as error:
            return error

    async with nothing_left(), asyncio.timeout(20):
        results = await together(*(party(session) for session in sessions.values()))
    return dict(zip(names, results, strict=True))


def start(session: Session, **options: Any) -> Any:
    sh = session.shamir(**options)
    x = sh.input([1, 2, 3] if session.name == "bank" else None, owner="bank", shape=3)
    return sh, x


def assert_parted(results: dict[str, Any], odd: str, mine: str, theirs: str) -> None:
    """All parties have an error that shows both places."""
    for name, error in results.items():
        assert isinstance(error, DivergenceError), (name, error)
        assert mine in str(error), (name, error)
        assert theirs in str(error), (name, error)
        assert odd in str(error)
    assert mine in results[odd].mine
    assert theirs in results[odd].theirs


async def test_other_operation() -> None:
    async def role(session: Session) -> None:
        _, x = start(session)
        y = x - 1 if session.name == "lender" else x + 1
        await y.reveal()

    results = await outcomes(role)
    here = "operation 2: subtract -> int(32) (3,) at test_array_divergence.py:"
    assert_parted(results, "lender", here, "operation 2: add -> int(32) (3,) at test_array_divergence.py:")


async def test_other_recipient_moves_no_share() -> None:
    async def role(session: Session) -> None:
        _, x = start(session)
        await x.reveal(to="bureau" if session.name == "bureau" else "bank")

    results = await outcomes(role)
    assert_parted(results, "bureau", "reveal int(32) (3,) to bureau", "reveal int(32) (3,) to bank")


@pytest.mark.parametrize("what", ["public", "shape", "dtype", "owner", "threshold", "checked", "engine"])
async def test_other_argument(what: str) -> None:
    names = ("bank", "bureau", "lender", "shop", "town")

    async def role(session: Session) -> None:
        odd = session.name == "lender"
        checked = odd and what == "checked"
        sh = session.shamir(threshold=1 if odd and what == "threshold" else 2, checked=checked)
        owner = "lender" if odd and what == "owner" else "bank"
        shape = 4 if odd and what == "shape" else 3
        dtype = sh.int(31 if odd and what == "dtype" else 32)
        values = np.arange(3) if session.name == "bank" or owner == "lender" else None
        if what == "engine" and odd:
            sh = session.shamir(threshold=2)
        x = sh.input(values, owner=owner, shape=shape, dtype=dtype)
        await (x * (5 if odd and what == "public" else 4)).reveal()

    results = await outcomes(role, names)
    assert all(isinstance(error, DivergenceError) for error in results.values()), results
    assert all("is at operation" in str(error) for error in results.values())
    if what == "public":
        assert all("other operands or public numbers" in str(error) for error in results.values())
    if what == "checked":
        assert all(", checked at test_array_divergence.py:" in str(error) for error in results.values())
    if what == "threshold":
        assert all("setup of shamir(threshold=1) at test_array_divergence.py:" in str(e) for e in results.values())


async def test_program_that_ends_early() -> None:
    async def role(session: Session) -> str:
        _, x = start(session)
        if session.name == "bureau":
            return "done"
        await (x * x).reveal()
        return "done"

    results = await outcomes(role)
    assert_parted(results, "bureau", "the end of the program, after 2 operations", "operation 2: multiply -> int(32)")


async def test_party_that_has_not_got_there_hears_of_it() -> None:
    async def role(session: Session) -> None:
        _, x = start(session)
        if session.name == "bureau":
            await x.reveal()
            await asyncio.sleep(3600)
        await x.reveal()
        await (x if session.name == "lender" else x * x).reveal()

    results = await outcomes(role)
    assert_parted(results, "lender", "operation 3: reveal", "operation 3: multiply")
    assert "reported by" in str(results["bureau"])


async def test_difference_far_behind_the_last_message() -> None:
    async def role(session: Session) -> None:
        _, x = start(session)
        for i in range(150):
            x = x + (1 if i == 70 and session.name == "bank" else 0)
        await x.reveal()

    results = await outcomes(role)
    assert_parted(results, "bank", "operation 72: add", "operation 72: add")


async def test_peer_that_gives_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "REPORT_SECONDS", 0.1)

    async def role(session: Session) -> None:
        _, x = start(session)
        if session.name == "lender":
            session._program.agreement._differ = lambda peer: asyncio.sleep(3600)
            (x - 1).reveal()
            await asyncio.sleep(0.5)
            raise KeyError
        await (x * x).reveal()

    results = await outcomes(role)
    for name in ("bank", "bureau"):
        assert isinstance(results[name], DivergenceError)
        assert f"{name} is at operation 2: multiply" in str(results[name])
        assert "lender elsewhere" in str(results[name])


async def test_session_that_a_party_closes() -> None:
    async def role(session: Session) -> str:
        _, x = start(session)
        if session.name == "bank":
            await session.close()
            return "left"
        await x.reveal()
        return "never"

    results = await outcomes(role)
    assert results["bank"] == "left"
    for name in ("bureau", "lender"):
        assert isinstance(results[name], PeerDisconnected | PeerAborted)
        assert results[name].peer == "bank"


async def test_body_that_raises_is_told() -> None:
    async def role(session: Session) -> None:
        _, x = start(session)
        if session.name == "bank":
            raise KeyError("4711")
        await x.reveal()

    results = await outcomes(role)
    assert isinstance(results["bank"], KeyError)
    for name in ("bureau", "lender"):
        assert str(results[name]) == "bank ended the run: its program failed with KeyError"


async def test_ends_together_though_one_is_quick() -> None:
    """A party that reveals nothing more stays until the others have what they need."""

    async def role(session: Session) -> Any:
        _, x = start(session)
        revealed = (x * x).reveal(to="lender")
        if session.name != "lender":
            return None
        await asyncio.sleep(0.1)
        return (await revealed).tolist()

    results = await outcomes(role)
    assert results == {"bank": None, "bureau": None, "lender": [1, 4, 9]}
    assert await outcomes(role, latency_seconds=0.01) == results


async def test_nothing_awaited_at_all() -> None:
    async def role(session: Session) -> str:
        _, x = start(session)
        ((x * x) < 3).reveal()
        return "done"

    assert set((await outcomes(role)).values()) == {"done"}


def test_reports_of_peers_are_taken_with_care() -> None:
    junk = b"\0" + b"\xff" * (agreement.REPORT_BYTES - 1)
    mine = agreement._pack(agreement.REPORT, [(b"digest00", "operation 1: add at x.py:1")])
    assert agreement._first_difference(mine, junk)[0] == "operation 1: add at x.py:1"
    assert len(mine) == len(agreement._pack(agreement.VERDICT, [(b"", "x" * 20_000)])) == agreement.REPORT_BYTES
    assert agreement._first_difference(mine, mine) is None
