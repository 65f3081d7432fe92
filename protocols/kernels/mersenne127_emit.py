"""Single operations modulo p = 2**127 - 1 for Numba, on elements of two words in memory. Any 64-bit CPU, no branch.

Elements are named by a pointer (`protocols.kernels.memory.words`) and the index of their low word.

Sums of products are kept as six words, three for each weight, which takes the fewest additions with carry:

    x_low y_low + x_high (2 y_high)       of weight 1, as 2**128 is 2
    x_low y_high + x_high y_low           of weight 2**64
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from protocols.kernels.intrinsics import I64, emit
from protocols.kernels.memory import POINTER, put_word
from protocols.kernels.wide import I128, I192, PAIR, U64, join, split, times, unpack

__all__ = ["add_product", "add_scaled", "apply", "fold", "put_element"]

MODULUS = (1 << 127) - 1
SIX, THREE = types.UniTuple(U64, 6), types.UniTuple(U64, 3)


def element(builder: Any, base: Any, index: Any) -> list[Any]:
    """The two words at a place."""
    return [builder.load(builder.gep(base, [place])) for place in (index, builder.add(index, I64(1)))]


def once(builder: Any, value: Any) -> Any:
    """value modulo p, for values below 2 p, of 128 bits."""
    above = builder.lshr(builder.add(value, I128(1)), I128(127))
    return builder.and_(builder.add(value, above), I128(MODULUS))


def reduced(builder: Any, value: Any) -> Any:
    """value modulo p, for values below 2**190, of 192 bits."""
    low, middle, high = split(builder, value, 3)
    upper = builder.add(builder.add(high, high), builder.lshr(middle, I64(63)))
    lower = join(builder, [low, builder.and_(middle, I64((1 << 63) - 1))], I128)
    return once(builder, builder.add(lower, builder.zext(upper, I128)))


def added(builder: Any, x: list[Any], y: list[Any]) -> Any:
    return once(builder, builder.add(join(builder, x, I128), join(builder, y, I128)))


def subtracted(builder: Any, x: list[Any], y: list[Any]) -> Any:
    negative = builder.xor(join(builder, y, I128), I128(MODULUS))
    return once(builder, builder.add(join(builder, x, I128), negative))


def multiplied(builder: Any, x: list[Any], y: list[Any]) -> Any:
    """The upper 128 bits of x * (2 y) are floor(x y / 2**127); no sum on the way to them overflows 128 bits."""
    (x_low, x_high), (y_low, y_high) = x, y
    z_low = builder.add(y_low, y_low)
    z_high = builder.or_(builder.add(y_high, y_high), builder.lshr(y_low, I64(63)))
    right = builder.add(times(builder, x_high, z_low), builder.lshr(times(builder, x_low, z_low), I128(64)))
    left = builder.add(times(builder, x_low, z_high), builder.zext(builder.trunc(right, I64), I128))
    upper = builder.add(times(builder, x_high, z_high), builder.lshr(right, I128(64)))
    upper = builder.add(upper, builder.lshr(left, I128(64)))
    middle = builder.lshr(builder.trunc(left, I64), I64(1))
    lower = join(builder, [builder.mul(x_low, y_low), middle], I128)
    return once(builder, builder.add(lower, upper))


OPERATIONS = {1: added, 2: subtracted, 3: multiplied}


@emit
def apply(typing_context: Any, op: Any, x: Any, i: Any, y: Any, j: Any) -> tuple[Any, Callable[..., Any]]:
    """apply(op, x, i, y, j): x[i] + y[j], x[i] - y[j] or x[i] * y[j], as the length of the tuple `op` is 1, 2 or 3."""
    operation = OPERATIONS[op.count]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, x, i, y, j = arguments
        found = operation(builder, element(builder, x, i), element(builder, y, j))
        return context.make_tuple(builder, PAIR, split(builder, found, 2))

    return PAIR(op, POINTER, types.intp, POINTER, types.intp), generate


@emit
def put_element(typing_context: Any, target: Any, index: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """put_element(target, index, value): of a pair of words, as `protocols.kernels.memory.put` does."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, index, value = arguments
        low, high = unpack(builder, value, 2)
        put_word(builder, target, index, low)
        put_word(builder, target, builder.add(index, I64(1)), high)
        return context.get_dummy_value()

    return types.void(POINTER, types.intp, PAIR), generate


@emit
def add_product(typing_context: Any, total: Any, x: Any, i: Any, y: Any, j: Any) -> tuple[Any, Callable[..., Any]]:
    """add_product(total, x, i, y, j): total + x[i] * y[j], six words; up to 2**60 products fit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, x, i, y, j = arguments
        (x_low, x_high), (y_low, y_high) = element(builder, x, i), element(builder, y, j)
        parts = unpack(builder, total, 6)
        outer, inner = join(builder, parts[:3], I192), join(builder, parts[3:], I192)
        outer = builder.add(outer, times(builder, x_low, y_low, I192))
        outer = builder.add(outer, times(builder, x_high, builder.add(y_high, y_high), I192))
        inner = builder.add(inner, times(builder, x_low, y_high, I192))
        inner = builder.add(inner, times(builder, x_high, y_low, I192))
        return context.make_tuple(builder, SIX, [*split(builder, outer, 3), *split(builder, inner, 3)])

    return SIX(SIX, POINTER, types.intp, POINTER, types.intp), generate


@emit
def add_scaled(
    typing_context: Any, total: Any, x: Any, i: Any, factor: Any, sign: Any
) -> tuple[Any, Callable[..., Any]]:
    """add_scaled(total, x, i, factor, sign): total + x[i] * factor, or - x[i] * factor where `sign` is all ones.

    `total` is three words; the sum is below 2**190. `sign` is 0 elsewhere.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, x, i, factor, sign = arguments
        low, high = element(builder, x, i)
        low = builder.xor(low, sign)
        high = builder.xor(high, builder.and_(sign, I64((1 << 63) - 1)))
        found = builder.add(join(builder, unpack(builder, total, 3), I192), times(builder, low, factor, I192))
        upper = builder.shl(times(builder, high, factor, I192), I192(64))
        return context.make_tuple(builder, THREE, split(builder, builder.add(found, upper), 3))

    return THREE(THREE, POINTER, types.intp, U64, U64), generate


@emit
def fold(typing_context: Any, total: Any) -> tuple[Any, Callable[..., Any]]:
    """fold(total): modulo p, of six words as `add_product` keeps them, or of three plain ones below 2**190."""
    n_words = total.count

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        parts = unpack(builder, arguments[0], n_words)
        value = join(builder, parts[:3], I192)
        if n_words == 6:
            upper = join(builder, parts[4:], I128)
            value = builder.add(value, builder.zext(builder.add(upper, upper), I192))
            value = builder.add(value, builder.shl(builder.zext(parts[3], I192), I192(64)))
        return context.make_tuple(builder, PAIR, split(builder, reduced(builder, value), 2))

    return PAIR(total), generate
