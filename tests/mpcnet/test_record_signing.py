"""The summary of a run that all parties sign, and what may happen while they do."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from mpcnet.concurrency import together
from mpcnet.errors import DivergenceError, RecordError
from mpcnet.identity import Identity
from mpcnet.record import summary
from mpcnet.record.keeper import Keeper
from mpcnet.record.summary import countersign, summary_digest
from mpcnet.record.verify import verify
from mpcnet.session import Session
from mpcnet.simulate import memory_sessions
from tests.kit.agreement import MINE, NAMES, OWNERS, Institutions, approve, institutions
from tests.kit.links import plain_sessions, run_sessions
from tests.kit.recorded import JOB, Recorded, ask

STANDS = "the run ended well and its result stands, but its record is not countersigned by all"


@pytest.fixture
def three(tmp_path: Path) -> Institutions:
    return institutions(tmp_path)


async def test_a_party_that_is_busy_is_waited_for_and_then_named(
    three: Institutions, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(three)
    results: dict[str, Any] = {}
    done = asyncio.Event()

    async def role(session: Session) -> None:
        if session.name == "bureau":
            await done.wait()
            return
        digest = summary_digest(session.session_id.hex(), JOB.hex(), session.parties, [], [])
        identity = recorded.identities[session.name]
        results[session.name] = await countersign(
            session, recorded.roster, identity, digest, (1, "00" * 32), seconds=0.2
        )
        if len(results) == 2:
            done.set()
        await done.wait()

    await run_sessions(plain_sessions(NAMES), role)
    signed, missing = results["lender"]
    assert list(signed) == ["bank", "lender"]
    assert missing == {"bureau": "was still busy after 0.2 s"}


async def test_another_summary_names_the_party(three: Institutions) -> None:
    recorded = Recorded(three)

    async def role(session: Session) -> Any:
        result = await ask(session)
        if session.name == "bureau":
            session.stats.evaluations.clear()
        return result

    results = await recorded.run(role)
    assert results["lender"].tolist() == [True, False, False]
    why = "signs another summary of the run than this party has; compare `mpcnet record show` at both"
    for name in ("lender", "bank"):
        error = recorded.failures[name]
        assert error.peer == "bureau"
        assert str(error) == f"{STANDS}: not by bureau: {why}"
        end = recorded.entries(name)[-1]
        assert (end["outcome"], end["not_countersigned"]) == ("done", {"bureau": why})
        assert set(end["countersigned"]) == {"bank", "lender"}
    assert set(recorded.entries("bureau")[-1]["not_countersigned"]) == {"bank", "lender"}


async def test_a_signature_of_another_key_names_the_party(three: Institutions, tmp_path: Path) -> None:
    recorded = Recorded(three)
    own = recorded.identities["bureau"]
    false = Identity.create("bureau", tmp_path / "false")

    async def role(session: Session) -> Any:
        result = await ask(session)
        if session.name == "bureau":
            recorded.keepers["bureau"]._identity = false
        return result

    results = await recorded.run(role)
    assert results["lender"].tolist() == [True, False, False]
    for name in ("lender", "bank"):
        assert (
            str(recorded.failures[name])
            == f"{STANDS}: not by bureau: its signature under the summary of the run does not hold"
        )
    assert recorded.failures["bureau"] is None
    assert own.name == "bureau"


def silent(session: Session) -> None:
    for peer in session.peers:
        session._links[peer].fall_silent()  # type: ignore[attr-defined]


async def lie(session: Session, n_bytes: int) -> None:
    for peer in session.peers:
        await session.open_channel(peer, summary.LABEL).send(bytes(n_bytes))
    await asyncio.sleep(0.2)


FAULTS: dict[str, tuple[Any, str]] = {
    "lost": (lambda s: silent(s), "the link closed"),
    "fails": (None, "bureau ended the run: its program failed with LookupError"),
    "short": (lambda s: lie(s, 3), "bytes"),
    "huge": (lambda s: lie(s, 1 << 20), "bytes"),
    "nonsense": (lambda s: lie(s, 136), "does not hold"),
    "closes": (lambda s: s.close(), "left"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_happens_while_all_sign_leaves_the_result(three: Institutions, fault: str) -> None:
    """A party is lost, fails, leaves or talks nonsense once the others have ended: they say that it did not sign."""
    recorded = Recorded(three)
    act, says = FAULTS[fault]
    signing = asyncio.Event()

    async def role(session: Session) -> Any:
        result = await ask(session)
        if session.name == "bureau":
            await signing.wait()
            await asyncio.sleep(0.05)  # now the others wait for this one
            if act is None:
                raise LookupError("income 4711")
            done = act(session)
            if done is not None:
                await done
            recorded.mute("bureau")
            return result
        signing.set()
        return result

    results = await recorded.run(role)
    assert results["lender"].tolist() == [True, False, False]
    for name in ("bank", "lender"):
        assert str(recorded.failures[name]).startswith(f"{STANDS}: not by bureau: "), recorded.failures[name]
        assert says in str(recorded.failures[name])
        end = recorded.entries(name)[-1]
        assert end["outcome"] == "done"
        assert set(end["countersigned"]) == {"bank", "lender"}
        assert set(end["not_countersigned"]) == {"bureau"}
        assert verify(recorded.paths[name]).faults == []


async def test_forks_end_in_any_order_and_all_sign_the_same(three: Institutions) -> None:
    recorded = Recorded(three)
    both = {"lender": ["lender"], "bank": ["bank", "lender"]}

    async def role(session: Session) -> None:
        async def one(label: str) -> None:
            async with session.fork(label) as fork:
                sh = fork.additive() if label == "bank" else fork.shamir(threshold=1)
                await sh.input([1] if session.name == "bank" else None, owner="bank", shape=1).reveal(to=both[label])
                await fork.evaluate(approve, MINE[session.name], owners=OWNERS, reveal_to=both[label])

        labels = list(both) if session.name == "bank" else list(both)[::-1]
        await together(*(one(label) for label in labels))
        session.stats.evaluations.sort(key=lambda e: len(e.reveal_to["out0"]), reverse=session.name == "bank")

    await recorded.run(role, memory_sessions)
    assert recorded.failures == dict.fromkeys(NAMES)
    ends = [recorded.entries(name)[-1] for name in NAMES]
    assert len({end["summary"] for end in ends}) == 1
    assert all(set(end["countersigned"]) == set(NAMES) for end in ends)
    assert len({json.dumps(end["evaluations"]) for end in ends}) == 2  # another order


@pytest.mark.parametrize("how", ["raises", "cancelled in its body", "cancelled at its end"])
async def test_a_fork_counts_at_all_parties_or_at_none(three: Institutions, how: str) -> None:
    """One party's job is broken off when the others have it done, or has ended well for them and was cancelled here."""
    recorded, whole = Recorded(three), how == "cancelled at its end"

    async def role(session: Session) -> None:
        task: list[asyncio.Task[None]] = []
        done = asyncio.Event()

        async def one() -> None:
            async with session.fork("one") as fork:
                if not whole:  # the end of a program is one of all parties by itself
                    sh = fork.shamir(threshold=1)
                    await sh.input([1] if session.name == "bank" else None, owner="bank", shape=1).reveal()
                await ask(fork)
                done.set()
                if session.name == "bank" and how == "raises":
                    raise LookupError
                if session.name == "bank" and how == "cancelled in its body":
                    task[0].cancel()
                    await asyncio.sleep(1)
                if session.name == "lender":
                    await asyncio.sleep(0.1)  # the others wait for it at the end of the fork
            if session.name == "bank":
                raise AssertionError

        task.append(asyncio.ensure_future(one()))
        if session.name == "bank" and whole:
            await done.wait()
            asyncio.get_running_loop().call_later(0.05, task[0].cancel)
        await asyncio.gather(*task, return_exceptions=True)

    await recorded.run(role, memory_sessions)
    assert recorded.failures == dict.fromkeys(NAMES)
    for name in NAMES:
        end = recorded.entries(name)[-1]
        assert (len(end["evaluations"]), end["computations"]) == (whole, [])
        assert len(end["unfinished"]) == 2 * (not whole)
        assert set(end["countersigned"]) == set(NAMES)
        assert verify(recorded.paths[name]).faults == []


