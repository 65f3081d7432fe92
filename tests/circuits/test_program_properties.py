"""A program computes what its circuit does, in both orders, and keeps its promises about slots and runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import bristol
from circuits.ir import AND, FIRST_INPUT, Circuit
from circuits.program import Order, Program, schedule
from tests.kit.circuits import PUBLISHED, circuits, evaluate_naively, random_bits

ORDERS = st.sampled_from(("memory", "depth", "rounds"))


def execute(program: Program, bits: np.ndarray) -> np.ndarray:
    """All instances, slot by slot."""
    slots = np.full((program.n_slots, len(bits)), 9, np.uint8)  # no bit: a slot read before it is written shows
    slots[0], slots[1] = 0, 1
    slots[program.input_slots] = bits.T
    for op, a, b, c in zip(program.op, program.left, program.right, program.out, strict=True):
        slots[c] = slots[a] & slots[b] if op == AND else slots[a] ^ slots[b]
    return slots[program.output_slots].T


@given(circuits(max_gates=60), ORDERS, st.integers(0, 2**32))
def test_it_computes_what_the_circuit_does(circuit: Circuit, order: Order, seed: int) -> None:
    program = schedule(circuit, order)
    bits = random_bits(seed, 5, circuit.n_inputs)
    assert (execute(program, bits) == evaluate_naively(circuit, bits)).all()
    assert program.and_count <= circuit.and_count
    assert program.n_slots <= circuit.n_wires
    assert len(set(program.input_slots.tolist())) == circuit.n_inputs
    assert not set(program.out.tolist()) & {0, 1}
    assert not set(program.input_slots.tolist()) & {0, 1}


@given(circuits(max_gates=60), ORDERS)
def test_runs_cover_the_gates_and_hold_independent_ones(circuit: Circuit, order: Order) -> None:
    program = schedule(circuit, order)
    start = 0
    for end in program.run_ends.tolist():
        assert end > start
        run = slice(start, end)
        assert len(set(program.op[run].tolist())) == 1
        if program.op[start] == AND:
            written: set[int] = set()
            for a, b, c in zip(program.left[run], program.right[run], program.out[run], strict=True):
                assert int(a) not in written
                assert int(b) not in written
                written.add(int(c))
        start = end
    assert start == program.n_gates


@pytest.mark.parametrize(
    ("name", "most_slots"), [("aes_128", 600), ("mult64", 450), ("udivide64", 280), ("sha256", 1400)]
)
def test_published_circuits_stay_small(name: str, most_slots: int) -> None:
    if not PUBLISHED.exists():
        pytest.skip("the published circuits are not beside this checkout")
    circuit = bristol.load(PUBLISHED / f"{name}.txt")
    program = schedule(circuit)
    assert FIRST_INPUT + circuit.n_inputs <= program.n_slots <= most_slots
    bits = random_bits(1, 8, circuit.n_inputs)
    from circuits.plain import evaluate_bits

    expected = evaluate_bits(circuit, bits)
    assert (execute(program, bits) == expected).all()
    assert (execute(schedule(circuit, "depth"), bits) == expected).all()
