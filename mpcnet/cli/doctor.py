"""`mpcnet doctor`: what would stop a run, before one begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from mpcnet.doctor import Report

__all__ = ["command"]

_COLORS = {"well": "green", "warn": "yellow", "mend": "bold red", "away": "cyan", "skip": "dim"}
FILE_WIDTH = 160


def command(
    config: Annotated[Path, typer.Option(help="This party's party.toml, or its folder.")] = Path("party.toml"),
    job: Annotated[
        str | None, typer.Option(help="The name that `mpcnet run --job` will have, to compare it.", show_default=False)
    ] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Leave the other parties out.")] = False,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds to wait for parties that are not there yet.")
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Find what would stop a run: files, keys, dates, this machine, and every other party.

    No secret is read but this party's own key and data, and none is sent. It is most useful when all parties run it at
    the same time; a party that waits in `mpcnet run` answers as well. Exit code 2: something of this party is to be
    mended; 3: another party is not there, or something about it is.
    """
    import asyncio
    import json

    from rich.console import Console

    from mpcnet.cli.app import EXIT_CONNECT, EXIT_USAGE
    from mpcnet.doctor import examine
    from mpcnet.runtime import job_digest

    digest = job_digest(job) if job is not None else None
    console = Console()
    with console.status("looking ...") if console.is_terminal and not as_json else Console(quiet=True).status(""):
        report = asyncio.run(examine(config, job_digest=digest, alone=alone, wait_seconds=wait))
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    else:
        _print(report, console)
    if not report.own_is_well:
        raise typer.Exit(EXIT_USAGE)
    if not alone and not report.peers_are_well:
        raise typer.Exit(EXIT_CONNECT)


def _print(report: Report, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    if not console.is_terminal:
        console.width = FILE_WIDTH
    table = Table(box=None, pad_edge=False)
    for title in ("", "party", "check"):
        table.add_column(title, no_wrap=True)
    table.add_column("found", overflow="fold")
    for check in report.checks:
        found = Text(check.found)
        if check.mend:
            found.append(f"\n-> {check.mend}", style="bold")
        state = Text(check.state.value, style=_COLORS[check.state.value])
        table.add_row(state, Text(check.party or report.name), Text(check.name), found)
    console.print(table)
    console.print(_summary(report), markup=False, highlight=False)


def _summary(report: Report) -> str:
    from mpcnet.doctor import State

    mend, away, warn = (len(report.of(state)) for state in (State.MEND, State.AWAY, State.WARN))
    parts = [f"{mend} to mend"] * bool(mend) + [f"{away} not there"] * bool(away)
    parts += [f"{warn} warning{'s' if warn > 1 else ''}"] * bool(warn)
    return "all is well" if not parts else ", ".join(parts)
