"""Run a job that is a circuit, with files for its inputs and outputs: no program, nothing but what the job says.

A party that gives inputs has a CSV file with a column for each of its ports, a line for each instance; a port of a Vec
takes numbers with spaces between them. What a party learns is written in the same form.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.ir import Port
from mpcnet.agreement.guard import evaluation_of
from mpcnet.errors import ConfigError, JobRefused
from mpcnet.plan import Plan
from mpcnet.program import load_circuit

if TYPE_CHECKING:
    from mpcnet.agreement.agreement import Agreement
    from mpcnet.program import Main
    from mpcnet.session import Session

__all__ = ["circuit_main", "read_inputs", "write_outputs"]

MAX_CELL = 100_000


def circuit_main(agreement: Agreement, place: str, inputs: Path | None, output: Path | None) -> Main:
    """What `mpcnet run` awaits for a job that is a circuit.

    Args:
        agreement: the job.
        place: where the circuit is at this party; it must be the one that was signed.
        inputs: CSV file with this party's inputs; None where it gives none.
        output: where to write what this party learns; None for stdout.
    Raises:
        ConfigError: a file is missing or wrong; nothing was sent.
        JobRefused: another circuit, or more lines than the job or the policy allows.
    """
    job, me = agreement.job, agreement.me
    agreed = job.evaluations[0]
    circuit = load_circuit(place)
    owners = {port.name: port.owner for port in agreed.inputs}
    reveal_to = {port.name: list(port.to) for port in agreed.outputs}
    compute = agreed.compute if agreed.protocol == "yao" else None
    try:
        found = evaluation_of(Plan.make(circuit, job.names, owners, reveal_to, compute, protocol=agreed.protocol))
    except ConfigError as error:
        raise JobRefused(f"{place}: is another circuit than the one that was signed: {error}") from None
    if found.digest != agreed.digest:
        raise JobRefused(
            f"{place}: is another circuit than the one that was signed ({found.digest[:24]}... here, "
            f"{agreed.digest[:24]}... in {agreement.file.path.name})"
        )
    own = [port for port in circuit.inputs if owners[port.name] == me]
    learned = [port for port in circuit.outputs if me in reveal_to[port.name]]
    if own and inputs is None:
        raise ConfigError(f"give --inputs CSV with the columns {', '.join(port.name for port in own)}")
    if inputs is not None and not own:
        raise ConfigError(f"{me} gives no input to this job; leave out --inputs")
    if output is not None and not learned:
        raise ConfigError(f"{me} learns nothing from this job; leave out --output")
    values, count = read_inputs(inputs, own) if inputs is not None else ({}, None)
    if count is not None:
        agreement.check_count(count)

    async def main(session: Session) -> None:
        result = await session.evaluate(
            circuit,
            values,
            owners=owners,
            reveal_to=reveal_to,
            compute=compute,
            batch=count,
            protocol=agreed.protocol,
        )
        if learned:
            results = result if len(circuit.outputs) > 1 else (result,)
            named = {
                port.name: column for port, column in zip(circuit.outputs, results, strict=True) if port in learned
            }
            write_outputs(output, learned, named)

    return main


def read_inputs(path: Path, ports: Sequence[Port]) -> tuple[dict[str, Any], int]:
    """The values of some ports from a CSV file, and how many lines there are.

    Raises:
        ConfigError: the file is missing, a column is, or a cell does not fit its port; names line and column, and never
            the value.
    """
    columns: dict[str, list[Any]] = {port.name: [] for port in ports}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            header = reader.fieldnames or []
            missing = [name for name in columns if name not in header]
            if missing:
                raise ConfigError(f"{path}: there is no column {missing[0]!r}; the header names the own inputs")
            for row in reader:
                for port in ports:
                    columns[port.name].append(_value(port, row[port.name], f"{path}: line {reader.line_num}"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise ConfigError(f"{path}: not a CSV file in UTF-8") from None
    count = len(next(iter(columns.values()), []))
    if not count:
        raise ConfigError(f"{path}: there is no line of values")
    return columns, count


def _value(port: Port, text: str | None, where: str) -> Any:
    """One cell as the value of a port."""
    words = (text or "").split()
    wanted = int(np.prod(port.type.shape, dtype=np.int64))
    try:
        if text is None or len(text) > MAX_CELL or len(words) != wanted:
            raise ValueError
        numbers = [_number(word, fraction=port.type.scalar.frac_bits > 0) for word in words]
        value: Any = np.array(numbers, dtype=object).reshape(port.type.shape) if port.type.shape else numbers[0]
        port.type.encode(value)
    except ValueError:  # WidthError is one
        many = f"{wanted} numbers with spaces between them" if port.type.shape else "a number"
        raise ConfigError(f"{where}, column {port.name!r}: expected {many} for {port.type!r}") from None
    return value.tolist() if port.type.shape else value


def _number(word: str, *, fraction: bool) -> int | float:
    if word.lower() in ("true", "false"):
        return int(word.lower() == "true")
    return float(word) if fraction else int(word)


def write_outputs(path: Path | None, ports: Sequence[Port], values: Mapping[str, Any]) -> None:
    """Write what a party learned as CSV; to stdout where there is no path."""
    columns = [np.asarray(values[port.name]) for port in ports]
    rows = zip(*(column if column.ndim > len(port.type.shape) else column[None]
                 for port, column in zip(ports, columns, strict=True)), strict=True)  # fmt: skip
    lines = [[port.name for port in ports], *([_text(value) for value in row] for row in rows)]
    if path is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None


def _text(value: Any) -> str:
    flat = np.asarray(value).reshape(-1).tolist()
    return " ".join(str(int(number)) if isinstance(number, bool) else str(number) for number in flat)
