"""AES instructions for Numba, through LLVM: round keys, and AES over registers of one, two or four blocks.

All work on addresses (`array.ctypes.data`), need no alignment and check nothing. `lanes` is a tuple whose length says
how many blocks a register holds, see `protocols.kernels.cpu`; `count`, a literal, says how many registers are in
flight: 8 hide the latency of the instruction. A block is 16 bytes, as 2 little-endian uint64.

Each is usable only inside a kernel, and only on a CPU that has the path: `cpu.available()`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["aes_blocks", "aes_counter", "aes_expand_key", "aes_fold", "aes_mmo", "aes_tmmo", "emit", "xor_into"]

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
BLOCK, BLOCK_I32 = ir.VectorType(I64, 2), ir.VectorType(I32, 4)
N_ROUNDS = 10
emit: Any = intrinsic(prefer_literal=True)  # for mypy, what it makes is of no type


def vector(n_lanes: int) -> ir.VectorType:
    """The type of a register of n blocks."""
    return ir.VectorType(I64, 2 * n_lanes)


def declare(module: Any, name: str, arguments: list[Any], result: Any) -> Any:
    """The LLVM intrinsic of that name, declared once for each module."""
    return cgutils.get_or_insert_function(module, ir.FunctionType(result, arguments), name)


def pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def load(builder: Any, base: Any, index: int) -> Any:
    value = builder.load(builder.gep(base, [I32(index)]))
    value.align = 1
    return value


def store(builder: Any, value: Any, base: Any, index: int) -> None:
    builder.store(value, builder.gep(base, [I32(index)])).align = 1


def constants(kind: Any, values: list[int]) -> Any:
    return ir.Constant(kind, values)


def load_round_key(builder: Any, base: Any, index: int, n_lanes: int) -> Any:
    """Round key `index`, the same in every lane."""
    key = load(builder, base, index)
    if n_lanes == 1:
        return key
    mask = constants(ir.VectorType(I32, 2 * n_lanes), [0, 1] * n_lanes)
    return builder.shuffle_vector(key, constants(BLOCK, [0, 0]), mask)


def encrypt(builder: Any, states: list[Any], keys: list[Any], n_lanes: int) -> list[Any]:
    """AES-128 of registers in flight together; register i under the round keys at keys[i % len(keys)]."""
    kind = vector(n_lanes)
    suffix = {1: "", 2: ".256", 4: ".512"}[n_lanes]
    step = declare(builder.module, "llvm.x86.aesni.aesenc" + suffix, [kind, kind], kind)
    last = declare(builder.module, "llvm.x86.aesni.aesenclast" + suffix, [kind, kind], kind)
    for round_number in range(N_ROUNDS + 1):
        current = [load_round_key(builder, base, round_number, n_lanes) for base in keys]
        pairs = [(state, current[i % len(current)]) for i, state in enumerate(states)]
        if round_number == 0:
            states = [builder.xor(state, key) for state, key in pairs]
        else:
            function = step if round_number < N_ROUNDS else last
            states = [builder.call(function, [state, key]) for state, key in pairs]
    return states


def n_lanes_of(lanes: Any) -> int:
    """How many blocks a register holds, from the type of a kernel's `lanes`."""
    n_lanes = getattr(lanes, "count", 0)
    if n_lanes not in (1, 2, 4):
        raise TypeError("lanes must be a tuple of length 1, 2 or 4; the portable path has no kernels")
    return int(n_lanes)


