"""Forks of a session: several jobs at once over the same links, each of which ends by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mpcnet.concurrency import together
from mpcnet.errors import AgreementError, ConfigError, MPCNetError, PeerAborted
from mpcnet.fork import ABORTED, MESSAGE_BYTES, Fork
from mpcnet.session import Session
from mpcnet.simulate import memory_sessions
from protocols.errors import StateError
from tests.kit.agreement import MINE, NAMES, OWNERS, approve
from tests.kit.links import plain_sessions, run_sessions

Role = Callable[[Session], Awaitable[Any]]


async def run_all(role: Role, **network: Any) -> dict[str, Any]:
    return await run_sessions(memory_sessions(NAMES, **network), role, seconds=60)


async def ask(room: Session | Fork, **changes: Any) -> Any:
    given: dict[str, Any] = {"owners": OWNERS, "reveal_to": ["lender"]} | changes
    return await room.evaluate(approve, given.pop("inputs", MINE[room.name]), **given)


async def ended(work: Awaitable[Any]) -> Any:
    """What it returned or raised."""
    try:
        return await work
    except Exception as error:
        return error


@pytest.mark.parametrize("protocol", ["yao", "gmw"])
async def test_forks_run_at_once_in_any_order(protocol: str) -> None:
    labels = [f"request-{i}" for i in range(4)]

    async def role(session: Session) -> Any:
        async def one(label: str) -> Any:
            async with session.fork(label) as fork:
                return await ask(fork, protocol=protocol)

        mine = labels if session.name == "bank" else labels[::-1]
        found = await together(*(one(label) for label in mine))
        after = await ask(session, protocol=protocol)
        assert len(session._shared) == 1  # OT is set up once, in the session
        assert len(session.stats.evaluations) == 5
        return [answer if answer is None else answer.tolist() for answer in [*found, after]]

    results = await run_all(role)
    assert results["lender"] == [[True, False, False]] * 5
    assert results["bank"] == [None] * 5


async def test_secret_arrays_in_forks() -> None:
    async def role(session: Session) -> Any:
        async def one(label: str, number: int) -> Any:
            async with session.fork(label) as fork:
                sh = fork.shamir(threshold=1)
                x = sh.input(number if fork.name == "bank" else None, owner="bank", shape=())
                return await (x * x).reveal(to="lender")

        return await together(one("a", 5), one("b", 7))

    assert (await run_all(role))["lender"] == [25, 49]


async def test_what_fails_in_one_leaves_the_others_alone() -> None:
    async def role(session: Session) -> Any:
        async def bad() -> Any:
            async with session.fork("bad") as fork:
                if session.name == "bank":
                    raise LookupError("income 4711")
                return await ask(fork)

        async def good() -> Any:
            async with session.fork("good") as fork:
                return await ask(fork)

        first = await ended(bad())
        return [first, await good(), await ask(session)]

    results = await run_all(role)
    assert isinstance(results["bank"][0], LookupError)
    for name in ("bureau", "lender"):
        error = results[name][0]
        assert isinstance(error, PeerAborted)
        assert (error.peer, str(error)) == ("bank", "bank: its program failed with LookupError")
    assert [answer.tolist() for answer in results["lender"][1:]] == [[True, False, False]] * 2


@pytest.mark.parametrize("when", ["agree", "ot", "inputs", "evaluate"])
async def test_a_job_that_is_cancelled_ends_at_all_parties(when: str) -> None:
    """As when somebody who asked a service goes away."""

    async def role(session: Session) -> Any:
        async def one() -> Any:
            async with session.fork("one") as fork:
                if session.name == "bank":
                    task = asyncio.current_task()
                    assert task is not None
                    return await ask(fork, on_progress=lambda p: task.cancel() if p.phase == when else None)
                return await ask(fork)

        task = asyncio.ensure_future(one())
        await asyncio.wait({task})
        first = None if task.cancelled() else task.exception()
        async with session.fork("two") as fork:
            return first, await ask(fork)

    results = await run_all(role)
    assert results["bank"] == (None, None)
    for name in ("bureau", "lender"):
        assert str(results[name][0]) == "bank: it was cancelled"
    assert results["lender"][1].tolist() == [True, False, False]


async def test_a_wrong_input_ends_its_fork_and_names_the_party() -> None:
    async def role(session: Session) -> Any:
        async def one() -> Any:
            async with session.fork("one") as fork:
                return await ask(fork, inputs={} if session.name == "bureau" else MINE[session.name])

        first = await ended(one())
        return first, await ask(session)

    results = await run_all(role)
    assert isinstance(results["bureau"][0], ConfigError)
    for name in ("bank", "lender"):
        assert str(results[name][0]) == "bureau: input 'late' is missing"
    assert results["lender"][1].tolist() == [True, False, False]


async def test_a_disagreement_is_found_by_all_and_the_session_goes_on() -> None:
    async def role(session: Session) -> Any:
        async def one() -> Any:
            async with session.fork("one") as fork:
                return await ask(fork, reveal_to=["lender"] if session.name != "bureau" else ["bureau"])

        first = await ended(one())
        return first, await ask(session)

    results = await run_all(role)
    assert all(isinstance(first, AgreementError) for first, _ in results.values())
    assert results["lender"][1].tolist() == [True, False, False]


async def test_a_lost_party_ends_everything() -> None:
    async def role(session: Session) -> Any:
        async with session.fork("one") as fork:
            if session.name == "bank":
                for link in session._links.values():
                    link.fall_silent()  # type: ignore[attr-defined]
            await ask(fork)

    results = await run_sessions(plain_sessions(NAMES), role)
    assert all(isinstance(error, MPCNetError) for error in results.values())
    assert {results[name].peer for name in ("bureau", "lender")} == {"bank"}


async def test_a_body_that_ends_early_waits_for_the_others() -> None:
    order: list[str] = []

    async def role(session: Session) -> None:
        async with session.fork("one"):
            if session.name == "bank":
                await asyncio.sleep(0.05)
                order.append("body of bank")
        order.append(f"end of {session.name}")

    await run_all(role)
    assert order[0] == "body of bank"


async def test_fork_ends_for_all_when_one_aborts() -> None:
    async def role(session: Session) -> Any:
        async def one() -> None:
            async with session.fork("one") as fork:
                if session.name == "bank":
                    await fork.abort("enough \x1b[31m for today", culprit="bureau")
                    return
                await asyncio.Event().wait()

        return await ended(one())

    results = await run_all(role)
    assert results["bank"] is None
    for name in ("bureau", "lender"):
        assert str(results[name]) == "bureau: enough [31m for today (reported by bank)"


async def test_nothing_is_left_of_a_fork() -> None:
    async def role(session: Session) -> None:
        for i in range(5):
            async with session.fork(f"fork-{i}") as fork:
                await ask(fork)
            streams = {peer: len(link._mux._streams) for peer, link in session._links.items()}  # type: ignore[attr-defined]
            if i == 0:
                before = streams
        await asyncio.sleep(0.05)
        streams = {peer: len(link._mux._streams) for peer, link in session._links.items()}  # type: ignore[attr-defined]
        assert all(streams[peer] <= before[peer] + 1 for peer in streams), (before, streams)
        with pytest.raises(StateError, match="the fork is over"):
            fork.open_channel("bank" if session.name != "bank" else "lender", "x")

    results = await run_all(role)
    assert set(results.values()) == {None}, results


@pytest.mark.parametrize("label", ["", "a/b", ".a", "x" * 65, "a b"])
async def test_labels(label: str) -> None:
    session = memory_sessions(NAMES)["bank"]
    with pytest.raises(ValueError, match="the label of a fork"):
        session.fork(label)


async def test_wrong_use() -> None:
    async def role(session: Session) -> None:
        fork = session.fork("one")
        with pytest.raises(StateError, match="not entered yet"):
            fork.channel("bank", "x")
        async with fork:
            with pytest.raises(StateError, match="entered once"):
                await fork.__aenter__()
            with pytest.raises(ValueError, match="no peer 'shop'"):
                fork.channel("shop", "x")
            with pytest.raises(ValueError, match="reserved"):
                fork.channel("bank", ".x")
        with pytest.raises(ValueError, match="used before"):
            async with session.fork("one"):
                pass

    results = await run_all(role)
    assert set(results.values()) == {None}, results


async def test_a_peer_that_writes_nonsense_is_named_itself() -> None:
    async def role(session: Session) -> Any:
        async def one() -> None:
            async with session.fork("one") as fork:
                if session.name == "bank":
                    fork._told = True
                    for root in fork._roots.values():
                        await root.send(bytes([ABORTED]) + b"\xff\x1b[2J" * ((MESSAGE_BYTES - 1) // 5) + b"\0")
                    return
                await asyncio.Event().wait()

        return await ended(one())

    results = await run_all(role)
    assert results["lender"].peer == "bank"
    assert "\x1b" not in str(results["lender"])
    assert len(str(results["lender"])) < 500


async def test_a_body_that_ends_before_it_hears_of_the_failure() -> None:
    async def role(session: Session) -> Any:
        async def one() -> Any:
            async with session.fork("one") as fork:
                if session.name == "bank":
                    fork.fail(LookupError("income 4711"))
                    return None
                return await ask(fork)

        return await ended(one())

    results = await run_all(role)
    assert isinstance(results["bank"], LookupError)
    for name in ("bureau", "lender"):
        assert str(results[name]) == "bank: its program failed with LookupError"
