"""What this party brings to a run: its data, its record, and the job that all have signed, with its own policy."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from mpcnet.doctor.checks import Report, State, split
from mpcnet.doctor.mends import shell
from mpcnet.doctor.own import mode_of
from mpcnet.errors import MPCNetError

if TYPE_CHECKING:
    from mpcnet.agreement.agreement import Check as Look
    from mpcnet.agreement.job import JobFile
    from mpcnet.config import Config
    from mpcnet.identity import Identity
    from mpcnet.roster import Roster

__all__ = ["examine_data", "examine_job", "examine_record"]

MAX_DATA_BYTES = 64 << 20  # larger files are left to the run


def examine_data(config: Config, report: Report) -> None:
    """What the [score] table names."""
    if config.score is None:
        return
    from mpcnet.credit.job import ScoreJob

    data, points = config.score.data, config.score.points
    try:
        if data is not None and data.exists() and data.stat().st_size > MAX_DATA_BYTES:
            report.add("data", State.WELL, f"{data}: {data.stat().st_size >> 20} MB, too many to read here")
        else:
            job = ScoreJob.load(config, None)
            report.add("data", State.WELL, f"{data}: {len(job.records)} applicants")
    except (MPCNetError, OSError) as error:
        found, mend = split(error)
        report.add("data", State.MEND, found, mend or f"correct that file, or [score] in {config.source}")
    if points is not None and mode_of(points) & (stat.S_IROTH | stat.S_IRGRP) and os.name == "posix":
        report.add("data", State.WARN, f"{points}: secret points that others can read", shell("chmod", "600", points))


def examine_record(config: Config, identity: Identity, roster: Roster, report: Report) -> None:
    """Whether runs can be written down; an entry that was altered earlier stops none, and is told."""
    from mpcnet.record.log import Record
    from mpcnet.record.verify import verify

    path = config.record_path
    if not path.exists():
        if not path.parent.is_dir():
            report.add("record", State.MEND, f"{path}: has no folder", shell("mkdir", "-p", path.parent))
        elif not os.access(path.parent, os.W_OK):
            report.add("record", State.MEND, f"{path.parent} cannot be written", shell("chmod", "u+w", path.parent))
        else:
            report.add("record", State.WELL, f"{path}: begins with the first run")
        return
    try:
        Record(path, identity).check()
        if path.stat().st_size > MAX_DATA_BYTES:
            report.add("record", State.WELL, f"{path}: its last entry holds; it is too long to read all of it here")
            return
        found = verify(path, keys={party.name: party.certificates[0].key for party in roster.parties})
    except (MPCNetError, OSError) as error:
        report.add("record", State.MEND, *split(error))
        return
    if found.faults:
        more = f" and {len(found.faults) - 1} more" if len(found.faults) > 1 else ""
        mend = f"{shell('mpcnet', 'record', 'verify', '--config', config.source)} names each; keep a copy"
        report.add("record", State.WARN, f"{path}: {found.faults[0]}{more}", mend)
    else:
        runs = f"{found.runs} run{'' if found.runs == 1 else 's'}"
        report.add("record", State.WELL, f"{path}: holds, {runs}")


def examine_job(path: Path, config: Config, report: Report) -> bytes | None:
    """Whether a job may run here; its digest, to compare with the others', where the file can be read."""
    from mpcnet.agreement.agreement import examine
    from mpcnet.agreement.job import JobFile

    try:
        file = JobFile.load(path)
    except MPCNetError as error:
        found, mend = split(error)
        report.add("job", State.MEND, found, mend or "get the file from the party that made it")
        return None
    wrong = [look for look in examine(file, config) if look.error is not None]
    for look in wrong:
        _add(look, file, config, report)
    if not wrong:
        try:
            _check_work(file, config)
        except MPCNetError as error:
            report.add("job", State.MEND, *split(error))
        else:
            until = f"{file.job.expires:%Y-%m-%d %H:%M} UTC"
            found = f"{path}: signed by all, until {until}, within the policy; digest {file.digest.hex()[:16]}"
            report.add("job", State.WELL, found)
    return file.digest


def _check_work(file: JobFile, config: Config) -> None:
    """Whether what the job runs is the one that was signed."""
    from mpcnet.agreement.agreement import Agreement

    agreement, kind = Agreement.load(file.path, config), file.job.work.kind
    if kind == "program":
        agreement.check_files(agreement.find())
    elif kind == "score" and config.score is not None:
        from mpcnet.credit.job import ScoreJob
        from mpcnet.credit.party import agreed_job

        data = config.score.data
        if data is not None and data.exists() and data.stat().st_size <= MAX_DATA_BYTES:
            agreed_job(ScoreJob.load(config, None, file.job.evaluations[0].protocol), agreement)


def _add(look: Look, file: JobFile, config: Config, report: Report) -> None:
    """One thing about a job that is not right, and the command that mends it, with this party's paths."""
    from mpcnet.agreement.signature import signature_path

    assert look.error is not None
    found, mend = split(look.error)
    name, signer = "job", look.what.removeprefix("signed by ")
    if signer != look.what:
        name, signature = "signature", signature_path(file.path, signer)
        if not signature.exists() and signer == config.name:
            mend = shell("mpcnet", "job", "sign", file.path, "--config", config.source)
        elif not signature.exists():
            command = shell("mpcnet", "job", "sign", file.path.name)
            mend = f"at {signer}: {command}; put {signature.name} from there beside {file.path}"
    elif look.what.startswith("within"):
        name = "policy"
        if not config.policy_path.exists():
            mend = shell("mpcnet", "job", "policy", file.path, "--config", config.source)
    report.add(name, State.MEND, found, mend)