async def test_programs_that_part_at_their_end_sign_nothing(three: Institutions) -> None:
    """A program that ends early is found before anybody signs, and not after a minute."""
    recorded = Recorded(three)

    async def role(session: Session) -> None:
        x = session.shamir(threshold=1).input([1] if session.name == "bank" else None, owner="bank", shape=1)
        await x.reveal()
        if session.name == "lender":
            await (x * x).reveal()

    async with asyncio.timeout(20):
        results = await recorded.run(role)
    assert all(isinstance(result, DivergenceError) for result in results.values()), results
    assert all("countersigned" not in recorded.entries(name)[-1] for name in NAMES)


async def test_a_party_cancelled_while_all_sign_has_the_summary(three: Institutions) -> None:
    recorded = Recorded(three)

    async def role(session: Session) -> Any:
        result = await ask(session)
        if session.name == "bank":
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().call_later(0.05, task.cancel)
        elif session.name == "bureau":
            await asyncio.sleep(0.2)
        return result

    sessions = memory_sessions(NAMES)
    keepers = {
        name: Keeper(p, recorded.identities[name], recorded.roster, JOB, "march") for name, p in recorded.paths.items()
    }
    ended: dict[str, BaseException | None] = {}

    async def party(name: str) -> None:
        session = sessions[name]
        try:
            async with session:
                keepers[name].start(session)
                await role(session)
                await keepers[name].settle(session)
            ended[name] = None
        except BaseException as error:
            ended[name] = error
        with contextlib.suppress(RecordError):
            keepers[name].end(session, ended[name])

    await asyncio.wait([asyncio.ensure_future(party(name)) for name in NAMES])
    assert isinstance(ended["bank"], asyncio.CancelledError)
    end = recorded.entries("bank")[-1]
    assert end["outcome"] == "interrupted"
    assert end["summary"] == recorded.entries("lender")[-1]["summary"]
    assert ended["lender"] is None
    assert verify(recorded.paths["bank"], others=[recorded.paths["lender"]]).faults == []


async def test_a_countersignature_that_was_changed(three: Institutions) -> None:
    recorded = Recorded(three)
    await recorded.run(ask)
    path = recorded.paths["bank"]
    rows = recorded.entries("bank")
    signature = rows[-1]["countersigned"]["lender"]["signature"]
    other = f"{int(signature[:2], 16) ^ 1:02x}{signature[2:]}"
    path.write_bytes(path.read_bytes().replace(signature.encode(), other.encode()))
    found = verify(path).faults
    assert any("entry 2 was altered" in fault for fault in found)
    assert any("entry 2: the signature of lender does not hold" in fault for fault in found)
