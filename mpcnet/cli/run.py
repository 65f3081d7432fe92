"""`mpcnet run`: one party of a program, or of a circuit that a job names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mpcnet.agreement.agreement import Agreement
    from mpcnet.program import Main
    from mpcnet.stats import Stats

__all__ = ["command"]


def command(
    program: Annotated[
        str | None,
        typer.Argument(help="FILE.py with `async def main(session)`, or module:function. [default: that of the job]"),
    ] = None,
    arguments: Annotated[list[str] | None, typer.Argument(help="Handed to the function, after --.")] = None,
    config: Annotated[Path, typer.Option(help="This party's party.toml, or its folder.")] = Path("party.toml"),
    job: Annotated[
        Path | None, typer.Option(help="A job file that all parties signed: nothing else is run.", show_default=False)
    ] = None,
    name: Annotated[str, typer.Option(help="Without a job: a name all parties give this run.")] = "",
    inputs: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Of a job that is a circuit: a column for each own input.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Of a job that is a circuit: where to write what is learned.")
    ] = None,
    show_stats: Annotated[bool, typer.Option("--stats", help="Print statistics as JSON on stderr at the end.")] = False,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a timeline there, for `mpcnet trace` and Perfetto.")
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write counters there at the end, as Prometheus text.")
    ] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Say everything as JSON lines on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but what the program says.")] = False,
) -> None:
    """Run a program as one party of a network.

    The program defines `async def main(session, *arguments)`; a result that is not None is printed. Every party
    starts it with its own configuration, in any order. With --job, what runs is what all parties signed.
    """
    import json
    import sys

    from rich.console import Console

    from mpcnet.cli.app import describe, exit_code
    from mpcnet.config import Config
    from mpcnet.display import reporter_for
    from mpcnet.errors import ConfigError, RecordError
    from mpcnet.follow import followed, hears_kernels, reports_events
    from mpcnet.metrics import Metrics
    from mpcnet.program import call_program, load_program, trace_of_program
    from mpcnet.runtime import run
    from mpcnet.session import Session
    from mpcnet.trace.chrome import write_trace
    from mpcnet.trace.tracer import Tracer

    if program is None and job is None:
        raise typer.BadParameter("name a program, or a job with --job FILE")
    if job is not None and name:
        raise ConfigError("a job has its own name; leave out --name")
    counters = Metrics() if metrics is not None else None
    tracer = Tracer() if trace is not None else None
    learned: list[object] = []
    summary = ["done"]

    def tell() -> None:
        if learned and learned[0] is not None:
            print(learned[0])

    async def role(session: Session) -> None:
        if counters is not None:
            counters.watch(session)
        try:
            async with followed(session, reporter):
                learned.append(await call_program(main, session, *(arguments or [])))
            summary[0] = _summary(session.stats)
        finally:
            if show_stats:
                print(json.dumps(session.stats.as_dict()), file=sys.stderr)

    agreement, outcome = None, "failed"
    try:
        if job is not None:
            loaded = Config.load(config)
            agreement, main = _agreed(job, loaded, program, inputs, output)
        else:
            assert program is not None
            if inputs is not None or output is not None:
                raise ConfigError(
                    "--inputs and --output are for a job that is a circuit; a program reads its own files"
                )
            main = load_program(program)
            loaded = Config.load(config)
        with reporter_for(loaded.name, Console(stderr=True), log_json=log_json, quiet=quiet) as reporter:
            try:
                with hears_kernels(reporter):
                    run(loaded, role, job=agreement or name, on_event=reports_events(reporter), trace=tracer)
                outcome = "done"
                reporter.event("done", summary[0])
            except Exception as error:
                if log_json and trace_of_program(error) is None:
                    reporter.event("failed", describe(error) or type(error).__name__, exit_code=exit_code(error))
                raise
    except RecordError:  # what was learned stands
        tell()
        raise
    except Exception as error:
        found = trace_of_program(error)
        if found is None:
            raise
        print(found, file=sys.stderr)
        raise typer.Exit(1) from None
    finally:
        if tracer is not None and trace is not None:
            write_trace(tracer, trace)
        if counters is not None and metrics is not None:
            counters.ended(outcome)
            counters.write(metrics)
    tell()


def _summary(stats: Stats) -> str:
    """What a run came to, in a line."""
    from mpcnet.display import amount
    from mpcnet.record.summary import opened_of

    parts = [f"done in {stats.total_seconds:,.1f} s"]
    for party, outputs in opened_of(stats).items():
        parts.append(f"{party} learned {', '.join(f'{name}: {count:,}' for name, count in outputs.items())}")
    parts.append(f"{amount(stats.bytes_sent)} out, {amount(stats.bytes_received)} in")
    return "; ".join(parts)


def _agreed(
    path: Path, config: Any, place: str | None, inputs: Path | None, output: Path | None
) -> tuple[Agreement, Main]:
    """The job, and what it runs: a program, or the evaluation of a circuit over files."""
    from mpcnet.agreement.agreement import Agreement
    from mpcnet.agreement.table import circuit_main
    from mpcnet.errors import ConfigError, JobRefused

    agreement = Agreement.load(path, config)
    kind = agreement.job.work.kind
    if kind == "score":
        raise JobRefused(f"{path}: is a job for a scorecard; start it with `mpcnet score --job {path}`")
    if kind == "program":
        if inputs is not None or output is not None:
            raise ConfigError("--inputs and --output are for a job that is a circuit; a program reads its own files")
        return agreement, agreement.load_program(agreement.find(place))
    return agreement, circuit_main(agreement, agreement.find(place), inputs, output)
