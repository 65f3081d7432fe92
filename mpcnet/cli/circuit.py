"""`mpcnet circuit stats|draw|export`: what a circuit costs, what it looks like, and the file others can read."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from circuits import Circuit

__all__ = ["command", "find_circuit"]

command = typer.Typer(no_args_is_help=True, help="Count, draw or export a circuit.")

Source = Annotated[
    str, typer.Argument(metavar="MODULE:NAME", help="A circuit in a module or .py file, or a Bristol file.")
]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON object.")]
Out = Annotated[Path | None, typer.Option("--output", "-o", help="Write here instead of printing.", show_default=False)]


class Drawing(StrEnum):
    """How a circuit is drawn."""

    DOT = "dot"
    TEXT = "text"


class BristolForm(StrEnum):
    """Which of the two Bristol formats."""

    FASHION = "fashion"
    OLD = "old"


@command.command()
def stats(
    source: Source,
    k: Annotated[int, typer.Option("--k", min=1, max=8, help="Parameter of the OT extension.")] = 2,
    as_json: Json = False,
) -> None:
    """Count gates, depth and the bytes of each protocol."""
    from circuits import cost

    report = cost.report(find_circuit(source), k=k)
    typer.echo(json.dumps(report.as_dict()) if as_json else report.text())


@command.command()
def draw(
    source: Source,
    form: Annotated[Drawing, typer.Option("--format", help="dot for Graphviz, or text.")] = Drawing.DOT,
    output: Out = None,
    as_json: Json = False,
) -> None:
    """Draw a small circuit."""
    from circuits import draw as drawing

    circuit = find_circuit(source)
    text = drawing.dot(circuit) if form is Drawing.DOT else drawing.text(circuit)
    _give(text, output, {"name": circuit.name, "format": form.value}, as_json)


@command.command()
def export(
    source: Source,
    form: Annotated[BristolForm, typer.Option("--format", help="fashion: any ports; old: two inputs, one output.")] = (
        BristolForm.FASHION
    ),
    output: Out = None,
    as_json: Json = False,
) -> None:
    """Write a circuit as a Bristol file."""
    from circuits import bristol

    circuit = find_circuit(source)
    text = bristol.dumps(circuit, old_format=form is BristolForm.OLD)
    _give(text, output, {"name": circuit.name, "format": form.value, "and_count": circuit.and_count}, as_json)


def find_circuit(source: str) -> Circuit:
    """The circuit that `MODULE:NAME`, `FILE.py:NAME` or the path of a Bristol file stands for.

    Raises:
        ConfigError: there is no such file, module or name, or it is no circuit.
        BristolError: the file is malformed.
    """
    from circuits import Circuit, bristol
    from mpcnet.errors import ConfigError

    if Path(source).is_file():
        if source.endswith(".py"):
            raise ConfigError(f"{source}: say which circuit of it: {source}:NAME")
        return bristol.load(source)
    place, colon, name = source.rpartition(":")
    if not colon or not name:
        raise ConfigError(f"{source}: no such file; give a Bristol file, MODULE:NAME or FILE.py:NAME")
    found: Any = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    for part in name.split("."):
        if not hasattr(found, part):
            circuits = sorted(
                key for key, value in getattr(found, "__dict__", {}).items() if isinstance(value, Circuit)
            )
            raise ConfigError(f"{place} has no {part!r}; its circuits are: {', '.join(circuits) or 'none'}")
        found = getattr(found, part)
    if not isinstance(found, Circuit):
        raise ConfigError(f"{source} is no circuit but {type(found).__name__}; is @circuit missing above it?")
    return found


def _import_module(name: str) -> object:
    from mpcnet.errors import ConfigError

    _look_in(Path.cwd())  # as python -m does
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigError(f"there is no module {error.name!r} here or among the installed ones") from None
        raise


def _import_file(path: Path) -> object:
    from mpcnet.errors import ConfigError

    name = f"mpcnet_circuit_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ConfigError(f"{path}: there is no such file")
    _look_in(path.absolute().parent)  # as python FILE.py does
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _look_in(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _give(text: str, output: Path | None, facts: dict[str, Any], as_json: bool) -> None:
    """Print a text or write it to a file, and say so."""
    from mpcnet.errors import ConfigError

    if output is not None:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{output}: cannot be written: {error.strerror}") from None
    if as_json:
        typer.echo(json.dumps(facts | ({"text": text} if output is None else {"output": str(output)})))
    elif output is None:
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        typer.echo(f"{facts['name']} written to {output}")
