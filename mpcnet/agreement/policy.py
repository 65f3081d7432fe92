"""What a party allows on its own: a file that no other party sees or can change, asked before each run.

    format = 1
    programs = ["scheme:77aa...", "program:5f3a..."]    # what may run here, by the digest that `mpcnet job show` prints
    columns = ["checking_account", "savings"]           # inputs of this party that may enter a job
    recipients = ["lender"]                             # who may learn an output
    outputs = ["score", "decision"]                     # which outputs may be opened; all, where this line is missing
    applicants_a_day = 1000                             # over all jobs, by UTC; no limit, where this line is missing

How many there were today stands in a file of its own beside it (`policy.usage`) and survives restarts; it is counted
before the first input moves, so a run that fails counts. A program on secret arrays has no applicants that could be
told: there each number that is opened, to whomever, counts as one, before it is opened.
"""

from __future__ import annotations

import datetime
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mpcnet.errors import JobRefused
from mpcnet.files import parse_toml, read_bytes, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from mpcnet.agreement.job import Job

__all__ = ["Policy", "Usage", "draft_policy"]

FORMAT = 1
MAX_FILE_BYTES = 256 * 1024
MAX_A_DAY = 10**12
_USAGE = re.compile(rb"(\d{4}-\d\d-\d\d) (\d{12})\n")


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    programs: tuple[str, ...]
    columns: tuple[str, ...]
    recipients: tuple[str, ...]
    outputs: tuple[str, ...] | None = None
    applicants_a_day: int | None = None


@dataclass(frozen=True)
class Policy:
    """What a party allows.

    Attributes:
        programs: digests of programs, circuits and schemes.
        columns: inputs of this party.
        recipients: parties that may learn an output.
        outputs: names of outputs that may be opened; None for all.
        applicants_a_day: over all jobs; None for no limit.
        path: the file, for messages.
    """

    programs: frozenset[str]
    columns: frozenset[str]
    recipients: frozenset[str]
    outputs: frozenset[str] | None
    applicants_a_day: int | None
    path: Path

    @classmethod
    def load(cls, path: str | Path) -> Policy:
        """Read a policy file.

        Raises:
            JobRefused: it is missing or wrong; says how to make one.
        """
        path = Path(path)
        if not path.exists():
            raise JobRefused(
                f"{path}: this party has no policy, and without one no job runs; "
                "`mpcnet job policy JOB` drafts one that allows that job and nothing else, for you to read"
            )
        return cls.loads(read_bytes(path, "a policy", MAX_FILE_BYTES, JobRefused), path)

    @classmethod
    def loads(cls, data: bytes, path: Path) -> Policy:
        """Read a policy from the bytes of a file."""
        file = parse_toml(data, _File, str(path), "a policy", JobRefused)
        if file.format != FORMAT:
            raise JobRefused(f"{path}: format {file.format} is unknown to this version, which reads {FORMAT}")
        if file.applicants_a_day is not None and not 0 <= file.applicants_a_day < MAX_A_DAY:
            raise JobRefused(f"{path}: applicants_a_day goes from 0 to {MAX_A_DAY - 1}")
        outputs = None if file.outputs is None else frozenset(file.outputs)
        return cls(
            frozenset(file.programs),
            frozenset(file.columns),
            frozenset(file.recipients),
            outputs,
            file.applicants_a_day,
            path,
        )

    def refusals(self, job: Job, me: str) -> list[str]:
        """What of a job this policy does not allow, each with what to do; empty where all is well."""
        found = []
        if job.work.digest not in self.programs:
            found.append(
                f"it runs {job.work.source or job.work.kind}, which is not among the programs; "
                f'once you have read it, add "{job.work.digest}" to `programs`'
            )
        columns = [column for column in job.owned_by(me) if column not in self.columns]
        if columns:
            found.append(
                f"it asks for {_quoted(columns)} of {me}; add to `columns` what may be asked for, "
                "or agree on another job"
            )
        openings = [(port.name, port.to) for evaluation in job.evaluations for port in evaluation.outputs]
        openings += [(opening.what, opening.to) for opening in job.openings]
        for who in sorted({name for _, to in openings for name in to} - self.recipients):
            learned = list(dict.fromkeys(what for what, to in openings if who in to))
            found.append(f"{who} learns {_quoted(learned)}; add it to `recipients`, or agree on another job")
        if self.outputs is not None:
            opened = dict.fromkeys(what for what, to in openings if to and what not in self.outputs)
            if opened:
                found.append(f"it opens {_quoted(list(opened))}; add to `outputs` what may be opened")
        return found

    def check(self, job: Job, me: str, where: str) -> None:
        """Raise JobRefused where the policy does not allow a job; the other parties do not get to read what it says."""
        found = self.refusals(job, me)
        if found:
            error = JobRefused(f"{where}: the policy of {me} does not allow this job", peer=me)
            for text in found:
                error.add_note(f"{self.path}: {text}")
            raise error

    @property
    def usage(self) -> Usage:
        """The counter of today's applicants."""
        return Usage(self.path.with_suffix(".usage"))


