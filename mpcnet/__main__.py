"""`mpcnet` and `python -m mpcnet`."""

from __future__ import annotations

import sys

from mpcnet.cli.app import main as run_command_line

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    code = run_command_line()
    if "mpcnet.eventloop" in sys.modules:  # a command that has run a party
        from mpcnet.eventloop import exit_process

        exit_process(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
