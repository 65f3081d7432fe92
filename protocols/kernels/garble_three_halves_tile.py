"""Three halves over a tile: one gate at a time, for all instances of the tile; as `protocols.kernels.garble_tile`.

The table of a gate, for n instances, is n times (G_0, G_1), then n times G_2, then n bytes of control bits. Work goes
in groups of one register when garbling, which puts six in flight for the hashes, and of two when evaluating. Where n is
no multiple of the group, the last one writes more than its part. So groups are garbled from the last to the first: what
one writes too much lies where it writes itself afterwards, or a later group, or a later gate, or in the slack.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types, uintp
from numba.core import cgutils

from protocols.kernels.garble_emit import aes_rounds, load_at, shuffle, store_at
from protocols.kernels.garble_three_halves_emit import (
    GATES,
    KEYS,
    Delta,
    draw_bits_of_gates,
    dup,
    evaluate_registers,
    expand_keys_of_gates,
    garble_registers,
    hash_inputs,
)
from protocols.kernels.garble_tile import xor_rows
from protocols.kernels.intrinsics import (
    BLOCK,
    I8,
    I64,
    N_ROUNDS,
    aes_expand_key,
    counters,
    emit,
    n_lanes_of,
    vector,
)
from protocols.kernels.jit import kernel

__all__ = ["TABLE_BYTES", "evaluate_tile", "garble_tile"]

TABLE_BYTES = 25


def _keys_of_gate(builder: Any, keys: Any, n_lanes: int) -> list[list[Any]]:
    """The round keys of the gate's three keys, each in all blocks of a register."""
    found = []
    for which in range(3):
        blocks = [load_at(builder, keys, 16 * (KEYS * r + GATES * which), BLOCK) for r in range(N_ROUNDS + 1)]
        found.append([shuffle(builder, block, block, [0, 1] * n_lanes) for block in blocks])
    return found


def _places(builder: Any, table: Any, n: Any, instance: Any) -> tuple[Any, Any, Any]:
    """Addresses of (G_0, G_1), G_2 and control bits of an instance."""
    add, mul = builder.add, builder.mul
    first_two = add(table, mul(instance, I64(16)))
    third = add(add(table, mul(n, I64(16))), mul(instance, I64(8)))
    control = add(add(table, mul(n, I64(24))), instance)
    return first_two, third, control


