"""Bristol Fashion and the older Bristol Format: read and write circuits as the field publishes them.

    Bristol Fashion                      Bristol Format (old)
    n_gates n_wires                      n_gates n_wires
    n_values width width ...  (inputs)   width_1 width_2 width_out
    n_values width width ...  (outputs)
    2 1 left right out XOR               the same gates, of XOR, AND and INV only
    2 1 left right out AND
    1 1 in out INV                       NOT is read as INV
    1 1 in out EQW                       a copy of a wire
    1 1 constant out EQ                  a constant, 0 or 1
    2n n lefts... rights... outs... MAND n AND gates at once

The first wires are the inputs, value after value; the last wires are the outputs. Ports of a circuit read here are
in0, in1, ... and out0, out1, ..., each a UInt whose bit 0 is its first wire; a value of width 0 has no port.

The format asks for gates in topological order. Files that keep every other rule but this one are sorted when they are
read; a cycle is an error. Every wire must be an input or be driven by exactly one gate.

Source: N. Smart et al., "'Bristol Fashion' MPC Circuits" and its page of old circuits; the comments at the head of
Circuit.h in SCALE-MAMBA, which define EQ, EQW and MAND.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuits.errors import BristolError
from circuits.ir import AND, FIRST_INPUT, ONE, XOR, ZERO, Circuit, Port
from circuits.tokens import Lines, tokenize, word_key
from circuits.types import UInt

__all__ = ["MAX_PORT_BITS", "dump", "dumps", "load", "loads"]

MAX_PORT_BITS = 1 << 20
"""A file that claims more input or output bits than this is refused before anything of that size is allocated."""

_INV, _EQ, _EQW, _MAND = 2, 3, 4, 5  # beside XOR and AND
_KINDS = {"XOR": XOR, "AND": AND, "INV": _INV, "NOT": _INV, "EQ": _EQ, "EQW": _EQW, "MAND": _MAND}
_SHAPES = {
    XOR: "'2 1 left right out XOR'",
    AND: "'2 1 left right out AND'",
    _INV: "'1 1 in out INV'",
    _EQ: "'1 1 constant out EQ'",
    _EQW: "'1 1 in out EQW'",
    _MAND: "'2n n lefts... rights... outs... MAND'",
}


class _Header(NamedTuple):
    n_gates: int
    n_wires: int
    inputs: list[int]
    outputs: list[int]
    n_lines: int  # lines that the header takes


class _Gates(NamedTuple):
    """Gates of a file, MAND taken apart, wires numbered as in the file."""

    kind: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]  # equal to left where a gate reads one wire
    out: NDArray[np.int64]
    line: NDArray[np.int64]  # the number of each gate's line in the file

    def take(self, order: NDArray[np.int64]) -> _Gates:
        return _Gates(*(array[order] for array in self))


def load(source: str | os.PathLike[str] | IO[Any]) -> Circuit:
    """Read a circuit from a path or an open file, in either format.

    Returns:
        A circuit with the gates of the file, one for one; EQ and EQW become constants and aliases.
    Raises:
        BristolError: the file is malformed; names the line and the reason.
        OSError: the file cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        return loads(Path(source).read_bytes(), name=Path(source).stem)
    return loads(source.read(), name=Path(str(getattr(source, "name", "bristol"))).stem)


def loads(text: str | bytes, *, name: str = "bristol") -> Circuit:
    """Read a circuit from text; see `load`."""
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogatepass")
    lines = tokenize(text)
    header = _read_header(lines)
    gates = _read_gates(lines, header)
    driver = _check_wires(gates, header, int(lines.number[0]))
    gates = _in_order(gates, driver)
    return _build(name, header, gates)


def dump(circuit: Circuit, path: str | os.PathLike[str], old_format: bool = False) -> None:
    """Write a circuit to a file; see `dumps`."""
    Path(path).write_text(dumps(circuit, old_format=old_format), encoding="ascii", newline="\n")


