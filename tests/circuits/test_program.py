"""Programs: order, slots, runs, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest

from circuits import program as programs
from circuits.ir import AND, ONE, XOR, Circuit
from circuits.program import schedule
from tests.kit.garbling import make_circuit

ADDER = 64


def adder(n_bits: int) -> Circuit:
    """A ripple-carry adder in which all XORs that can go first do: an order that keeps many wires alive."""
    a, b, first = range(2, 2 + n_bits), range(2 + n_bits, 2 + 2 * n_bits), 2 + 2 * n_bits
    gates = [(XOR, x, y) for x, y in zip(a, b, strict=True)]
    halves = list(range(first, first + n_bits))
    carry, outputs = 0, []
    for i in range(n_bits):
        outputs.append(first + len(gates))
        gates.append((XOR, halves[i], carry))
        gates.append((XOR, a[i], carry))
        gates.append((AND, halves[i], first + len(gates) - 1))
        gates.append((XOR, a[i], first + len(gates) - 1))
        carry = first + len(gates) - 1
    return make_circuit({"a": n_bits, "b": n_bits}, gates, outputs)


def test_the_memory_order_needs_few_slots() -> None:
    program = schedule(adder(ADDER))
    assert program.and_count == ADDER - 1, "the last carry is dead"
    assert program.n_slots < 2 + 2 * ADDER + 8
    assert len(schedule(adder(ADDER)).op) < adder(ADDER).n_gates


def test_the_circuits_own_order_stays_where_it_is_better() -> None:
    """Depth first from these outputs would compute all left operands of a chain before the first right one."""
    n = 40
    first = 2 + 2
    gates = [(AND, 2, 3)]
    for i in range(n):  # one wire alive
        gates.append((AND if i % 2 else XOR, first + i, 2 + i % 2))
    circuit = make_circuit({"a": 1, "b": 1}, gates, [first + n])
    assert schedule(circuit).n_slots == 2 + 2 + 1
    assert schedule(circuit).op.tolist() == circuit.op.tolist()


def test_the_depth_order_makes_long_runs_of_independent_gates() -> None:
    n = 50
    gates: list[tuple[int, int, int]] = []
    for i in range(n):  # AND, XOR, AND, XOR, ...
        gates.append((AND, 2 + i, 2 + n + i))
        gates.append((XOR, 2 + 2 * n + 2 * i, ONE))
    circuit = make_circuit({"a": n, "b": n}, gates, [2 + 2 * n + 2 * i + 1 for i in range(n)])
    assert schedule(circuit, "depth").run_ends.tolist() == [n, 2 * n]
    assert len(schedule(circuit, "memory").run_ends) == 2 * n


def test_a_chain_of_and_gates_is_no_run() -> None:
    circuit = make_circuit({"a": 2}, [(AND, 2, 3), (AND, 4, 2), (AND, 5, 3)], [6])
    for order in ("memory", "depth"):
        assert schedule(circuit, order).run_ends.tolist() == [1, 2, 3]


def test_dead_gates_are_left_out() -> None:
    circuit = make_circuit({"a": 2}, [(AND, 2, 3), (XOR, 2, 3), (AND, 4, 4)], [5])
    program = schedule(circuit)
    assert program.n_gates == 1
    assert program.and_count == 0
    assert program.and_gates.tolist() == []


@pytest.mark.parametrize(
    ("gates", "outputs"), [([], []), ([], [0, 1, 2, 2]), ([(XOR, 2, 2)], [4]), ([(AND, 0, 1)], [4, 0])]
)
def test_circuits_with_hardly_anything_in_them(gates: list[tuple[int, int, int]], outputs: list[int]) -> None:
    for order in ("memory", "depth"):
        program = schedule(make_circuit({"a": 2}, gates, outputs), order)
        assert program.n_gates == len(gates)
        assert len(program.output_slots) == len(outputs)
        assert len(program.input_slots) == 2


def test_programs_are_kept_by_digest() -> None:
    first = schedule(adder(8))
    assert schedule(adder(8)) is first
    assert schedule(adder(8), "depth") is not first
    assert schedule(adder(9)) is not first


def test_old_programs_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "CACHED_GATES", 100)
    first = schedule(adder(20))
    for n_bits in range(30, 40):
        kept = schedule(adder(n_bits))
    assert schedule(adder(39)) is kept
    assert schedule(adder(20)) is not first


def test_very_long_circuits_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = adder(21)
    monkeypatch.setattr(programs, "MAX_REORDERED", circuit.n_gates - 1)
    program = schedule(circuit)
    assert program.op.tolist() == circuit.op.tolist()


def test_arrays_cannot_be_changed() -> None:
    program = schedule(adder(4))
    for array in (program.op, program.left, program.right, program.out, program.run_ends, program.and_gates):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert "3 AND" in repr(program)
    assert program.input_slots.dtype == program.output_slots.dtype == np.int32


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="width"):
        schedule(adder(4), "width")