@emit
def garble_and(
    typing_context: Any,
    lanes: Any,
    left: Any,
    right: Any,
    out: Any,
    n: Any,
    delta_low: Any,
    delta_high: Any,
    keys: Any,
    random_bits: Any,
    table: Any,
) -> tuple[Any, Callable[..., Any]]:
    """garble_and(lanes, left, right, out, n, delta_low, delta_high, keys, random_bits, table): a gate, n instances."""
    n_lanes = n_lanes_of(lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, left, right, out, n, low, high, keys, random_bits, table = arguments
        kind = vector(n_lanes)
        delta = Delta.of(builder, low, high, n_lanes)
        round_keys = _keys_of_gate(builder, keys, n_lanes)
        block = load_at(builder, random_bits, 0, BLOCK)
        block = shuffle(builder, block, block, [0, 1] * n_lanes)
        last = builder.and_(builder.sub(n, I64(1)), I64(-n_lanes))
        with cgutils.for_range_slice(builder, I64(0), n, I64(n_lanes), intp=I64) as (done, _loop):
            start = builder.sub(last, done)
            at = builder.shl(start, I64(4))
            (instances,) = counters(builder, start, n_lanes, 1)
            a, b = (load_at(builder, row, at, kind) for row in (left, right))
            gate = hash_inputs(builder, a, b, instances)
            states = [*gate.y, *(builder.xor(y, delta.in_hash) for y in gate.y)]
            encrypted = aes_rounds(builder, states, round_keys * 2)
            bits = builder.lshr(block, dup(builder, instances, 0))
            first_two, third, control, label = garble_registers(builder, gate, encrypted, delta, bits)
            store_at(builder, label, out, at)
            first_at, third_at, control_at = _places(builder, table, n, start)
            store_at(builder, first_two, first_at, 0)
            store_at(builder, shuffle(builder, third, third, list(range(0, 2 * n_lanes, 2))), third_at, 0)
            octets = builder.bitcast(control, ir.VectorType(I8, 16 * n_lanes))
            store_at(builder, shuffle(builder, octets, octets, list(range(0, 16 * n_lanes, 16))), control_at, 0)
        return context.get_dummy_value()

    integers = [*[types.uintp] * 4, types.uint64, types.uint64, *[types.uintp] * 3]
    return types.void(lanes, *integers), generate


@emit
def evaluate_and(
    typing_context: Any, lanes: Any, left: Any, right: Any, out: Any, n: Any, keys: Any, table: Any
) -> tuple[Any, Callable[..., Any]]:
    """evaluate_and(lanes, left, right, out, n, keys, table): one AND gate of n instances."""
    n_lanes, n_registers = n_lanes_of(lanes), 2
    step = n_lanes * n_registers

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, left, right, out, n, keys, table = arguments
        kind = vector(n_lanes)
        round_keys = _keys_of_gate(builder, keys, n_lanes)
        with cgutils.for_range_slice(builder, I64(0), n, I64(step), intp=I64) as (start, _loop):
            at = builder.shl(start, I64(4))
            instances = counters(builder, start, n_lanes, n_registers)
            gates = []
            for i in range(n_registers):
                offset = builder.add(at, I64(16 * n_lanes * i))
                a, b = (load_at(builder, row, offset, kind) for row in (left, right))
                gates.append(hash_inputs(builder, a, b, instances[i]))
            states = [y for gate in gates for y in gate.y]
            encrypted = aes_rounds(builder, states, round_keys * n_registers)
            first_at, third_at, control_at = _places(builder, table, n, start)
            controls = load_at(builder, control_at, 0, ir.VectorType(I8, step))
            for i, gate in enumerate(gates):
                first_two = load_at(builder, first_at, 16 * n_lanes * i, kind)
                third = load_at(builder, third_at, 8 * n_lanes * i, ir.VectorType(I64, n_lanes))
                places = [lane for lane in range(n_lanes) for _ in range(2)]
                third = shuffle(builder, third, third, places)
                octets = shuffle(builder, controls, controls, [n_lanes * i + lane for lane in places])
                label = evaluate_registers(
                    builder, gate, encrypted[3 * i : 3 * i + 3], first_two, third, builder.zext(octets, kind)
                )
                store_at(builder, label, out, builder.add(at, I64(16 * n_lanes * i)))
        return context.get_dummy_value()

    return types.void(lanes, *[types.uintp] * 6), generate


@kernel
def garble_tile(
    lanes: Any,
    op: Any,
    left: Any,
    right: Any,
    out: Any,
    first: Any,
    last: Any,
    wires: Any,
    n: Any,
    delta_low: Any,
    delta_high: Any,
    secret_low: Any,
    secret_high: Any,
    start_low: Any,
    start_high: Any,
    counter: Any,
    tables: Any,
) -> None:
    """Garble gates first, ..., last - 1 of a program for n instances.

    Args:
        wires: uint64 of shape (n_slots, padded n, 2), zero labels.
        secret_low, secret_high: the garbler's key for random bits.
        counter: number of the first key.
        tables: address of the tables of these gates, TABLE_BYTES * n bytes for each AND gate, then slack.
    """
    keys = np.empty((N_ROUNDS + 1, KEYS, 2), np.uint64)
    secret = np.array([secret_low, secret_high])
    secret_keys, random_bits = np.empty((N_ROUNDS + 1, 2), np.uint64), np.empty((GATES, 2), np.uint64)
    aes_expand_key(secret.ctypes.data, secret_keys.ctypes.data)
    keys_at, bits_at, wires_at = uintp(keys.ctypes.data), uintp(random_bits.ctypes.data), uintp(wires.ctypes.data)
    row_bytes, n_instances, table = uintp(wires.shape[1] * 16), uintp(n), uintp(tables)
    used = GATES
    for gate in range(first, last):
        a = wires_at + uintp(left[gate]) * row_bytes
        b = wires_at + uintp(right[gate]) * row_bytes
        c = wires_at + uintp(out[gate]) * row_bytes
        if op[gate] == 0:
            xor_rows(lanes, a, b, c, row_bytes)
        else:
            if used == GATES:
                expand_keys_of_gates(lanes, start_low, start_high, counter, keys_at)
                draw_bits_of_gates(lanes, counter, uintp(secret_keys.ctypes.data), bits_at)
                counter += np.uint64(3 * GATES)
                used = 0
            k, e = keys_at + uintp(16 * used), bits_at + uintp(16 * used)
            garble_and(lanes, a, b, c, n_instances, delta_low, delta_high, k, e, table)
            used += 1
            table += uintp(TABLE_BYTES) * n_instances


@kernel
def evaluate_tile(
    lanes: Any,
    op: Any,
    left: Any,
    right: Any,
    out: Any,
    first: Any,
    last: Any,
    wires: Any,
    n: Any,
    start_low: Any,
    start_high: Any,
    counter: Any,
    tables: Any,
) -> None:
    """Evaluate gates first, ..., last - 1 of a program for n instances; as `garble_tile`, over active labels."""
    keys = np.empty((N_ROUNDS + 1, KEYS, 2), np.uint64)
    keys_at, wires_at, table = uintp(keys.ctypes.data), uintp(wires.ctypes.data), uintp(tables)
    row_bytes, n_instances = uintp(wires.shape[1] * 16), uintp(n)
    used = GATES
    for gate in range(first, last):
        a = wires_at + uintp(left[gate]) * row_bytes
        b = wires_at + uintp(right[gate]) * row_bytes
        c = wires_at + uintp(out[gate]) * row_bytes
        if op[gate] == 0:
            xor_rows(lanes, a, b, c, row_bytes)
        else:
            if used == GATES:
                expand_keys_of_gates(lanes, start_low, start_high, counter, keys_at)
                counter += np.uint64(3 * GATES)
                used = 0
            evaluate_and(lanes, a, b, c, n_instances, keys_at + uintp(16 * used), table)
            used += 1
            table += uintp(TABLE_BYTES) * n_instances
