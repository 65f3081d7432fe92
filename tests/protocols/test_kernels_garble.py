"""The garbling kernels of every path against plain Python, bit for bit; stopping and going on; what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from circuits.ir import AND, ONE, XOR
from circuits.program import Order, Program, schedule
from protocols.kernels import cpu, garble
from tests.kit.garbling import (
    Labels,
    evaluate_plainly,
    garble_plainly,
    make_circuit,
    random_labels,
    to_block,
    to_int,
)

PATHS = cpu.available()
each_path = pytest.mark.parametrize("path", PATHS)
START, FIRST_ID = 0xFEDCBA98765432100123456789ABCDEF, 5
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64)
LOW = 2**64 - 1


def words(number: int) -> tuple[int, int]:
    return number & LOW, number >> 64


def to_wires(labels: Labels) -> garble.Words:
    wires = garble.new_wires(len(labels), len(labels[0]))
    for slot, row in enumerate(labels):
        for instance, label in enumerate(row):
            wires[slot, instance] = to_block(label)
    return wires


def from_wires(wires: garble.Words, slots: list[int], n: int) -> Labels:
    return [[to_int(wires[slot, i]) for i in range(n)] for slot in slots]


def cuts_of(program: Program, cuts: list[int]) -> list[tuple[int, int, int, int]]:
    """(first gate, last gate, AND gates before, AND gates within) of the stretches between the cuts."""
    ends = [*sorted(cuts), program.n_gates]
    stretches, first = [], 0
    for last in ends:
        before, within = (int(np.count_nonzero(program.op[part])) for part in (slice(first), slice(first, last)))
        stretches.append((first, last, before, within))
        first = last
    return stretches


def garble_fast(
    program: Program, labels: Labels, delta: int, start: int, first_id: int, cuts: list[int]
) -> tuple[bytes, garble.Words]:
    wires, n = to_wires(labels), len(labels[0])
    tables = b""
    for first, last, before, within in cuts_of(program, cuts):
        buffer = np.full(32 * n * within + garble.SLACK + 8, 0xA5, np.uint8)
        counter = 2 * (first_id + before)
        room = buffer[:-8]
        garble.garble_gates(program, first, last, wires, n, words(delta), words(start), counter, room)
        assert (buffer[-8:] == 0xA5).all(), "wrote behind the slack"
        tables += buffer[: 32 * n * within].tobytes()
    return tables, wires


def evaluate_fast(
    program: Program, labels: Labels, start: int, first_id: int, tables: bytes, cuts: list[int]
) -> garble.Words:
    wires, n = to_wires(labels), len(labels[0])
    for first, last, before, within in cuts_of(program, cuts):
        part = np.frombuffer(tables, np.uint8)[32 * n * before : 32 * n * (before + within)]
        garble.evaluate_gates(program, first, last, wires, n, words(start), 2 * (first_id + before), part)
    return wires


def check(program: Program, n: int, seed: int, cuts: list[int]) -> None:
    """Garble and evaluate on the path in use, and in plain Python, from the same labels."""
    rng = np.random.default_rng(seed)
    delta = int.from_bytes(rng.bytes(16), "little") | 1
    zero = random_labels(rng, program, n, delta)
    plain = [list(row) for row in zero]
    expected = garble_plainly(program, plain, delta, START, FIRST_ID)
    tables, wires = garble_fast(program, zero, delta, START, FIRST_ID, cuts)
    assert tables == expected
    outputs = program.output_slots.tolist()
    assert from_wires(wires, outputs, n) == [plain[slot] for slot in outputs]

    bits = rng.integers(0, 2, (program.n_slots, n)).tolist()
    active = [[label ^ bit * delta for label, bit in zip(*rows, strict=True)] for rows in zip(zero, bits, strict=True)]
    active[0] = active[1] = [0] * n
    plain = [list(row) for row in active]
    evaluate_plainly(program, plain, START, FIRST_ID, expected)
    wires = evaluate_fast(program, active, START, FIRST_ID, expected, cuts)
    assert from_wires(wires, outputs, n) == [plain[slot] for slot in outputs]


def mixed(n_ands: int, seed: int = 1) -> list[tuple[int, int, int]]:
    """Gates over 6 inputs, every other one AND, some of them independent."""
    rng = np.random.default_rng(seed)
    gates = []
    for i in range(2 * n_ands):
        reach = 8 + (i // 12) * 12  # gates of a dozen read only what is before it
        gates.append((i % 2, int(rng.integers(0, reach)), int(rng.integers(0, reach))))
    return gates


def program_of(n_ands: int, order: Order = "memory") -> Program:
    gates = mixed(n_ands)
    return schedule(make_circuit({"a": 6}, gates, list(range(8, 8 + len(gates)))), order)


@each_path
@pytest.mark.parametrize("n", SIZES)
def test_every_width_of_a_tile(path: cpu.Path, n: int) -> None:
    with cpu.use(path):
        check(program_of(9), n, n, [])


@each_path
@pytest.mark.parametrize("order", ["memory", "depth"])
def test_one_instance_over_many_runs_and_keys(path: cpu.Path, order: Order) -> None:
    with cpu.use(path):
        check(program_of(60, order), 1, 3, [])


@each_path
@pytest.mark.parametrize("n_ands", range(1, 20))
def test_runs_of_every_length(path: cpu.Path, n_ands: int) -> None:
    gates = [(AND, 2 + i, 2 + (i + 1) % 20) for i in range(n_ands)]
    program = schedule(make_circuit({"a": 20}, gates, [22 + i for i in range(n_ands)]), "depth")
    assert program.run_ends.tolist() == [n_ands]
    with cpu.use(path):
        check(program, 1, n_ands, [])
        check(program, 1, n_ands, [n_ands // 3, n_ands // 2])


@each_path
@pytest.mark.parametrize("n", [1, 5, 64])
def test_it_stops_anywhere_and_goes_on(path: cpu.Path, n: int) -> None:
    program = program_of(12, "depth" if n == 1 else "memory")
    with cpu.use(path):
        check(program, n, 7, [0, 1, 2, 3, 9, 9, program.n_gates])


@each_path
def test_large_numbers_of_keys(path: cpu.Path) -> None:
    """Above 2**32, where an index of 32 bits would have wrapped; and over a boundary of all low bits."""
    program = program_of(20)
    rng = np.random.default_rng(5)
    delta = int.from_bytes(rng.bytes(16), "little") | 1
    for first_id in (2**33 - 3, 2**61):
        zero = random_labels(rng, program, 3, delta)
        expected = garble_plainly(program, [list(row) for row in zero], delta, START, first_id)
        with cpu.use(path):
            assert garble_fast(program, zero, delta, START, first_id, [])[0] == expected


@each_path
@pytest.mark.parametrize("n", [2, 64])
def test_constant_wires_do_not_betray_delta(path: cpu.Path, n: int) -> None:
    """A wire with the same label in all instances goes under the same key in all: the hash must tell them apart.

    Wires 4 to 6 are 0 or 1 whatever the inputs are, as in circuits that nobody has folded.
    """
    gates = [(XOR, 2, 2), (XOR, 4, ONE), (XOR, 3, 3)]
    gates += [(AND, constant, 2) for constant in (0, 1, 4, 5, 6)] + [(AND, 3, constant) for constant in (0, 1, 4, 5)]
    gates += [(AND, 0, 1), (AND, 4, 5)]
    program = schedule(make_circuit({"a": 2}, gates, list(range(4, 4 + len(gates)))))
    rng = np.random.default_rng(9)
    delta = int.from_bytes(rng.bytes(16), "little") | 1
    with cpu.use(path):
        tables, _ = garble_fast(program, random_labels(rng, program, n, delta), delta, START, 0, [])
    rows = np.frombuffer(tables, np.uint8).reshape(program.and_count, n, 2, 16)
    for gate in rows:
        for half in (0, 1):
            blocks = [to_int(row[half]) for row in gate]
            differences = {x ^ y for i, x in enumerate(blocks) for y in blocks[:i]}
            assert not differences & {0, delta}
    with cpu.use(path):
        check(program, n, 11, [])


@each_path
def test_the_same_input_in_all_instances_gives_different_tables(path: cpu.Path) -> None:
    program, n, delta = program_of(6), 64, 2**100 + 1
    with cpu.use(path):
        tables, _ = garble_fast(
            program, random_labels(np.random.default_rng(2), program, n, delta), delta, START, 0, []
        )
    blocks = [tables[i : i + 16] for i in range(0, len(tables), 16)]
    assert len(set(blocks)) == len(blocks)


def test_wires_lie_on_cache_lines() -> None:
    for n, row in ((1, 1), (2, 8), (8, 8), (9, 16), (64, 64)):
        wires = garble.new_wires(5, n)
        assert wires.shape == (5, row, 2)
        assert wires.ctypes.data % 64 == 0
        assert not wires.any()


def test_what_is_refused() -> None:
    program = program_of(4)
    wires, tables = garble.new_wires(program.n_slots, 4), np.zeros(4 * 4 * 32 + garble.SLACK, np.uint8)
    numbers = ((1, 0), (0, 0), 0)
    with pytest.raises(ValueError, match="slack"):
        garble.garble_gates(program, 0, program.n_gates, wires, 4, *numbers, tables[:-1])
    with pytest.raises(ValueError, match="512 bytes"):
        garble.evaluate_gates(program, 0, program.n_gates, wires, 4, (0, 0), 0, tables[:511])
    for first, last in ((-1, 2), (3, 2), (0, program.n_gates + 1)):
        with pytest.raises(ValueError, match="no gates"):
            garble.garble_gates(program, first, last, wires, 4, *numbers, tables)
    for n in (0, 9, 65):
        with pytest.raises(ValueError, match="instances"):
            garble.garble_gates(program, 0, 1, wires, n, *numbers, tables)
    wide = garble.new_wires(program.n_slots, 72)
    with pytest.raises(ValueError, match="at most 64"):
        garble.garble_gates(program, 0, 1, wide, 65, *numbers, tables)
    with pytest.raises(ValueError, match="slots"):
        garble.garble_gates(program, 0, program.n_gates, wires[:-1], 4, *numbers, tables)


@each_path
def test_prepare_loads_every_kernel(path: cpu.Path) -> None:
    with cpu.use(path):
        garble.prepare()
