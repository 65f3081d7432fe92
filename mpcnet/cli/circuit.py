"""`mpcnet circuit stats|draw|export`: what a circuit costs, what it looks like, and the file others can read."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["command"]

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
    from mpcnet.program import load_circuit

    report = cost.report(load_circuit(source), k=k)
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
    from mpcnet.program import load_circuit

    circuit = load_circuit(source)
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
    from mpcnet.program import load_circuit

    circuit = load_circuit(source)
    text = bristol.dumps(circuit, old_format=form is BristolForm.OLD)
    _give(text, output, {"name": circuit.name, "format": form.value, "and_count": circuit.and_count}, as_json)


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
