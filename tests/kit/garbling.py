"""A garbler and an evaluator in plain Python, gate by gate, that share no code with the kernels; and runs of a pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.ir import AND, Circuit, Port
from circuits.program import Program
from circuits.types import UInt
from protocols import garbling
from protocols.garbling import half_gates
from tests.kit.channels import MemoryChannel, Tamper, Temper, channel_pair, run_pair
from tests.kit.ot_contract import ideal_ot

Bits = NDArray[np.uint8]
Labels = list[list[int]]
"""A label for each slot and each instance."""


def to_int(block: NDArray[Any]) -> int:
    return int.from_bytes(np.ascontiguousarray(block).tobytes(), "little")


def to_block(label: int) -> NDArray[np.uint64]:
    return np.frombuffer(label.to_bytes(16, "little"), np.uint64)


def garble_plainly(program: Program, wires: Labels, delta: int, start: int, first_id: int) -> bytes:
    """Garble a whole program; fills `wires`, returns the tables."""
    tables, gate_id = [], first_id
    for gate in range(program.n_gates):
        a, b, c = (int(slots[gate]) for slots in (program.left, program.right, program.out))
        if program.op[gate] == AND:
            keys = half_gates.gate_keys(start, gate_id)
            gate_id += 1
            outputs = []
            for instance, (x, y) in enumerate(zip(wires[a], wires[b], strict=True)):
                t_g, t_e, label = half_gates.garble_and(x, y, delta, keys, instance)
                tables += [t_g, t_e]
                outputs.append(label)
            wires[c] = outputs
        else:
            wires[c] = [x ^ y for x, y in zip(wires[a], wires[b], strict=True)]
    return b"".join(block.to_bytes(16, "little") for block in tables)


def evaluate_plainly(program: Program, wires: Labels, start: int, first_id: int, tables: bytes) -> None:
    """Evaluate a whole program; fills `wires`."""
    blocks = iter([int.from_bytes(tables[i : i + 16], "little") for i in range(0, len(tables), 16)])
    gate_id = first_id
    for gate in range(program.n_gates):
        a, b, c = (int(slots[gate]) for slots in (program.left, program.right, program.out))
        if program.op[gate] == AND:
            keys = half_gates.gate_keys(start, gate_id)
            gate_id += 1
            wires[c] = [
                half_gates.evaluate_and(x, y, next(blocks), next(blocks), keys, instance)
                for instance, (x, y) in enumerate(zip(wires[a], wires[b], strict=True))
            ]
        else:
            wires[c] = [x ^ y for x, y in zip(wires[a], wires[b], strict=True)]


def random_labels(rng: np.random.Generator, program: Program, n: int, delta: int) -> Labels:
    """Zero labels of the constants and inputs; all other slots 0."""
    wires = [[0] * n for _ in range(program.n_slots)]
    wires[1] = [delta] * n
    for slot in program.input_slots.tolist():
        wires[slot] = [int.from_bytes(rng.bytes(16), "little") for _ in range(n)]
    return wires


def make_circuit(widths: Mapping[str, int], gates: list[tuple[int, int, int]], outputs: list[int]) -> Circuit:
    """A circuit from (op, left, right) and output wires, all outputs in one port."""
    columns = list(zip(*gates, strict=True)) if gates else [(), (), ()]
    return Circuit(
        "made",
        tuple(Port(name, UInt[n]) for name, n in widths.items()),
        (Port("out", UInt[len(outputs)]),) if outputs else (),
        *(np.array(column, dtype) for column, dtype in zip(columns, (np.uint8, np.int32, np.int32), strict=True)),
        np.array(outputs, np.int32),
    )


def split_bits(
    circuit: Circuit, bits: Bits, roles: Mapping[str, str], rng: np.random.Generator
) -> tuple[dict[str, Bits], dict[str, Bits]]:
    """What garbler and evaluator hold of the input bits; "shared" ports are split at random."""
    left, right = {}, {}
    for port in circuit.inputs:
        own = np.ascontiguousarray(bits[:, circuit.input_slice(port.name)])
        if roles[port.name] == "garbler":
            left[port.name] = own
        elif roles[port.name] == "evaluator":
            right[port.name] = own
        else:
            left[port.name] = rng.integers(0, 2, own.shape, dtype=np.uint8)
            right[port.name] = own ^ left[port.name]
    return left, right


async def run_shares(
    circuit: Circuit,
    bits: Bits,
    roles: Mapping[str, str],
    *,
    temper: Temper = "buffered",
    tamper: Tamper | None = None,
    ideal: bool = True,
    rngs: tuple[Any, Any] | None = None,
    **options: Any,
) -> tuple[Bits, Bits, MemoryChannel]:
    """Both roles against each other: the two shares, and the garbler's channel."""
    mine, theirs = split_bits(circuit, bits, roles, np.random.default_rng(3))
    channels = channel_pair(temper, tamper, ("garbler", "evaluator"))
    sender, receiver, _ = await ideal_ot() if ideal else (None, None, None)
    options.setdefault("batch", len(bits))
    extra: tuple[dict[str, Any], dict[str, Any]] = ({}, {}) if rngs is None else ({"rng": rngs[0]}, {"rng": rngs[1]})
    left, right = await run_pair(
        garbling.garble_shares(channels[0], circuit, mine, roles, ot=sender, **options, **extra[0]),
        garbling.evaluate_shares(channels[1], circuit, theirs, roles, ot=receiver, **options, **extra[1]),
    )
    return left, right, channels[0]
