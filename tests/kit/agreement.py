"""Three institutions with keys, a roster and a job that all have signed, each in a folder of its own."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from circuits import Bit, UInt, circuit, select
from mpcnet.agreement.agreement import Agreement
from mpcnet.agreement.draft import draft
from mpcnet.agreement.guard import evaluation_of
from mpcnet.agreement.job import Evaluation, Job, JobFile, Work, dumps
from mpcnet.agreement.policy import draft_policy
from mpcnet.agreement.signature import sign
from mpcnet.config import Config, Deadlines
from mpcnet.plan import Plan
from mpcnet.provision import create_network

NAMES = ("bank", "bureau", "lender")
OWNERS = {"income": "bank", "debt": "bank", "late": "bureau", "cutoff": "lender"}
JOB_FILE = "march.toml"
MINE: Mapping[str, dict[str, Any]] = {
    "lender": {"cutoff": 100},
    "bureau": {"late": [0, 0, 2]},
    "bank": {"income": [4000, 2500, 3000], "debt": [900, 1100, 300]},
}
APPROVE = """
from circuits import Bit, UInt, circuit, select


@circuit
def approve(income: UInt[32], debt: UInt[32], late: UInt[8], cutoff: UInt[16]) -> Bit:
    ratio = debt * 100 // income
    points = select(ratio < 40, 55, 20) + select(late == 0, 60, 10)
    return points >= cutoff
"""


@circuit
def approve(income: UInt[32], debt: UInt[32], late: UInt[8], cutoff: UInt[16]) -> Bit:
    """The circuit of the README."""
    ratio = debt * 100 // income
    points = select(ratio < 40, 55, 20) + select(late == 0, 60, 10)
    return points >= cutoff


def approval(protocol: str = "yao", to: tuple[str, ...] = ("lender",)) -> Evaluation:
    """What a job says of the evaluation of `approve`."""
    return evaluation_of(Plan.make(approve, NAMES, OWNERS, to, protocol=protocol))


@dataclass
class Institutions:
    """Three parties."""

    folder: Path
    configs: dict[str, Config]

    def job(self, **changes: Any) -> Job:
        """A job for `approve`, not yet written."""
        days = changes.pop("days", 30)
        now = changes.pop("now", None)
        given = {
            "work": Work("circuit", approval().digest, "approve.py:approve"),
            "evaluations": [approval()],
        } | changes
        applicants = given.pop("applicants", 10)
        roster = self.configs["bank"].load_roster()
        return draft("march", roster, given.pop("work"), given.pop("evaluations"), applicants=applicants, days=days,
                     now=now, **given)  # fmt: skip

    def hand_out(self, text: str) -> None:
        """Every party gets the job file."""
        for name in NAMES:
            self.path(name).write_text(text, encoding="utf-8")

    def path(self, name: str) -> Path:
        """Where a party has the job."""
        return self.folder / name / JOB_FILE

    def sign(self, *names: str) -> None:
        """Parties sign, and hand their signatures to the others."""
        for name in names or NAMES:
            made = sign(JobFile.load(self.path(name)), self.configs[name].load_identity())
            for other in NAMES:
                if other != name:
                    shutil.copy(made, self.folder / other)

    def allow(self, *names: str, **changes: Any) -> None:
        """Parties draft a policy from the job; `changes` replace entries of it."""
        import tomli_w

        for name in names or NAMES:
            table = msgspec.toml.decode(draft_policy(JobFile.load(self.path(name)).job, name)) | changes
            self.configs[name].policy_path.write_text(
                tomli_w.dumps({key: value for key, value in table.items() if value is not None}), encoding="utf-8"
            )

    def prepare(self, job: Job | None = None) -> None:
        """Every party has the job, all signatures, and a policy for it."""
        self.hand_out(dumps(job or self.job()))
        self.sign()
        self.allow()

    def agree(self, job: Job | None = None) -> dict[str, Agreement]:
        """All of it; what every party then has."""
        self.prepare(job)
        return {name: self.load(name) for name in NAMES}

    def load(self, name: str) -> Agreement:
        """The job as a party that wants to run it finds it."""
        return Agreement.load(self.path(name), self.configs[name])


def institutions(folder: Path, addresses: Mapping[str, str] | None = None) -> Institutions:
    """Three fresh ones."""
    given = addresses or {name: f"127.0.0.1:{7001 + i}" for i, name in enumerate(NAMES)}
    files = create_network(folder, given, deadlines=Deadlines(connect=20, liveness=5, total=60))
    return Institutions(folder, {name: Config.load(path) for name, path in files.items()})


def days_ago(days: float) -> datetime.datetime:
    """A time in the past."""
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
