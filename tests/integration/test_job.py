"""Jobs between processes: three terminals that run what all three have signed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import mpcnet
from mpcnet.agreement.draft import program_work, score_evaluation
from mpcnet.agreement.job import JobFile, Work, dumps
from mpcnet.concurrency import together
from mpcnet.config import Config
from mpcnet.credit.files import load_scheme
from mpcnet.credit.party import run_party
from mpcnet.credit.prepare import free_ports, prepare
from mpcnet.errors import JobRefused, MPCNetError, RecordError
from mpcnet.record.log import Record
from mpcnet.record.verify import verify
from mpcnet.session import Session
from mpcnet.trace.chrome import load
from mpcnet.trace.together import join
from tests.kit.agreement import APPROVE, MINE, NAMES, OWNERS, Institutions, approval, approve, days_ago, institutions

SECONDS = 100

pytestmark = pytest.mark.timeout(2 * SECONDS)


def finish(folder: Path, commands: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, str, str]]:
    """Run `mpcnet` in each party's folder; exit code, stdout and stderr of each."""
    running = {
        name: subprocess.Popen(
            [sys.executable, "-m", "mpcnet", *command],
            cwd=folder / name,
            env={**os.environ, "PYTHONPATH": str(Path(mpcnet.__file__).parent.parent), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, command in commands.items()
    }
    try:
        ended = {name: process.communicate(timeout=SECONDS) for name, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
            process.communicate()
    return {name: (running[name].returncode, *said) for name, said in ended.items()}


def on_free_ports(folder: Path) -> Institutions:
    with free_ports(NAMES) as sockets:
        return institutions(folder, {name: "{}:{}".format(*bound.getsockname()) for name, bound in sockets.items()})


def test_a_circuit_runs_without_any_program(tmp_path: Path) -> None:
    three = on_free_ports(tmp_path)
    three.agree()
    for name in NAMES:
        (tmp_path / name / "approve.py").write_text(APPROVE, encoding="utf-8")
    rows = {"bank": "debt,income\n900,4000\n1100,2500\n300,3000\n", "bureau": "late\n0\n0\n2\n"}
    rows["lender"] = "cutoff\n100\n100\n100\n"
    for name, text in rows.items():
        (tmp_path / name / "in.csv").write_text(text, encoding="utf-8")
    base = ("run", "--job", "march.toml", "--inputs", "in.csv")
    base = (*base, "--trace", "run.trace.json")
    commands = {"bank": (*base, "--log-json"), "bureau": (*base, "--metrics", "m.prom")}
    ended = finish(tmp_path, {**commands, "lender": (*base, "--output", "out.csv")})
    assert [code for code, _, _ in ended.values()] == [0, 0, 0], ended
    log = [json.loads(line) for line in ended["bank"][2].splitlines()]
    assert [log[0]["event"], log[-1]["event"]] == ["listening", "done"]
    assert {"agree", "ot", "evaluate"} <= {line["phase"] for line in log if line["event"] == "progress"}
    assert 'mpcnet_values_opened_total{party="lender"} 3.0' in (tmp_path / "bureau" / "m.prom").read_text("utf-8")
    joint = join([load(tmp_path / name / "run.trace.json") for name in NAMES])
    assert {(row.party, row.peer) for row in joint.waiting} >= {("bureau", "bank"), ("bureau", "lender")}
    assert (tmp_path / "lender" / "out.csv").read_text(encoding="utf-8") == "out0\n1\n0\n0\n"
    assert not any(out for _, out, _ in ended.values())
    assert three.load("bank").policy.usage.today() == 3


def scoring(folder: Path) -> Institutions:
    """The folders of the demo, with a job for their scheme."""
    three = Institutions(folder, {name: Config.load(path) for name, path in prepare(folder).items()})
    scheme = load_scheme(folder / "lender" / "scheme.toml")
    work = Work("score", f"scheme:{scheme.digest.hex()}", "scheme.toml")
    three.agree(three.job(work=work, evaluations=[score_evaluation(scheme, NAMES, "yao")], applicants=300))
    return three


def test_a_score_that_all_have_signed(tmp_path: Path) -> None:
    three = scoring(tmp_path)
    ended = finish(tmp_path, dict.fromkeys(NAMES, ("score", "--job", "march.toml")))
    assert [code for code, _, _ in ended.values()] == [0, 0, 0], ended
    scores = (tmp_path / "lender" / "scores.csv").read_bytes()
    assert scores == (tmp_path / "expected.csv").read_bytes()
    assert three.load("bureau").policy.usage.today() == 300
    with pytest.raises(JobRefused, match="more applicants than the policy of this party allows in a day") as caught:
        run_party(three.configs["bureau"], agreement=three.load("bureau"))
    assert "300 asked for, 0 left today of 300" in caught.value.__notes__[0]
    with pytest.raises(JobRefused, match="allows 300 applicants in a run, and these are 301"):
        run_party(three.configs["bureau"], agreement=three.load("bureau"), applicants=301)
    scheme = tmp_path / "bureau" / "scheme.toml"
    scheme.write_text(scheme.read_text(encoding="utf-8").replace('name = "', 'name = "new ', 1), encoding="utf-8")
    with pytest.raises(JobRefused, match=r"is for another scheme \(scheme:"):
        run_party(three.configs["bureau"], agreement=three.load("bureau"))


async def run_all(three: Institutions, role: object) -> dict[str, object]:
    async def party(name: str) -> object:
        try:
            async with mpcnet.connect(three.configs[name], job=three.load(name)) as session:
                return await role(session)  # type: ignore[operator]
        except MPCNetError as error:
            return error

    return dict(zip(NAMES, await together(*map(party, NAMES)), strict=True))


async def ask(session: Session) -> tuple[bytes, object]:
    result = await session.evaluate(approve, MINE[session.name], owners=OWNERS, reveal_to=["lender"])
    return session.session_id, result


async def test_an_application_runs_under_an_agreement(tmp_path: Path) -> None:
    three = on_free_ports(tmp_path)
    three.agree()
    results = await run_all(three, ask)
    assert len({session_id for session_id, _ in results.values()}) == 1  # type: ignore[misc]
    assert results["lender"][1].tolist() == [True, False, False]  # type: ignore[index]


async def test_the_session_ends_when_the_time_of_the_job_does(tmp_path: Path) -> None:
    three = on_free_ports(tmp_path)
    three.agree(three.job(seconds=1.0))

    async def wait(session: Session) -> None:
        await session.channel(session.peers[0], "never").receive(1)

    results = await run_all(three, wait)
    assert all("limit of 1 s" in str(e) or "took longer than 1 s" in str(e) for e in results.values()), results


async def test_two_signed_jobs_do_not_meet(tmp_path: Path) -> None:
    """Each party's job is in order, but they are not the same: the handshake tells."""
    three = on_free_ports(tmp_path)
    three.agree()
    other = Institutions(tmp_path, three.configs)
    text = dumps(other.job(purpose="another"))
    for name in ("bank", "bureau", "lender"):
        shutil.copytree(tmp_path / name, tmp_path / "second" / name)
        (tmp_path / "second" / name / "march.toml").write_text(text, encoding="utf-8")
    second = Institutions(tmp_path / "second", three.configs)
    second.sign()

    async def party(name: str) -> object:
        agreement = (second if name == "lender" else three).load(name)
        try:
            async with mpcnet.connect(three.configs[name], job=agreement):
                return None
        except MPCNetError as error:
            return error

    results = await together(*map(party, NAMES))
    assert all(isinstance(error, MPCNetError) and not isinstance(error, JobRefused) for error in results)
    assert any("means another job" in str(error) and "the same job file" in str(error) for error in results), results


async def test_a_party_that_cannot_write_its_record_does_not_start(tmp_path: Path) -> None:
    three = on_free_ports(tmp_path)
    three.agree()
    three.configs["bank"].record_path.mkdir()
    with pytest.raises(RecordError, match="the record of bank cannot be written: Is a directory"):
        async with mpcnet.connect(three.configs["bank"], job=three.load("bank")):
            raise AssertionError


async def test_a_disk_that_is_full_once_all_are_connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three = on_free_ports(tmp_path)
    three.agree()
    add = Record.add

    def full(self: Record, kind: str, body: Mapping[str, object]) -> tuple[int, str]:
        if self.path.parent.name == "bank":
            raise RecordError("the record of bank cannot be written: No space left on device")
        return add(self, kind, body)

    monkeypatch.setattr(Record, "add", full)
    results = await run_all(three, ask)
    assert isinstance(results["bank"], RecordError)
    for name in ("bureau", "lender"):
        assert getattr(results[name], "peer", "") == "bank"
        assert "the record of bank cannot be written: No space left on device" in str(results[name])
    assert three.load("bank").policy.usage.today() == 0  # nothing secret moved


KILLED = (
    APPROVE
    + """
import asyncio, os, signal


async def main(session):
    mine = MINE[session.name]
    owners = {"income": "bank", "debt": "bank", "late": "bureau", "cutoff": "lender"}
    result = await session.evaluate(approve, mine, owners=owners, reveal_to=["lender"])
    if session.name == "bureau":  # once it has ended well, and before it has signed
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGKILL)
    return None if result is None else result.tolist()
"""
)


def test_a_party_that_is_killed_while_all_sign(tmp_path: Path) -> None:
    """The result stands and is printed; the others say that it is not countersigned, and by whom."""
    three = on_free_ports(tmp_path)
    for name in NAMES:
        (tmp_path / name / "prog.py").write_text(f"MINE = {dict(MINE)!r}\n{KILLED}", encoding="utf-8")
    three.agree(three.job(work=program_work(str(tmp_path / "bank" / "prog.py")), evaluations=[approval()]))
    ended = finish(tmp_path, dict.fromkeys(NAMES, ("run", "--job", "march.toml", "--quiet")))
    said = (
        "mpcnet: the run ended well and its result stands, but its record is not countersigned by all: not by bureau: "
    )
    assert ended["bureau"][0] == -9
    assert ended["lender"][:2] == (6, "[True, False, False]\n"), ended
    for name in ("bank", "lender"):
        assert ended[name][0] == 6
        assert ended[name][2].startswith(said), ended
        path = three.configs[name].record_path
        end = json.loads(path.read_bytes().splitlines()[-1])
        assert (end["outcome"], list(end["countersigned"])) == ("done", ["bank", "lender"])
        assert verify(path).faults == []
    found = verify(three.configs["bureau"].record_path, others=[three.configs["lender"].record_path])
    assert (found.faults, len(found.notes)) == ([], 1)  # its run did not end


async def test_a_disk_that_is_full_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three = on_free_ports(tmp_path)
    three.agree()
    add, learned = Record.add, {}

    def full(self: Record, kind: str, body: Mapping[str, object]) -> tuple[int, str]:
        if self.path.parent.name == "bank" and kind == "end":
            raise RecordError("the record of bank cannot be written: No space left on device")
        return add(self, kind, body)

    async def role(session: Session) -> None:
        learned[session.name] = await ask(session)

    monkeypatch.setattr(Record, "add", full)
    results = await run_all(three, role)
    assert str(results["bank"]).startswith("the run ended well, but the record of bank cannot be written: No space")
    assert (results["bureau"], results["lender"]) == (None, None)  # bank has signed for them
    assert learned["lender"][1].tolist() == [True, False, False]
    end = json.loads(three.configs["lender"].record_path.read_bytes().splitlines()[-1])
    assert list(end["countersigned"]) == list(NAMES)


async def test_an_agreement_is_looked_at_again_when_it_is_used(tmp_path: Path) -> None:
    """A service may keep one for days."""
    three = on_free_ports(tmp_path)
    agreement = three.agree()["bank"]
    with pytest.raises(JobRefused, match="was loaded for bank, and this is lender; load it again"):
        async with mpcnet.connect(three.configs["lender"], job=agreement):
            raise AssertionError
    expired = three.job(now=days_ago(31))
    old = replace(agreement, file=JobFile.loads(dumps(expired).encode(), "march.toml"))
    with pytest.raises(JobRefused, match=r"march\.toml: expired on"):
        async with mpcnet.connect(three.configs["bank"], job=old):
            raise AssertionError


async def test_records_of_all_parties_witness_each_other(tmp_path: Path) -> None:
    three = on_free_ports(tmp_path)
    three.agree()
    await run_all(three, ask)
    paths = {name: three.configs[name].record_path for name in NAMES}
    for name in NAMES:
        found = verify(paths[name], others=[path for other, path in paths.items() if other != name])
        assert (found.faults, found.notes, found.runs) == ([], [], 1)
        end = json.loads(paths[name].read_bytes().splitlines()[-1])
        assert list(end["countersigned"]) == list(NAMES)
        assert end["opened"] == {"lender": {"approve.out0": 3}}
        assert end["job"] == three.load(name).digest.hex()
