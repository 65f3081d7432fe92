"""`mpcnet trace`: timelines of several parties as one page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    page: Annotated[Path, typer.Argument(metavar="PAGE.html", help="The page to write; it is replaced.")],
    traces: Annotated[
        list[Path] | None,
        typer.Argument(help="What `--trace` wrote at each party. [default: all *.trace.json beside PAGE]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print who waited for whom as a JSON object.")] = False,
) -> None:
    """Show who waited for whom: one page, which loads nothing, from the timelines of a run.

    Each party writes its own with --trace FILE; one party's alone gives a page too.
    """
    from dataclasses import asdict

    from mpcnet.errors import ConfigError
    from mpcnet.trace.page import write_page

    if page.suffix != ".html":
        raise ConfigError(
            f"{page}: name the page first, as in: mpcnet trace run.html lender.trace.json bank.trace.json"
        )
    files = traces or sorted(page.absolute().parent.glob("*.trace.json"))
    if not files:
        raise ConfigError(
            f"there is no *.trace.json beside {page}; run with --trace NAME.trace.json, or name the files"
        )
    joint = write_page(files, page)
    assert joint is not None
    if as_json:
        typer.echo(
            json.dumps({"page": str(page), "seconds": joint.seconds, "waiting": [asdict(w) for w in joint.waiting]})
        )
        return
    for row in sorted(joint.waiting, key=lambda row: -row.total)[:10]:
        line = max(0.0, row.total - row.peer_worked - row.peer_waited)
        why = (
            f" ({row.peer_worked:.3f} s while it worked, {line:.3f} s while it did neither)" if row.peer_traced else ""
        )
        typer.echo(f"{row.party} waited {row.total:.3f} s for {row.peer}{why}")
    typer.echo(f"written to {page}")
