"""`mpcnet` and `python -m mpcnet`."""

from __future__ import annotations

import sys

from mpcnet.cli.app import main as run_command_line

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run_command_line())


if __name__ == "__main__":
    main()