def dumps(circuit: Circuit, *, old_format: bool = False) -> str:
    """A circuit as text, in Bristol Fashion or the old Bristol Format.

    Only XOR, AND and INV are written, which every reader knows. An output that is an input, or that is the same wire
    as another output, becomes two INV gates in a row; a constant becomes XOR of the first input with itself. (A
    circuit without any input has nothing to make a constant from: its constants are written as EQ, in Fashion only.)
    AND gates are never added. Names and types of ports are not part of the format and are lost.

    Raises:
        BristolError: the old format cannot hold this circuit.
    """
    n_inputs, first_gate, outputs = circuit.n_inputs, circuit.first_gate, circuit.output_wires.tolist()
    if old_format and (len(circuit.inputs) > 2 or len(circuit.outputs) > 1):
        raise BristolError(
            f"the old format holds at most two input values and one output value; {circuit.name} has "
            f"{len(circuit.inputs)} and {len(circuit.outputs)}: write it in Bristol Fashion"
        )
    inverted = (circuit.op == XOR) & ((circuit.left == ONE) | (circuit.right == ONE))
    reads = np.where(circuit.left == ONE, circuit.right, circuit.left)
    constants = bool(
        (circuit.output_wires < FIRST_INPUT).any()
        or (reads[inverted] < FIRST_INPUT).any()
        or (np.minimum(circuit.left, circuit.right)[~inverted] < FIRST_INPUT).any()
    )
    if constants and not n_inputs and old_format:
        raise BristolError(f"the old format cannot hold constants without inputs: write {circuit.name} in Fashion")

    claimed: dict[int, int] = {}  # gate wire -> the output bit that carries its number
    for bit, wire in enumerate(outputs):
        if wire >= first_gate:
            claimed.setdefault(wire, bit)
    # Two INV for each output that cannot carry a gate's number, one where it is a constant.
    n_copies = sum(1 if w < FIRST_INPUT else 2 for b, w in enumerate(outputs) if claimed.get(w) != b)
    n_gates = 2 * constants + circuit.n_gates + n_copies
    n_wires = n_inputs + n_gates
    first_output = n_wires - len(outputs)
    fresh = iter(range(n_inputs, first_output))

    number = [0, 0, *range(n_inputs)]
    body: list[str] = []
    if constants:
        number[ZERO], number[ONE] = next(fresh), next(fresh)
        zero = f"2 1 0 0 {number[ZERO]} XOR" if n_inputs else f"1 1 0 {number[ZERO]} EQ"
        body += [zero, f"1 1 {number[ZERO]} {number[ONE]} INV"]
    columns = (inverted, reads, circuit.left, circuit.right, circuit.op)
    for inv, read, left, right, op in zip(*(column.tolist() for column in columns), strict=True):
        claim = claimed.get(len(number))
        out = next(fresh) if claim is None else first_output + claim
        if inv:
            body.append(f"1 1 {number[read]} {out} INV")
        else:
            body.append(f"2 1 {number[left]} {number[right]} {out} {'AND' if op == AND else 'XOR'}")
        number.append(out)
    for bit, wire in enumerate(outputs):
        if claimed.get(wire) == bit:
            continue
        if wire < FIRST_INPUT:
            inverse = number[ONE - wire]
        else:
            inverse = next(fresh)
            body.append(f"1 1 {number[wire]} {inverse} INV")
        body.append(f"1 1 {inverse} {first_output + bit} INV")

    widths_in, widths_out = ([port.n_bits for port in side] for side in (circuit.inputs, circuit.outputs))
    if old_format:
        ends = [" ".join(map(str, [*widths_in, 0, 0][:2] + (widths_out or [0])))]
    else:
        ends = [" ".join(map(str, [len(widths), *widths])) for widths in (widths_in, widths_out)]
    return "\n".join([f"{n_gates} {n_wires}", *ends, "", *body, ""])


def _read_header(lines: Lines) -> _Header:
    if not len(lines):
        raise BristolError("the file is empty; expected the numbers of gates and wires")
    counts = lines.row(0)
    if len(counts) != 2:
        raise BristolError(f"expected two numbers, of gates and of wires; found {len(counts)}", int(lines.number[0]))
    if len(lines) < 2:
        raise BristolError("the file ends after its first line; expected the widths of the inputs")
    second = lines.row(1)
    # Fashion has a third line of numbers; in the old format the gates begin here, each ending in a word.
    third_is_numbers = len(lines) > 2 and lines.is_number(int(lines.first[2] + lines.count[2]) - 1)
    if len(second) == 3 and not third_is_numbers and (len(lines) > 2 or counts[0] == 0):
        inputs, outputs, n_lines = second[:2].tolist(), second[2:].tolist(), 2
    else:
        if len(lines) < 3:
            raise BristolError("the file ends before the line that gives the widths of the outputs")
        inputs, outputs, n_lines = _widths(lines, 1, "input"), _widths(lines, 2, "output"), 3
    header = _Header(int(counts[0]), int(counts[1]), inputs, outputs, n_lines)
    for side, widths in (("input", inputs), ("output", outputs)):
        number = int(lines.number[n_lines - 1])
        if sum(widths) > MAX_PORT_BITS:
            raise BristolError(f"{sum(widths)} {side} wires are more than the {MAX_PORT_BITS} supported", number)
        if sum(widths) > header.n_wires:
            raise BristolError(f"{sum(widths)} {side} wires, but the circuit has only {header.n_wires} wires", number)
    return header


