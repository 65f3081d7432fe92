"""All that has to be right before a job may run at this party, checked in one place and before anything is sent."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mpcnet.agreement.guard import Guard
from mpcnet.agreement.job import Job, JobFile
from mpcnet.agreement.policy import Policy
from mpcnet.agreement.signature import read_signature
from mpcnet.errors import JobRefused, MPCNetError
from mpcnet.files import sha256_of

if TYPE_CHECKING:
    from mpcnet.config import Config
    from mpcnet.program import Main

__all__ = ["Agreement", "Check", "examine"]

CLOCK_SKEW = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        what: in words.
        error: why it is not right; None where it is.
        detail: more, where it is right.
    """

    what: str
    error: MPCNetError | None = None
    detail: str = ""


@dataclass(frozen=True)
class Agreement:
    """A job that may run at this party: signed by all, not expired, within its own policy. `load` makes it.

    Attributes:
        file: the job and its bytes.
        policy: of this party.
        me: this party.
    """

    file: JobFile
    policy: Policy
    me: str

    @property
    def job(self) -> Job:
        return self.file.job

    @property
    def digest(self) -> bytes:
        """32 bytes: what all parties mean, or the handshake ends."""
        return self.file.digest

    def guard(self) -> Guard:
        """A fresh guard for one session."""
        return Guard(self.job, self.policy, str(self.file.path))

    @classmethod
    def load(cls, path: str | Path, config: Config) -> Agreement:
        """Read a job and check everything about it but the files of its program.

        Raises:
            JobRefused: unsigned, expired, altered, for other parties, or beyond the policy; says what to do.
            ConfigError: the roster is wrong.
        """
        file = JobFile.load(path)
        for check in examine(file, config):
            if check.error is not None:
                raise check.error
        return cls(file, Policy.load(config.policy_path), config.name)

    def check_count(self, applicants: int) -> None:
        """Raise JobRefused for more applicants than the job, or this party's policy for today, allows.

        The guard counts once more when all parties have agreed; this tells it before anybody waits.
        """
        most, limit = self.job.limits.applicants, self.policy.applicants_a_day
        if applicants > most:
            raise JobRefused(
                f"{self.file.path}: the job allows {most:,} applicants in a run, and these are {applicants:,}; "
                "score fewer, or agree on another job"
            )
        if limit is not None:
            self.policy.usage.check(applicants, limit)

    def find(self, place: str | None = None) -> str:
        """Where this party has what the job runs: the given place, or that of the job, beside the job file."""
        if place is not None:
            return place
        if not self.job.work.source:
            raise JobRefused(f"{self.file.path}: does not say where its {self.job.work.kind} lies; name it after `run`")
        path, colon, attribute = self.job.work.source.partition(":")
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise JobRefused(f"{self.file.path}: work.source leaves the folder of the job; name the file after `run`")
        return f"{self.file.path.absolute().parent / path}{colon}{attribute}"

    def check(self, config: Config) -> None:
        """Raise JobRefused where it was loaded for another party, or has expired since."""
        if config.name != self.me:
            raise JobRefused(f"{self.file.path}: was loaded for {self.me}, and this is {config.name}; load it again")
        _check_time(self.file)

    def load_program(self, place: str) -> Main:
        """Import the program, once its files are compared with the digests that were signed; see `agreement.modules`.

        Raises:
            JobRefused: a file differs or is missing, or the program brings a file of its folder that nobody signed.
        """
        from mpcnet.agreement.modules import SignedFiles
        from mpcnet.program import load_program

        self.check_files(place)
        folder = _file_of(place).resolve().parent
        files = SignedFiles(folder, self.job.work.files, self.file.path)
        files.install()
        program = load_program(place, loader=files.loader)
        files.check_known()
        return program

    def check_files(self, place: str) -> None:
        """Compare the program's files with the digests that were signed, without running any; else JobRefused."""
        main = _file_of(place).resolve()
        name = self.job.work.source.partition(":")[0]
        if main.name != name:
            raise JobRefused(f"{self.file.path}: is for the program {name}, not for {main.name}")
        for name, digest in self.job.work.files.items():
            path = main.parent / name
            found = f"sha256:{sha256_of(path, JobRefused)}"
            if found != digest:
                raise JobRefused(
                    f"{path}: differs from what was signed ({found[:23]}... here, {digest[:23]}... in "
                    f"{self.file.path.name}); take back the file that was signed, or agree on a job for this one"
                )


def examine(file: JobFile, config: Config, *, signatures: bool = True) -> Iterator[Check]:
    """Look at a job from this party's side, one thing after the other, without stopping at the first that is wrong."""
    job, me = file.job, config.name
    yield _look("parties and keys are those of the roster", lambda: _check_roster(file, config))
    yield _look("not expired", lambda: _check_time(file), f"until {job.expires:%Y-%m-%d %H:%M} UTC")
    for party in job.names if signatures else ():
        yield _look(f"signed by {party}", lambda party=party: read_signature(file, party))
    yield _look(f"within the policy of {me}", lambda: Policy.load(config.policy_path).check(job, me, str(file.path)))


def _look(what: str, action: object, detail: str = "") -> Check:
    assert callable(action)
    try:
        action()
    except MPCNetError as error:
        return Check(what, error)
    return Check(what, detail=detail)


def _check_roster(file: JobFile, config: Config) -> None:
    job, me = file.job, config.name
    if me not in job.names:
        raise JobRefused(f"{file.path}: {me} is no party of this job; it is for {', '.join(job.names)}")
    roster = config.load_roster()
    if job.names != roster.names:
        raise JobRefused(
            f"{file.path}: is for {', '.join(job.names)}, but the roster {roster.source} names "
            f"{', '.join(roster.names)}; use the roster of these parties"
        )
    for party in job.parties:
        if party.key != f"ed25519:{roster.party(party.name).certificates[0].key.hex()}":
            raise JobRefused(
                f"{file.path}: names another key for {party.name} than the roster {roster.source}; "
                "have the job made anew with the present roster",
                peer=party.name if party.name != me else "",
            )


def _check_time(file: JobFile) -> None:
    now, job = datetime.datetime.now(datetime.UTC), file.job
    if now > job.expires:
        raise JobRefused(
            f"{file.path}: expired on {job.expires:%Y-%m-%d %H:%M} UTC; make a new one with `mpcnet job new`, "
            "and have all parties sign it"
        )
    if now + CLOCK_SKEW < job.created:  # not the other way round: there is nothing before the year 1
        raise JobRefused(
            f"{file.path}: was made on {job.created:%Y-%m-%d %H:%M} UTC, which is yet to come; "
            "check this machine's clock"
        )


def _file_of(place: str) -> Path:
    """The file of "FILE.py" or "FILE.py:function"."""
    path, colon, _ = place.rpartition(":")
    return Path(path if colon and path.endswith(".py") else place)
