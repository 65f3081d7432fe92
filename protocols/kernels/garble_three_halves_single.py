"""Three halves for one instance: AND gates that do not depend on each other, side by side in the blocks of registers.

As `protocols.kernels.garble_single`, but the first inputs of some gates make one register, their second inputs another,
as the keys of each kind do among the expanded ones. The table of a gate is G_0, G_1, G_2 and a byte of control bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types, uintp

from protocols.kernels.garble_emit import aes_rounds, load_at, shuffle, store_at
from protocols.kernels.garble_single import block_of, join, label_offset, xor_label
from protocols.kernels.garble_three_halves_emit import (
    GATES,
    KEYS,
    Delta,
    draw_bits_of_gates,
    evaluate_registers,
    expand_keys_of_gates,
    garble_registers,
    hash_inputs,
)
from protocols.kernels.garble_three_halves_tile import TABLE_BYTES
from protocols.kernels.intrinsics import BLOCK, I8, I32, I64, N_ROUNDS, aes_expand_key, emit, n_lanes_of, vector
from protocols.kernels.jit import kernel

__all__ = ["evaluate_single", "garble_single"]


def _gather(builder: Any, wires: Any, slots: Any, n_gates: int, size: int) -> list[Any]:
    """The labels of one side of some gates, in registers of `size` blocks."""
    labels = [load_at(builder, wires, label_offset(builder, slots, gate), BLOCK) for gate in range(n_gates)]
    return [join(builder, labels[i : i + size]) for i in range(0, n_gates, size)]


def _round_keys(builder: Any, keys: Any, n_gates: int, size: int) -> list[list[Any]]:
    """For each register, and each of the three hashes of its gates, the round keys."""
    return [
        [load_at(builder, keys, 16 * (KEYS * r + GATES * which + base), vector(size)) for r in range(N_ROUNDS + 1)]
        for base in range(0, n_gates, size)
        for which in range(3)
    ]


def _gates(builder: Any, wires: Any, left: Any, right: Any, n_gates: int, size: int) -> list[Any]:
    a, b = (_gather(builder, wires, slots, n_gates, size) for slots in (left, right))
    return [hash_inputs(builder, x, y, None) for x, y in zip(a, b, strict=True)]


def _third_of(builder: Any, table: Any, gate: int) -> Any:
    """(G_2, G_2) of a gate."""
    value = load_at(builder, table, TABLE_BYTES * gate + 16, I64)
    return _twice(builder, value)


def _control_of(builder: Any, table: Any, gate: int) -> Any:
    return _twice(builder, builder.zext(load_at(builder, table, TABLE_BYTES * gate + 24, I8), I64))


def _twice(builder: Any, value: Any) -> Any:
    block = builder.insert_element(BLOCK(None), value, I32(0))
    return shuffle(builder, block, block, [0, 0])


@emit
def garble_ands(
    typing_context: Any,
    lanes: Any,
    count: Any,
    wires: Any,
    left: Any,
    right: Any,
    out: Any,
    delta_low: Any,
    delta_high: Any,
    keys: Any,
    random_bits: Any,
    table: Any,
) -> tuple[Any, Callable[..., Any]]:
    """garble_ands(lanes, count, wires, left, right, out, delta_low, delta_high, keys, random_bits, table)."""
    n_gates = count.literal_value
    size = min(n_lanes_of(lanes), n_gates)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, wires, left, right, out, low, high, keys, random_bits, table = arguments
        delta = Delta.of(builder, low, high, size)
        gates = _gates(builder, wires, left, right, n_gates, size)
        round_keys = _round_keys(builder, keys, n_gates, size)
        states = [y for gate in gates for y in gate.y]
        shifted = [builder.xor(y, delta.in_hash) for y in states]
        encrypted = aes_rounds(builder, states + shifted, round_keys * 2)
        for i, gate in enumerate(gates):
            of_gate = slice(3 * i, 3 * i + 3)
            both = encrypted[: len(states)][of_gate] + encrypted[len(states) :][of_gate]
            bits = load_at(builder, random_bits, 16 * size * i, vector(size))
            first_two, third, control, label = garble_registers(builder, gate, both, delta, bits)
            for lane in range(size):
                number = size * i + lane
                row = TABLE_BYTES * number
                store_at(builder, block_of(builder, [first_two], lane), table, row)
                store_at(builder, builder.extract_element(third, I32(2 * lane)), table, row + 16)
                octet = builder.trunc(builder.extract_element(control, I32(2 * lane)), I8)
                store_at(builder, octet, table, row + 24)
                store_at(builder, block_of(builder, [label], lane), wires, label_offset(builder, out, number))
        return context.get_dummy_value()

    integers = [*[types.uintp] * 4, types.uint64, types.uint64, *[types.uintp] * 3]
    return types.void(lanes, count, *integers), generate


@emit
def evaluate_ands(
    typing_context: Any, lanes: Any, count: Any, wires: Any, left: Any, right: Any, out: Any, keys: Any, table: Any
) -> tuple[Any, Callable[..., Any]]:
    """evaluate_ands(lanes, count, wires, left, right, out, keys, table): `count` AND gates."""
    n_gates = count.literal_value
    size = min(n_lanes_of(lanes), n_gates)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, wires, left, right, out, keys, table = arguments
        gates = _gates(builder, wires, left, right, n_gates, size)
        states = [y for gate in gates for y in gate.y]
        encrypted = aes_rounds(builder, states, _round_keys(builder, keys, n_gates, size))
        for i, gate in enumerate(gates):
            numbers = range(size * i, size * i + size)
            first_two = join(builder, [load_at(builder, table, TABLE_BYTES * number, BLOCK) for number in numbers])
            third = join(builder, [_third_of(builder, table, number) for number in numbers])
            control = join(builder, [_control_of(builder, table, number) for number in numbers])
            label = evaluate_registers(builder, gate, encrypted[3 * i : 3 * i + 3], first_two, third, control)
            for lane, number in enumerate(numbers):
                store_at(builder, block_of(builder, [label], lane), wires, label_offset(builder, out, number))
        return context.get_dummy_value()

    return types.void(lanes, count, *[types.uintp] * 6), generate


@kernel
def garble_single(
    lanes: Any,
    op: Any,
    left: Any,
    right: Any,
    out: Any,
    run_ends: Any,
    run: Any,
    first: Any,
    last: Any,
    wires: Any,
    delta_low: Any,
    delta_high: Any,
    secret_low: Any,
    secret_high: Any,
    start_low: Any,
    start_high: Any,
    counter: Any,
    tables: Any,
) -> None:
    """Garble gates first, ..., last - 1 of a program, of which `first` is in run number `run`, for one instance.

    Args:
        wires: uint64 of shape (n_slots, 1, 2), zero labels.
        secret_low, secret_high: the garbler's key for random bits.
        counter: number of the first key.
        tables: address of the tables of these gates, TABLE_BYTES for each AND gate.
    """
    keys = np.empty((N_ROUNDS + 1, KEYS, 2), np.uint64)
    secret = np.array([secret_low, secret_high])
    secret_keys, random_bits = np.empty((N_ROUNDS + 1, 2), np.uint64), np.empty((GATES, 2), np.uint64)
    aes_expand_key(secret.ctypes.data, secret_keys.ctypes.data)
    keys_at, bits_at, wires_at = uintp(keys.ctypes.data), uintp(random_bits.ctypes.data), uintp(wires.ctypes.data)
    left_at, right_at, out_at = uintp(left.ctypes.data), uintp(right.ctypes.data), uintp(out.ctypes.data)
    table, used, gate = uintp(tables), GATES, first
    while gate < last:
        end = min(run_ends[run], last)
        run += 1
        if op[gate] == 0:
            while gate < end:
                xor_label(
                    wires_at + uintp(left[gate]) * uintp(16),
                    wires_at + uintp(right[gate]) * uintp(16),
                    wires_at + uintp(out[gate]) * uintp(16),
                )
                gate += 1
        while gate < end:
            if used == GATES:
                expand_keys_of_gates(lanes, start_low, start_high, counter, keys_at)
                draw_bits_of_gates(lanes, counter, uintp(secret_keys.ctypes.data), bits_at)
                counter += np.uint64(3 * GATES)
                used = 0
            count = min(GATES - used, end - gate)
            a, b, c = left_at + uintp(4 * gate), right_at + uintp(4 * gate), out_at + uintp(4 * gate)
            k, e = keys_at + uintp(16 * used), bits_at + uintp(16 * used)
            if count >= 8 and len(lanes) == 4:
                garble_ands(lanes, 8, wires_at, a, b, c, delta_low, delta_high, k, e, table)
                count = 8
            elif count >= 4 and len(lanes) > 1:
                garble_ands(lanes, 4, wires_at, a, b, c, delta_low, delta_high, k, e, table)
                count = 4
            elif count >= 2:
                garble_ands(lanes, 2, wires_at, a, b, c, delta_low, delta_high, k, e, table)
                count = 2
            else:
                garble_ands(lanes, 1, wires_at, a, b, c, delta_low, delta_high, k, e, table)
                count = 1
            gate += count
            used += count
            table += uintp(TABLE_BYTES * count)


@kernel
def evaluate_single(
    lanes: Any,
    op: Any,
    left: Any,
    right: Any,
    out: Any,
    run_ends: Any,
    run: Any,
    first: Any,
    last: Any,
    wires: Any,
    start_low: Any,
    start_high: Any,
    counter: Any,
    tables: Any,
) -> None:
    """Evaluate gates first, ..., last - 1 of a program for one instance; as `garble_single`, over active labels."""
    keys = np.empty((N_ROUNDS + 1, KEYS, 2), np.uint64)
    keys_at, wires_at = uintp(keys.ctypes.data), uintp(wires.ctypes.data)
    left_at, right_at, out_at = uintp(left.ctypes.data), uintp(right.ctypes.data), uintp(out.ctypes.data)
    table, used, gate = uintp(tables), GATES, first
    while gate < last:
        end = min(run_ends[run], last)
        run += 1
        if op[gate] == 0:
            while gate < end:
                xor_label(
                    wires_at + uintp(left[gate]) * uintp(16),
                    wires_at + uintp(right[gate]) * uintp(16),
                    wires_at + uintp(out[gate]) * uintp(16),
                )
                gate += 1
        while gate < end:
            if used == GATES:
                expand_keys_of_gates(lanes, start_low, start_high, counter, keys_at)
                counter += np.uint64(3 * GATES)
                used = 0
            count = min(GATES - used, end - gate)
            a, b, c = left_at + uintp(4 * gate), right_at + uintp(4 * gate), out_at + uintp(4 * gate)
            k = keys_at + uintp(16 * used)
            if count >= 8 and len(lanes) > 1:
                evaluate_ands(lanes, 8, wires_at, a, b, c, k, table)
                count = 8
            elif count >= 4:
                evaluate_ands(lanes, 4, wires_at, a, b, c, k, table)
                count = 4
            elif count >= 2:
                evaluate_ands(lanes, 2, wires_at, a, b, c, k, table)
                count = 2
            else:
                evaluate_ands(lanes, 1, wires_at, a, b, c, k, table)
                count = 1
            gate += count
            used += count
            table += uintp(TABLE_BYTES * count)