def _widths(lines: Lines, line: int, side: str) -> list[int]:
    row = lines.row(line)
    if row[0] != len(row) - 1:
        raise BristolError(
            f"expected the number of {side} values and then that many widths; found {row[0]} and {len(row) - 1} widths",
            int(lines.number[line]),
        )
    return [int(width) for width in row[1:]]


def _read_gates(lines: Lines, header: _Header) -> _Gates:
    skip = header.n_lines
    number, first, count = lines.number[skip:], lines.first[skip:], lines.count[skip:]
    words = lines.words(first + count - 1)
    kind = np.full(len(number), -1, dtype=np.int64)
    for word, code in _KINDS.items():
        kind[words == word_key(word)] = code
    if (kind < 0).any():
        at = int((kind < 0).argmax())
        found = lines.text(int(first[at] + count[at]) - 1)
        raise BristolError(f"expected a gate that ends in {', '.join(_KINDS)}; found {found!r}", int(number[at]))
    if len(number) != header.n_gates:
        line = int(number[header.n_gates]) if len(number) > header.n_gates else int(number[-1]) if len(number) else 0
        raise BristolError(f"the header promises {header.n_gates} gates, but the file has {len(number)}", line)

    tokens = np.arange(first[0] if len(first) else 0, len(lines.starts) if len(first) else 0)
    is_number = np.ones(len(tokens), dtype=bool)
    origin = tokens[0] if len(tokens) else 0
    is_number[first + count - 1 - origin] = False
    values = np.zeros(len(tokens), dtype=np.int64)
    values[is_number] = lines.numbers(tokens[is_number])
    first = first - origin

    # Lines of one or two fields are wrong in any case; look only inside the line.
    n_in = np.where(count > 2, values[first], -1)
    n_out = np.where(count > 2, values[np.minimum(first + 1, max(len(values) - 1, 0))], -1)
    many = kind == _MAND
    n_and = np.where(many, n_out, 1)
    expected_in = np.where(many, 2 * n_out, np.where(kind >= _INV, 1, 2))
    bad = (n_in != expected_in) | (n_out != n_and) | (n_out < 1) | (count != n_in + n_out + 3)
    if bad.any():
        at = int(bad.argmax())
        raise BristolError(f"expected {_SHAPES[int(kind[at])]}; the numbers do not fit that", int(number[at]))

    row = np.repeat(np.arange(len(number)), n_and) if many.any() else np.arange(len(number))
    offset = np.arange(len(row)) - np.repeat(np.cumsum(n_and) - n_and, n_and)
    left = first[row] + 2 + offset
    right = left + (n_in - n_and)[row]
    out = first[row] + 2 + n_in[row] + offset
    kind = np.where(many, AND, kind)
    return _Gates(kind[row], values[left], values[right], values[out], number[row])


