"""Circuits for tests: random ones, ones from lambdas with values to try them on, and where published ones may lie."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from circuits import Circuit, circuit
from circuits.ir import AND, FIRST_INPUT, ONE, XOR, Port
from circuits.plain import evaluate_bits
from circuits.types import BitType, FixedType, IntType, PortType, ScalarType, UInt, UIntType

PUBLISHED = Path(__file__).parents[3] / "shared" / "circuits"
"""Circuits that others published, beside a checkout of this repository; tests skip where that folder is absent."""

WIDTHS = st.one_of(st.integers(1, 10), st.integers(1, 40), st.sampled_from([1, 2, 63, 64, 65, 70]))
UINTS = WIDTHS.map(UIntType)
INTS = WIDTHS.map(IntType)
INTEGERS = st.one_of(UINTS, INTS, st.just(BitType()))
SMALL_INTEGERS = st.one_of(st.integers(1, 12).map(UIntType), st.integers(1, 12).map(IntType), st.just(BitType()))
FIXED = st.tuples(st.integers(1, 24), st.integers(0, 12)).map(lambda key: FixedType(*key))


def trace(function: Callable[..., Any], *types: PortType) -> Circuit:
    """The circuit of a function of positional parameters, whose types are given beside it."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    function.__annotations__ = dict(zip(names, types, strict=True))
    return circuit(function)


def edges(type: ScalarType) -> list[int]:
    """The raw integers where arithmetic goes wrong first."""
    wanted = [type.low, type.low + 1, -2, -1, 0, 1, 2, 3, type.high // 2, type.high // 2 + 1, type.high - 1, type.high]
    return sorted({value for value in wanted if type.low <= value <= type.high})


def raws(type: ScalarType) -> st.SearchStrategy[int]:
    return st.one_of(st.sampled_from(edges(type)), st.integers(type.low, type.high))


def run(made: Circuit, rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """Raw integers of the outputs, for each row of raw integers of the inputs (scalar ports only)."""
    columns = list(zip(*rows, strict=True))
    bits = [
        port.type.scalar.to_bits(np.array(list(column), dtype=object))
        for port, column in zip(made.inputs, columns, strict=True)
    ]
    found = evaluate_bits(made, np.concatenate(bits, axis=1))
    results, start = [], 0
    for port in made.outputs:
        results.append(port.type.scalar.raw_from_bits(found[:, start : start + port.n_bits]).tolist())
        start += port.n_bits
    return [list(map(int, row)) for row in zip(*results, strict=True)]


def pairs(*types: ScalarType, extra: Sequence[Sequence[int]] = ()) -> list[tuple[int, ...]]:
    """All combinations of edge values, and some more."""
    return [*itertools.product(*map(edges, types)), *map(tuple, extra)]


def number(type: ScalarType, raw: int) -> Any:
    """The value a raw integer stands for: an int, a Fraction for Fixed."""
    return Fraction(raw, 1 << type.frac_bits) if isinstance(type, FixedType) else raw


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
