"""Passes over a finished circuit: depth of each wire, removal of gates that nothing reads, folding.

A pass is one tight loop: a circuit of 100,000 gates takes some 20 ms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuits.ir import Circuit

__all__ = ["and_levels", "remove_dead", "simplify"]


def and_levels(circuit: Circuit) -> NDArray[np.int32]:
    """AND gates on the longest path from a constant or an input to each wire.

    Returns:
        int32 of shape (n_wires,); constants and inputs are at level 0, XOR gates at the level of their deeper input,
        AND gates one above it.
    """
    level = [0] * circuit.first_gate
    add = level.append
    # XOR = 0 and AND = 1: the operation is the step in depth.
    for step, left, right in zip(circuit.op.tolist(), circuit.left.tolist(), circuit.right.tolist(), strict=True):
        a, b = level[left], level[right]
        add((a if a > b else b) + step)
    return np.array(level, dtype=np.int32)


def remove_dead(circuit: Circuit) -> Circuit:
    """The same circuit without the gates that no output depends on.

    Ports stay as they are, also those whose bits are never read; the remaining gates keep their order. A circuit that
    has no dead gates is returned itself.
    """
    first = circuit.first_gate
    alive = bytearray(circuit.n_wires)
    for wire in circuit.output_wires.tolist():
        alive[wire] = 1
    left, right = circuit.left.tolist(), circuit.right.tolist()
    for gate in range(circuit.n_gates - 1, -1, -1):
        if alive[first + gate]:
            alive[left[gate]] = alive[right[gate]] = 1
    alive[:first] = b"\x01" * first
    keep = np.frombuffer(alive, dtype=np.uint8).astype(bool)
    if keep.all():
        return circuit
    renumber = np.cumsum(keep, dtype=np.int32) - np.int32(1)
    kept = keep[first:]
    return Circuit(
        circuit.name,
        circuit.inputs,
        circuit.outputs,
        circuit.op[kept],
        renumber[circuit.left[kept]],
        renumber[circuit.right[kept]],
        renumber[circuit.output_wires],
    )


def simplify(circuit: Circuit) -> Circuit:
    """The same function with constants folded, equal gates shared and dead gates removed.

    For circuits that come from files: those made in the circuit language are in this form already. Where that saves
    neither AND gates nor gates in all, only the dead gates go and the rest stays in place. (Folding moves NOT gates to
    where they are read, which can make more of them.)
    """
    from circuits.builder import Builder

    live = remove_dead(circuit)
    if not circuit.outputs:
        return live
    builder = Builder(circuit.name)
    wires = [wire for port in circuit.inputs for wire in builder.input(port.name, port.type)]
    results = iter(builder.inline(live, wires))
    for port in circuit.outputs:
        builder.output(port.name, port.type, [next(results) for _ in range(port.n_bits)])
    folded = builder.build()
    return min(live, folded, key=lambda c: (c.and_count, c.n_gates))
