"""Numbers of several 64-bit words for Numba, through LLVM: products of 128 bits, sums with carries. Any 64-bit CPU.

A wide number is a tuple of uint64, the lowest word first. LLVM turns the integers of 128 and 192 bits that stand behind
it into the multiplication with two words of result and the carry chains of the CPU. Nothing branches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from protocols.kernels.intrinsics import I64, emit

__all__ = ["I128", "I192", "PAIR", "U64", "add_product", "join", "product", "split", "times", "unpack"]

I128, I192 = ir.IntType(128), ir.IntType(192)
U64 = types.uint64
PAIR = types.UniTuple(U64, 2)


def join(builder: Any, parts: list[Any], kind: Any) -> Any:
    """One integer from its words, the lowest first."""
    total = builder.zext(parts[0], kind)
    for i, part in enumerate(parts[1:], 1):
        total = builder.or_(total, builder.shl(builder.zext(part, kind), kind(64 * i)))
    return total


def split(builder: Any, value: Any, n_words: int) -> list[Any]:
    """The lowest words of an integer."""
    kind = value.type
    return [builder.trunc(builder.lshr(value, kind(64 * i)), I64) for i in range(n_words)]


def unpack(builder: Any, value: Any, n_words: int) -> list[Any]:
    """The words of a tuple of Numba's."""
    return [builder.extract_value(value, i) for i in range(n_words)]


def times(builder: Any, x: Any, y: Any, kind: Any = I128) -> Any:
    """The product of two words, as an integer of at least 128 bits."""
    full = builder.mul(builder.zext(x, I128), builder.zext(y, I128))
    return full if kind is I128 else builder.zext(full, kind)


@emit
def product(typing_context: Any, x: Any, y: Any) -> tuple[Any, Callable[..., Any]]:
    """product(x, y): of two words, as (low, high)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, y = arguments
        return context.make_tuple(builder, PAIR, split(builder, times(builder, x, y), 2))

    return PAIR(U64, U64), generate


@emit
def add_product(typing_context: Any, total: Any, x: Any, y: Any) -> tuple[Any, Callable[..., Any]]:
    """add_product(total, x, y): total + x * y, where total has two words, and the sum fits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, x, y = arguments
        found = builder.add(join(builder, unpack(builder, total, 2), I128), times(builder, x, y))
        return context.make_tuple(builder, PAIR, split(builder, found, 2))

    return PAIR(PAIR, U64, U64), generate
