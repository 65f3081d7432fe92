"""Gates, with constants folded and equal gates shared.

A wire of the builder is a plain integer, 2 * node + complement: node 0 is the constant 0, the inputs follow, then the
gates. So ZERO is 0, ONE is 1, and NOT is `wire ^ 1`, which makes no gate: complements slide through XOR for free, and
only those that an AND gate or an output reads become a gate XOR(x, ONE) when the circuit is built. A wire of the
builder is not a wire number of the `Circuit` it builds.

The gates live in one dict, from (left, right, operation) in a single integer to the wire: the table that finds equal
gates is also the list of all gates, in the order they were made.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitError, InvalidCircuit
from circuits.ir import AND, FIRST_INPUT, ONE, XOR, ZERO, Circuit, Port
from circuits.passes import remove_dead
from circuits.types import PortType

__all__ = ["STYLES", "Builder"]

STYLES = ("few_ands", "low_depth")
"""What library blocks optimise for: AND gates, which garbling pays for, or AND depth, which GMW pays for in rounds."""


class Builder:
    """Makes a circuit gate by gate.

        b = Builder("majority")
        x, y, z = (b.input(name, Bit)[0] for name in "xyz")
        b.output("out0", Bit, [b.xor(x, b.and_(b.xor(x, y), b.xor(x, z)))])
        circuit = b.build()

    Args:
        name: the circuit's name.
        style: which variant library blocks choose, one of STYLES.
    """

    __slots__ = ("_first", "_gates", "_inputs", "_next", "_outputs", "finished", "name", "style")

    def __init__(self, name: str = "circuit", *, style: str = "few_ands") -> None:
        if style not in STYLES:
            raise ValueError(f"style is one of {', '.join(STYLES)}, not {style!r}")
        self.name = name
        self.style = style
        self.finished = False
        self._inputs: list[Port] = []
        self._outputs: list[tuple[Port, tuple[int, ...]]] = []
        self._gates: dict[int, int] = {}
        self._first = self._next = FIRST_INPUT

    @property
    def n_gates(self) -> int:
        """Gates made so far, dead ones included."""
        return len(self._gates)

    def input(self, name: str, type: PortType) -> list[int]:
        """The wires of a new input port, least significant bit first.

        Raises:
            InvalidCircuit: a gate exists already; inputs come first.
        """
        if self._gates:
            raise InvalidCircuit(f"{self.name}: input {name!r} comes after the first gate; declare all inputs first")
        self._inputs.append(Port(name, type))
        start = self._next
        self._first = self._next = start + 2 * type.n_bits
        return list(range(start, self._next, 2))

    def output(self, name: str, type: PortType, wires: Sequence[int]) -> None:
        """Make `wires` the next output port.

        Raises:
            InvalidCircuit: the number of wires is not that of the type.
        """
        if len(wires) != type.n_bits:
            raise InvalidCircuit(f"{self.name}: output {name!r} is a {type!r}, but has {len(wires)} wires")
        self._outputs.append((Port(name, type), tuple(wires)))

    def not_(self, a: int) -> int:
        """The complement of a wire; no gate."""
        return a ^ 1

    def xor(self, a: int, b: int) -> int:
        """a ^ b."""
        sign = (a ^ b) & 1
        a &= -2
        b &= -2
        if a > b:
            a, b = b, a
        if not a:
            return b | sign
        if a == b:
            return sign
        key = (a << 32 | b) << 1
        gates = self._gates
        wire = gates.get(key)
        if wire is None:
            wire = gates[key] = self._next
            self._next = wire + 2
        return wire | sign

    def and_(self, a: int, b: int) -> int:
        """a & b."""
        if a > b:
            a, b = b, a
        if a < 2:
            return b if a else 0
        if a ^ b < 2:
            return a if a == b else 0
        key = (a << 32 | b) << 1 | 1
        gates = self._gates
        wire = gates.get(key)
        if wire is None:
            wire = gates[key] = self._next
            self._next = wire + 2
        return wire

    def or_(self, a: int, b: int) -> int:
        """a | b; one AND."""
        return self.and_(a ^ 1, b ^ 1) ^ 1

    def mux(self, condition: int, then: int, otherwise: int) -> int:
        """`then` if condition else `otherwise`; one AND at most."""
        if condition < 2:
            return then if condition else otherwise
        return self.xor(otherwise, self.and_(condition, self.xor(then, otherwise)))

    def all_(self, wires: Sequence[int]) -> int:
        """AND of all wires, as a balanced tree; ONE if there are none. len(wires) - 1 ANDs."""
        layer = list(wires)
        while len(layer) > 1:
            pairs = [self.and_(layer[i], layer[i + 1]) for i in range(0, len(layer) - 1, 2)]
            layer = pairs + layer[len(layer) & ~1 :]
        return layer[0] if layer else ONE

    def any_(self, wires: Sequence[int]) -> int:
        """OR of all wires, as a balanced tree; ZERO if there are none. len(wires) - 1 ANDs."""
        return self.all_([wire ^ 1 for wire in wires]) ^ 1

    def inline(self, circuit: Circuit, wires: Sequence[int]) -> list[int]:
        """Copy the gates of `circuit`, folding and sharing; the wires of its outputs.

        Args:
            circuit: what to copy.
            wires: one wire for each input bit of `circuit`, in the order of its ports.
        Raises:
            InvalidCircuit: the number of wires is wrong.
        """
        if len(wires) != circuit.n_inputs:
            raise InvalidCircuit(f"{circuit.name} has {circuit.n_inputs} input bits, but {len(wires)} wires are given")
        here = [ZERO, ONE, *wires]
        add, xor, and_ = here.append, self.xor, self.and_
        for op, left, right in zip(circuit.op.tolist(), circuit.left.tolist(), circuit.right.tolist(), strict=True):
            add((and_ if op else xor)(here[left], here[right]))
        return [here[wire] for wire in circuit.output_wires.tolist()]

    def build(self) -> Circuit:
        """The circuit, without the gates that no output depends on. The builder is finished after this.

        Raises:
            CircuitError: there is no output, or `build` was called before.
        """
        if self.finished:
            raise CircuitError(f"{self.name} is built already; a Builder builds one circuit")
        if not self._outputs:
            raise CircuitError(f"{self.name} has no output")
        self.finished = True
        keys = np.fromiter(self._gates, np.uint64, len(self._gates))
        self._gates = {}
        op = (keys & np.uint64(1)).astype(np.uint8)
        left = (keys >> np.uint64(33)).astype(np.int64)
        right = (keys >> np.uint64(1) & np.uint64(0xFFFFFFFF)).astype(np.int64)
        outputs = np.array([wire for _, wires in self._outputs for wire in wires], np.int64)
        gates = _place_complements(op, left, right, outputs, self._first >> 1)
        return remove_dead(Circuit(self.name, tuple(self._inputs), tuple(port for port, _ in self._outputs), *gates))


_Array = NDArray[np.int64]


def _place_complements(
    op: NDArray[np.uint8], left: _Array, right: _Array, outputs: _Array, n_fixed: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Turn builder wires into wire numbers of a Circuit, with a gate XOR(x, ONE) just before a complement's first use.

    Args:
        op, left, right: the gates; gate g drives node n_fixed + g.
        outputs: the wires of the outputs.
        n_fixed: nodes that are no gate: the constant and the inputs.
    """
    n_gates = len(op)
    n_nodes = n_fixed + n_gates
    # first_use[x]: the gate before which NOT x is placed; n_gates for outputs only, above that where nothing reads it.
    first_use = np.full(n_nodes, n_gates + 1, np.int64)
    first_use[outputs[(outputs & 1 == 1) & (outputs > 1)] >> 1] = n_gates
    for wires in (left, right):
        use = np.flatnonzero(wires & 1)
        np.minimum.at(first_use, wires[use] >> 1, use)
    complemented = np.flatnonzero(first_use <= n_gates)
    position = np.concatenate([2 * np.arange(n_gates) + 1, 2 * first_use[complemented]])
    order = np.argsort(position, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    # The Circuit's wire for each builder wire; n_fixed counts the constant once, the Circuit has two constants.
    wire_of = np.zeros(2 * n_nodes, np.int64)
    wire_of[1] = ONE
    wire_of[2 : 2 * n_fixed : 2] = np.arange(FIRST_INPUT, n_fixed + 1)
    wire_of[2 * n_fixed :: 2] = n_fixed + 1 + place[:n_gates]
    wire_of[2 * complemented + 1] = n_fixed + 1 + place[n_gates:]
    all_op = np.concatenate([op, np.full(len(complemented), XOR, np.uint8)])[order]
    all_left = np.concatenate([wire_of[left], wire_of[2 * complemented]])[order]
    all_right = np.concatenate([wire_of[right], np.full(len(complemented), ONE)])[order]
    return all_op, all_left.astype(np.int32), all_right.astype(np.int32), wire_of[outputs].astype(np.int32)


assert (XOR, AND) == (0, 1), "the builder's keys carry the operation in one bit"
