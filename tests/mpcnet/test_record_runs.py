"""Runs in the record: start and end, who learned what, the summary that all sign, and how it looks on screen."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mpcnet.cli import app
from mpcnet.config import Config
from mpcnet.errors import PeerAborted, RecordError
from mpcnet.identity import Identity
from mpcnet.record import summary
from mpcnet.record.keeper import Keeper
from mpcnet.record.log import head_path
from mpcnet.record.summary import countersign, summary_digest
from mpcnet.record.verify import verify
from mpcnet.session import Session
from tests.kit.agreement import MINE, NAMES, OWNERS, Institutions, approve, institutions
from tests.kit.links import plain_sessions, run_sessions

JOB = bytes(range(32))


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

    async def run(self, role: Any) -> dict[str, Any]:
        keepers = {
            name: Keeper(self.paths[name], self.identities[name], self.roster, JOB, self._job_name) for name in NAMES
        }
        ended: dict[str, BaseException | None] = {}

        async def kept(session: Session) -> Any:
            keepers[session.name].start(session)
            result = await role(session)
            await keepers[session.name].settle(session)
            return result

        sessions = plain_sessions(NAMES)
        results = await run_sessions(sessions, kept)
        for name, result in results.items():
            ended[name] = result if isinstance(result, BaseException) else None
            keepers[name].end(sessions[name], ended[name])
        return results

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
        digest = summary_digest(session.session_id, JOB, session.parties, session.stats)
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

    async def role(session: Session) -> None:
        await ask(session)
        if session.name == "bureau":
            session.stats.evaluations.clear()

    results = await recorded.run(role)
    assert isinstance(results["lender"], RecordError)
    assert results["lender"].peer == "bureau"
    assert "bureau: signs another summary of the run than this party has" in str(results["lender"])
    assert recorded.entries("lender")[-1]["cause"] == "bureau"


async def test_a_signature_of_another_key_names_the_party(three: Institutions, tmp_path: Path) -> None:
    recorded = Recorded(three)
    recorded.identities["bureau"] = Identity.create("bureau", tmp_path / "false")
    results = await recorded.run(ask)
    assert any("bureau: its signature under the summary of the run does not hold" in str(r) for r in results.values())


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


async def test_a_countersignature_that_was_changed(three: Institutions) -> None:
    recorded = Recorded(three)
    await recorded.run(ask)
    path = recorded.paths["bank"]
    rows = recorded.entries("bank")
    signature = rows[-1]["countersigned"]["lender"]["signature"]
    path.write_bytes(path.read_bytes().replace(signature.encode(), b"00" + signature[2:].encode()))
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
