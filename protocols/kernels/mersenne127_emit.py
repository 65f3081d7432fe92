"""Single operations modulo p = 2**127 - 1 for Numba, on elements (low, high) of two words. Any 64-bit CPU, no branch.

Sums of products are kept as six words, three for each weight, which takes the fewest additions with carry:

    x_low y_low + x_high (2 y_high)       of weight 1, as 2**128 is 2
    x_low y_high + x_high y_low           of weight 2**64
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from protocols.kernels.intrinsics import I64, emit
from protocols.kernels.wide import I128, I192, PAIR, U64, join, split, times, unpack

__all__ = ["add", "add_product", "add_scaled", "fold", "mul", "sub"]

MODULUS = (1 << 127) - 1
SIX, THREE = types.UniTuple(U64, 6), types.UniTuple(U64, 3)
FOUR_WORDS = (U64, U64, U64, U64)


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


def pair(context: Any, builder: Any, value: Any) -> Any:
    return context.make_tuple(builder, PAIR, split(builder, value, 2))


@emit
def add(typing_context: Any, x_low: Any, x_high: Any, y_low: Any, y_high: Any) -> tuple[Any, Callable[..., Any]]:
    """add(x_low, x_high, y_low, y_high): x + y."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total = builder.add(join(builder, arguments[:2], I128), join(builder, arguments[2:], I128))
        return pair(context, builder, once(builder, total))

    return PAIR(*FOUR_WORDS), generate


@emit
def sub(typing_context: Any, x_low: Any, x_high: Any, y_low: Any, y_high: Any) -> tuple[Any, Callable[..., Any]]:
    """sub(x_low, x_high, y_low, y_high): x - y."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        negative = builder.xor(join(builder, arguments[2:], I128), I128(MODULUS))
        total = builder.add(join(builder, arguments[:2], I128), negative)
        return pair(context, builder, once(builder, total))

    return PAIR(*FOUR_WORDS), generate


@emit
def mul(typing_context: Any, x_low: Any, x_high: Any, y_low: Any, y_high: Any) -> tuple[Any, Callable[..., Any]]:
    """mul(x_low, x_high, y_low, y_high): x * y.

    The upper 128 bits of x * (2 y) are floor(x y / 2**127); no sum on the way to them overflows 128 bits.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x_low, x_high, y_low, y_high = arguments
        z_low = builder.add(y_low, y_low)
        z_high = builder.or_(builder.add(y_high, y_high), builder.lshr(y_low, I64(63)))
        right = builder.add(times(builder, x_high, z_low), builder.lshr(times(builder, x_low, z_low), I128(64)))
        left = builder.add(times(builder, x_low, z_high), builder.zext(builder.trunc(right, I64), I128))
        upper = builder.add(times(builder, x_high, z_high), builder.lshr(right, I128(64)))
        upper = builder.add(upper, builder.lshr(left, I128(64)))
        middle = builder.lshr(builder.trunc(left, I64), I64(1))
        lower = join(builder, [builder.mul(x_low, y_low), middle], I128)
        return pair(context, builder, once(builder, builder.add(lower, upper)))

    return PAIR(*FOUR_WORDS), generate


@emit
def add_product(
    typing_context: Any, total: Any, x_low: Any, x_high: Any, y_low: Any, y_high: Any
) -> tuple[Any, Callable[..., Any]]:
    """add_product(total, x_low, x_high, y_low, y_high): total + x * y, six words; up to 2**60 products fit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, x_low, x_high, y_low, y_high = arguments
        parts = unpack(builder, total, 6)
        outer, inner = join(builder, parts[:3], I192), join(builder, parts[3:], I192)
        outer = builder.add(outer, times(builder, x_low, y_low, I192))
        outer = builder.add(outer, times(builder, x_high, builder.add(y_high, y_high), I192))
        inner = builder.add(inner, times(builder, x_low, y_high, I192))
        inner = builder.add(inner, times(builder, x_high, y_low, I192))
        return context.make_tuple(builder, SIX, [*split(builder, outer, 3), *split(builder, inner, 3)])

    return SIX(SIX, *FOUR_WORDS), generate


@emit
def add_scaled(typing_context: Any, total: Any, low: Any, high: Any, factor: Any) -> tuple[Any, Callable[..., Any]]:
    """add_scaled(total, low, high, factor): total + (low, high) * factor, three words; the sum is below 2**190."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, low, high, factor = arguments
        found = builder.add(join(builder, unpack(builder, total, 3), I192), times(builder, low, factor, I192))
        upper = builder.shl(times(builder, high, factor, I192), I192(64))
        return context.make_tuple(builder, THREE, split(builder, builder.add(found, upper), 3))

    return THREE(THREE, U64, U64, U64), generate


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
        return pair(context, builder, reduced(builder, value))

    return PAIR(total), generate