@dataclass(frozen=True)
class Usage:
    """How many applicants there were today, in a file that several processes may count in at once.

    Attributes:
        path: one line of fixed length, "2026-03-01 000000000300", replaced in place.
    """

    path: Path

    def today(self, now: Callable[[], datetime.datetime] | None = None) -> int:
        """How many were counted today, by UTC."""
        return self._counted(_day(now))[1]

    def take(self, count: int, most: int, now: Callable[[], datetime.datetime] | None = None) -> None:
        """Count some more, durably, unless that would be more than `most` in a day.

        Raises:
            JobRefused: it would be; or the file cannot be written. The numbers stand in a note.
        """
        import fcntl

        try:
            is_new = not self.path.exists()
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._trouble(error) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            day, used = self._read(os.pread(handle, 64, 0), _day(now))
            self._compare(used, count, most, day, _day(now))
            os.pwrite(handle, f"{day} {used + count:012d}\n".encode(), 0)
            os.fsync(handle)
            if is_new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise self._trouble(error) from None
        finally:
            os.close(handle)

    def check(self, count: int, most: int) -> None:
        """Raise JobRefused where so many more would be too many today; counts nothing."""
        today = _day(None)
        day, used = self._counted(today)
        self._compare(used, count, most, day, today)

    def _counted(self, today: str) -> tuple[str, int]:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return today, 0
        except OSError as error:
            raise self._trouble(error) from None
        return self._read(data, today)

    def _compare(self, used: int, count: int, most: int, day: str, today: str) -> None:
        if used + count > most:
            refusal = JobRefused("more applicants than the policy of this party allows in a day")
            wait = "wait until tomorrow, 00:00 UTC"
            if day > today:  # a clock that was ahead has counted there
                wait = f"where this machine's clock was ahead once, correct the day that stands in {self.path}: {day}"
            refusal.add_note(
                f"{count:,} asked for, {max(most - used, 0):,} left today of {most:,} (applicants_a_day in "
                f"{self.path.with_suffix('.toml')}); ask for fewer, or {wait}"
            )
            raise refusal

    def _read(self, data: bytes, today: str) -> tuple[str, int]:
        """The day that is counted and its number; a clock that was set back does not start the day again."""
        if not data:
            return today, 0
        found = _USAGE.fullmatch(data)
        if found is None:
            raise JobRefused(
                f"{self.path}: is damaged; write today's date and number there, as in '{today} 000000000300', "
                "or remove it to begin at 0"
            )
        day = found[1].decode()
        return (day, int(found[2])) if day >= today else (today, 0)

    def _trouble(self, error: OSError) -> JobRefused:
        return JobRefused(f"{self.path}: today's applicants cannot be counted there: {error.strerror}")


def draft_policy(job: Job, me: str) -> str:
    """The text of a policy that allows one job and nothing else."""
    import tomli_w

    outputs = [port.name for evaluation in job.evaluations for port in evaluation.outputs if port.to]
    outputs += [opening.what for opening in job.openings]
    recipients = [name for name in job.names if job.learned_by(name)]
    applicants = job.limits.applicants + sum(opening.values for opening in job.openings)
    table = {
        "format": FORMAT,
        "programs": [job.work.digest],
        "columns": list(job.owned_by(me)),
        "recipients": recipients,
        "outputs": list(dict.fromkeys(outputs)),
        "applicants_a_day": min(applicants, MAX_A_DAY - 1),
    }
    return f"# What {me} allows. Drafted for the job {job.name}: read it, and change it to what you mean.\n" + (
        tomli_w.dumps(table)
    )


def _quoted(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"


def _day(now: Callable[[], datetime.datetime] | None) -> str:
    moment = datetime.datetime.now(datetime.UTC) if now is None else now()
    with suppress(ValueError):
        moment = moment.astimezone(datetime.UTC)
    return moment.date().isoformat()
