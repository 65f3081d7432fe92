"""Depths and dead gates, by hand and against the definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from circuits.ir import AND, ONE, XOR, Circuit, Port
from circuits.passes import and_levels, remove_dead
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
