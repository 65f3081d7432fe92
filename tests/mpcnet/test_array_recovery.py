"""A party is lost while secret arrays are computed: the others go on where the threshold allows it, or all end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mpcnet import array as xp
from mpcnet.errors import MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.session import Session
from protocols.errors import MessageError
from tests.mpcnet.test_array_divergence import outcomes
from tests.mpcnet.test_array_failure import kill

FIVE = ("bank", "bureau", "lender", "shop", "town")
FOUR = FIVE[:4]
X, Y = np.arange(-20, 20), np.arange(40) * 3 % 17


def start(session: Session, threshold: int = 1, **options: Any) -> tuple[Any, Any, Any]:
    sh = session.shamir(threshold=threshold, **options)
    x = sh.input(X if session.name == "shop" else None, owner="shop", shape=40, dtype=sh.int(30))
    y = sh.input(Y if session.name == "lender" else None, owner="lender", shape=40, dtype=sh.int(30))
    return sh, x, y


def program(sh: Any, x: Any, y: Any) -> dict[str, Any]:
    """A bit of everything, with chains and side by side."""
    product = x * y
    return {
        "chain": ((product + 1) * x - y) * y,
        "sort": xp.sort(product),
        "max": product.max(),
        "where": xp.where(x < y, x, y * y),
        "fixed": (x.astype(sh.fixed(8)) * 0.5).astype(sh.int()),
        "divide": product // 7,
        "equal": (x == y).sum(),
    }


EXPECTED = {
    "chain": ((X * Y + 1) * X - Y) * Y,
    "sort": np.sort(X * Y),
    "max": (X * Y).max(),
    "where": np.where(X < Y, X, Y * Y),
    "fixed": np.trunc(X * 0.5).astype(int),
    "divide": X * Y // 7,
    "equal": (X == Y).sum(),
}


def assert_right(found: dict[str, Any]) -> None:
    for name, value in EXPECTED.items():
        limit = 1 if name == "fixed" else 0  # the rounding of 0.5 and of its product
        assert np.all(np.abs(found[name] - value) <= limit), (name, found[name], value)


def dies_after(seconds_or_turns: int) -> Callable[[Session], Any]:
    """Wait until so many of its operations are done, then die."""

    async def wait(session: Session) -> str:
        while session._program._recovery._done.frontier < seconds_or_turns:  # noqa: ASYNC110
            await asyncio.sleep(0)
        kill(session)
        return "dead"

    return wait


@pytest.mark.parametrize("after", [3, 4, 6, 9, 14, 20, 27])
@pytest.mark.parametrize("victim", ["shop", "bank"])
async def test_the_others_go_on(after: int, victim: str, caplog: pytest.LogCaptureFixture) -> None:
    async def role(session: Session) -> Any:
        sh, x, y = start(session)
        await sh.constant([1]).reveal()  # all have shared their inputs
        waiting = {name: one.reveal() for name, one in program(sh, x, y).items()}
        if session.name == victim:
            try:
                return await dies_after(after)(session)
            except asyncio.CancelledError:
                return "late"
        found = {name: await one for name, one in waiting.items()}
        return found, sh.lost, session.stats.as_dict()["computations"][0]["lost"]

    with caplog.at_level(logging.WARNING, "mpcnet"):
        results = await outcomes(role, FOUR)
    others = [name for name in FOUR if name != victim]
    for name in others:
        assert not isinstance(results[name], Exception), results[name]
        found, lost, noted = results[name]
        assert_right(found)
        assert lost == noted == [victim]
    for name in others[1:]:
        for key, value in results[others[0]][0].items():
            assert np.array_equal(value, results[name][0][key]), key
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert all(f"{victim} is lost" in one and f"goes on with {', '.join(others)}" in one for one in said)


async def test_two_are_lost_one_after_the_other() -> None:
    async def role(session: Session) -> Any:
        sh, x, y = start(session)
        assert (await (x + y).reveal()).tolist() == (X + Y).tolist()
        if session.name == "town":
            kill(session)
            return "dead"
        first = (await (x * y).reveal()).tolist()
        if session.name == "shop":
            kill(session)
            return "dead"
        found = {name: one.reveal() for name, one in program(sh, x, y).items()}
        assert first == (X * Y).tolist()
        return {name: await one for name, one in found.items()}, sh.lost

    results = await outcomes(role, FIVE)
    for name in FIVE[:3]:
        found, lost = results[name]
        assert_right(found)
        assert lost == ["town", "shop"]


async def test_two_are_lost_at_once() -> None:
    async def role(session: Session) -> Any:
        sh, x, y = start(session)
        await (x + y).reveal()
        waiting = {name: one.reveal() for name, one in program(sh, x, y).items()}
        if session.name in ("town", "bank"):
            kill(session)
            return "dead"
        return {name: await one for name, one in waiting.items()}, set(sh.lost)

    results = await outcomes(role, FIVE)
    for name in ("bureau", "lender", "shop"):
        found, lost = results[name]
        assert_right(found)
        assert lost == {"town", "bank"}


async def test_one_too_many_ends_the_session() -> None:
    async def role(session: Session) -> Any:
        _, x, y = start(session)
        await (x + y).reveal()
        if session.name == "bank":
            kill(session)
            return "dead"
        await (x * y).reveal()
        if session.name == "bureau":
            kill(session)
            return "dead"
        for _ in range(100):
            await (x * y).reveal()
        return "never"

    results = await outcomes(role, FOUR)
    for name in ("lender", "shop"):
        assert isinstance(results[name], PeerDisconnected | PeerAborted)
        assert results[name].peer == "bureau"


async def test_input_that_was_not_shared_ends_the_session() -> None:
    async def role(session: Session) -> Any:
        sh = session.shamir()
        await sh.constant([1]).reveal()
        if session.name == "shop":
            kill(session)
            return "dead"
        x = sh.input(X if session.name == "shop" else None, owner="shop", shape=40)
        await x.sum().reveal()
        return "never"

    results = await outcomes(role, FOUR)
    for name in FOUR[:3]:
        assert isinstance(results[name], MPCNetError)
        assert results[name].peer == "shop"
        assert "lost before" in str(results[name]) or "shop" in str(results[name])


async def test_setup_is_not_outlived() -> None:
    async def role(session: Session) -> Any:
        sh = session.shamir()
        if session.name == "shop":
            kill(session)
            return "dead"
        await sh.constant([1]).reveal()
        return "never"

    results = await outcomes(role, FOUR)
    for name in FOUR[:3]:
        assert isinstance(results[name], MPCNetError)
        assert results[name].peer == "shop"


async def test_recipient_that_is_lost_is_skipped() -> None:
    async def role(session: Session) -> Any:
        _, x, y = start(session)
        await (x + y).reveal()
        if session.name == "town":
            kill(session)
            return "dead"
        nobody = await (x * y).reveal(to="town")
        some = await (x * y).reveal(to=["town", "bank"])
        return nobody, None if some is None else some.tolist()

    results = await outcomes(role, FIVE)
    assert results["bank"] == (None, (X * Y).tolist())
    assert results["shop"] == (None, None)


async def test_lost_while_the_others_wait_for_the_end() -> None:
    async def role(session: Session) -> Any:
        _, x, y = start(session)
        found = await (x + y).reveal()
        if session.name == "bank":
            await asyncio.sleep(0.05)
            kill(session)
        return found.tolist()

    results = await outcomes(role, FOUR)
    assert all(results[name] == (X + Y).tolist() for name in FOUR[1:])


async def test_party_that_ends_the_run_is_not_outlived() -> None:
    async def role(session: Session) -> Any:
        _, x, y = start(session)
        await (x + y).reveal()
        if session.name == "bank":
            raise KeyError
        await (x * y).reveal()
        await asyncio.sleep(3600)

    results = await outcomes(role, FOUR)
    for name in FOUR[1:]:
        assert isinstance(results[name], PeerAborted)
        assert results[name].peer == "bank"


@pytest.mark.parametrize("kind", ["_statements", "_frontiers"])
async def test_word_of_a_wrong_length_ends_the_session(kind: str) -> None:
    """Nobody would hear what that party has done, or whom it takes for lost: a later loss would be waited out."""

    async def role(session: Session) -> Any:
        _, x, y = start(session)
        await (x + y).reveal()
        if session.name == "bank":
            await getattr(session._program._recovery, kind).channels[1].send(b"short")
        await asyncio.sleep(3600)

    results = await outcomes(role, FOUR)
    assert isinstance(results["bureau"], MessageError), results
    assert results["bureau"].peer == "bank"
    assert all(getattr(results[name], "peer", "") == "bank" for name in FOUR), results


async def test_connection_between_two_that_live() -> None:
    """Both are given up by the others, or one of them; those that are left agree."""

    async def role(session: Session) -> Any:
        sh, x, y = start(session)
        await (x + y).reveal()
        if session.name == "bank":
            session._links["bureau"]._transport.kill()
            session._links["bureau"].lost("the network broke")
        for _ in range(3):
            found = await (x * y).reveal()
        return found.tolist(), sorted(sh.lost)

    results = await outcomes(role, FIVE)
    left = {name: result for name, result in results.items() if not isinstance(result, Exception)}
    assert left, results
    assert set(left) >= {"lender", "shop", "town"}
    assert len({str(result[1]) for result in left.values()}) == 1
    assert all(result[0] == (X * Y).tolist() for result in left.values())


async def test_checked_mode_goes_on_too() -> None:
    async def role(session: Session) -> Any:
        _, x, y = start(session, checked=True)
        await (x + y).reveal()
        if session.name == "bank":
            kill(session)
            return "dead"
        found = await (x * y).reveal()
        with pytest.raises(OverflowError):
            await (x * y * 10**7).reveal()
        return found.tolist()

    results = await outcomes(role, FOUR)
    assert all(results[name] == (X * Y).tolist() for name in FOUR[1:])


async def test_recipes_are_forgotten() -> None:
    async def role(session: Session) -> int:
        _, x, y = start(session)
        for _ in range(60):
            x = x + 1
            await (x * y).reveal(to="bank")
        await asyncio.sleep(0.05)
        return len(session._program._recovery._kept)

    results = await outcomes(role, FOUR)
    assert max(results.values()) < 60
