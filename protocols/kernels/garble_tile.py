"""Half gates over a tile: one gate at a time, for all instances of the tile.

A wire is a row of labels, one for each instance, padded to PAD of them; the keys of a gate are expanded once for the
tile. A table holds two blocks (T_G, T_E) for each instance, instance after instance. Work goes in groups of a few
registers; where the number of instances is no multiple of the group, the last group of a gate also writes, or reads,
what lies behind its table: the next gate's table, written later, or slack behind the last one.

The formulas are those of `protocols.garbling.half_gates`; as s is linear, H(x) ^ H(x ^ R) is
AES(y) ^ AES(y ^ s(R)) ^ s(R).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types, uintp
from numba.core import cgutils

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
from protocols.kernels.intrinsics import BLOCK, I64, N_ROUNDS, counters, emit, n_lanes_of, vector
from protocols.kernels.jit import kernel
from protocols.kernels.mitccrh import KEYS, expand_keys_of_gates

__all__ = ["PAD", "evaluate_tile", "garble_tile"]

PAD = 8
"""Rows hold a multiple of so many labels: the widest group."""


def _keys_of_gate(builder: Any, keys: Any, n_lanes: int) -> tuple[list[Any], list[Any]]:
    """The round keys of the gate's two keys, each in all blocks of a register."""
    pair = []
    for which in (0, 1):
        loaded = [load_at(builder, keys, 16 * (KEYS * number + which), BLOCK) for number in range(N_ROUNDS + 1)]
        pair.append([shuffle(builder, key, key, [0, 1] * n_lanes) for key in loaded])
    return pair[0], pair[1]


def _over_groups(builder: Any, n: Any, step: int) -> Any:
    """A loop over 0, step, 2 * step, ... below n."""
    return cgutils.for_range_slice(builder, I64(0), n, I64(step), intp=I64)


@emit
def xor_rows(
    typing_context: Any, lanes: Any, left: Any, right: Any, out: Any, n_bytes: Any
) -> tuple[Any, Callable[..., Any]]:
    """xor_rows(lanes, left, right, out, n_bytes): out = left ^ right; out may be one of them. n_bytes % 128 == 0."""
    n_lanes = n_lanes_of(lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, left, right, out, n_bytes = arguments
        with _over_groups(builder, n_bytes, 16 * PAD) as (start, _loop):
            offsets = [builder.add(start, I64(i)) for i in range(0, 16 * PAD, 16 * n_lanes)]
            rows = [[load_at(builder, row, i, vector(n_lanes)) for i in offsets] for row in (left, right)]
            for offset, x, y in zip(offsets, *rows, strict=True):
                store_at(builder, builder.xor(x, y), out, offset)
        return context.get_dummy_value()

    return types.void(lanes, *[types.uintp] * 4), generate


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
    table: Any,
) -> tuple[Any, Callable[..., Any]]:
    """garble_and(lanes, left, right, out, n, delta_low, delta_high, keys, table): one AND gate of n instances."""
    n_lanes, n_registers = n_lanes_of(lanes), 2

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, left, right, out, n, low, high, keys, table = arguments
        xor, mask_by, kind = builder.xor, builder.and_, vector(n_lanes)
        delta = spread(builder, low, high, n_lanes)
        s_delta = sigma(builder, delta)
        keys_a, keys_b = _keys_of_gate(builder, keys, n_lanes)
        with _over_groups(builder, n, n_lanes * n_registers) as (start, _loop):
            states, round_keys, inputs = [], [], []
            instances = counters(builder, start, n_lanes, n_registers)
            for i in range(n_registers):
                offset = builder.add(builder.shl(start, I64(4)), I64(16 * n_lanes * i))
                a, b = (load_at(builder, row, offset, kind) for row in (left, right))
                y_a, y_b = (xor(sigma(builder, label), instances[i]) for label in (a, b))
                states += [y_a, xor(y_a, s_delta), y_b, xor(y_b, s_delta)]
                round_keys += [keys_a, keys_a, keys_b, keys_b]
                inputs.append((offset, a, b, y_a, y_b))
            hashed = aes_rounds(builder, states, round_keys)
            for i, (offset, a, b, y_a, y_b) in enumerate(inputs):
                a0, a1, b0, b1 = hashed[4 * i : 4 * i + 4]
                color_a, color_b = color_masks(builder, a), color_masks(builder, b)
                t_g = xor(xor(a0, a1), xor(s_delta, mask_by(color_b, delta)))
                difference = xor(xor(b0, b1), s_delta)  # T_E ^ a
                t_e = xor(difference, a)
                half_g = xor(xor(a0, y_a), mask_by(color_a, t_g))
                half_e = xor(xor(b0, y_b), mask_by(color_b, difference))
                store_at(builder, xor(half_g, half_e), out, offset)
                order = [block for lane in range(n_lanes) for block in (lane, n_lanes + lane)]  # T_G, T_E, T_G, ...
                behind = builder.shl(offset, I64(1))
                for part, blocks in enumerate((order[:n_lanes], order[n_lanes:])):
                    joined = shuffle(builder, t_g, t_e, elements(blocks))
                    store_at(builder, joined, table, builder.add(behind, I64(16 * n_lanes * part)))
        return context.get_dummy_value()

    integers = [*[types.uintp] * 4, types.uint64, types.uint64, types.uintp, types.uintp]
    return types.void(lanes, *integers), generate