def _check_wires(gates: _Gates, header: _Header, first_line: int) -> NDArray[np.int64]:
    """Which gate drives each wire, -1 for inputs; every wire is driven exactly once, or BristolError says where not."""
    n_inputs, n_wires = sum(header.inputs), header.n_wires
    constant = gates.kind == _EQ
    for wires, what, limit in (
        (gates.left, "reads", np.where(constant, 2, n_wires)),
        (gates.right, "reads", np.where(constant, 2, n_wires)),
        (gates.out, "drives", n_wires),
    ):
        bad = wires >= limit
        if bad.any():
            at = int(bad.argmax())
            reason = "a constant is 0 or 1" if what == "reads" and constant[at] else f"wires end at {n_wires - 1}"
            raise BristolError(f"the gate {what} {wires[at]}, but {reason}", int(gates.line[at]))
    bad = gates.out < n_inputs
    if bad.any():
        at = int(bad.argmax())
        raise BristolError(f"the gate drives wire {gates.out[at]}, which is an input", int(gates.line[at]))
    # Bounded by what the file holds, not by what its header claims.
    n_known = min(n_wires, n_inputs + len(gates.out) + 1)
    driver = np.full(n_known, -1, dtype=np.int64)
    index = np.arange(len(gates.out))
    known = gates.out < n_known
    driver[gates.out[known]] = index[known]
    doubled = driver[gates.out[known]] != index[known]
    if doubled.any():
        again = int(driver[gates.out[known][int(doubled.argmax())]])
        wire = gates.out[again]
        before = int(gates.line[int((gates.out == wire).argmax())])
        raise BristolError(f"the gate drives wire {wire}, which line {before} drives already", int(gates.line[again]))
    if n_inputs + len(gates.out) < n_wires:
        undriven = n_inputs + int((driver[n_inputs:] < 0).argmax())
        readers = ((gates.left == undriven) & ~constant) | ((gates.right == undriven) & ~constant)
        line = int(gates.line[int(readers.argmax())]) if readers.any() else first_line
        raise BristolError(
            f"wire {undriven} is neither an input nor driven by any gate; the header promises {n_wires} wires, "
            f"inputs and gates make {n_inputs + len(gates.out)}",
            line,
        )
    return driver


def _in_order(gates: _Gates, driver: NDArray[np.int64]) -> _Gates:
    """The gates, each after those it reads: as they are, or sorted if the file has them otherwise."""
    constant = gates.kind == _EQ
    left, right = (np.where(constant, -1, driver[np.where(constant, 0, w)]) for w in (gates.left, gates.right))
    own = np.arange(len(gates.kind))
    for wires, drivers in ((gates.left, left), (gates.right, right)):
        bad = (drivers >= 0) & (gates.line[drivers] == gates.line)
        if bad.any():
            at = int(bad.argmax())
            raise BristolError(f"the gate reads wire {wires[at]}, which it drives itself", int(gates.line[at]))
    if ((left < own) & (right < own)).all():
        return gates
    return gates.take(_sorted(left.tolist(), right.tolist(), gates))


def _sorted(left: list[int], right: list[int], gates: _Gates) -> NDArray[np.int64]:
    """A topological order that keeps to the order of the file where it can; left and right are driving gates."""
    unseen, open_, done = 0, 1, 2
    state = [unseen] * len(left)
    order: list[int] = []
    for root in range(len(left)):
        stack = [root]
        while stack:
            gate = stack[-1]
            if state[gate] == done:
                stack.pop()
                continue
            waiting = [g for g in (left[gate], right[gate]) if g >= 0 and state[g] != done]
            if not waiting:
                state[gate] = done
                order.append(stack.pop())
                continue
            state[gate] = open_
            for needed in waiting:
                if state[needed] == open_:
                    line = int(gates.line[gate])
                    raise BristolError(f"the gate reads wire {gates.out[needed]}, which depends on this gate", line)
            stack += waiting
    return np.array(order, dtype=np.int64)


def _build(name: str, header: _Header, gates: _Gates) -> Circuit:
    """Renumber the wires of a checked file."""
    n_inputs, n_wires = sum(header.inputs), header.n_wires
    real = gates.kind <= _INV
    wire = np.zeros(n_wires, dtype=np.int64)
    wire[:n_inputs] = np.arange(FIRST_INPUT, FIRST_INPUT + n_inputs)
    wire[gates.out[real]] = FIRST_INPUT + n_inputs + np.arange(np.count_nonzero(real))
    constant = gates.kind == _EQ
    wire[gates.out[constant]] = gates.left[constant]
    copies = gates.kind == _EQW
    if copies.any():
        # Chains of copies halve in each round; sorted gates have no cycle.
        source = np.arange(n_wires)
        source[gates.out[copies]] = gates.left[copies]
        while not np.array_equal(source, further := source[source]):
            source = further
        wire = wire[source]
    inverted = gates.kind[real] == _INV
    return Circuit(
        name,
        tuple(Port(f"in{i}", UInt[width]) for i, width in enumerate(header.inputs) if width),
        tuple(Port(f"out{i}", UInt[width]) for i, width in enumerate(header.outputs) if width),
        np.where(inverted, XOR, gates.kind[real]).astype(np.uint8),
        wire[gates.left[real]].astype(np.int32),
        np.where(inverted, ONE, wire[gates.right[real]]).astype(np.int32),
        wire[n_wires - sum(header.outputs) :].astype(np.int32),
    )
