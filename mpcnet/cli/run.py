"""`mpcnet run`: one party of a program, or of a circuit that a job names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mpcnet.agreement.agreement import Agreement
    from mpcnet.program import Main

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
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but what the program says.")] = False,
) -> None:
    """Run a program as one party of a network.

    The program defines `async def main(session, *arguments)`; a result that is not None is printed. Every party
    starts it with its own configuration, in any order. With --job, what runs is what all parties signed.
    """
    import json
    import sys

    from mpcnet.config import Config
    from mpcnet.errors import ConfigError, RecordError
    from mpcnet.program import call_program, load_program, trace_of_program
    from mpcnet.runtime import run
    from mpcnet.session import Session

    learned: list[object] = []

    def tell() -> None:
        if learned and learned[0] is not None:
            print(learned[0])

    def say(text: str) -> None:
        if not quiet:
            print(f"mpcnet: {text}", file=sys.stderr, flush=True)

    def hear(event: Any) -> None:
        if event.kind == "listening":
            say(f"listening on {event.detail}, waiting for the other parties")
        elif event.kind == "warning":
            say(f"warning: {event.detail}")
        elif event.kind == "connected":
            say(f"{event.peer} is here")
        elif event.kind == "again":
            say(f"{event.detail}; no secret has moved, so the run begins again")
        elif event.kind == "looked":
            say(f"{event.peer}'s doctor looked in")
        elif event.kind in ("lost", "strangers"):
            say(" ".join(filter(None, (event.peer, event.detail))))

    async def role(session: Session) -> None:
        say(f"all parties are here: {', '.join(session.parties)}")
        try:
            learned.append(await call_program(main, session, *(arguments or [])))
        finally:
            if show_stats:
                print(json.dumps(session.stats.as_dict()), file=sys.stderr)

    if program is None and job is None:
        raise typer.BadParameter("name a program, or a job with --job FILE")
    if job is not None and name:
        raise ConfigError("a job has its own name; leave out --name")
    agreement = None
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
        run(loaded, role, job=agreement or name, on_event=hear)
    except RecordError:  # what was learned stands
        tell()
        raise
    except Exception as error:
        trace = trace_of_program(error)
        if trace is None:
            raise
        print(trace, file=sys.stderr)
        raise typer.Exit(1) from None
    tell()


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
