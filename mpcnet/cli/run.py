"""`mpcnet run`: one party of a program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["command"]


def command(
    program: Annotated[str, typer.Argument(help="FILE.py with `async def main(session)`, or module:function.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Handed to the function, after --.")] = None,
    config: Annotated[Path, typer.Option(help="This party's party.toml, or its folder.")] = Path("party.toml"),
    job: Annotated[str, typer.Option(help="A name all parties give this run; others are refused.")] = "",
    show_stats: Annotated[bool, typer.Option("--stats", help="Print statistics as JSON on stderr at the end.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but what the program says.")] = False,
) -> None:
    """Run a program as one party of a network.

    The program defines `async def main(session, *arguments)`; a result that is not None is printed. Every party
    starts it with its own configuration, in any order.
    """
    import json
    import sys

    from mpcnet.program import call_program, load_program, trace_of_program
    from mpcnet.runtime import run
    from mpcnet.session import Session

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
        elif event.kind in ("lost", "strangers"):
            say(" ".join(filter(None, (event.peer, event.detail))))

    async def role(session: Session) -> object:
        say(f"all parties are here: {', '.join(session.parties)}")
        try:
            return await call_program(main, session, *(arguments or []))
        finally:
            if show_stats:
                print(json.dumps(session.stats.as_dict()), file=sys.stderr)

    try:
        main = load_program(program)
        result = run(config, role, job=job, on_event=hear)
    except Exception as error:
        trace = trace_of_program(error)
        if trace is None:
            raise
        print(trace, file=sys.stderr)
        raise typer.Exit(1) from None
    if result is not None:
        print(result)
