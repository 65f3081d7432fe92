"""`mpcnet bench`: how fast this machine garbles, transfers obliviously, and talks to itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from mpcnet.bench.rows import Work

__all__ = ["command"]

FILE_WIDTH = 132  # of tables that are not on a terminal


def command(
    only: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Rows to measure, with commas. [default: all]")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small counts: shows that it runs, not how fast.")] = False,
    repeat: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Repetitions of each row. [default: 5, 1 with --quick]")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the rows there as JSON.")
    ] = None,
    wan: Annotated[bool, typer.Option("--wan", help="Instead: two parties on slow networks, simulated.")] = False,
    growth: Annotated[bool, typer.Option("--growth", help="Instead: how cost grows with instances and gates.")] = False,
    peers: Annotated[bool, typer.Option("--peers", help="Instead: the same work by MPyC, in turn with ours.")] = False,
    path: Annotated[
        str | None, typer.Option(help="AES kernels: vaes512, vaes, aesni or portable. [default: the fastest here]")
    ] = None,
) -> None:
    """Measure kernels, protocols and links of this machine, on one and on two processes.

    Each row is the median of several repetitions after one to warm up. Nothing else should run meanwhile: the load is
    shown before and after.
    """
    import json

    from rich.console import Console

    from mpcnet.bench import machine, show
    from mpcnet.bench.rows import choose
    from mpcnet.credit.party import check_writable, compile_kernels
    from mpcnet.errors import ConfigError
    from protocols.kernels import cpu

    if wan + growth + peers > 1:
        raise ConfigError("--wan, --growth and --peers are three measurements; ask for one")
    if only is not None and (wan or growth):
        raise ConfigError("--only names rows of the plain measurement; it goes with neither --wan nor --growth")
    if path is not None and path not in cpu.available():
        raise ConfigError(f"--path {path}: this machine has {', '.join(cpu.available())}")
    if json_file is not None:
        check_writable(json_file)
    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    works = _choose_peered(names) if peers else choose(names)
    console, repeats = Console(), repeat or (1 if quick else None)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    with cpu.use(path or cpu.path()):
        before = machine.load_average()
        show.print_machine(console, machine.describe())
        compile_kernels(lambda: console.print("compiling kernels, first run only ..."))
        if wan:
            rows = _wan(console, quick, repeats)
        elif growth:
            rows = _growth(console, quick, repeats)
        elif peers:
            rows = _peers(console, works, quick, repeats)
        else:
            rows = _rows(console, works, quick, repeats)
        console.print(f"load {before} before, {machine.load_average()} after")
    if json_file is not None:
        json_file.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _rows(console: Console, works: Sequence[Work], quick: bool, repeats: int | None) -> list[dict[str, Any]]:
    from mpcnet.bench import run, show
    from protocols.kernels import cpu

    with show.Display(console) as display:
        rows = run.measure(works, quick=quick, repeats=repeats or run.REPEATS, path=cpu.path(), watcher=display)
    show.print_rows(console, rows, quick=quick)
    return [row.as_dict() for row in rows]


def _wan(console: Console, quick: bool, repeats: int | None) -> list[dict[str, Any]]:
    from mpcnet.bench import show, wan
    from protocols.garbling.scheme import SCHEMES

    ks = (2, 4) if quick else (1, 2, 3, 4, 5, 6, 7, 8)
    with show.Display(console) as display:
        rows = wan.measure_wan(
            list(SCHEMES),
            ks,
            quick=quick,
            repeats=repeats or wan.REPEATS,
            on_row=lambda row: display.step(f"{row.what}, {row.network}", f"{row.scheme} k = {row.k}", 1, 1),
        )
    show.print_wan(console, rows, {scheme: wan.round_trips(scheme) for scheme in SCHEMES})
    return [row.as_dict() for row in rows]


def _growth(console: Console, quick: bool, repeats: int | None) -> list[dict[str, Any]]:
    from mpcnet.bench import growth, run, show
    from protocols.kernels import cpu

    tasks = growth.tasks_of(quick=quick, repeats=repeats or run.REPEATS)
    with show.Display(console) as display:
        rows = growth.measure_growth(
            tasks, cpu.path(), lambda name, done, total: display.step(name, "tls", done, total)
        )
    show.print_growth(console, rows)
    return [row.as_dict() for row in rows]


def _choose_peered(names: Sequence[str]) -> list[Work]:
    from mpcnet.bench.peers import check_installed, choose_peered

    works = choose_peered(names)
    check_installed()
    return works


def _peers(console: Console, works: Sequence[Work], quick: bool, repeats: int | None) -> list[dict[str, Any]]:
    from mpcnet.bench import peers, run, show
    from protocols.kernels import cpu

    with show.Display(console) as display:
        rows = peers.measure_peers(
            works, quick=quick, repeats=repeats or run.REPEATS, path=cpu.path(), on_step=display.step
        )
    show.print_peers(console, rows, peers.check_installed())
    return [row.as_dict() for row in rows]
