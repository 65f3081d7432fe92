"""What a circuit costs: gates, depth, width, and bytes on the wire by protocol.

    half gates   two parties, a constant number of rounds. 32 bytes for each AND gate (Zahur, Rosulek, Evans, Eurocrypt
                 2015), XOR and NOT free. A garbler's input bit costs nothing: labels are expanded from a seed. An
                 evaluator's input bit is a correlated OT: kappa / k bits for the extension (SoftSpokenOT, ePrint
                 2022/192), 16 bytes to correct the messages and 1 bit to correct the choice.
    GMW          two parties, a round for each AND level. For each AND gate each party opens 2 bits; the triple behind
                 it takes two random OTs, kappa / k bits each.

Figures are for one instance, both directions together, without the base OTs and the framing of messages.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from circuits.ir import AND, ONE, Circuit, Port
from circuits.passes import and_levels

__all__ = ["CostReport", "PortCost", "report"]

KAPPA = 128
LABEL_BYTES = 16
TABLE_BYTES = 2 * LABEL_BYTES


@dataclass(frozen=True)
class PortCost:
    """One port: `type` as text, such as "UInt[32]"."""

    name: str
    type: str
    n_bits: int


@dataclass(frozen=True)
class CostReport:
    """The cost of one instance of a circuit.

    and_width is the largest number of AND gates at one level; not_count counts XOR gates with the constant 1, and
    xor_count the others.
    """

    name: str
    inputs: tuple[PortCost, ...]
    outputs: tuple[PortCost, ...]
    and_count: int
    xor_count: int
    not_count: int
    and_depth: int
    and_width: int
    half_gates_table_bytes: int
    half_gates_evaluator_bit_bytes: float
    gmw_rounds: int
    gmw_online_bytes: float
    gmw_triple_bytes: float
    ot_k: int

    def as_dict(self) -> dict[str, Any]:
        """Plain dictionaries, lists and numbers, ready for JSON."""
        plain = asdict(self)
        plain["inputs"], plain["outputs"] = list(plain["inputs"]), list(plain["outputs"])
        return plain

    def text(self) -> str:
        """The report for a reader, some ten lines."""
        ends = ", ".join(f"{port.name}: {port.type}" for port in self.inputs)
        results = ", ".join(port.type for port in self.outputs)
        n_in, n_out = (sum(port.n_bits for port in side) for side in (self.inputs, self.outputs))
        for_bits = (
            f"and {self.half_gates_evaluator_bit_bytes:g} B for each input bit of the evaluator (k = {self.ot_k})"
        )
        for_rounds = f"in {self.gmw_rounds:,} rounds, after {self.gmw_triple_bytes:,.0f} B for triples"
        rows = [
            ("input bits", f"{n_in:,}", ""),
            ("output bits", f"{n_out:,}", ""),
            ("AND", f"{self.and_count:,}", f"depth {self.and_depth:,}, at most {self.and_width:,} at one level"),
            ("XOR", f"{self.xor_count:,}", "free"),
            ("NOT", f"{self.not_count:,}", "free"),
            ("half gates", f"{self.half_gates_table_bytes:,} B", for_bits),
            ("GMW", f"{self.gmw_online_bytes:,.0f} B", for_rounds),
        ]
        width = max(len(value) for _, value, _ in rows)
        body = [f"  {label:<11}  {value:>{width}}  {note}".rstrip() for label, value, note in rows]
        return "\n".join([f"{self.name}({ends}) -> {results or 'nothing'}", *body])


def report(circuit: Circuit, *, k: int = 2) -> CostReport:
    """Count what a circuit costs.

    Args:
        k: the parameter of the OT extension; larger k means fewer bytes and more computing.
    Raises:
        ValueError: k is not from 1 to 8.
    """
    if not 1 <= k <= 8:
        raise ValueError(f"k must be from 1 to 8, not {k}")
    is_and = circuit.op == AND
    inverts = ~is_and & ((circuit.left == ONE) | (circuit.right == ONE))
    levels = and_levels(circuit)[circuit.first_gate :][is_and]
    n_and, n_not = circuit.and_count, int(np.count_nonzero(inverts))
    ot_bytes = KAPPA / k / 8
    return CostReport(
        name=circuit.name,
        inputs=_ports(circuit.inputs),
        outputs=_ports(circuit.outputs),
        and_count=n_and,
        xor_count=circuit.n_gates - n_and - n_not,
        not_count=n_not,
        and_depth=circuit.and_depth,
        and_width=int(np.bincount(levels).max(initial=0)),
        half_gates_table_bytes=TABLE_BYTES * n_and,
        half_gates_evaluator_bit_bytes=ot_bytes + LABEL_BYTES + 1 / 8,
        gmw_rounds=circuit.and_depth,
        gmw_online_bytes=2 * 2 * n_and / 8,
        gmw_triple_bytes=2 * ot_bytes * n_and,
        ot_k=k,
    )


def _ports(ports: tuple[Port, ...]) -> tuple[PortCost, ...]:
    return tuple(PortCost(port.name, repr(port.type), port.n_bits) for port in ports)