@emit
def evaluate_and(
    typing_context: Any, lanes: Any, left: Any, right: Any, out: Any, n: Any, keys: Any, table: Any
) -> tuple[Any, Callable[..., Any]]:
    """evaluate_and(lanes, left, right, out, n, keys, table): one AND gate of n instances."""
    n_lanes = n_lanes_of(lanes)
    n_registers = min(4, PAD // n_lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, left, right, out, n, keys, table = arguments
        xor, mask_by, kind = builder.xor, builder.and_, vector(n_lanes)
        keys_a, keys_b = _keys_of_gate(builder, keys, n_lanes)
        with _over_groups(builder, n, n_lanes * n_registers) as (start, _loop):
            states, round_keys, inputs = [], [], []
            instances = counters(builder, start, n_lanes, n_registers)
            for i in range(n_registers):
                offset = builder.add(builder.shl(start, I64(4)), I64(16 * n_lanes * i))
                a, b = (load_at(builder, row, offset, kind) for row in (left, right))
                states += [xor(sigma(builder, label), instances[i]) for label in (a, b)]
                round_keys += [keys_a, keys_b]
                inputs.append((offset, a, b))
            hashed = aes_rounds(builder, states, round_keys)
            for i, (offset, a, b) in enumerate(inputs):
                behind = builder.shl(offset, I64(1))
                front = load_at(builder, table, behind, kind)
                back = load_at(builder, table, builder.add(behind, I64(16 * n_lanes)), kind)
                t_g, t_e = (shuffle(builder, front, back, elements(range(which, 2 * n_lanes, 2))) for which in (0, 1))
                half_g = xor(xor(hashed[2 * i], states[2 * i]), mask_by(color_masks(builder, a), t_g))
                half_e = xor(xor(hashed[2 * i + 1], states[2 * i + 1]), mask_by(color_masks(builder, b), xor(t_e, a)))
                store_at(builder, xor(half_g, half_e), out, offset)
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
    start_low: Any,
    start_high: Any,
    counter: Any,
    tables: Any,
) -> None:
    """Garble gates first, ..., last - 1 of a program for n instances.

    Args:
        wires: uint64 of shape (n_slots, padded n, 2), zero labels.
        counter: number of the first key.
        tables: address of the tables of these gates, 32 * n bytes for each AND gate, then slack.
    """
    keys = np.empty((N_ROUNDS + 1, KEYS, 2), np.uint64)
    keys_at, wires_at, table = uintp(keys.ctypes.data), uintp(wires.ctypes.data), uintp(tables)
    row_bytes, n_instances = uintp(wires.shape[1] * 16), uintp(n)
    used = KEYS
    for gate in range(first, last):
        a = wires_at + uintp(left[gate]) * row_bytes
        b = wires_at + uintp(right[gate]) * row_bytes
        c = wires_at + uintp(out[gate]) * row_bytes
        if op[gate] == 0:
            xor_rows(lanes, a, b, c, row_bytes)
        else:
            if used == KEYS:
                expand_keys_of_gates(lanes, start_low, start_high, counter, keys_at)
                counter += np.uint64(KEYS)
                used = 0
            garble_and(lanes, a, b, c, n_instances, delta_low, delta_high, keys_at + uintp(16 * used), table)
            used += 2
            table += uintp(32) * n_instances


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
    used = KEYS
    for gate in range(first, last):
        a = wires_at + uintp(left[gate]) * row_bytes
        b = wires_at + uintp(right[gate]) * row_bytes
        c = wires_at + uintp(out[gate]) * row_bytes
        if op[gate] == 0:
            xor_rows(lanes, a, b, c, row_bytes)
        else:
            if used == KEYS:
                expand_keys_of_gates(lanes, start_low, start_high, counter, keys_at)
                counter += np.uint64(KEYS)
                used = 0
            evaluate_and(lanes, a, b, c, n_instances, keys_at + uintp(16 * used), table)
            used += 2
            table += uintp(32) * n_instances
