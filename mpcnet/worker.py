"""One party of `mpcnet.local`: started as a process by it, never by hand.

    python -c "import mpcnet.worker; mpcnet.worker.start()" QUESTION ANSWER SOCKET LIFELINE

The four are inherited file descriptors: the job and the place for the result (see `mpcnet.codec`), a bound socket to
listen on, and a pipe that ends when the starting process does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from mpcnet import codec

__all__ = ["main", "start"]


def main(question: int, answer: int, listen: int, lifeline: int) -> int:
    """Do the job and return the exit code."""
    threading.Thread(target=_watch, args=(lifeline,), daemon=True).start()
    with os.fdopen(question, "rb") as file:
        job = codec.decode(file.read())
    bound = socket.socket(fileno=listen)
    report: dict[str, Any] = {"value": None, "stats": {}, "error": None}
    try:
        code = _run(job, bound, report)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1 if stop.code else 0
        report["error"] = ["SystemExit", f"exit code {code}", "", ""] if code else None
    with os.fdopen(answer, "wb") as file:
        file.write(_encode(report))
    return code


def _run(job: dict[str, Any], bound: socket.socket, report: dict[str, Any]) -> int:
    from mpcnet.cli.app import describe, exit_code
    from mpcnet.program import call_program, load_program, trace_of_program
    from mpcnet.runtime import run
    from mpcnet.session import Session
    from mpcnet.trace.chrome import write_trace
    from mpcnet.trace.tracer import Tracer

    sys.path.extend(entry for entry in job["path"] if entry not in sys.path)
    try:
        program = load_program(job["program"])

        async def role(session: Session) -> Any:
            try:
                return await call_program(program, session, *job["args"], **job["kwargs"])
            finally:
                report["stats"] = session.stats.as_dict()

        tracer = Tracer() if job["trace"] is not None else None
        try:
            report["value"] = run(job["config"], role, listen_socket=bound, trace=tracer)
        finally:
            if tracer is not None:
                write_trace(tracer, Path(job["trace"]))
        if job["print"] and report["value"] is not None:
            print(report["value"], flush=True)
    except (Exception, KeyboardInterrupt) as error:
        trace = trace_of_program(error)
        text = describe(error) if trace is None else None
        trace = trace or "".join(traceback.format_exception(error)).rstrip()
        report["error"] = [type(error).__name__, text or str(error), getattr(error, "peer", ""), trace]
        print(f"mpcnet: {text}" if text is not None else trace, file=sys.stderr, flush=True)
        return exit_code(error)
    return 0


def _encode(report: dict[str, Any]) -> bytes:
    try:
        return codec.encode(report)
    except TypeError as error:
        return codec.encode({**report, "value": None, "error": ["TypeError", f"its result: {error}", "", ""]})


def _watch(lifeline: int) -> None:
    """End this process and all it started when the starting process is gone."""
    with contextlib.suppress(OSError):
        os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def start() -> None:
    """Do the job that the command line names, and exit."""
    code = main(*(int(text) for text in sys.argv[1:]))
    from mpcnet.eventloop import exit_process

    exit_process(code)
