"""One party's process of a scoring run, from its files to its report: what `mpcnet score` does.

Files are read and checked, and kernels compiled, before the process connects: a mistake is told before anybody waits
for this party, and the first compilation is charged to no deadline.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpcnet.credit.job import ScoreJob, Scores, score
from mpcnet.credit.progress import Display, Step, StepLog, StepWriter, display_for, step_of
from mpcnet.credit.records import write_rows
from mpcnet.credit.report import print_scores, run_facts
from mpcnet.errors import ConfigError, JobRefused, MPCNetError, RecordError
from mpcnet.trace.chrome import write_trace
from mpcnet.trace.tracer import Tracer

if TYPE_CHECKING:
    import socket

    from mpcnet.agreement.agreement import Agreement
    from mpcnet.config import Config
    from mpcnet.evaluate import Progress
    from mpcnet.session import Session

__all__ = ["SCORES_FILE", "STDOUT", "check_writable", "run_party", "write_json"]

READING_SECONDS = 1.0  # shorter than anybody wonders
STDOUT = Path("-")
SCORES_FILE = "scores.csv"


def run_party(
    config: Config,
    *,
    applicants: int | None = None,
    json_file: Path | None = None,
    output: Path | None = None,
    progress_json: bool = False,
    listen_fd: int | None = None,
    protocol: str | None = None,
    agreement: Agreement | None = None,
    trace: Path | None = None,
    log_json: bool = False,
) -> Scores | None:
    """Run one party of a scoring run to its end, and print what it may know.

    Args:
        config: of this party, with a [score] table.
        applicants: how many to score; by default one for each record.
        json_file: where to write bytes, gates and seconds; `STDOUT` for stdout, then the rest is told on stderr.
        output: where the lender writes the scores, instead of where the configuration says; by default scores.csv
            beside party.toml. A file that is there is removed before the run: what is there afterwards is of this run.
        progress_json: write steps as JSON lines on stdout, and nothing else there, for a parent process.
        listen_fd: an inherited, bound TCP socket to listen on.
        protocol: the same at every party; by default that of `job.default_protocol`; with an agreement, what that says.
        agreement: the job that all parties signed, where there is one.
        trace: where to write a timeline, for `mpcnet trace`.
        log_json: tell the steps as JSON lines on stderr.
    Returns:
        the scores at the lender, None at everybody else.
    Raises:
        ConfigError: a file is wrong or cannot be written; nothing was sent.
        RecordError: the record failed; where it did after the run, scores and facts were written.
        MPCNetError, ProtocolError: as `Session.evaluate`.
    """
    from rich.console import Console

    from mpcnet.runtime import run

    if progress_json and json_file == STDOUT:
        raise ConfigError("--json - and --progress-json both need stdout; give --json a file")
    aside = Console(stderr=True)
    console = aside if json_file == STDOUT else Console()
    display: Display = StepWriter(sys.stdout) if progress_json else display_for(aside, [config.name])
    display = StepLog(aside.file) if log_json and not progress_json else display
    tracer = Tracer() if trace is not None else None
    data = config.score.data.name if config.score is not None and config.score.data is not None else ""

    def announce_reading() -> None:
        if progress_json:
            display.show(config.name, Step("read", detail=data))
        else:
            aside.print(f"reading {data} ...", markup=False, highlight=False, soft_wrap=True)

    with unless_quick(READING_SECONDS, announce_reading):
        job = ScoreJob.load(config, applicants, protocol)
        if agreement is not None:
            job = agreed_job(job, agreement)
    if output is not None and not job.is_lender:
        raise ConfigError(f"--output is for {job.scheme.lender}: {job.name} learns no score")
    if output is None and job.is_lender:
        output = _default_output(config)
    if json_file not in (None, STDOUT):
        check_writable(json_file)
    if output is not None:
        _check_output(output, config)
        _remove_stale(output)

    listen_socket = _adopt(listen_fd)

    facts: dict[str, Any] = {}
    scores: Scores | None = None
    problem: RecordError | None = None
    with display:

        async def role(session: Session) -> None:
            nonlocal scores
            display.show(job.name, Step("connected"))
            scores = await score(session, job, on_progress=show)
            facts.update(run_facts(job, session.stats.as_dict(), os.getpid(), peak_bytes()))

        def show(progress: Progress) -> None:
            display.show(job.name, step_of(progress))

        def hear(event: Any) -> None:
            if event.kind == "warning":
                aside.print(f"warning: {event.detail}", markup=False, highlight=False, soft_wrap=True)
            elif event.kind == "again":
                missing.update(others)
                aside.print(f"{event.detail}; trying again", markup=False, highlight=False, soft_wrap=True)
            elif event.kind == "connected":
                missing.discard(event.peer)
            elif event.kind == "lost":
                missing.add(event.peer)
            if missing and event.kind in ("listening", "connected", "lost"):
                display.show(job.name, Step("connect", detail=", ".join(sorted(missing))))

        others = [name for name in job.scheme.holders if name != job.name]
        missing = set(others)
        if job.computes:
            compile_kernels(lambda: display.show(job.name, Step("compile")), job.protocol)
        options: dict[str, Any] = {"listen_socket": listen_socket, "on_event": hear, "trace": tracer}
        try:
            run(config, role, job=agreement or "mpcnet score", **options)
        except RecordError as error:
            if not facts:
                display.show(job.name, Step("failed"))
                raise
            problem = error  # the run is over, and its result stands
        except BaseException:
            display.show(job.name, Step("failed"))
            raise
        finally:
            if tracer is not None and trace is not None:
                write_trace(tracer, trace)
        if scores is not None and output is not None:
            try:
                write_rows(output, scores.header, scores.rows(job.records))
            except OSError as error:
                display.show(job.name, Step("failed"))
                text = f"{output}: the scores cannot be written: {error.strerror}"
                raise MPCNetError(f"{text}; the run ended well at every party, so make room and run it again") from None
        if json_file is not None:
            write_json(json_file, facts)
        display.show(job.name, Step("done", bytes_sent=facts["bytes_sent"]))
    if not progress_json:
        print_scores(console, job, scores, facts)
        if scores is not None and output is not None:
            console.print(f"all scores are in {output}", highlight=False, soft_wrap=True)
    if problem is not None:
        raise problem
    return scores


def agreed_job(job: ScoreJob, agreement: Agreement) -> ScoreJob:
    """The run with what the parties signed.

    Raises:
        JobRefused: they signed something else, or fewer applicants.
    """
    where, signed = agreement.file.path, agreement.job
    if signed.work.kind != "score":
        raise JobRefused(f"{where}: is a job for a {signed.work.kind}; start it with `mpcnet run --job {where}`")
    digest = f"scheme:{job.scheme.digest.hex()}"
    if digest != signed.work.digest:
        raise JobRefused(
            f"{where}: is for another scheme ({signed.work.digest[:23]}...) than this party's scheme file "
            f"({digest[:23]}...); take the scheme that was signed, or agree on a job for this one"
        )
    agreement.check_count(job.applicants)
    return replace(job, protocol=signed.evaluations[0].protocol)


def compile_kernels(announce: Callable[[], None], protocol: str = "yao") -> None:
    """Load the kernels, and compile them where this machine has not yet: half a minute, once.

    Args:
        announce: called when one is compiled.
        protocol: whose kernels.
    """
    from protocols.kernels import jit

    jit.on_compile(announce)
    load_kernels(protocol)


def load_kernels(protocol: str) -> None:
    """Load the kernels of one protocol."""
    if protocol == "shamir":
        from protocols import boolean
        from protocols.sharing import ring

        ring.warm_up(ring.MERSENNE127)
        boolean.warm_up()
        return
    from protocols import boolean, garbling, ot

    ot.prepare()
    if protocol == "yao":
        garbling.warm_up()
        return
    boolean.warm_up()
    if protocol == "additive":
        from protocols.arithmetic import additive

        additive.warm_up()


@contextlib.contextmanager
def unless_quick(seconds: float, announce: Callable[[], None]) -> Iterator[None]:
    """Call `announce` from another thread if the body is not over after so many seconds."""
    patience = threading.Timer(seconds, announce)
    patience.start()
    try:
        yield
    finally:
        patience.cancel()
        patience.join()


def peak_bytes() -> int:
    """The most memory this process has held."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _adopt(listen_fd: int | None) -> socket.socket | None:
    import socket

    if listen_fd is None:
        return None
    try:
        return socket.socket(fileno=listen_fd)
    except OSError as error:
        raise ConfigError(f"--listen-fd {listen_fd}: {error.strerror}") from None


