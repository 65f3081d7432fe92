"""The command line: which commands there are, how a mistake is told, and what the exit codes mean.

Each command lives in a module of its own, named in COMMANDS, which exports `command`: a function with typer
annotations, or a `typer.Typer` with subcommands. A module imports what is heavy inside its functions, and raises the
errors of the packages: `main` turns them into one line on stderr and an exit code. Only the module of the command
that was asked for is imported.

    0    done
    1    the program that was run failed, or a defect of this package
    2    wrong usage, configuration or input at this party; nothing secret was sent
    3    the parties did not get together: unreachable, wrong identity, another version, roster or job
    4    a peer failed, fell silent or ended the run, or a deadline passed
    5    a peer broke the protocol
    6    the record cannot be written or does not hold, or a peer signs another summary; what a run printed stands
    130  interrupted (143 when terminated)
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer

__all__ = ["COMMANDS", "build", "describe", "exit_code", "main", "short"]

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("mpcnet.cli.demo", "Score 300 real applicants jointly, on this machine."),
    "score": ("mpcnet.cli.score", "Score the applicants jointly, as one party."),
    "keygen": ("mpcnet.cli.keygen", "Make a party's key, certificate and party.toml."),
    "roster": ("mpcnet.cli.roster", "Put together, show and check who takes part."),
    "job": ("mpcnet.cli.job", "Make, show, sign and check what is agreed on."),
    "doctor": ("mpcnet.cli.doctor", "Find what would stop a run, before one begins."),
    "record": ("mpcnet.cli.record", "Show and check what this party has run."),
    "run": ("mpcnet.cli.run", "Run a program as one party of a network."),
    "local": ("mpcnet.cli.local", "Run all parties of a program on this machine."),
    "trace": ("mpcnet.cli.trace", "Show who waited for whom in a run, on one page."),
    "circuit": ("mpcnet.cli.circuit", "Count, draw or export a circuit."),
    "bench": ("mpcnet.cli.bench", "Measure how fast this machine is."),
}
"""Command name -> its module and its line on the help page, in the order of that page."""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CONNECT = 3
EXIT_PEER = 4
EXIT_PROTOCOL = 5
EXIT_RECORD = 6
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


def build(only: str | None = None) -> typer.Typer:
    """The application with all commands, or with one of them where that is all that is needed."""
    import typer
    from typer.core import TyperGroup

    class InOrder(TyperGroup):
        """Lists commands as COMMANDS does, where Typer puts those with subcommands last."""

        def list_commands(self, ctx: Any) -> list[str]:
            return [name for name in COMMANDS if name in self.commands]

    app = typer.Typer(
        name="mpcnet",
        cls=InOrder,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    def show_version(value: bool) -> None:
        if value:
            import mpcnet

            typer.echo(f"mpcnet {mpcnet.__version__}")
            raise typer.Exit

    @app.callback(help="Compute together over a network without showing each other the inputs.")
    def root(
        version: bool = typer.Option(
            False, "--version", callback=show_version, is_eager=True, help="Show the version and exit."
        ),
    ) -> None:
        del version

    for name, (module_name, summary) in COMMANDS.items():
        if only in COMMANDS and name != only:
            continue
        command = importlib.import_module(module_name).command
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, short_help=summary)
        else:
            app.command(name, short_help=summary)(command)
    return app


def exit_code(error: BaseException) -> int:
    """The exit code that stands for an error."""
    from circuits.errors import CircuitError
    from mpcnet import errors
    from protocols.errors import ProtocolError

    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    if isinstance(error, errors.ConfigError | errors.AgreementError | errors.JobRefused | CircuitError):
        return EXIT_USAGE
    if isinstance(error, errors.ConnectFailed | errors.HandshakeFailed):
        return EXIT_CONNECT
    if isinstance(error, errors.PeerDisconnected | errors.PeerAborted | errors.Deadline):
        return EXIT_PEER
    if isinstance(error, errors.RecordError):
        return EXIT_RECORD
    if isinstance(error, errors.FrameError | ProtocolError):
        return EXIT_PROTOCOL
    return EXIT_FAILED


def describe(error: BaseException) -> str | None:
    """What to print for an error of ours or of the user's files; None for anything else, which is a defect."""
    from circuits.errors import CircuitError
    from mpcnet.errors import MPCNetError
    from protocols.errors import ProtocolError

    if isinstance(error, MPCNetError | ProtocolError | CircuitError):
        notes = getattr(error, "__notes__", [])  # for this party alone: other parties get the message without them
        return "; ".join(" ".join(text.split()) for text in (str(error), *notes))
    if isinstance(error, OSError):
        return str(error)
    return None


def short(path: Path) -> str:
    """A path as somebody in this folder would write it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    A user's mistake becomes one line on stderr; a defect keeps its traceback.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    app = build(arguments[0] if arguments else None)
    try:
        app(args=arguments, prog_name="mpcnet")
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else EXIT_FAILED if stop.code else 0
        if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
            print("mpcnet: interrupted" if code == EXIT_INTERRUPTED else "mpcnet: terminated", file=sys.stderr)
        return code
    except Exception as error:
        text = describe(error)
        if text is None:
            raise
        print(f"mpcnet: {text}", file=sys.stderr)
        return exit_code(error)
    return 0
