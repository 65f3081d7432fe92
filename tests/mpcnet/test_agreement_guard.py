"""A session under a job evaluates what the job lists, for whom it lists, and not more often."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits import UInt, circuit
from mpcnet.agreement.guard import Guard
from mpcnet.agreement.job import Evaluation, Opening, Work
from mpcnet.agreement.policy import Policy, draft_policy
from mpcnet.errors import JobRefused, MPCNetError, PeerAborted
from mpcnet.session import Session
from tests.kit.agreement import MINE, NAMES, OWNERS, Institutions, approval, approve, days_ago, institutions
from tests.kit.links import plain_sessions, run_sessions


@pytest.fixture
def three(tmp_path: Path) -> Institutions:
    return institutions(tmp_path)


def sessions_under(guards: Mapping[str, Guard]) -> dict[str, Session]:
    made = plain_sessions(NAMES)
    for name, guard in guards.items():
        made[name].guard = guard
    return made


async def ask(session: Session, **changes: Any) -> Any:
    given: dict[str, Any] = {"owners": OWNERS, "reveal_to": ["lender"]} | changes
    inputs = given.pop("inputs", MINE[session.name])
    return await session.evaluate(given.pop("circuit", approve), inputs, **given)


@pytest.mark.parametrize("protocol", ["yao", "gmw"])
async def test_what_was_agreed_runs(three: Institutions, protocol: str) -> None:
    evaluation = approval(protocol)
    job = three.job(work=Work("circuit", evaluation.digest, "approve.py:approve"), evaluations=[evaluation])
    guards = {name: agreement.guard() for name, agreement in three.agree(job).items()}
    results = await run_sessions(sessions_under(guards), lambda session: ask(session, protocol=protocol))
    assert results["lender"].tolist() == [True, False, False]
    assert {name: three.load(name).policy.usage.today() for name in NAMES} == dict.fromkeys(NAMES, 3)


@circuit
def other(income: UInt[32]) -> UInt[32]:
    return income


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reveal_to": ["lender", "bank"]}, "has circuit approve, but with 'out0' for lender, not for bank and lender"),
        ({"reveal_to": ["bank"]}, "with 'out0' for lender, not for bank"),
        ({"owners": {**OWNERS, "debt": "lender"}}, "with 'debt' of bank, not of lender"),
        ({"protocol": "gmw"}, "the job has no evaluation of circuit approve"),
        ({"compute": ["lender", "bank"]}, "computed by bank and lender, not by lender and bank"),
        ({"circuit": other, "owners": {"income": "bank"}, "inputs": {}}, "no evaluation of circuit other"),
    ],
)
async def test_anything_else_is_refused_before_a_byte_moves(
    three: Institutions, changes: dict[str, Any], says: str
) -> None:
    guards = {name: agreement.guard() for name, agreement in three.agree().items()}
    results = await run_sessions(sessions_under(guards), lambda session: ask(session, **changes))
    assert any(isinstance(result, JobRefused) and says in str(result) for result in results.values())
    assert all(isinstance(result, JobRefused | PeerAborted) for result in results.values())
    assert all(three.load(name).policy.usage.today() == 0 for name in NAMES)


async def test_a_job_that_lists_other_ports_than_the_circuit_has(three: Institutions) -> None:
    real = approval()
    lie = Evaluation(real.circuit, real.digest, real.protocol, real.compute, real.inputs[1:], real.outputs)
    guard = three.agree(three.job(evaluations=[lie]))["lender"].guard()
    results = await run_sessions(sessions_under({"lender": guard}), ask)
    assert "lists other ports than that circuit has" in str(results["lender"])


async def test_applicants_of_a_run_are_counted_together(three: Institutions) -> None:
    guards = {name: agreement.guard() for name, agreement in three.agree(three.job(applicants=5)).items()}

    async def twice(session: Session) -> list[Any]:
        return [await ask(session), await ask(session)]

    results = await run_sessions(sessions_under(guards), twice)
    assert any("allows 5 applicants in a run, and this would be 6" in str(result) for result in results.values())
    assert all(isinstance(result, MPCNetError) for result in results.values())


async def test_applicants_of_a_day_are_counted_over_runs(three: Institutions) -> None:
    agreements = three.agree()
    three.allow("bureau", applicants_a_day=4)
    for expected in (True, False):
        guards = {name: three.load(name).guard() for name in agreements}
        results = await run_sessions(sessions_under(guards), ask)
        assert isinstance(results["lender"], np.ndarray) is expected
    assert isinstance(results["bureau"], JobRefused)
    assert "1 left today of 4" in results["bureau"].__notes__[0]
    for name in ("lender", "bank"):
        assert results[name].peer == "bureau"
        assert "more applicants than the policy of this party allows in a day" in str(results[name])
        assert "left today" not in str(results[name])  # the numbers stay at the party


def test_more_than_allowed_is_said_before_anybody_waits(three: Institutions) -> None:
    agreement = three.agree()["bank"]
    with pytest.raises(JobRefused, match="allows 10 applicants in a run, and these are 11"):
        agreement.check_count(11)
    agreement.policy.usage.take(8, 10)
    with pytest.raises(JobRefused, match="more applicants than the policy"):
        agreement.check_count(3)
    agreement.check_count(2)


async def test_a_job_may_expire_while_a_session_lives(three: Institutions) -> None:
    policy = Policy(frozenset(), frozenset(), frozenset(), None, None, three.folder / "policy.toml")
    guard = Guard(three.job(now=days_ago(31)), policy, "march.toml")
    results = await run_sessions(sessions_under({"bank": guard}), ask)
    assert "the job expired on" in str(results["bank"])


def test_numbers_of_secret_arrays_are_counted_for_each_set_of_readers(three: Institutions) -> None:
    openings = [Opening("weights", ("lender",), 20), Opening("gradient", ("bank", "lender"), 5)]
    work = Work("program", "program:" + "0" * 64, "p.py", {"p.py": "sha256:" + "0" * 64})
    job = three.job(work=work, evaluations=[], openings=openings)
    policy = Policy(frozenset(), frozenset(), frozenset(), None, None, three.folder / "policy.toml")
    guard = Guard(job, policy, "march.toml")
    guard.open(["lender"], 15)
    guard.open(["lender", "bank"], 5)
    guard.open(["lender"], 5)
    with pytest.raises(JobRefused, match="opens 20 numbers to lender, and this would be 21"):
        guard.open(["lender"], 1)
    with pytest.raises(JobRefused, match="opens nothing to bureau"):
        guard.open(["bureau"], 1)


def test_numbers_that_a_program_opens_count_as_applicants_of_the_day(three: Institutions) -> None:
    work = Work("program", "program:" + "0" * 64, "p.py", {"p.py": "sha256:" + "0" * 64})
    job = three.job(work=work, evaluations=[], openings=[Opening("weights", ("lender",), 20)])
    path = three.folder / "policy.toml"
    policy = Policy(frozenset(), frozenset(), frozenset(), None, 25, path)
    for _ in range(2):  # two runs of the job
        guard = Guard(job, policy, "march.toml")
        guard.open(["lender"], 12)
        with pytest.raises(JobRefused, match="opens 20 numbers to lender"):
            guard.open(["lender"], 12)
    assert policy.usage.today() == 24
    with pytest.raises(JobRefused, match="more applicants than the policy of this party allows in a day"):
        guard.open(["lender"], 2)
    assert "applicants_a_day = 30" in draft_policy(job, "bank")  # 10 applicants and 20 numbers


async def test_secret_arrays_of_a_program_end_with_the_day(three: Institutions) -> None:
    work = Work("program", "program:" + "0" * 64, "p.py", {"p.py": "sha256:" + "0" * 64})
    job = three.job(work=work, evaluations=[], openings=[Opening("sum", ("lender",), 100)])
    policies = {name: Policy(frozenset(), frozenset(), frozenset(), None, None, three.folder / name) for name in NAMES}
    policies["bureau"] = Policy(frozenset(), frozenset(), frozenset(), None, 4, three.folder / "bureau.toml")
    guards = {name: Guard(job, policy, "march.toml") for name, policy in policies.items()}

    async def role(session: Session) -> Any:
        sh = session.shamir(threshold=1)
        x = sh.input([1, 2, 3] if session.name == "bank" else None, owner="bank", shape=3)
        first = await x.reveal(to="lender")
        return first, await (x * 2).reveal(to="lender")

    results = await run_sessions(sessions_under(guards), role)
    assert isinstance(results["bureau"], JobRefused)
    assert "1 left today of 4" in results["bureau"].__notes__[0]
    for name in ("bank", "lender"):
        assert "more applicants than the policy of this party allows in a day" in str(results[name])
        assert results[name].peer == "bureau"


def test_a_job_that_expires_in_the_middle_opens_nothing_more(three: Institutions) -> None:
    work = Work("program", "program:" + "0" * 64, "p.py", {"p.py": "sha256:" + "0" * 64})
    job = three.job(work=work, evaluations=[], openings=[Opening("sum", ("lender",), 100)], now=days_ago(31))
    guard = Guard(job, Policy(frozenset(), frozenset(), frozenset(), None, None, three.folder / "p.toml"), "march.toml")
    for action in (lambda: guard.open(["lender"], 1), lambda: guard.compute("shamir(threshold=1)")):
        with pytest.raises(JobRefused, match="the job expired on"):
            action()
