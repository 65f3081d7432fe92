"""Runs in the record: start and end, who learned what, what does not fit what was signed, how it looks on screen."""

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
from mpcnet.record import summary
from mpcnet.record.entry import pack, seal
from mpcnet.record.keeper import Keeper
from mpcnet.record.log import head_path
from mpcnet.record.verify import verify
from mpcnet.session import Session
from tests.kit.agreement import MINE, NAMES, OWNERS, Institutions, approve, institutions
from tests.kit.links import plain_sessions
from tests.kit.recorded import JOB, Recorded, ask


@pytest.fixture
def three(tmp_path: Path) -> Institutions:
    return institutions(tmp_path)


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
