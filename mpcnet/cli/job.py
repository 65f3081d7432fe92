"""`mpcnet job new|show|sign|verify|diff|policy`: what the parties agree on before they run it."""

from __future__ import annotations

import json
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mpcnet.agreement.job import Evaluation, Work
    from mpcnet.roster import Roster

__all__ = ["command"]

command = typer.Typer(no_args_is_help=True, help="Make, show, sign and check what is agreed on.")

EXIT_DIFFERENT = 1

File = Annotated[Path, typer.Argument(metavar="JOB", help="The job file.")]
Config_ = Annotated[Path, typer.Option("--config", help="This party's party.toml, or its folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON object.")]
HERE = Path("party.toml")


class JobProtocol(StrEnum):
    """How it is computed; the last two for models of credit scoring."""

    YAO = "yao"
    GMW = "gmw"
    SHAMIR = "shamir"
    ADDITIVE = "additive"


@command.command(short_help="Write a job file for a scorecard, a circuit or a program.")
def new(
    name: Annotated[str, typer.Argument(help="What the parties call the job.")],
    config: Config_ = HERE,
    scheme: Annotated[
        Path | None, typer.Option("--score", metavar="SCHEME", help="Score with this scheme, with `mpcnet score`.")
    ] = None,
    program: Annotated[
        str | None, typer.Option(metavar="FILE.py", help="Run this program, with `mpcnet run`.", show_default=False)
    ] = None,
    others: Annotated[
        list[Path] | None, typer.Option("--with", metavar="FILE", help="A file that the program imports.")
    ] = None,
    calls: Annotated[
        list[str] | None,
        typer.Option("--evaluate", metavar="CALL", help="'FILE.py:CIRCUIT(INPUT=OWNER, ...) -> WHO', once for each."),
    ] = None,
    opens: Annotated[
        list[str] | None,
        typer.Option("--open", metavar="TEXT", help="'WHAT -> WHO: NUMBERS' that the program opens of secret arrays."),
    ] = None,
    applicants: Annotated[int, typer.Option(min=1, help="Most applicants (instances) in a run.")] = 1000,
    seconds: Annotated[float, typer.Option(help="Longest time of a run.")] = 3600.0,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long the job may be run.")] = 30,
    purpose: Annotated[str, typer.Option(help="Why, in a line.")] = "",
    protocol: Annotated[
        JobProtocol | None, typer.Option(help="How it is computed. [default: yao; for a logistic regression shamir]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write. [default: NAME.toml]", show_default=False)
    ] = None,
) -> None:
    """Write a job file; send it to the other parties, let all of them sign it.

    A circuit by itself is a job too: give one --evaluate and no program.
    """
    from mpcnet.agreement.draft import draft, parse_opening
    from mpcnet.agreement.job import JobFile, dumps
    from mpcnet.agreement.words import describe
    from mpcnet.config import Config
    from mpcnet.errors import ConfigError
    from mpcnet.provision import write_new

    if sum((scheme is not None, program is not None, not program and bool(calls))) != 1:
        raise ConfigError("give one of --score SCHEME, --program FILE.py, or a single --evaluate CALL for a circuit")
    if program is None and (others or opens):
        raise ConfigError("--with and --open are for a --program")
    roster = Config.load(config).load_roster()
    if scheme is not None:
        work, evaluations = _score(scheme, roster, protocol.value if protocol else None)
    else:
        work, evaluations = _calls(program, others or [], calls or [], roster, protocol.value if protocol else "yao")
    openings = [parse_opening(text) for text in opens or []]
    job = draft(
        name, roster, work, evaluations,
        openings=openings, applicants=applicants, seconds=seconds, days=days, purpose=purpose,
    )  # fmt: skip
    path = output or Path(f"{name}.toml")
    write_new(path, dumps(job))
    typer.echo(describe(JobFile.load(path)))
    typer.echo(f"written to {path}; send it to all, and every party signs it with `mpcnet job sign {path.name}`")


def _score(path: Path, roster: Roster, protocol: str | None) -> tuple[Work, list[Evaluation]]:
    from mpcnet.agreement.draft import score_evaluation
    from mpcnet.agreement.job import Work
    from mpcnet.credit.files import load_scheme

    scheme = load_scheme(path)
    work = Work("score", f"scheme:{scheme.digest.hex()}", path.name)
    return work, [score_evaluation(scheme, roster.names, protocol)]


def _calls(
    program: str | None, others: list[Path], calls: list[str], roster: Roster, protocol: str
) -> tuple[Work, list[Evaluation]]:
    from mpcnet.agreement.draft import call_evaluation, parse_call, program_work
    from mpcnet.agreement.job import Work
    from mpcnet.errors import ConfigError
    from mpcnet.program import load_circuit

    if program is None and len(calls) != 1:
        raise ConfigError("a circuit by itself is evaluated once: give a single --evaluate, or a --program")
    sources = [parse_call(text)[0] for text in calls]
    evaluations = [
        call_evaluation(text, load_circuit(source), roster.names, protocol)
        for text, source in zip(calls, sources, strict=True)
    ]
    if program is not None:
        return program_work(program, others), evaluations
    place, colon, attribute = sources[0].rpartition(":")
    source = f"{Path(place).name}:{attribute}" if colon else Path(sources[0]).name
    return Work("circuit", evaluations[0].digest, source), evaluations


