"""`mpcnet local`: all parties of a program as processes on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mpcnet.local import Result

__all__ = ["command"]

_COLORS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


def command(
    program: Annotated[str, typer.Argument(help="FILE.py with `async def main(session)`, or module:function.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Handed to every party, after --.")] = None,
    n_parties: Annotated[int | None, typer.Option("-n", "--parties", help="How many, 2 to 10. [default: 3]")] = None,
    names: Annotated[str | None, typer.Option(help="Their names, with commas. [default: party0,party1,...]")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="After this, what is left is killed.")] = 3600,
    trace: Annotated[
        Path | None, typer.Option(metavar="PAGE.html", help="Write a page that shows who waited for whom.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print how every party ended as one JSON object.")] = False,
) -> None:
    """Start all parties of a program as processes on this machine, over TLS on loopback, with fresh keys.

    Each line they write is marked with the party that wrote it. The exit code is that of the party at fault.
    """
    import json
    import signal
    import sys
    from types import FrameType

    from mpcnet.local import first_failure, run

    chosen = [name.strip() for name in names.split(",")] if names is not None else None
    width = max(len(name) for name in chosen) if chosen else 6

    def show(name: str, stream: str, line: str) -> None:
        out = sys.stderr if stream == "stderr" or as_json else sys.stdout
        mark = f"{name:<{width}} |"
        if out.isatty():
            known = chosen or [f"party{i}" for i in range(10)]
            mark = f"\x1b[{_COLORS[known.index(name) % len(_COLORS)]}m{mark}\x1b[0m"
        print(f"{mark} {line}" if line else mark, file=out, flush=True)

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    results = run(
        program,
        n_parties,
        names=chosen,
        args=arguments or [],
        seconds=seconds,
        on_line=show,
        print_results=not as_json,
        trace=trace,
    )
    if as_json:
        print(json.dumps({"parties": [_facts(result) for result in results]}, default=_plain))
    for error in (result.error for result in results):
        if error is not None and error.kind in ("Killed", "Deadline"):
            print(f"mpcnet: {error.name}: {error.message}", file=sys.stderr)
    first = first_failure(results)
    if first is not None:
        raise typer.Exit(_shell_code(first.exit_code))


def _facts(result: Result) -> dict[str, object]:
    error = result.error
    return {
        "name": result.name,
        "pid": result.pid,
        "exit_code": result.exit_code,
        "value": result.value,
        "error": None if error is None else {"kind": error.kind, "message": error.message, "peer": error.peer},
        "stats": result.stats,
    }


def _plain(value: object) -> object:
    """What JSON does not know: arrays as lists, bytes as hexadecimal digits."""
    if isinstance(value, bytes):
        return value.hex()
    to_list = getattr(value, "tolist", None)
    return to_list() if to_list is not None else str(value)


def _shell_code(code: int | None) -> int:
    """An exit code as a shell gives it; 1 for a party that failed with none."""
    return 128 - code if code is not None and code < 0 else code or 1
