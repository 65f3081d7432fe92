"""The circuit itself: flat arrays of gates, ports at both ends, immutable and validated.

Wires are numbered. Wire 0 is the constant 0, wire 1 the constant 1; the input bits follow, port after port, least
significant bit first; gate g drives wire FIRST_INPUT + n_inputs + g and reads only wires below its own. There are two
kinds of gate, XOR and AND. NOT x is XOR of x with wire 1: in every protocol of this project it costs nothing, and no
executor needs a third case.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.errors import InvalidCircuit
from circuits.types import PortType

__all__ = ["AND", "FIRST_INPUT", "ONE", "XOR", "ZERO", "Circuit", "Port"]

XOR = 0
AND = 1
ZERO = 0  # the wire that is always 0
ONE = 1  # the wire that is always 1
FIRST_INPUT = 2


@dataclass(frozen=True)
class Port:
    """A named group of wires at one end of a circuit."""

    name: str
    type: PortType

    @property
    def n_bits(self) -> int:
        return self.type.n_bits


@dataclass(frozen=True, eq=False, repr=False)
class Circuit:
    """A Boolean circuit of XOR and AND gates.

    Called with values it evaluates itself in the clear; called with traced values, inside a function under `@circuit`,
    it becomes part of the circuit being traced.

    Args:
        name: for messages and drawings; no meaning.
        inputs: ports whose bits are wires FIRST_INPUT, FIRST_INPUT + 1, ...
        outputs: ports whose bits are `output_wires`, in order.
        op: uint8 of shape (n_gates,), XOR or AND.
        left, right: int32 of shape (n_gates,), the wires that each gate reads.
        output_wires: int32 of shape (total bits of the outputs,).
    Raises:
        InvalidCircuit: the arrays or ports contradict each other.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    op: NDArray[np.uint8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    output_wires: NDArray[np.int32]

    def __post_init__(self) -> None:
        for field, dtype in (("op", np.uint8), ("left", np.int32), ("right", np.int32), ("output_wires", np.int32)):
            array = np.array(getattr(self, field), dtype=dtype)
            array.setflags(write=False)
            object.__setattr__(self, field, array)
        object.__setattr__(self, "inputs", tuple(self.inputs))
        object.__setattr__(self, "outputs", tuple(self.outputs))
        self._validate()

    def _validate(self) -> None:
        for ports, side in ((self.inputs, "input"), (self.outputs, "output")):
            names = [port.name for port in ports]
            doubled = [name for name, count in Counter(names).items() if count > 1]
            if doubled:
                raise InvalidCircuit(f"{self.name}: {side} port {doubled[0]!r} appears more than once")
        if not self.op.ndim == self.left.ndim == self.right.ndim == self.output_wires.ndim == 1:
            raise InvalidCircuit(f"{self.name}: gate arrays must have one dimension")
        if not len(self.op) == len(self.left) == len(self.right):
            raise InvalidCircuit(
                f"{self.name}: {len(self.op)} operations, {len(self.left)} left and {len(self.right)} right wires"
            )
        if len(self.op):
            if self.op.max() > AND:
                raise InvalidCircuit(f"{self.name}: gate {int(self.op.argmax())} is neither XOR nor AND")
            own = np.arange(self.first_gate, self.n_wires, dtype=np.int64)
            for wires in (self.left, self.right):
                bad = (wires < 0) | (wires >= own)
                if bad.any():
                    gate = int(bad.argmax())
                    raise InvalidCircuit(
                        f"{self.name}: gate {gate} reads wire {int(wires[gate])}, which is not driven before it"
                    )
        n_output_bits = sum(port.n_bits for port in self.outputs)
        if len(self.output_wires) != n_output_bits:
            raise InvalidCircuit(
                f"{self.name}: the output ports have {n_output_bits} bits, but {len(self.output_wires)} wires are named"
            )
        if n_output_bits and (self.output_wires.min() < 0 or self.output_wires.max() >= self.n_wires):
            raise InvalidCircuit(f"{self.name}: an output names a wire that does not exist")

    @cached_property
    def n_inputs(self) -> int:
        """Input bits, over all ports."""
        return sum(port.n_bits for port in self.inputs)

    @property
    def n_outputs(self) -> int:
        """Output bits, over all ports."""
        return len(self.output_wires)

    @property
    def n_gates(self) -> int:
        return len(self.op)

    @property
    def first_gate(self) -> int:
        """The wire that gate 0 drives."""
        return FIRST_INPUT + self.n_inputs

    @property
    def n_wires(self) -> int:
        return self.first_gate + len(self.op)

    @cached_property
    def and_count(self) -> int:
        """AND gates: what every protocol pays for."""
        return int(np.count_nonzero(self.op == AND))

    @cached_property
    def and_depth(self) -> int:
        """AND gates on the longest path: rounds of a secret-sharing protocol."""
        from circuits.passes import and_levels

        levels = and_levels(self)
        return int(levels[self.output_wires].max(initial=0))

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that name this circuit: gates, ports and their types, but not its name."""
        ports = repr([[(p.name, repr(p.type)) for p in side] for side in (self.inputs, self.outputs)]).encode()
        h = hashlib.blake2b(digest_size=32, person=b"mpcnet-circuit")
        for part in (ports, self.op, self.left, self.right, self.output_wires):
            data = part if isinstance(part, bytes) else part.astype(part.dtype.newbyteorder("<")).tobytes()
            h.update(len(data).to_bytes(8, "little"))
            h.update(data)
        return h.digest()

    def input_slice(self, name: str) -> slice:
        """Where the bits of an input port stand among all input bits."""
        return _slice_of(self.inputs, name)

    def output_slice(self, name: str) -> slice:
        """Where the bits of an output port stand among all output bits."""
        return _slice_of(self.outputs, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate in the clear, or become part of a trace; see `circuits.plain.call`."""
        from circuits.plain import call

        return call(self, args, kwargs)

    def __repr__(self) -> str:
        ends = ", ".join(f"{p.name}: {p.type!r}" for p in self.inputs)
        results = ", ".join(repr(p.type) for p in self.outputs)
        return f"<Circuit {self.name}({ends}) -> {results}; {self.and_count} AND of {self.n_gates} gates>"


def _slice_of(ports: Sequence[Port], name: str) -> slice:
    start = 0
    for port in ports:
        if port.name == name:
            return slice(start, start + port.n_bits)
        start += port.n_bits
    raise KeyError(f"no port {name!r}; there are {', '.join(p.name for p in ports) or 'none'}")
