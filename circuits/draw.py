"""Drawings of small circuits: a graph for Graphviz, and lines of text.

NOT is drawn as a gate of its own, INV, although the circuit holds it as XOR with the constant 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from circuits.errors import CircuitError
from circuits.ir import AND, ONE, ZERO, Circuit, Port

__all__ = ["dot", "text"]

MAX_GATES = 1000


def dot(circuit: Circuit, *, max_gates: int = MAX_GATES) -> str:
    """A graph in the DOT language: ports as clusters of their bits, gates as nodes, from left to right.

    Raises:
        CircuitError: the circuit has more gates than fit a drawing.
    """
    _check_size(circuit, max_gates)
    lines = [f"digraph {_quote(circuit.name)} {{", "  rankdir=LR;", "  node [shape=box];"]
    for side, ports in (("in", circuit.inputs), ("out", circuit.outputs)):
        bit = 0
        for number, port in enumerate(ports):
            lines += [f"  subgraph cluster_{side}{number} {{", f"    label={_quote(f'{port.name}: {port.type!r}')};"]
            for i in range(port.n_bits):
                lines.append(f"    {side}{bit} [label={_quote(_bit_name(port, i))}, shape=ellipse];")
                bit += 1
            lines.append("  }")
    nodes = ["const0", "const1", *(f"in{i}" for i in range(circuit.n_inputs))]
    nodes += [f"g{gate}" for gate in range(circuit.n_gates)]
    edges = []
    for gate, (kind, wires) in enumerate(_gates(circuit)):
        lines.append(f"  g{gate} [label={kind}];")
        edges += [(wire, f"g{gate}") for wire in wires]
    edges += [(wire, f"out{bit}") for bit, wire in enumerate(circuit.output_wires.tolist())]
    used = {wire for wire, _ in edges}
    lines += [f"  const{wire} [label={wire}, shape=plaintext];" for wire in (ZERO, ONE) if wire in used]
    lines += [f"  {nodes[wire]} -> {target};" for wire, target in edges]
    return "\n".join([*lines, "}", ""])


def text(circuit: Circuit, *, max_gates: int = MAX_GATES) -> str:
    """A circuit as lines: `g3 = a[0] AND g1`, and each output bit with the wire it is.

    Raises:
        CircuitError: the circuit has more gates than anybody reads.
    """
    _check_size(circuit, max_gates)
    names = ["0", "1", *_bit_names(circuit.inputs), *(f"g{gate}" for gate in range(circuit.n_gates))]
    ends = ", ".join(f"{port.name}: {port.type!r}" for port in circuit.inputs)
    results = ", ".join(f"{port.name}: {port.type!r}" for port in circuit.outputs)
    lines = [f"{circuit.name}({ends}) -> ({results})"]
    for gate, (kind, wires) in enumerate(_gates(circuit)):
        operands = [names[wire] for wire in wires]
        right = f"INV {operands[0]}" if kind == "INV" else f" {kind} ".join(operands)
        lines.append(f"  g{gate} = {right}")
    for name, wire in zip(_bit_names(circuit.outputs), circuit.output_wires.tolist(), strict=True):
        lines.append(f"  {name} = {names[wire]}")
    return "\n".join([*lines, ""])


def _gates(circuit: Circuit) -> Iterator[tuple[str, list[int]]]:
    for op, left, right in zip(circuit.op.tolist(), circuit.left.tolist(), circuit.right.tolist(), strict=True):
        if op == AND:
            yield "AND", [left, right]
        elif ONE in (left, right):
            yield "INV", [right if left == ONE else left]
        else:
            yield "XOR", [left, right]


def _bit_names(ports: Sequence[Port]) -> list[str]:
    return [_bit_name(port, i) for port in ports for i in range(port.n_bits)]


def _bit_name(port: Port, bit: int) -> str:
    return port.name if port.n_bits == 1 else f"{port.name}[{bit}]"


def _quote(label: str) -> str:
    escaped = label.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _check_size(circuit: Circuit, max_gates: int) -> None:
    if circuit.n_gates > max_gates:
        raise CircuitError(
            f"{circuit.name} has {circuit.n_gates:,} gates, too many to draw (at most {max_gates:,}): "
            "circuits.cost.report shows its figures, circuits.bristol.dump writes all of its gates"
        )
