"""What the scripts that fit a model of the demo share: their command line, and a line of their reports."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mpcnet.credit import german

__all__ = ["main", "table"]

OUTPUT = Path(german.__file__).parent / german.DATA


def main(what: str, write: Callable[[Path], None], files: Sequence[str], arguments: Sequence[str] | None = None) -> int:
    """Write the files of a model, or compare what would be written with what is committed.

    Args:
        what: the model, for --help.
        write: writes the files into a folder.
        files: their names.
        arguments: by default the command line's.
    Returns:
        the exit code: 1 where a file differs.
    """
    parser = argparse.ArgumentParser(description=f"Fit the {what} of the demo.")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--check", action="store_true", help="compare with the committed files instead of writing them")
    options = parser.parse_args(arguments)
    if not options.check:
        write(options.output)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        changed = [name for name in files if (Path(folder) / name).read_bytes() != (OUTPUT / name).read_bytes()]
    for name in changed:
        print(f"{name} differs from what is committed", file=sys.stderr)
    return 1 if changed else 0


def table(name: str, values: Mapping[str, Any]) -> str:
    """An inline table of TOML."""
    return f"{name} = {{ {', '.join(f'{key} = {value}' for key, value in values.items())} }}"
