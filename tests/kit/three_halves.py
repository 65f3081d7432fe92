"""Three halves gate by gate in plain Python over a whole program, sharing no code with the kernels."""

from __future__ import annotations

from circuits.ir import AND
from circuits.program import Program
from protocols.garbling import three_halves
from tests.kit.garbling import Labels

HALF_BYTES = 8


def garble_plainly(program: Program, wires: Labels, delta: int, secret: int, start: int, first_id: int) -> bytes:
    """Garble a whole program; fills `wires`, returns the tables."""
    tables, gate_id = [], first_id
    for gate in range(program.n_gates):
        a, b, c = (int(slots[gate]) for slots in (program.left, program.right, program.out))
        if program.op[gate] == AND:
            keys = three_halves.gate_keys(start, gate_id)
            found = [
                three_halves.garble_and(x, y, delta, keys, i, three_halves.random_bits(secret, gate_id, i))
                for i, (x, y) in enumerate(zip(wires[a], wires[b], strict=True))
            ]
            wires[c] = [label for _, _, label in found]
            tables += [half.to_bytes(HALF_BYTES, "little") for g, _, _ in found for half in g[:2]]
            tables += [g[2].to_bytes(HALF_BYTES, "little") for g, _, _ in found]
            tables += [bytes([z]) for _, z, _ in found]
            gate_id += 1
        else:
            wires[c] = [x ^ y for x, y in zip(wires[a], wires[b], strict=True)]
    return b"".join(tables)


def evaluate_plainly(program: Program, wires: Labels, start: int, first_id: int, tables: bytes) -> None:
    """Evaluate a whole program; fills `wires`."""
    gate_id, n = first_id, len(wires[0])
    for gate in range(program.n_gates):
        a, b, c = (int(slots[gate]) for slots in (program.left, program.right, program.out))
        if program.op[gate] == AND:
            keys = three_halves.gate_keys(start, gate_id)
            table, tables = tables[: 25 * n], tables[25 * n :]
            halves = [int.from_bytes(table[k : k + HALF_BYTES], "little") for k in range(0, 24 * n, HALF_BYTES)]
            gate_id += 1
            wires[c] = [
                three_halves.evaluate_and(
                    x, y, (halves[2 * i], halves[2 * i + 1], halves[2 * n + i]), table[24 * n + i], keys, i
                )
                for i, (x, y) in enumerate(zip(wires[a], wires[b], strict=True))
            ]
        else:
            wires[c] = [x ^ y for x, y in zip(wires[a], wires[b], strict=True)]