@command.command(short_help="Say in plain words who learns and gives what.")
def show(file: File, as_json: Json = False) -> None:
    """Say in plain words who learns what, who gives what, and what is run."""
    from mpcnet.agreement.job import JobFile
    from mpcnet.agreement.words import as_dict, describe

    loaded = JobFile.load(file)
    typer.echo(json.dumps(as_dict(loaded)) if as_json else describe(loaded))


@command.command(short_help="Sign a job as this party, once it has been read.")
def sign(
    file: File,
    config: Config_ = HERE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Sign a job as this party, once it has been read; the signature goes to the other parties."""
    from mpcnet.agreement.agreement import examine
    from mpcnet.agreement.job import JobFile
    from mpcnet.agreement.signature import sign as sign_job
    from mpcnet.agreement.words import describe
    from mpcnet.cli.app import short
    from mpcnet.config import Config
    from mpcnet.errors import ConfigError

    loaded, job = Config.load(config), JobFile.load(file)
    identity = loaded.load_identity()
    typer.echo(describe(job))
    for check in examine(job, loaded, signatures=False):
        missing_policy = check.what.startswith("within") and not loaded.policy_path.exists()
        if check.error is not None and not missing_policy:
            raise check.error
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError("read the job above, then sign it with --yes, or from a terminal")
        if not typer.confirm(f"Sign this as {loaded.name}?"):
            raise typer.Exit(EXIT_DIFFERENT)
    path = sign_job(job, identity)
    typer.echo(f"signed by {loaded.name}: {path}; send that file to {', '.join(set_aside(job.job.names, loaded.name))}")
    if not loaded.policy_path.exists():
        here = "" if config == HERE else f" --config {shlex.quote(str(config))}"
        typer.echo(
            f"no job runs here without a policy: `mpcnet job policy {file}{here}` drafts {short(loaded.policy_path)}"
        )


def set_aside(names: tuple[str, ...], me: str) -> list[str]:
    """All names but one."""
    return [name for name in names if name != me]


@command.command(short_help="Check that a job may run here.")
def verify(file: File, config: Config_ = HERE, as_json: Json = False) -> None:
    """Check that a job may run here: parties, expiry, signatures of all, this party's own policy."""
    from mpcnet.agreement.agreement import examine
    from mpcnet.agreement.job import JobFile
    from mpcnet.cli.app import describe
    from mpcnet.config import Config
    from mpcnet.errors import JobRefused

    job = JobFile.load(file)
    checks = list(examine(job, Config.load(config)))
    if as_json:
        facts = [{"what": c.what, "ok": c.error is None, "detail": describe(c.error) if c.error else c.detail}
                 for c in checks]  # fmt: skip
        typer.echo(json.dumps({"digest": job.digest.hex(), "ok": not any(c.error for c in checks), "checks": facts}))
    else:
        for check in checks:
            detail = describe(check.error) if check.error else check.detail
            detail = (detail or "").removeprefix(f"{file}: ").replace(f"{Path.cwd()}/", "")
            typer.echo(
                f"{'ok   ' if check.error is None else 'WRONG'} {check.what}" + (f": {detail}" if detail else "")
            )
        typer.echo(f"digest {job.digest.hex()}")
    wrong = [check for check in checks if check.error is not None]
    if wrong:
        raise JobRefused(f"{file}: {len(wrong)} of {len(checks)} checks failed; it does not run here like this")


@command.command(short_help="Say how two jobs differ.")
def diff(
    one: Annotated[Path, typer.Argument(metavar="OLD", help="A job file.")],
    two: Annotated[Path, typer.Argument(metavar="NEW", help="Another one.")],
    as_json: Json = False,
) -> None:
    """Say how two jobs differ, what each party learns first; exit code 1 where they do."""
    from mpcnet.agreement.job import JobFile
    from mpcnet.agreement.words import differences

    lines = differences(JobFile.load(one), JobFile.load(two))
    if as_json:
        typer.echo(json.dumps({"same": not lines, "differences": lines}))
    elif lines:
        typer.echo("\n".join(lines))
    else:
        typer.echo("the same, byte for byte")
    if lines:
        raise typer.Exit(EXIT_DIFFERENT)


@command.command(short_help="Draft this party's policy: it allows the job and nothing else.")
def policy(file: File, config: Config_ = HERE) -> None:
    """Draft this party's policy: it allows the job and nothing else.

    Nothing is overwritten: where there is a policy, what it lacks for the job is said, to be added by hand.
    """
    from mpcnet.agreement.job import JobFile
    from mpcnet.agreement.policy import Policy, draft_policy
    from mpcnet.cli.app import short
    from mpcnet.config import Config
    from mpcnet.errors import JobRefused
    from mpcnet.provision import write_new

    loaded, job = Config.load(config), JobFile.load(file)
    if loaded.name not in job.job.names:
        raise JobRefused(f"{file}: {loaded.name} is no party of this job; it is for {', '.join(job.job.names)}")
    if loaded.policy_path.exists():
        Policy.load(loaded.policy_path).check(job.job, loaded.name, str(file))
        typer.echo(f"{short(loaded.policy_path)} is there, and allows this job; nothing was changed")
        return
    text = draft_policy(job.job, loaded.name)
    write_new(loaded.policy_path, text)
    typer.echo(
        text + f"written to {short(loaded.policy_path)}: read it, and change it to what {loaded.name} means to allow"
    )