def _default_output(config: Config) -> Path:
    """Where the scores go at the lender: where party.toml says, or beside it."""
    if config.score is not None and config.score.output is not None:
        return config.score.output
    return Path(config.source).absolute().parent / SCORES_FILE


def _check_output(output: Path, config: Config) -> None:
    """Raise `ConfigError` where scores cannot be written, or would replace one of this party's own files."""
    check_writable(output)
    own: list[Path | None] = [config.identity, config.certificate, config.roster, Path(config.source)]
    if config.score is not None:
        own += [config.score.data, config.score.scheme, config.score.points]
    if output.resolve() in {path.resolve() for path in own if path is not None}:
        raise ConfigError(f"{output}: the scores would replace a file that this run reads; give another with --output")


def _remove_stale(output: Path) -> None:
    """Remove the scores of an earlier run, so that a run that fails leaves none that look like its own."""
    try:
        if output.is_file():
            output.resolve().unlink()
    except OSError as error:
        raise ConfigError(f"{output}: cannot be replaced: {error.strerror}") from None


def write_json(file: Path, found: Any) -> None:
    """Write an object as JSON, on stdout where the file is `STDOUT`."""
    text = json.dumps(found, indent=2) + "\n"
    if file == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        file.write_text(text, encoding="utf-8")


def check_writable(file: Path) -> None:
    """Raise `ConfigError` unless a file can be made there."""
    if file == STDOUT:
        raise ConfigError("-: this is not written to stdout; give a file")
    if file.is_dir() or not file.absolute().parent.is_dir() or not os.access(file.absolute().parent, os.W_OK):
        raise ConfigError(f"{file}: cannot be written there; give a file in a folder that exists")
