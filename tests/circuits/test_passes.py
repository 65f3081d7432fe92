"""Depths and dead gates, by hand and against the definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from circuits import bristol
from circuits.ir import AND, ONE, XOR, Circuit, Port
from circuits.passes import and_levels, remove_dead, simplify
from circuits.plain import evaluate_bits
from circuits.types import UInt
from tests.kit.circuits import circuits, random_bits


def small() -> Circuit:
    """in0: wires 2, 3; gates 4 = 2 & 3, 5 = 4 ^ 1, 6 = 4 & 5, 7 = 2 ^ 3; out0 = 6, 7."""
    op = np.array([AND, XOR, AND, XOR], dtype=np.uint8)
    left = np.array([2, 4, 4, 2], dtype=np.int32)
    right = np.array([3, ONE, 5, 3], dtype=np.int32)
    wires = np.array([6, 7], dtype=np.int32)
    return Circuit("small", (Port("in0", UInt[2]),), (Port("out0", UInt[2]),), op, left, right, wires)


def test_and_levels_count_only_and_gates() -> None:
    levels = and_levels(small())
    assert levels.dtype == np.int32
    assert levels.tolist() == [0, 0, 0, 0, 1, 1, 2, 0]
    assert small().and_depth == 2


def test_remove_dead_keeps_a_live_circuit() -> None:
    circuit = small()
    assert remove_dead(circuit) is circuit


def test_remove_dead_renumbers() -> None:
    circuit = small()
    one = Circuit(
        "one", circuit.inputs, (Port("out0", UInt[1]),), circuit.op, circuit.left, circuit.right, np.array([7])
    )
    live = remove_dead(one)
    assert (live.op.tolist(), live.left.tolist(), live.right.tolist()) == ([XOR], [2], [3])
    assert live.output_wires.tolist() == [4]
    assert live.inputs == one.inputs


@given(circuits())
def test_and_levels_are_the_longest_paths(circuit: Circuit) -> None:
    levels = and_levels(circuit)
    assert len(levels) == circuit.n_wires
    assert not levels[: circuit.first_gate].any()
    for gate in range(circuit.n_gates):
        deeper = max(levels[circuit.left[gate]], levels[circuit.right[gate]])
        assert levels[circuit.first_gate + gate] == deeper + (circuit.op[gate] == AND)


@given(circuits())
def test_remove_dead_leaves_what_the_outputs_read(circuit: Circuit) -> None:
    live = remove_dead(circuit)
    bits = random_bits(2, 64, circuit.n_inputs)
    np.testing.assert_array_equal(evaluate_bits(live, bits), evaluate_bits(circuit, bits))
    read = {*live.left.tolist(), *live.right.tolist(), *live.output_wires.tolist()}
    assert read >= set(range(live.first_gate, live.n_wires))
    assert remove_dead(live) is live


def test_simplify_folds_constants_and_shares_equal_gates() -> None:
    # out = (a & b) ^ (b & a), (a & 1) & (b ^ 0)
    gates = "1 1 1 2 EQ\n1 1 0 3 EQ\n2 1 0 1 4 AND\n2 1 1 0 5 AND\n2 1 4 5 8 XOR\n2 1 0 2 6 AND\n2 1 1 3 7 XOR\n"
    circuit = bristol.loads(f"8 10\n2 1 1\n1 2\n{gates}2 1 6 7 9 AND\n")
    assert circuit.and_count == 4
    simple = simplify(circuit)
    assert (simple.and_count, simple.n_gates) == (1, 1)
    assert [simple(a, b) for a in (0, 1) for b in (0, 1)] == [0, 0, 0, 2]


@given(circuits())
def test_simplify_keeps_the_function_and_the_ports(circuit: Circuit) -> None:
    simple = simplify(circuit)
    assert (simple.inputs, simple.outputs) == (circuit.inputs, circuit.outputs)
    assert simple.and_count <= circuit.and_count
    bits = random_bits(2, 64, circuit.n_inputs)
    np.testing.assert_array_equal(evaluate_bits(simple, bits), evaluate_bits(circuit, bits))