@emit
def aes_expand_key(typing_context: Any, key: Any, round_keys: Any) -> tuple[Any, Callable[..., Any]]:
    """aes_expand_key(key, round_keys): the 11 round keys (176 bytes) of an AES-128 key, FIPS-197 section 5.2."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target = (pointer(builder, address, BLOCK) for address in arguments)
        assist = declare(builder.module, "llvm.x86.aesni.aeskeygenassist", [BLOCK, I8], BLOCK)
        zero = constants(BLOCK_I32, [0] * 4)
        current, constant = load(builder, source, 0), 1
        store(builder, current, target, 0)
        for i in range(1, N_ROUNDS + 1):
            rotated = builder.bitcast(builder.call(assist, [current, I8(constant)]), BLOCK_I32)
            word = builder.shuffle_vector(rotated, zero, constants(BLOCK_I32, [3] * 4))
            chain = builder.bitcast(current, BLOCK_I32)
            # Prefix XOR of the four words: shift by one word, then by two.
            chain = builder.xor(chain, builder.shuffle_vector(chain, zero, constants(BLOCK_I32, [4, 0, 1, 2])))
            chain = builder.xor(chain, builder.shuffle_vector(chain, zero, constants(BLOCK_I32, [4, 4, 0, 1])))
            current = builder.bitcast(builder.xor(chain, word), BLOCK)
            store(builder, current, target, i)
            constant = (constant << 1) ^ (0x11B if constant & 0x80 else 0)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp), generate


def _over_blocks(lanes: Any, count: Any, feed_forward: bool) -> tuple[Any, Callable[..., Any]]:
    n_lanes, n_registers = n_lanes_of(lanes), count.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target = (pointer(builder, address, vector(n_lanes)) for address in arguments[2:4])
        keys = pointer(builder, arguments[4], BLOCK)
        inputs = [load(builder, source, i) for i in range(n_registers)]
        for i, state in enumerate(encrypt(builder, inputs, [keys], n_lanes)):
            store(builder, builder.xor(state, inputs[i]) if feed_forward else state, target, i)
        return context.get_dummy_value()

    return types.void(lanes, count, types.uintp, types.uintp, types.uintp), generate


@emit
def aes_blocks(
    typing_context: Any, lanes: Any, count: Any, source: Any, target: Any, round_keys: Any
) -> tuple[Any, Callable[..., Any]]:
    """aes_blocks(lanes, count, source, target, round_keys): AES of count * len(lanes) blocks; may be in place."""
    return _over_blocks(lanes, count, feed_forward=False)


@emit
def aes_mmo(
    typing_context: Any, lanes: Any, count: Any, source: Any, target: Any, round_keys: Any
) -> tuple[Any, Callable[..., Any]]:
    """aes_mmo(lanes, count, source, target, round_keys): AES(x) ^ x of count * len(lanes) blocks; may be in place."""
    return _over_blocks(lanes, count, feed_forward=True)


def counters(builder: Any, first: Any, n_lanes: int, n_registers: int, shift: int = 0) -> list[Any]:
    """Registers of the blocks first + (i >> shift), i = 0, 1, ...: the low 64 bits count, the high ones are 0."""
    kind = vector(n_lanes)
    base = ir.Constant(kind, ir.Undefined)
    for lane in range(n_lanes):
        base = builder.insert_element(base, first, I32(2 * lane))
        base = builder.insert_element(base, I64(0), I32(2 * lane + 1))
    registers = []
    for i in range(n_registers):
        offsets = [value for lane in range(n_lanes) for value in ((i * n_lanes + lane) >> shift, 0)]
        registers.append(builder.add(base, constants(kind, offsets)))
    return registers


@emit
def aes_counter(
    typing_context: Any, lanes: Any, count: Any, first: Any, target: Any, round_keys: Any
) -> tuple[Any, Callable[..., Any]]:
    """aes_counter(lanes, count, first, target, round_keys): AES of the counters first, first + 1, ... (low 64 bits)."""
    n_lanes, n_registers = n_lanes_of(lanes), count.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, keys = pointer(builder, arguments[3], vector(n_lanes)), pointer(builder, arguments[4], BLOCK)
        states = counters(builder, arguments[2], n_lanes, n_registers)
        for i, state in enumerate(encrypt(builder, states, [keys], n_lanes)):
            store(builder, state, target, i)
        return context.get_dummy_value()

    return types.void(lanes, count, types.uint64, types.uintp, types.uintp), generate


@emit
def aes_fold(
    typing_context: Any, lanes: Any, n_leaves: Any, hole: Any, first: Any, keys: Any, low: Any, high: Any, total: Any
) -> tuple[Any, Callable[..., Any]]:
    """aes_fold(lanes, n_leaves, hole, first, keys, low, high, total): two registers of each leaf's stream, combined.

    Leaf x, of 2 or 4, has its 11 round keys at keys + 176 x; its registers are AES of the counters first, first + 1 ...
    XORs into `low` the leaves whose number is odd, into `high` leaves 2 and 3, and stores in `total` the XOR of all.
    Where `hole` is 1, leaf 0 is left out, as if its stream were 0.
    """
    n_lanes, count, start = n_lanes_of(lanes), n_leaves.literal_value, hole.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = vector(n_lanes)
        base = pointer(builder, arguments[4], BLOCK)
        low, high, total = (pointer(builder, address, kind) for address in arguments[5:8])
        leaves = range(start, count)
        schedules = [builder.gep(base, [I32(11 * leaf)]) for leaf in leaves]
        states = counters(builder, arguments[3], n_lanes, 2)
        found = encrypt(builder, [state for state in states for _ in leaves], schedules, n_lanes)
        for i in range(2):
            streams = dict(zip(leaves, found[i * len(leaves) :], strict=False))
            for target, members in ((low, [1, 3]), (high, [2, 3])):
                chosen = [streams[leaf] for leaf in members if leaf < count]
                if chosen:
                    store(builder, reduce(builder.xor, chosen, load(builder, target, i)), target, i)
            store(builder, reduce(builder.xor, streams.values()), total, i)
        return context.get_dummy_value()

    addresses = [types.uintp] * 4
    return types.void(lanes, n_leaves, hole, types.uint64, *addresses), generate


@emit
def xor_into(typing_context: Any, lanes: Any, count: Any, source: Any, target: Any) -> tuple[Any, Callable[..., Any]]:
    """xor_into(lanes, count, source, target): target ^= source, `count` registers."""
    n_lanes, n_registers = n_lanes_of(lanes), count.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target = (pointer(builder, address, vector(n_lanes)) for address in arguments[2:4])
        for i in range(n_registers):
            store(builder, builder.xor(load(builder, source, i), load(builder, target, i)), target, i)
        return context.get_dummy_value()

    return types.void(lanes, count, types.uintp, types.uintp), generate


@emit
def aes_tmmo(
    typing_context: Any, lanes: Any, count: Any, shift: Any, first: Any, source: Any, target: Any, round_keys: Any
) -> tuple[Any, Callable[..., Any]]:
    """aes_tmmo(lanes, count, shift, first, source, target, round_keys): E(E(x) ^ tweak) ^ E(x), may be in place.

    The tweak of block i is first + (i >> shift), in the low 64 bits.
    """
    n_lanes, n_registers, down = n_lanes_of(lanes), count.literal_value, shift.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target = (pointer(builder, address, vector(n_lanes)) for address in arguments[4:6])
        keys = pointer(builder, arguments[6], BLOCK)
        inner = encrypt(builder, [load(builder, source, i) for i in range(n_registers)], [keys], n_lanes)
        tweaks = counters(builder, arguments[3], n_lanes, n_registers, down)
        masked = [builder.xor(state, tweak) for state, tweak in zip(inner, tweaks, strict=True)]
        for i, state in enumerate(encrypt(builder, masked, [keys], n_lanes)):
            store(builder, builder.xor(state, inner[i]), target, i)
        return context.get_dummy_value()

    addresses = [types.uintp] * 3
    return types.void(lanes, count, shift, types.uint64, *addresses), generate
