"""The session by itself, over links that fail when the test says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mpcnet.cause import Cause
from mpcnet.errors import AgreementError, ConfigError, Deadline, MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.reasons import clean, explain
from mpcnet.session import Session
from protocols.channel import Mesh, exchange
from protocols.errors import CheckFailed, MessageError, StateError
from tests.kit.channels import TEMPERS, Temper
from tests.kit.links import PlainLink, plain_links, plain_sessions, run_sessions

NAMES = ("lender", "bureau", "bank")


async def idle(session: Session) -> None:
    """Wait for something that has nothing to do with any channel."""
    await asyncio.Event().wait()


def link_of(session: Session, peer: str) -> Any:
    return session._links[peer]


@pytest.mark.parametrize("temper", TEMPERS)
@pytest.mark.parametrize("n_parties", [2, 3, 5])
async def test_everybody_talks_to_everybody(n_parties: int, temper: Temper) -> None:
    names = [f"p{i}" for i in range(n_parties)]

    async def role(session: Session) -> dict[str, int]:
        mesh = session.mesh("hello").fork("again")
        assert isinstance(mesh, Mesh)
        assert (mesh.party_id, mesh.n_parties) == (session.party_id, session.n_parties)
        got = await asyncio.gather(
            *(exchange(channel, bytes([mesh.party_id]), n_bytes=1) for channel in mesh.channels.values())
        )
        return {channel.peer: message[0] for channel, message in zip(mesh.channels.values(), got, strict=True)}

    results = await run_sessions(plain_sessions(names, temper), role)
    assert results == {name: {other: i for i, other in enumerate(names) if other != name} for name in names}


async def test_mesh_ids_are_the_same_everywhere_and_differ_by_label() -> None:
    async def role(session: Session) -> tuple[bytes, ...]:
        one, two = session.mesh("one"), session.mesh("two")
        return session.session_id, one.session_id, two.session_id, one.fork("x").session_id, two.fork("x").session_id

    results = await run_sessions(plain_sessions(NAMES), role)
    assert len(set(results.values())) == 1
    assert len(set(results["bank"])) == 5


async def test_properties() -> None:
    session = plain_sessions(NAMES)["bureau"]
    assert (session.name, session.parties, session.peers) == (
        "bureau",
        ("bank", "bureau", "lender"),
        ("bank", "lender"),
    )
    assert (session.party_id, session.n_parties) == (1, 3)
    assert repr(session) == "<Session of bureau with bank, lender, new>"


async def test_links_must_be_those_of_the_parties() -> None:
    links = plain_links(NAMES)["bank"]
    with pytest.raises(ValueError, match="expected a link to each of bureau"):
        Session("bank", ["bank", "bureau"], links, bytes(32))
    with pytest.raises(ValueError, match="expected a link to each of"):
        Session("shop", NAMES, links, bytes(32))


async def test_wrong_use_is_named() -> None:
    session = plain_sessions(NAMES)["bank"]
    with pytest.raises(StateError, match="not entered yet"):
        session.channel("lender", "x")
    async with session:
        with pytest.raises(ValueError, match="no peer 'shop'; there are bureau, lender"):
            session.channel("shop", "x")
        with pytest.raises(ValueError, match="reserved"):
            session.channel("lender", ".x")
        with pytest.raises(StateError, match="entered once"):
            await session.__aenter__()
    with pytest.raises(StateError, match="over"):
        session.channel("lender", "x")
    with pytest.raises(StateError, match="entered once"):
        await session.__aenter__()
    await session.close()


async def test_dead_party_is_named_by_all_others_wherever_they_wait() -> None:
    sessions = plain_sessions(NAMES)

    async def dies(session: Session) -> None:
        for peer in session.peers:
            link_of(session, peer).fall_silent()
        await idle(session)

    async def receives(session: Session) -> None:
        await session.channel("lender", "x").receive(1)  # and not of the one that dies

    results = await run_sessions(sessions, {"bank": dies, "lender": idle, "bureau": receives}, seconds=10)
    for survivor in ("lender", "bureau"):
        assert isinstance(results[survivor], MPCNetError)
        assert results[survivor].peer == "bank"
        assert "bank" in str(results[survivor])


async def test_first_cause_is_passed_on_to_those_that_do_not_see_it() -> None:
    sessions = plain_sessions(NAMES)

    async def lender(session: Session) -> None:
        link_of(session, "bank").fail(PeerDisconnected("bank: silent for 15 s", peer="bank"))
        await idle(session)

    results = await run_sessions(sessions, {"bank": idle, "lender": lender, "bureau": idle}, seconds=10)
    assert isinstance(results["lender"], PeerDisconnected)
    assert isinstance(results["bureau"], PeerAborted)
    for error in results.values():
        assert str(error) == "bank: silent for 15 s (seen by lender)"
        assert error.peer == "bank"


async def test_error_in_the_body_reaches_all_without_its_text() -> None:
    async def fails(session: Session) -> None:
        raise KeyError("the income of Ms Smith is 4711")

    results = await run_sessions(plain_sessions(NAMES), {"bank": fails, "lender": idle, "bureau": idle}, seconds=10)
    assert isinstance(results["bank"], KeyError)
    for name in ("lender", "bureau"):
        assert isinstance(results[name], PeerAborted)
        assert str(results[name]) == "bank ended the run: its program failed with KeyError"
        assert results[name].peer == "bank"


async def test_own_errors_are_told_with_their_text() -> None:
    async def fails(session: Session) -> None:
        raise ConfigError("input 'cutoff' is missing")

    results = await run_sessions(plain_sessions(NAMES), {"bank": fails, "lender": idle, "bureau": idle}, seconds=10)
    assert str(results["lender"]) == str(results["bureau"]) == "bank ended the run: input 'cutoff' is missing"


async def test_disagreement_that_all_find_aborts_nobody() -> None:
    async def finds(session: Session) -> None:
        await asyncio.sleep({"bank": 0, "bureau": 0.02, "lender": 0.01}[session.name])
        raise AgreementError("bank and lender differ")

    results = await run_sessions(plain_sessions(NAMES), finds, seconds=10)
    assert {type(error) for error in results.values()} == {AgreementError}


async def test_party_that_finds_a_peer_cheating_blames_the_peer() -> None:
    async def finds(session: Session) -> None:
        raise MessageError("expected 5 bytes, got 6", peer="lender")

    results = await run_sessions(plain_sessions(NAMES), {"bank": finds, "lender": idle, "bureau": idle}, seconds=10)
    assert isinstance(results["bank"], MessageError)
    for error in results.values():
        assert str(error) == "lender: expected 5 bytes, got 6 (seen by bank)"
        assert error.peer == "lender"


async def test_error_in_a_task_group_is_told_too() -> None:
    async def fails(session: Session) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(idle(session))
            group.create_task(session.channel("lender", "x").receive(1))
            await asyncio.sleep(0)
            raise ConfigError("no")

    results = await run_sessions(plain_sessions(("bank", "lender")), {"bank": fails, "lender": idle}, seconds=10)
    assert isinstance(results["bank"], ExceptionGroup)
    assert str(results["lender"]) == "bank ended the run: no"


async def test_link_failure_inside_a_task_group_is_raised_as_itself() -> None:
    sessions = plain_sessions(("bank", "lender"))

    async def receives(session: Session) -> None:
        async with asyncio.TaskGroup() as group:
            for i in range(3):
                group.create_task(session.channel("bank", str(i)).receive(1))

    async def dies(session: Session) -> None:
        await asyncio.sleep(0)
        link_of(session, "lender").fall_silent()
        await idle(session)

    results = await run_sessions(sessions, {"bank": dies, "lender": receives}, seconds=10)
    assert type(results["lender"]) is PeerDisconnected
    assert results["lender"].peer == "bank"


async def test_failure_cannot_be_swallowed() -> None:
    sessions = plain_sessions(("bank", "lender"))

    async def stubborn(session: Session) -> str:
        for _ in range(2):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                return "all is well"
        return "never"

    async def dies(session: Session) -> None:
        link_of(session, "lender").fall_silent()
        await idle(session)

    results = await run_sessions(sessions, {"bank": dies, "lender": stubborn}, seconds=10)
    assert isinstance(results["lender"], PeerDisconnected)


async def test_failure_leaves_the_surrounding_task_uncancelled() -> None:
    sessions = plain_sessions(("bank", "lender"))
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, link_of(sessions["bank"], "lender").fall_silent)
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(PeerDisconnected):
        async with sessions["lender"]:
            await idle(sessions["lender"])
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # would raise if a cancellation were left over


async def test_cancelled_from_outside_stays_cancelled_and_is_told() -> None:
    sessions = plain_sessions(NAMES)

    async def party(session: Session) -> None:
        async with session:
            await idle(session)

    tasks = {name: asyncio.create_task(party(session)) for name, session in sessions.items()}
    await asyncio.sleep(0.01)
    tasks["bank"].cancel()
    await asyncio.wait(tasks.values(), timeout=10)
    assert tasks["bank"].cancelled()
    for name in ("lender", "bureau"):
        error = tasks[name].exception()
        assert isinstance(error, PeerAborted)
        assert str(error) == "bank ended the run: it was cancelled"


async def test_timeout_around_the_session_is_a_timeout() -> None:
    session = plain_sessions(("bank", "lender"))["bank"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), session:
            await idle(session)
    assert link_of(session, "lender").reported == [Cause("bank", "it was cancelled", "bank", is_open=True)]


async def test_interrupt_is_told() -> None:
    session = plain_sessions(("bank", "lender"))["bank"]

    await session.__aenter__()
    await session.__aexit__(KeyboardInterrupt, KeyboardInterrupt(), None)  # raised in a task it would end the loop
    assert link_of(session, "lender").reported == [Cause("bank", "it was interrupted", "bank", is_open=True)]


async def test_deadline_for_the_whole() -> None:
    sessions = plain_sessions(NAMES)
    sessions["bank"]._total_seconds = 0.02
    results = await run_sessions(sessions, idle, seconds=10)
    assert isinstance(results["bank"], Deadline)
    assert results["bank"].__notes__ == ["deadlines.total in party.toml sets the limit"]
    for error in results.values():
        assert error.peer == "bank"
        assert str(error) == "bank ended the run: its limit of 0.02 s for the session passed"


async def test_session_that_ended_in_time_has_no_deadline_left() -> None:
    sessions = plain_sessions(("bank", "lender"), total_seconds=0.01)

    async def quick(session: Session) -> str:
        return "done"

    assert await run_sessions(sessions, quick) == {"bank": "done", "lender": "done"}
    await asyncio.sleep(0.03)
    assert [session._error for session in sessions.values()] == [None, None]


async def test_abort_by_hand() -> None:
    async def gives_up(session: Session) -> str:
        await session.abort("the auditor objects")
        with pytest.raises(StateError, match="over"):
            session.channel("lender", "x")
        return "left"

    results = await run_sessions(plain_sessions(NAMES), {"bank": gives_up, "lender": idle, "bureau": idle}, seconds=10)
    assert results["bank"] == "left"
    assert str(results["lender"]) == "bank ended the run: the auditor objects"


async def test_party_that_is_done_first_disturbs_nobody() -> None:
    async def first(session: Session) -> str:
        await session.channel("lender", "x").send(b"last words")
        return "done"

    async def later(session: Session) -> bytes:
        await asyncio.sleep(0.02)
        other = "bureau" if session.name == "lender" else "lender"
        await exchange(session.channel(other, "y"), b"1", n_bytes=1)
        return b"" if session.name == "bureau" else bytes(await session.channel("bank", "x").receive(10))

    results = await run_sessions(plain_sessions(NAMES), {"bank": first, "lender": later, "bureau": later}, seconds=10)
    assert results == {"bank": "done", "lender": b"last words", "bureau": b""}


async def test_party_that_leaves_while_more_is_expected_is_to_blame() -> None:
    async def leaves(session: Session) -> str:
        return "done"

    async def expects(session: Session) -> None:
        await session.channel("bank", "x").receive(1)

    results = await run_sessions(plain_sessions(NAMES), {"bank": leaves, "lender": expects, "bureau": idle}, seconds=10)
    assert results["bank"] == "done"
    assert results["lender"].peer == results["bureau"].peer == "bank"


async def test_nothing_is_left_running() -> None:
    before = asyncio.all_tasks()

    async def fails(session: Session) -> None:
        raise ValueError("x")

    await run_sessions(plain_sessions(NAMES), {"bank": fails, "lender": idle, "bureau": idle}, seconds=10)
    assert asyncio.all_tasks() == before


async def test_two_sessions_in_one_process_do_not_touch() -> None:
    bad, good = plain_sessions(("bank", "lender")), plain_sessions(("bank", "lender"))

    async def fails(session: Session) -> None:
        raise ConfigError("x")

    async def talks(session: Session) -> int:
        await asyncio.sleep(0.01)
        return (await exchange(session.channel(session.peers[0], "a"), b"7", n_bytes=1))[0]

    failed, talked = await asyncio.gather(run_sessions(bad, fails), run_sessions(good, talks))
    assert all(isinstance(error, ConfigError) for error in failed.values())
    assert talked == {"bank": 55, "lender": 55}


async def test_abort_that_cannot_be_delivered_does_not_hold_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpcnet.session.FAREWELL_SECONDS", 0.05)
    monkeypatch.setattr("mpcnet.ending.SETTLE_SECONDS", 0.05)

    async def stuck(self: PlainLink, *args: Any, **kwargs: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(PlainLink, "report", lambda *_: None)
    monkeypatch.setattr(PlainLink, "close", stuck)
    session = plain_sessions(("bank", "lender"))["bank"]
    with pytest.raises(ValueError, match="mine"):
        async with asyncio.timeout(10), session:
            raise ValueError("mine")


@pytest.mark.parametrize(
    ("error", "culprit", "reason"),
    [
        (CheckFailed("the tag is wrong", peer="bank"), "bank", "the tag is wrong"),
        (CheckFailed("the tag is wrong", peer="stranger"), "me", "stranger: the tag is wrong"),
        (PeerDisconnected("bank: gone", peer="bank"), "bank", "gone"),
        (ConfigError("no file"), "me", "no file"),
        (ValueError("income 4711"), "me", "its program failed with ValueError"),
        (ExceptionGroup("all", [ExceptionGroup("x", [MessageError("short", peer="bank")])]), "bank", "short"),
        (asyncio.CancelledError(), "me", "it was cancelled"),
        (asyncio.CancelledError("it was terminated"), "me", "it was terminated"),
        (asyncio.CancelledError("income 4711"), "me", "it was cancelled"),
        (KeyboardInterrupt(), "me", "it was interrupted"),
        (SystemExit(3), "me", "its program failed with SystemExit"),
    ],
)
def test_explain(error: BaseException, culprit: str, reason: str) -> None:
    assert explain(error, "me", ("bank", "me")) == (culprit, reason)


def test_reasons_of_peers_are_made_harmless() -> None:
    assert clean("a\x1b[31mred\r\nb\x00\u202ec") == "a [31mred b c"
    assert len(clean("x" * 10_000)) == 400


async def test_forged_blame_names_the_reporter() -> None:
    """A peer may blame anybody: what it says is shown as its word, and a name that does not exist is not believed."""
    sessions = plain_sessions(NAMES)

    async def lies(session: Session) -> None:
        link_of(session, "lender").report(Cause("shop", "it stole", "shop"))
        await idle(session)

    results = await run_sessions(sessions, {"bank": lies, "lender": idle, "bureau": idle}, seconds=10)
    for error in results.values():
        assert error.peer == "bank"
        assert str(error) == "bank ended the run: it stole"


@pytest.mark.parametrize("broken", [("bank", "lender"), ("bureau", "lender"), ("bank", "bureau")])
async def test_two_that_blame_each_other_and_the_third_say_the_same(broken: tuple[str, str]) -> None:
    """The link of two breaks: each sees the other go, and all take what the party with the lower number saw."""
    sessions = plain_sessions(NAMES)
    one, two = broken

    async def cuts(session: Session) -> None:
        link_of(session, two).fall_silent()
        await idle(session)

    results = await run_sessions(sessions, {name: cuts if name == one else idle for name in NAMES}, seconds=10)
    assert {str(error) for error in results.values()} == {f"{two}: the link closed (seen by {one})"}


async def test_what_a_party_says_of_itself_comes_first() -> None:
    """Bank sees the lender go at the moment when the bureau fails by itself."""
    sessions = plain_sessions(NAMES)

    async def cuts(session: Session) -> None:
        link_of(session, "lender").fail(PeerDisconnected("lender: gone", peer="lender"))
        await idle(session)

    async def fails(session: Session) -> None:
        await asyncio.sleep(0)
        raise ConfigError("no data")

    results = await run_sessions(sessions, {"bank": cuts, "bureau": fails, "lender": idle}, seconds=10)
    assert str(results["bank"]) == str(results["lender"]) == "bureau ended the run: no data"
    assert isinstance(results["bank"], PeerAborted)
    assert str(results["bureau"]) == "no data"


@pytest.mark.parametrize("secret", [False, True])
async def test_lost_before_a_secret_may_begin_again_unless_one_party_objects(secret: bool) -> None:
    sessions = plain_sessions(NAMES)

    async def party(session: Session) -> None:
        session.mesh("agreement", secret=False)
        if session.name == "bureau":
            session.channel("lender", "x", secret=secret)
        if session.name == "bank":
            link_of(session, "lender").fall_silent()
        await idle(session)

    results = await run_sessions(sessions, party, seconds=10)
    assert {error.may_begin_again for error in results.values()} == {not secret}


async def test_only_a_lost_connection_may_begin_again() -> None:
    async def fails(session: Session) -> None:
        raise ConfigError("no data")

    results = await run_sessions(plain_sessions(NAMES), {"bank": fails, "lender": idle, "bureau": idle}, seconds=10)
    assert {error.may_begin_again for error in results.values()} == {False}


async def test_a_body_that_ends_before_it_hears_of_the_failure() -> None:
    """The cancellation was asked for, and the body waits for nothing more: its error comes all the same."""

    async def role(session: Session) -> None:
        if session.name == "bank":
            session.fail(LookupError("income 4711"))
        else:
            await idle(session)

    results = await run_sessions(plain_sessions(NAMES), role)
    assert isinstance(results["bank"], LookupError)
    for name in ("bureau", "lender"):
        assert str(results[name]) == "bank ended the run: its program failed with LookupError"


async def test_a_link_that_breaks_once_the_body_has_ended() -> None:
    async def role(session: Session) -> str:
        if session.name == "bank":
            link_of(session, "lender").fall_silent()
        return "done"

    results = await run_sessions(plain_sessions(NAMES), role)
    assert results["bank"] == "done"


async def test_nothing_fails_once_it_has_finished() -> None:
    """What all parties have done stands; what is said afterwards cannot take it back."""
    ended = asyncio.Event()

    async def role(session: Session) -> str:
        await session.finish()
        if session.name == "lender":
            link_of(session, "bank").fall_silent()
            ended.set()
        await ended.wait()
        await asyncio.sleep(0.01)
        return "done"

    assert await run_sessions(plain_sessions(NAMES), role) == dict.fromkeys(NAMES, "done")
