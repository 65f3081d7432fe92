"""What the garbling kernels have in common: registers of blocks, their color bits, AES of several at once.

Addresses need no alignment and are not checked. A block is 16 bytes, as 2 little-endian uint64; a register holds one,
two or four. Its color bit is the lowest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llvmlite import ir

from protocols.kernels.intrinsics import BLOCK, I32, I64, N_ROUNDS, constants, declare

__all__ = ["aes_rounds", "color_masks", "elements", "load_at", "shuffle", "sigma", "spread", "store_at"]


def _address_of(builder: Any, base: Any, offset: Any, kind: Any) -> Any:
    """A pointer `offset` bytes behind an address; the offset is a number or a value."""
    offset = I64(offset) if isinstance(offset, int) else offset
    return builder.inttoptr(builder.add(base, offset), kind.as_pointer())


def load_at(builder: Any, base: Any, offset: Any, kind: Any) -> Any:
    value = builder.load(_address_of(builder, base, offset, kind))
    value.align = 1
    return value


def store_at(builder: Any, value: Any, base: Any, offset: Any) -> None:
    builder.store(value, _address_of(builder, base, offset, value.type)).align = 1


def shuffle(builder: Any, first: Any, second: Any, places: list[int]) -> Any:
    """The elements at `places` of two vectors laid end to end."""
    return builder.shuffle_vector(first, second, constants(ir.VectorType(I32, len(places)), places))


def elements(blocks: Iterable[int]) -> list[int]:
    """Places of the 64-bit elements of the given blocks."""
    return [place for block in blocks for place in (2 * block, 2 * block + 1)]


def spread(builder: Any, low: Any, high: Any, n_lanes: int) -> Any:
    """A register whose every block is (low, high)."""
    block = builder.insert_element(ir.Constant(BLOCK, ir.Undefined), low, I32(0))
    block = builder.insert_element(block, high, I32(1))
    return shuffle(builder, block, block, [0, 1] * n_lanes)


def sigma(builder: Any, blocks: Any) -> Any:
    """The linear orthomorphism (high, low) -> (high ^ low, high) of every block of a register."""
    size = blocks.type.count
    swapped = shuffle(builder, blocks, blocks, [i ^ 1 for i in range(size)])
    return builder.xor(swapped, builder.and_(blocks, constants(blocks.type, [0, -1] * (size // 2))))


def color_masks(builder: Any, labels: Any) -> Any:
    """For each block all ones where its color bit is 1, all zeros where it is 0."""
    size = labels.type.count
    low = shuffle(builder, labels, labels, [i & ~1 for i in range(size)])
    bit = builder.and_(low, constants(labels.type, [1] * size))
    return builder.sub(constants(labels.type, [0] * size), bit)


def aes_rounds(builder: Any, states: list[Any], round_keys: list[list[Any]]) -> list[Any]:
    """AES-128 of registers in flight together, register i under round_keys[i]."""
    kind = states[0].type
    suffix = {2: "", 4: ".256", 8: ".512"}[kind.count]
    step = declare(builder.module, "llvm.x86.aesni.aesenc" + suffix, [kind, kind], kind)
    last = declare(builder.module, "llvm.x86.aesni.aesenclast" + suffix, [kind, kind], kind)
    states = [builder.xor(state, keys[0]) for state, keys in zip(states, round_keys, strict=True)]
    for number in range(1, N_ROUNDS + 1):
        function = step if number < N_ROUNDS else last
        states = [builder.call(function, [state, keys[number]]) for state, keys in zip(states, round_keys, strict=True)]
    return states
