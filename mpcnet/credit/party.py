"""One party's process of a scoring run, from its files to its report: what `mpcnet score` does.

Files are read and checked, and kernels compiled, before the process connects: a mistake is told before anybody waits
for this party, and the first compilation is charged to no deadline.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpcnet.credit.job import ScoreJob, Scores, score
from mpcnet.credit.progress import Display, Step, StepWriter, display_for, step_of
from mpcnet.credit.records import write_rows
from mpcnet.credit.report import print_scores, run_facts
from mpcnet.errors import ConfigError

if TYPE_CHECKING:
    import socket

    from mpcnet.config import Config
    from mpcnet.evaluate import Progress
    from mpcnet.session import Session

__all__ = ["SCORES_HEADER", "check_writable", "run_party"]

COMPILING_SECONDS = 3.0  # loading compiled kernels takes a fraction of it
SCORES_HEADER = ("applicant", "score", "decision")


def run_party(
    config: Config,
    *,
    applicants: int | None = None,
    json_file: Path | None = None,
    output: Path | None = None,
    progress_json: bool = False,
    listen_fd: int | None = None,
) -> Scores | None:
    """Run one party of a scoring run to its end, and print what it may know.

    Args:
        config: of this party, with a [score] table.
        applicants: how many to score; by default one for each record.
        json_file: where to write bytes, gates and seconds.
        output: where the lender writes the scores, instead of where the configuration says.
        progress_json: write steps as JSON lines on stdout, and nothing else there, for a parent process.
        listen_fd: an inherited, bound TCP socket to listen on.
    Returns:
        the scores at the lender, None at everybody else.
    Raises:
        ConfigError: a file is wrong or cannot be written; nothing was sent.
        MPCNetError, ProtocolError: as `Session.evaluate`.
    """
    from rich.console import Console

    from mpcnet.runtime import run

    console = Console()
    job = ScoreJob.load(config, applicants)
    if output is not None and not job.is_lender:
        raise ConfigError(f"--output is for {job.scheme.lender}: {job.name} learns no score")
    if output is None and job.is_lender and config.score is not None:
        output = config.score.output
    for file in filter(None, (json_file, output)):
        check_writable(file)

    facts: dict[str, Any] = {}
    display: Display = StepWriter(sys.stdout) if progress_json else display_for(console, [job.name])
    with display:

        async def role(session: Session) -> Scores | None:
            display.show(job.name, Step("connected"))
            scores = await score(session, job, on_progress=show)
            facts.update(run_facts(job, session.stats.as_dict(), os.getpid(), peak_bytes()))
            return scores

        def show(progress: Progress) -> None:
            display.show(job.name, step_of(progress))

        def hear(event: Any) -> None:
            if event.kind == "connected":
                missing.discard(event.peer)
            elif event.kind == "lost":
                missing.add(event.peer)
            if missing and event.kind in ("listening", "connected", "lost"):
                display.show(job.name, Step("connect", detail=", ".join(sorted(missing))))

        missing = {name for name in job.scheme.holders if name != job.name}
        if job.computes:
            compile_kernels(lambda: display.show(job.name, Step("compile")))
        try:
            scores = run(config, role, job="mpcnet score", listen_socket=_adopt(listen_fd), on_event=hear)
        except BaseException:
            display.show(job.name, Step("failed"))
            raise
        if scores is not None and output is not None:
            write_rows(output, SCORES_HEADER, scores.rows(job.records))
        if json_file is not None:
            json_file.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        display.show(job.name, Step("done", bytes_sent=facts["bytes_sent"]))
    if not progress_json:
        print_scores(console, job, scores, facts)
        if scores is not None and output is not None:
            console.print(f"all scores are in {output}", highlight=False, soft_wrap=True)
    return scores


def compile_kernels(announce: Callable[[], None]) -> None:
    """Load the kernels, and compile them where this machine has not yet: half a minute, once.

    Args:
        announce: called when it takes so long that they are being compiled.
    """
    from protocols import garbling, ot

    importlib.import_module("protocols.kernels.garble")  # Numba itself, which is slow to import, and compiles nothing
    patience = threading.Timer(COMPILING_SECONDS, announce)
    patience.start()
    try:
        ot.prepare()
        garbling.warm_up()
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


def check_writable(file: Path) -> None:
    if file.is_dir() or not file.absolute().parent.is_dir() or not os.access(file.absolute().parent, os.W_OK):
        raise ConfigError(f"{file}: cannot be written there; give a file in a folder that exists")
