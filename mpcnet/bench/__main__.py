"""`python -m mpcnet.bench`: the same as `mpcnet bench`."""

from __future__ import annotations

import sys

import typer

from mpcnet.cli import app
from mpcnet.cli.bench import command

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code, with a mistake told as `mpcnet` tells it."""
    bench = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    bench.command()(command)
    try:
        bench(args=argv, prog_name="mpcnet bench")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1 if stop.code else 0
    except Exception as error:
        text = app.describe(error)
        if text is None:
            raise
        print(f"mpcnet: {text}", file=sys.stderr)
        return app.exit_code(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
