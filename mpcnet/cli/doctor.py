"""`mpcnet doctor`: what would stop a run, before one begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from mpcnet.doctor import Report

__all__ = ["command", "print_report"]

_COLORS = {"well": "green", "warn": "yellow", "mend": "bold red", "away": "cyan", "skip": "dim"}
STATE_WIDTH = 6
LEAST_WIDTH = 24  # of the findings, on a narrow terminal
SHORT_COMMAND = 32  # up to here a command stays within its sentence
NO_BREAK = "\N{NO-BREAK SPACE}"


def command(
    config: Annotated[Path, typer.Option(help="This party's party.toml, or its folder.")] = Path("party.toml"),
    job: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The job file that is about to be run: check and compare it, too."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Without a job: the --name of the run, to compare it.", show_default=False)
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
    from mpcnet.errors import ConfigError

    if job is not None and name is not None:
        raise ConfigError("a job has its own name; leave out --name")
    digest = None
    if name is not None:
        from mpcnet.agreement.job import job_digest

        digest = job_digest(name)
    console = Console()
    with console.status("looking ...") if console.is_terminal and not as_json else Console(quiet=True).status(""):
        report = asyncio.run(examine(config, job=job, job_digest=digest, alone=alone, wait_seconds=wait))
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    else:
        print_report(report, console)
    if not report.own_is_well:
        raise typer.Exit(EXIT_USAGE)
    if not alone and not report.peers_are_well:
        raise typer.Exit(EXIT_CONNECT)


def print_report(report: Report, console: Console) -> None:
    """A line for each check, and below it what mends it: a command is never broken, so that it can be copied."""
    from rich.text import Text

    here = f"{Path.cwd()}/"
    party_width = max((len(check.party or report.name) for check in report.checks), default=0) + 2
    name_width = max((len(check.name) for check in report.checks), default=0) + 2
    indent = STATE_WIDTH + party_width + name_width
    width = max(console.width - indent, LEAST_WIDTH) if console.is_terminal else 0
    before = ""
    for check in report.checks:
        party = check.party or report.name
        if party != before and before:
            console.print()
        before = party
        lines = _wrap(check.found.replace(here, ""), width)
        line = Text(f"{check.state.value:<{STATE_WIDTH}}", style=_COLORS[check.state.value])
        line.append(f"{party:<{party_width}}{check.name:<{name_width}}", style="default not bold")
        line.append(f"\n{'':{indent}}".join(lines), style="default not bold")
        console.print(line, soft_wrap=True, highlight=False)
        for text in _mend_lines(check.mend.replace(here, ""), console.width if console.is_terminal else 0):
            console.print(Text(f"{'':{STATE_WIDTH}}{text}", style="bold"), soft_wrap=True, highlight=False)
    console.print()
    console.print(_summary(report), markup=False, highlight=False)


def _mend_lines(mend: str, width: int) -> list[str]:
    """What to do: in one line where it fits, else with each command on a line of its own."""
    from mpcnet.doctor.mends import commands

    if not mend:
        return []
    if not width or len(mend) + STATE_WIDTH + 3 <= width:
        return [f"-> {mend}"]
    lines, rest = [], mend
    for command in commands(mend):
        if len(command) <= SHORT_COMMAND:
            rest = rest.replace(f"`{command}`", f"`{command.replace(' ', NO_BREAK)}`")
    for command in commands(rest):
        before, _, rest = rest.partition(f"`{command}`")
        lines += [*_wrap(before.strip(" ;,."), max(width - STATE_WIDTH - 3, LEAST_WIDTH)), f"    {command}"]
    lines += _wrap(rest.strip(" ;,."), max(width - STATE_WIDTH - 3, LEAST_WIDTH))
    return [f"-> {line}" if i == 0 else f"   {line}" for i, line in enumerate(line for line in lines if line.strip())]


def _wrap(text: str, width: int) -> list[str]:
    import textwrap

    if not width:
        return [text]
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace(NO_BREAK, " ") for line in lines]


def _summary(report: Report) -> str:
    from mpcnet.doctor import State

    mend, away, warn = (len(report.of(state)) for state in (State.MEND, State.AWAY, State.WARN))
    parts = [f"{mend} to mend"] * bool(mend) + [f"{away} not there"] * bool(away)
    parts += [f"{warn} warning{'s' if warn > 1 else ''}"] * bool(warn)
    return "all is well" if not parts else ", ".join(parts)
