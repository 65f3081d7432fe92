"""The kernels of three halves, on every path, against plain Python, bit for bit; stopping and going on; refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.ir import AND, ONE, XOR, Circuit
from circuits.program import Order, Program, schedule
from protocols.kernels import cpu, garble
from protocols.kernels import garble_three_halves as kernels
from tests.kit.circuits import circuits
from tests.kit.garbling import Labels, make_circuit, random_labels
from tests.kit.three_halves import evaluate_plainly, garble_plainly
from tests.protocols.test_kernels_garble import cuts_of, from_wires, program_of, to_wires, words

PATHS = cpu.available()
each_path = pytest.mark.parametrize("path", PATHS)
START, FIRST_ID, SECRET = 0xFEDCBA98765432100123456789ABCDEF, 5, 0x0F1E2D3C4B5A69788796A5B4C3D2E1F0
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64)


def garble_fast(
    program: Program, labels: Labels, delta: int, first_id: int = FIRST_ID, cuts: tuple[int, ...] = ()
) -> tuple[bytes, kernels.Words]:
    wires, n = to_wires(labels), len(labels[0])
    tables = b""
    for first, last, before, within in cuts_of(program, list(cuts)):
        buffer = np.full(25 * n * within + kernels.SLACK + 8, 0xA5, np.uint8)
        counter = 3 * (first_id + before)
        secrets = (*words(delta), *words(SECRET))
        kernels.garble_gates(program, first, last, wires, n, secrets, words(START), counter, buffer[:-8])
        assert (buffer[-8:] == 0xA5).all(), "wrote behind the slack"
        tables += buffer[: 25 * n * within].tobytes()
    return tables, wires


def evaluate_fast(program: Program, labels: Labels, tables: bytes, cuts: tuple[int, ...] = ()) -> kernels.Words:
    wires, n = to_wires(labels), len(labels[0])
    for first, last, before, within in cuts_of(program, list(cuts)):
        part = np.frombuffer(tables, np.uint8)[25 * n * before : 25 * n * (before + within)]
        kernels.evaluate_gates(program, first, last, wires, n, words(START), 3 * (FIRST_ID + before), part)
    return wires


def check(program: Program, n: int, seed: int, cuts: tuple[int, ...] = (), paths: tuple[cpu.Path, ...] = ()) -> None:
    """Garble and evaluate on some paths, by default that in use, and in plain Python, from the same labels."""
    rng = np.random.default_rng(seed)
    delta = int.from_bytes(rng.bytes(16), "little") | 1
    zero = random_labels(rng, program, n, delta)
    plain = [list(row) for row in zero]
    expected = garble_plainly(program, plain, delta, SECRET, START, FIRST_ID)
    outputs = program.output_slots.tolist()
    bits = rng.integers(0, 2, (program.n_slots, n)).tolist()
    active = [[label ^ bit * delta for label, bit in zip(*rows, strict=True)] for rows in zip(zero, bits, strict=True)]
    active[0] = active[1] = [0] * n
    plain_active = [list(row) for row in active]
    evaluate_plainly(program, plain_active, START, FIRST_ID, expected)
    for path in paths or (cpu.path(),):
        with cpu.use(path):
            tables, wires = garble_fast(program, zero, delta, cuts=cuts)
            assert tables == expected
            assert from_wires(wires, outputs, n) == [plain[slot] for slot in outputs]
            wires = evaluate_fast(program, active, expected, cuts)
            assert from_wires(wires, outputs, n) == [plain_active[slot] for slot in outputs]


@given(circuits(max_gates=30), st.integers(1, 12), st.integers(0, 2**32), st.data())
@settings(max_examples=40, deadline=None)
def test_every_path_agrees_with_plain_python(circuit: Circuit, n: int, seed: int, data: st.DataObject) -> None:
    program = schedule(circuit, "depth" if n == 1 else "memory")
    cuts = data.draw(st.lists(st.integers(0, program.n_gates), max_size=3))
    check(program, n, seed, tuple(cuts), PATHS)


@pytest.mark.parametrize("n", SIZES)
def test_every_width_of_a_tile(n: int) -> None:
    check(program_of(9), n, n, (), PATHS)


@pytest.mark.parametrize("order", ["memory", "depth"])
def test_one_instance_over_many_runs_and_keys(order: Order) -> None:
    check(program_of(60, order), 1, 3, (), PATHS)


@pytest.mark.parametrize("n_ands", range(1, 20))
def test_runs_of_every_length(n_ands: int) -> None:
    gates = [(AND, 2 + i, 2 + (i + 1) % 20) for i in range(n_ands)]
    program = schedule(make_circuit({"a": 20}, gates, [22 + i for i in range(n_ands)]), "depth")
    assert program.run_ends.tolist() == [n_ands]
    check(program, 1, n_ands, (), PATHS)
    check(program, 1, n_ands, (n_ands // 3, n_ands // 2), PATHS)


@pytest.mark.parametrize("n", [1, 5, 64])
def test_it_stops_anywhere_and_goes_on(n: int) -> None:
    program = program_of(12, "depth" if n == 1 else "memory")
    check(program, n, 7, (0, 1, 2, 3, 9, 9, program.n_gates), PATHS)


@each_path
def test_one_instance_in_a_wide_row_is_one_instance(path: cpu.Path) -> None:
    """The kernel for tiles and that for one instance, on the same labels."""
    program = program_of(11)
    rng = np.random.default_rng(4)
    delta = int.from_bytes(rng.bytes(16), "little") | 1
    zero = random_labels(rng, program, 1, delta)
    wide = kernels.new_wires(program.n_slots, 8)
    wide[:, :1] = to_wires(zero)
    buffer = np.empty(25 * program.and_count + kernels.SLACK, np.uint8)
    with cpu.use(path):
        tables, wires = garble_fast(program, zero, delta, 0)
        secrets = (*words(delta), *words(SECRET))
        kernels.garble_gates(program, 0, program.n_gates, wide, 1, secrets, words(START), 0, buffer)
    assert buffer[: len(tables)].tobytes() == tables
    assert (wide[program.output_slots, 0] == wires[program.output_slots, 0]).all()


@each_path
def test_large_numbers_of_keys(path: cpu.Path) -> None:
    """Above 2**32, where an index of 32 bits would have wrapped; and over a boundary of all low bits."""
    program = program_of(20)
    rng = np.random.default_rng(5)
    delta = int.from_bytes(rng.bytes(16), "little") | 1
    for first_id in (2**33 - 3, (2**63 - 1) // 3 - 30):
        zero = random_labels(rng, program, 3, delta)
        expected = garble_plainly(program, [list(row) for row in zero], delta, SECRET, START, first_id)
        with cpu.use(path):
            assert garble_fast(program, zero, delta, first_id)[0] == expected


@each_path
@pytest.mark.parametrize("n", [2, 64])
def test_constant_wires_do_not_betray_delta(path: cpu.Path, n: int) -> None:
    """A wire with the same label in all instances goes under the same key in all: the hash must tell them apart.

    Wires 4 to 6 are 0 or 1 whatever the inputs are, as in circuits that nobody has folded.
    """
    gates = [(XOR, 2, 2), (XOR, 4, ONE), (XOR, 3, 3)]
    gates += [(AND, constant, 2) for constant in (0, 1, 4, 5, 6)] + [(AND, 3, constant) for constant in (0, 1, 4, 5)]
    gates += [(AND, 0, 1), (AND, 4, 5), (AND, 2, 2)]
    program = schedule(make_circuit({"a": 2}, gates, list(range(4, 4 + len(gates)))))
    rng = np.random.default_rng(9)
    delta = int.from_bytes(rng.bytes(16), "little") | 1
    low, high = words(delta)
    with cpu.use(path):
        tables, _ = garble_fast(program, random_labels(rng, program, n, delta), delta)
        check(program, n, 11)
    for table in np.frombuffer(tables, np.uint8).reshape(program.and_count, 25 * n):
        first_two = table[: 16 * n].view(np.uint64).reshape(n, 2)
        for column in (first_two[:, 0], first_two[:, 1], table[16 * n : 24 * n].view(np.uint64)):
            halves = column.tolist()
            differences = {x ^ y for i, x in enumerate(halves) for y in halves[:i]}
            assert not differences & {0, low, high, low ^ high}


def test_what_is_refused() -> None:
    program = program_of(4)
    wires, tables = garble.new_wires(program.n_slots, 4), np.zeros(4 * 4 * 25 + kernels.SLACK, np.uint8)
    numbers = ((1, 0, 0, 0), (0, 0), 0)
    with pytest.raises(ValueError, match="slack"):
        kernels.garble_gates(program, 0, program.n_gates, wires, 4, *numbers, tables[:-1])
    with pytest.raises(ValueError, match="400 bytes"):
        kernels.evaluate_gates(program, 0, program.n_gates, wires, 4, (0, 0), 0, tables[:399])
    for first, last in ((-1, 2), (3, 2), (0, program.n_gates + 1)):
        with pytest.raises(ValueError, match="no gates"):
            kernels.garble_gates(program, first, last, wires, 4, *numbers, tables)
    for n in (0, 9, 65):
        with pytest.raises(ValueError, match="instances"):
            kernels.garble_gates(program, 0, 1, wires, n, *numbers, tables)
    with pytest.raises(ValueError, match="slots"):
        kernels.evaluate_gates(program, 0, program.n_gates, wires[:-1], 4, (0, 0), 0, tables)


@each_path
def test_prepare_loads_every_kernel(path: cpu.Path) -> None:
    with cpu.use(path):
        kernels.prepare()
