"""Half gates for one instance: AND gates that do not depend on each other are hashed together.

A wire is one label. A run of AND gates is taken in groups; the two inputs of a gate stand side by side in a register,
as the two keys of a gate do among the expanded ones, and the same registers XOR s(R) go under the same keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types, uintp

from protocols.kernels.garble_emit import (
    aes_rounds,
    color_masks,
    elements,
    load_at,
    shuffle,
    sigma,
    spread,
    store_at,
)
from protocols.kernels.intrinsics import BLOCK, I32, I64, N_ROUNDS, emit, n_lanes_of
from protocols.kernels.jit import kernel
from protocols.kernels.mitccrh import KEYS, expand_keys_of_gates

__all__ = ["block_of", "evaluate_single", "garble_single", "join", "label_offset", "xor_label"]


def label_offset(builder: Any, slots: Any, place: int) -> Any:
    """Where the label of a slot stands, from an address in an int32 array of slots."""
    return builder.shl(builder.zext(load_at(builder, slots, 4 * place, I32), I64), I64(4))


def join(builder: Any, blocks: list[Any]) -> Any:
    """A register of one, two or four blocks."""
    while len(blocks) > 1:
        places = elements(range(blocks[0].type.count))
        blocks = [shuffle(builder, x, y, places) for x, y in zip(blocks[::2], blocks[1::2], strict=True)]
    return blocks[0]


def block_of(builder: Any, registers: list[Any], number: int) -> Any:
    """Block `number` of registers laid end to end."""
    which, place = divmod(number, registers[0].type.count // 2)
    register = registers[which]
    return register if register.type.count == 2 else shuffle(builder, register, register, elements([place]))


def _gather(builder: Any, wires: Any, sides: tuple[Any, Any], n_gates: int, n_lanes: int) -> tuple[list[Any], ...]:
    """The inputs of some gates, a then b of each: as blocks, and as registers."""
    offsets = [label_offset(builder, slots, gate) for gate in range(n_gates) for slots in sides]
    labels = [load_at(builder, wires, offset, BLOCK) for offset in offsets]
    size = min(n_lanes, len(labels))
    return labels, [join(builder, labels[i : i + size]) for i in range(0, len(labels), size)]


def _round_keys(builder: Any, keys: Any, registers: list[Any]) -> list[list[Any]]:
    """For each register the round keys of its blocks: consecutive keys, from `keys` on."""
    kind = registers[0].type
    n_bytes = 8 * kind.count
    return [
        [load_at(builder, keys, 16 * KEYS * number + n_bytes * i, kind) for number in range(N_ROUNDS + 1)]
        for i in range(len(registers))
    ]


@emit
def xor_label(typing_context: Any, left: Any, right: Any, out: Any) -> tuple[Any, Callable[..., Any]]:
    """xor_label(left, right, out): one label, by addresses."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right, out = arguments
        x, y = load_at(builder, left, 0, BLOCK), load_at(builder, right, 0, BLOCK)
        store_at(builder, builder.xor(x, y), out, 0)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp, types.uintp), generate


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
    table: Any,
) -> tuple[Any, Callable[..., Any]]:
    """garble_ands(lanes, count, wires, left, right, out, delta_low, delta_high, keys, table): `count` AND gates."""
    n_lanes, n_gates = n_lanes_of(lanes), count.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, wires, left, right, out, low, high, keys, table = arguments
        xor, mask_by = builder.xor, builder.and_
        labels, registers = _gather(builder, wires, (left, right), n_gates, n_lanes)
        delta = spread(builder, low, high, 1)
        s_delta = sigma(builder, spread(builder, low, high, registers[0].type.count // 2))
        y = [sigma(builder, register) for register in registers]
        round_keys = _round_keys(builder, keys, registers)
        hashed = aes_rounds(builder, y + [xor(x, s_delta) for x in y], round_keys * 2)
        hash_0 = [xor(x, before) for x, before in zip(hashed, y, strict=False)]
        both = [xor(xor(x0, x1), s_delta) for x0, x1 in zip(hashed, hashed[len(y) :], strict=False)]  # H(x) ^ H(x ^ R)
        for gate in range(n_gates):
            a, b = labels[2 * gate : 2 * gate + 2]
            t_g = xor(block_of(builder, both, 2 * gate), mask_by(color_masks(builder, b), delta))
            difference = block_of(builder, both, 2 * gate + 1)  # T_E ^ a
            half_g = xor(block_of(builder, hash_0, 2 * gate), mask_by(color_masks(builder, a), t_g))
            half_e = xor(block_of(builder, hash_0, 2 * gate + 1), mask_by(color_masks(builder, b), difference))
            store_at(builder, t_g, table, 32 * gate)
            store_at(builder, xor(difference, a), table, 32 * gate + 16)
            store_at(builder, xor(half_g, half_e), wires, label_offset(builder, out, gate))
        return context.get_dummy_value()

    integers = [*[types.uintp] * 4, types.uint64, types.uint64, types.uintp, types.uintp]
    return types.void(lanes, count, *integers), generate


@emit
def evaluate_ands(
    typing_context: Any, lanes: Any, count: Any, wires: Any, left: Any, right: Any, out: Any, keys: Any, table: Any
) -> tuple[Any, Callable[..., Any]]:
    """evaluate_ands(lanes, count, wires, left, right, out, keys, table): `count` AND gates."""
    n_lanes, n_gates = n_lanes_of(lanes), count.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, wires, left, right, out, keys, table = arguments
        xor, mask_by = builder.xor, builder.and_
        labels, registers = _gather(builder, wires, (left, right), n_gates, n_lanes)
        y = [sigma(builder, register) for register in registers]
        hashed = aes_rounds(builder, y, _round_keys(builder, keys, registers))
        hashed = [xor(x, before) for x, before in zip(hashed, y, strict=True)]
        for gate in range(n_gates):
            a, b = labels[2 * gate : 2 * gate + 2]
            t_g, t_e = (load_at(builder, table, 32 * gate + 16 * which, BLOCK) for which in (0, 1))
            half_g = xor(block_of(builder, hashed, 2 * gate), mask_by(color_masks(builder, a), t_g))
            half_e = xor(block_of(builder, hashed, 2 * gate + 1), mask_by(color_masks(builder, b), xor(t_e, a)))
            store_at(builder, xor(half_g, half_e), wires, label_offset(builder, out, gate))
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
    start_low: Any,
    start_high: Any,
    counter: Any,
    tables: Any,
) -> None:
    """Garble gates first, ..., last - 1 of a program, of which `first` is in run number `run`, for one instance.

    Args:
        wires: uint64 of shape (n_slots, 1, 2), zero labels.
        counter: number of the first key.
        tables: address of the tables of these gates, 32 bytes for each AND gate.
    """
    keys = np.empty((N_ROUNDS + 1, KEYS, 2), np.uint64)
    keys_at, wires_at, table = uintp(keys.ctypes.data), uintp(wires.ctypes.data), uintp(tables)
    left_at, right_at, out_at = uintp(left.ctypes.data), uintp(right.ctypes.data), uintp(out.ctypes.data)
    used = KEYS
    gate = first
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
            if used == KEYS:
                expand_keys_of_gates(lanes, start_low, start_high, counter, keys_at)
                counter += np.uint64(KEYS)
                used = 0
            count = min((KEYS - used) // 2, end - gate)
            a, b, c = left_at + uintp(4 * gate), right_at + uintp(4 * gate), out_at + uintp(4 * gate)
            k = keys_at + uintp(16 * used)
            if count >= 8 and len(lanes) == 4:
                garble_ands(lanes, 8, wires_at, a, b, c, delta_low, delta_high, k, table)
                count = 8
            elif count >= 4 and len(lanes) > 1:
                garble_ands(lanes, 4, wires_at, a, b, c, delta_low, delta_high, k, table)
                count = 4
            elif count >= 2:
                garble_ands(lanes, 2, wires_at, a, b, c, delta_low, delta_high, k, table)
                count = 2
            else:
                garble_ands(lanes, 1, wires_at, a, b, c, delta_low, delta_high, k, table)
            gate += count
            used += 2 * count
            table += uintp(32 * count)


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
    keys_at, wires_at, table = uintp(keys.ctypes.data), uintp(wires.ctypes.data), uintp(tables)
    left_at, right_at, out_at = uintp(left.ctypes.data), uintp(right.ctypes.data), uintp(out.ctypes.data)
    used = KEYS
    gate = first
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
            if used == KEYS:
                expand_keys_of_gates(lanes, start_low, start_high, counter, keys_at)
                counter += np.uint64(KEYS)
                used = 0
            count = min((KEYS - used) // 2, end - gate)
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
            gate += count
            used += 2 * count
            table += uintp(32 * count)
