"""Runs in the record: start and end, who learned what, the summary that all sign, and how it looks on screen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mpcnet.cli import app
from mpcnet.concurrency import together
from mpcnet.config import Config
from mpcnet.errors import DivergenceError, PeerAborted, RecordError
from mpcnet.identity import Identity
from mpcnet.record import summary
from mpcnet.record.entry import pack, seal
from mpcnet.record.keeper import Keeper
from mpcnet.record.log import head_path
from mpcnet.record.summary import countersign, summary_digest
from mpcnet.record.verify import verify
from mpcnet.session import Session
from mpcnet.simulate import memory_sessions
from tests.kit.agreement import MINE, NAMES, OWNERS, Institutions, approve, institutions
from tests.kit.links import plain_sessions, run_sessions

JOB = bytes(range(32))
STANDS = "the run ended well and its result stands, but its record is not countersigned by all"


@pytest.fixture
def three(tmp_path: Path) -> Institutions:
    return institutions(tmp_path)


class Recorded:
    """What `mpcnet.connect` does with a record, over sessions in memory."""

    def __init__(self, three: Institutions, job_name: str = "march") -> None:
        self.paths = {name: three.configs[name].record_path for name in NAMES}
        self.roster = three.configs["bank"].load_roster()
        self.identities = {name: three.configs[name].load_identity() for name in NAMES}
        self._job_name = job_name
        self._muted: set[str] = set()

    async def run(self, role: Any, made: Any = plain_sessions) -> dict[str, Any]:
        self.keepers = {
            name: Keeper(self.paths[name], self.identities[name], self.roster, JOB, self._job_name) for name in NAMES
        }
        returned: dict[str, Any] = {}

        async def kept(session: Session) -> Any:
            self.keepers[session.name].start(session)
            returned[session.name] = await role(session)
            if session.name not in self._muted:
                await self.keepers[session.name].settle(session)
            return returned[session.name]

        sessions = made(NAMES)
        results = await run_sessions(sessions, kept)
        self.failures: dict[str, Any] = dict.fromkeys(NAMES)
        for name, result in results.items():
            try:
                self.keepers[name].end(sessions[name], result if isinstance(result, BaseException) else None)
            except RecordError as error:
                self.failures[name] = error
        return results

    def mute(self, name: str) -> None:
        """A party signs nothing."""
        self._muted.add(name)

    def entries(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.paths[name].read_bytes().splitlines()]


async def ask(session: Session) -> Any:
    return await session.evaluate(approve, MINE[session.name], owners=OWNERS, reveal_to=["lender"])


async def test_a_run_that_ends_well(three: Institutions) -> None:
    recorded = Recorded(three)
    await recorded.run(ask)
    ends = {name: recorded.entries(name)[-1] for name in NAMES}
    assert len({end["summary"] for end in ends.values()}) == 1
    for name, end in ends.items():
        start = recorded.entries(name)[-2]
        assert (start["kind"], start["session"], start["job"], start["job_name"]) == (
            "start",
            end["session"],
            JOB.hex(),
            "march",
        )
        assert set(start["peers"]) == set(NAMES) - {name}
        assert end["outcome"] == "done"
        assert end["opened"] == {"lender": {"approve.out0": 3}}
        (group,) = end["evaluations"]
        assert (group["runs"], group["instances"], group["reveal_to"]) == (1, 3, {"out0": ["lender"]})
        assert set(end["countersigned"]) == set(NAMES)
        assert set(end["bytes"]) == set(NAMES) - {name}
        assert end["started"] == start["n"]
    text = recorded.paths["bank"].read_text(encoding="utf-8")
    assert not re.search(r"\b4000\b", text)  # an income; within a hash it is none
    for name in NAMES:
        others = [recorded.paths[other] for other in NAMES if other != name]
        keys = {party.name: party.certificates[0].key for party in recorded.roster.parties}
        assert verify(recorded.paths[name], keys=keys, others=others).faults == []


async def test_evaluations_that_differ_in_nothing_are_counted_together(three: Institutions) -> None:
    recorded = Recorded(three)

    async def thrice(session: Session) -> None:
        for _ in range(3):
            await ask(session)
        numbers = session.shamir(threshold=1).input([1, 2] if session.name == "bank" else None, owner="bank", shape=2)
        await (numbers * 2).reveal(to=["lender", "bank"])

    await recorded.run(thrice)
    end = recorded.entries("bureau")[-1]
    assert [(group["runs"], group["instances"]) for group in end["evaluations"]] == [(3, 9)]
    shown = {"numbers of shamir(threshold=1)": 2}
    assert end["computations"] == [
        {"engine": "shamir(threshold=1)", "inputs": {"bank": 2}, "opened": [{"to": ["bank", "lender"], "numbers": 2}]}
    ]
    assert end["opened"] == {"bank": shown, "lender": {"approve.out0": 9, **shown}}


async def test_a_run_that_fails(three: Institutions) -> None:
    recorded = Recorded(three)

    async def role(session: Session) -> None:
        await ask(session)
        if session.name == "bureau":
            raise LookupError("income 4711")
        await asyncio.Event().wait()

    await recorded.run(role)
    end = recorded.entries("bank")[-1]
    assert (end["outcome"], end["error"], end["cause"]) == ("failed", "PeerAborted", "bureau")
    assert "its program failed with LookupError" in end["reason"]
    assert "countersigned" not in end
    own = recorded.entries("bureau")[-1]
    assert (own["error"], own["cause"]) == ("LookupError", "bureau")
    assert not any("4711" in path.read_text(encoding="utf-8") for path in recorded.paths.values())
    assert verify(recorded.paths["bureau"]).faults == []


async def test_an_evaluation_that_was_broken_off_is_told(three: Institutions) -> None:
    recorded = Recorded(three)

    async def role(session: Session) -> None:
        async def stop(_: object) -> None:
            await session.abort("enough")

        if session.name == "bank":
            task: list[Any] = []
            await session.evaluate(
                approve,
                MINE["bank"],
                owners=OWNERS,
                reveal_to=["lender"],
                on_progress=lambda p: task.append(asyncio.ensure_future(stop(p))) if p.phase == "ot" else None,
            )
        else:
            await ask(session)

    await recorded.run(role)
    end = recorded.entries("bank")[-1]
    assert end["outcome"] == "failed"
    assert [entry["circuit"] for entry in end["unfinished"]] == ["approve"]
    assert end["opened"] == {}


async def test_without_a_signed_job_nothing_is_countersigned(three: Institutions) -> None:
    recorded = Recorded(three, job_name="")
    await recorded.run(ask)
    assert "countersigned" not in recorded.entries("bank")[-1]
    assert "job_name" not in recorded.entries("bank")[-2]


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


async def test_a_record_that_was_cut_does_not_fit_what_was_signed(three: Institutions) -> None:
    recorded = Recorded(three)
    await recorded.run(ask)
    await recorded.run(ask)
    path, others = recorded.paths["bank"], [recorded.paths["lender"]]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    head_path(path).unlink()  # the owner hides it
    assert verify(path).faults == []
    (fault,) = verify(path, others=others).faults
    assert fault.startswith("entry 3 is missing: bank signed it in record.jsonl (session ")


def rewrite(recorded: Recorded, name: str, place: int, **changes: Any) -> None:
    """An owner writes an entry anew, and all that follow, with its key."""
    path, previous, rows = recorded.paths[name], "", []
    for i, entry in enumerate(recorded.entries(name)):
        body = {key: value for key, value in entry.items() if key not in ("hash", "signature")}
        body |= changes if i == place else {}
        body |= {"previous": previous} if i > place else {}
        sealed = seal({key: value for key, value in body.items() if value is not None}, recorded.identities[name])
        previous = sealed["hash"]
        rows.append(pack(sealed))
    path.write_bytes(b"".join(rows))
    head_path(path).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"opened": {}}, "entry 2: what was opened does not follow from the evaluations in it"),
        ({"opened": {}, "evaluations": []}, "entry 2: the summary that was signed is not of what the entry says"),
        ({"summary": None, "countersigned": None}, "entry 2 misses the summary that bank signed in record.jsonl"),
        ({"job": "00" * 32}, "entry 2: the summary that was signed is not of what the entry says"),
    ],
)
async def test_an_owner_that_writes_its_last_end_anew(three: Institutions, changes: dict[str, Any], says: str) -> None:
    recorded = Recorded(three)
    await recorded.run(ask)
    rewrite(recorded, "bank", 2, **changes)
    assert says in verify(recorded.paths["bank"], others=[recorded.paths["lender"]]).faults


async def test_an_end_that_is_missing_is_told_where_others_have_it(three: Institutions) -> None:
    recorded = Recorded(three)
    await recorded.run(ask)
    path = recorded.paths["bank"]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    head_path(path).unlink()
    found = verify(path, others=[recorded.paths["lender"]])
    assert found.faults == []
    session = recorded.entries("lender")[-1]["session"][:16]
    assert f"record.jsonl has the end of session {session} with the signature of bank" in found.notes


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


async def test_a_full_disk_at_the_end_is_said_beside_the_result(
    three: Institutions, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(three)
    identity, roster = recorded.identities["bank"], recorded.roster
    session = plain_sessions(NAMES)["bank"]
    keeper = Keeper(recorded.paths["bank"], identity, roster, JOB, "march")
    keeper.start(session)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(RecordError) as caught:
        keeper.end(session, None)
    said = "the run ended well, but the record of bank cannot be written: No space left on device"
    assert str(caught.value) == said
    failure = PeerAborted("lender: gone", peer="lender")
    keeper.end(session, failure)
    assert failure.__notes__[0].startswith("the run ended with an error, but the record of bank cannot be written")


def test_the_command_line(three: Institutions, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = Recorded(three)
    asyncio.run(recorded.run(ask))
    config = str(three.folder / "bank")
    assert app.main(["record", "show", "--config", config]) == 0
    out = capsys.readouterr().out
    assert out.startswith("record of bank\n    1  ")
    for text in ("march  with bureau, lender", "done, ", "lender learned approve.out0: 3", "countersigned by bank, bu"):
        assert text in out
    assert app.main(["record", "verify", "--config", config]) == 0
    assert capsys.readouterr().out.endswith(".jsonl holds: 3 entries, 1 run of bank\n")
    against = ["--against", str(recorded.paths["lender"])]
    assert app.main(["record", "verify", "--config", config, *against, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    path = recorded.paths["bank"]
    path.write_bytes(path.read_bytes().replace(b"done", b"gone"))
    assert app.main(["record", "verify", str(path)]) == 6
    captured = capsys.readouterr()
    assert "WRONG entry 2 was altered: its hash does not fit what it says" in captured.out
    assert ": does not hold: " in captured.err
    assert app.main(["record", "show", str(path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["entries"]) == 3
    assert app.main(["record", "show", "nothing.jsonl"]) == 6


def test_runs_that_did_not_end(three: Institutions, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = Recorded(three, job_name="")

    async def fails(session: Session) -> None:
        raise ValueError

    async def begin() -> None:
        session = plain_sessions(NAMES)["bank"]
        Keeper(recorded.paths["bank"], recorded.identities["bank"], recorded.roster, JOB, "").start(session)

    asyncio.run(recorded.run(fails))
    asyncio.run(begin())
    assert app.main(["record", "show", str(recorded.paths["bank"])]) == 0
    out = capsys.readouterr().out
    assert "no signed job" in out
    assert "failed (" in out
    assert "nobody learned anything" in out
    assert "did not end: still going on, or killed" in out


def test_where_the_record_is(three: Institutions) -> None:
    config = three.configs["bank"]
    assert config.record is None
    assert config.record_path == three.folder / "bank" / "record.jsonl"
    path = three.folder / "bank" / "party.toml"
    path.write_text('record = "log/runs.jsonl"\n' + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert Config.load(path).record_path == three.folder / "bank" / "log" / "runs.jsonl"
    assert 'record = "' in Config.load(path).dumps()
    assert summary.LABEL.startswith(".")
