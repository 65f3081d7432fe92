"""A signed job for a model that is computed on shares: what it says, what it opens, and how many applicants count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from mpcnet.agreement.draft import score_evaluation
from mpcnet.agreement.job import Job, JobFile, Work, dumps
from mpcnet.agreement.words import describe
from mpcnet.config import Config
from mpcnet.credit.files import load_scheme
from mpcnet.credit.job import ScoreJob, score
from mpcnet.credit.party import agreed_job
from mpcnet.credit.prepare import prepare
from mpcnet.errors import ConfigError, JobRefused, MPCNetError
from mpcnet.session import Session
from tests.kit.agreement import NAMES, Institutions
from tests.kit.links import plain_sessions, run_sessions


@pytest.fixture
def three(tmp_path: Path) -> Institutions:
    configs = prepare(tmp_path, 3, model="logistic")
    return Institutions(tmp_path, {name: Config.load(path) for name, path in configs.items()})


def job_of(three: Institutions, protocol: str | None = None, applicants: int = 4) -> Job:
    scheme = load_scheme(three.folder / "lender" / "scheme.toml")
    work = Work("score", f"scheme:{scheme.digest.hex()}", "scheme.toml")
    return three.job(work=work, evaluations=[score_evaluation(scheme, NAMES, protocol)], applicants=applicants)


async def run(three: Institutions, role: Any) -> dict[str, Any]:
    sessions = plain_sessions(NAMES)
    for name, session in sessions.items():
        session.guard = three.load(name).guard()
    return await run_sessions(sessions, role, seconds=100)


def test_it_is_said_in_plain_words(three: Institutions) -> None:
    text = describe(JobFile.loads(dumps(job_of(three)).encode()))
    assert "lender learns: score and decision of each applicant; and the number of applicants." in text
    assert "lender gives: start, weights and cutoff." in text
    assert "all parties compute on shares; inputs stay private while at most 1 put notes together." in text
    text = describe(JobFile.loads(dumps(job_of(three, "additive")).encode()))
    assert "inputs stay private while at most 2 put notes together." in text
    with pytest.raises(ConfigError, match="a logistic regression is computed on shares"):
        job_of(three, "yao")


async def test_it_is_scored_and_counted(three: Institutions) -> None:
    three.agree(job_of(three))

    async def role(session: Session) -> Any:
        job = ScoreJob.load(three.configs[session.name], 4)
        return await score(session, agreed_job(job, three.load(session.name)))

    results = await run(three, role)
    assert len(results["lender"]) == 4, results
    assert results["bank"] is None
    assert {three.load(name).policy.usage.today() for name in NAMES} == {4}
    with pytest.raises(JobRefused, match="more applicants than the policy"):
        agreed_job(ScoreJob.load(three.configs["bank"], 1), three.load("bank"))
    with pytest.raises(JobRefused, match="allows 4 applicants in a run, and these are 5"):
        agreed_job(ScoreJob.load(three.configs["bank"], 5), three.load("bank"))


async def test_nothing_more_is_opened(three: Institutions) -> None:
    three.agree(job_of(three, applicants=2))

    async def role(session: Session) -> None:
        x = session.shamir(threshold=1).input([1] * 5 if session.name == "bank" else None, owner="bank", shape=5)
        await x.reveal(to="lender")

    results = await run(three, role)
    assert any("opens 4 numbers to lender, and this would be 5" in str(error) for error in results.values())
    assert all(isinstance(error, MPCNetError) for error in results.values())


async def test_another_engine_is_refused(three: Institutions) -> None:
    three.agree(job_of(three))

    async def role(session: Session) -> None:
        session.additive()

    results = await run(three, role)
    assert any("is computed with shamir, not with additive" in str(error) for error in results.values())


def test_shares_are_for_the_scheme_of_the_job(three: Institutions) -> None:
    job = job_of(three)
    work = msgspec.structs.replace(job.work, digest="scheme:" + "0" * 64)
    with pytest.raises(JobRefused, match="'shamir' is for the scheme of the job"):
        JobFile.loads(dumps(msgspec.structs.replace(job, work=work)).encode())
