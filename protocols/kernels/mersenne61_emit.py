"""Single operations modulo p = 2**61 - 1 for Numba, on elements of one word. Any 64-bit CPU, no branch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocols.kernels.intrinsics import I64, emit
from protocols.kernels.wide import PAIR, U64, split, times, unpack

__all__ = ["apply", "fold", "fold_eighth", "once", "reduce"]

MODULUS = (1 << 61) - 1


def at_most_once(builder: Any, value: Any) -> Any:
    """value modulo p, for values of at least -p, below 2 p and taken modulo 2**64 after p was subtracted from them."""
    borrow = builder.sub(I64(0), builder.lshr(value, I64(63)))
    return builder.add(value, builder.and_(borrow, I64(MODULUS)))


def once_of(builder: Any, value: Any) -> Any:
    """value modulo p, for values below 2 p."""
    return at_most_once(builder, builder.sub(value, I64(MODULUS)))


def folded(builder: Any, value: Any) -> Any:
    """A word modulo p, but for p itself; below 2**61 + 8."""
    return builder.add(builder.and_(value, I64(MODULUS)), builder.lshr(value, I64(61)))


def multiplied(builder: Any, x: Any, y: Any) -> Any:
    """The high word of x * (8 y) is floor(x y / 2**61)."""
    low, high = split(builder, times(builder, x, builder.shl(y, I64(3))), 2)
    return once_of(builder, builder.add(builder.lshr(low, I64(3)), high))


OPERATIONS = {
    1: lambda builder, x, y: once_of(builder, builder.add(x, y)),
    2: lambda builder, x, y: at_most_once(builder, builder.sub(x, y)),
    3: multiplied,
}


@emit
def apply(typing_context: Any, op: Any, x: Any, y: Any) -> tuple[Any, Callable[..., Any]]:
    """apply(op, x, y): x + y, x - y or x * y, as the length of the tuple `op` is 1, 2 or 3."""
    operation = OPERATIONS[op.count]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return operation(builder, *arguments[1:])

    return U64(op, U64, U64), generate


@emit
def once(typing_context: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """once(value): modulo p, for values below 2 p."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return once_of(builder, arguments[0])

    return U64(U64), generate


@emit
def reduce(typing_context: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """reduce(value): any word modulo p."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return once_of(builder, folded(builder, arguments[0]))

    return U64(U64), generate


@emit
def fold(typing_context: Any, total: Any) -> tuple[Any, Callable[..., Any]]:
    """fold(total): a number of two words as a word below 2**63, the same modulo p."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        low, high = unpack(builder, arguments[0], 2)
        middle = builder.or_(builder.lshr(low, I64(61)), builder.shl(high, I64(3)))
        parts = builder.add(builder.and_(low, I64(MODULUS)), builder.and_(middle, I64(MODULUS)))
        return builder.add(parts, builder.lshr(high, I64(58)))

    return U64(PAIR), generate


@emit
def fold_eighth(typing_context: Any, total: Any) -> tuple[Any, Callable[..., Any]]:
    """fold_eighth(total): an eighth of a number of two words, below 2**127, modulo p."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        low, high = unpack(builder, arguments[0], 2)
        value = builder.add(builder.lshr(low, I64(3)), high)
        return once_of(builder, folded(builder, value))

    return U64(PAIR), generate
