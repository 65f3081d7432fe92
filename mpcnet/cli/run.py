"""`mpcnet run`: one party of a program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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

    from mpcnet.program import load_program
    from mpcnet.runtime import run
    from mpcnet.session import Session

    main = load_program(program)

    async def role(session: Session) -> object:
        if not quiet:
            print(f"mpcnet: {session.name} is connected to {', '.join(session.peers)}", file=sys.stderr)
        try:
            return await main(session, *(arguments or []))
        except OSError as error:  # the program's own mistake: one line without a place would not help
            raise RuntimeError(f"{program} failed with {type(error).__name__}") from error
        finally:
            if show_stats:
                print(json.dumps(session.stats.as_dict()), file=sys.stderr)

    result = run(config, role, job=job)
    if result is not None:
        print(result)
