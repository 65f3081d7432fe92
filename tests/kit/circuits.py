"""Random circuits, the slowest possible evaluator, and where published circuits may lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from circuits.ir import AND, FIRST_INPUT, ONE, XOR, Circuit, Port
from circuits.types import UInt

PUBLISHED = Path(__file__).parents[3] / "shared" / "circuits"
"""Circuits that others published, beside a checkout of this repository; tests skip where that folder is absent."""


@st.composite
def circuits(
    draw: st.DrawFn, *, max_gates: int = 40, max_ports: int = 3, max_width: int = 6, min_inputs: int = 0
) -> Circuit:
    """Valid circuits of XOR, AND and NOT gates, with all that is rare in sensible ones.

    Gates read constants, read one wire twice, are repeated or dead; outputs are inputs, constants, or one wire again;
    there may be no input, no gate or no output at all.
    """
    widths_in = draw(st.lists(st.integers(1, max_width), min_size=min_inputs, max_size=max_ports))
    widths_out = draw(st.lists(st.integers(1, max_width), max_size=max_ports))
    first = FIRST_INPUT + sum(widths_in)
    op, left, right = [], [], []
    for gate in range(draw(st.integers(0, max_gates))):
        wires = st.integers(0, first + gate - 1)
        kind = draw(st.sampled_from(("xor", "and", "not")))
        a = draw(wires)
        b = ONE if kind == "not" else draw(wires)
        if draw(st.booleans()):
            a, b = b, a
        op.append(AND if kind == "and" else XOR)
        left.append(a)
        right.append(b)
    n_outputs = sum(widths_out)
    outputs = draw(st.lists(st.integers(0, first + len(op) - 1), min_size=n_outputs, max_size=n_outputs))
    return Circuit(
        "random",
        tuple(Port(f"in{i}", UInt[width]) for i, width in enumerate(widths_in)),
        tuple(Port(f"out{i}", UInt[width]) for i, width in enumerate(widths_out)),
        np.array(op, dtype=np.uint8),
        np.array(left, dtype=np.int32),
        np.array(right, dtype=np.int32),
        np.array(outputs, dtype=np.int32),
    )


def random_bits(seed: int, batch: int, n_bits: int) -> NDArray[np.uint8]:
    """uint8 bits of shape (batch, n_bits), fixed by the seed."""
    return np.random.default_rng(seed).integers(0, 2, (batch, n_bits), dtype=np.uint8)


def evaluate_naively(circuit: Circuit, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Instance by instance, gate by gate; shape (batch, n_outputs). Shares no code with `circuits.plain`."""
    rows = []
    for instance in bits.tolist():
        value = {0: 0, 1: 1}
        for i, bit in enumerate(instance):
            value[FIRST_INPUT + i] = bit
        for gate in range(circuit.n_gates):
            a, b = value[int(circuit.left[gate])], value[int(circuit.right[gate])]
            value[circuit.first_gate + gate] = int(a == b == 1) if circuit.op[gate] == AND else int(a != b)
        rows.append([value[int(wire)] for wire in circuit.output_wires])
    return np.array(rows, dtype=np.uint8).reshape(len(bits), circuit.n_outputs)
