"""Numbers of several 64-bit words for Numba, through LLVM: products of 128 bits, sums with carries. Any 64-bit CPU.

A wide number is a tuple of uint64, the lowest word first. LLVM turns the integers of 128 to 320 bits that stand behind
it into the multiplication with two words of result and the carry chains of the CPU. Nothing branches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from protocols.kernels.intrinsics import I64, emit

__all__ = ["add_product", "add_product_by_columns", "add_scaled", "fold_columns", "product", "words"]

U64 = types.uint64


def join(builder: Any, parts: list[Any], n_bits: int) -> Any:
    """One integer of n_bits from its words, the lowest first."""
    kind = ir.IntType(n_bits)
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


def widened(builder: Any, x: Any, y: Any, n_bits: int) -> Any:
    """The product of two words, as an integer of n_bits."""
    kind = ir.IntType(128)
    full = builder.mul(builder.zext(x, kind), builder.zext(y, kind))
    return full if n_bits == 128 else builder.zext(full, ir.IntType(n_bits))


@emit
def words(typing_context: Any, address: Any) -> tuple[Any, Callable[..., Any]]:
    """words(address): the memory there as uint64, by index; nothing is checked."""
    kind = types.CPointer(U64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(kind))

    return kind(types.uintp), generate


@emit
def product(typing_context: Any, x: Any, y: Any) -> tuple[Any, Callable[..., Any]]:
    """product(x, y): of two words, as (low, high)."""
    kind = types.UniTuple(U64, 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_tuple(builder, kind, split(builder, widened(builder, arguments[0], arguments[1], 128), 2))

    return kind(U64, U64), generate


@emit
def add_product(typing_context: Any, total: Any, x: Any, y: Any) -> tuple[Any, Callable[..., Any]]:
    """add_product(total, x, y): total + x * y, where total has two words, and the sum fits."""
    kind = types.UniTuple(U64, 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, x, y = arguments
        found = builder.add(join(builder, unpack(builder, total, 2), 128), widened(builder, x, y, 128))
        return context.make_tuple(builder, kind, split(builder, found, 2))

    return kind(kind, U64, U64), generate


@emit
def add_scaled(typing_context: Any, total: Any, low: Any, high: Any, factor: Any) -> tuple[Any, Callable[..., Any]]:
    """add_scaled(total, low, high, factor): total + (low, high) * factor, three words, and the sum fits."""
    kind = types.UniTuple(U64, 3)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, low, high, factor = arguments
        found = builder.add(join(builder, unpack(builder, total, 3), 192), widened(builder, low, factor, 192))
        upper = builder.shl(widened(builder, high, factor, 192), ir.IntType(192)(64))
        return context.make_tuple(builder, kind, split(builder, builder.add(found, upper), 3))

    return kind(kind, U64, U64, U64), generate


@emit
def add_product_by_columns(
    typing_context: Any, total: Any, x_low: Any, x_high: Any, y_low: Any, y_high: Any
) -> tuple[Any, Callable[..., Any]]:
    """add_product_by_columns(total, x_low, x_high, y_low, y_high): total + x * y, without carries between columns.

    `total` is nine words: three sums of three words each, of weight 1, 2**64 and 2**128. The high words are below
    2**63. Up to 2**60 products fit.
    """
    kind = types.UniTuple(U64, 9)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, x_low, x_high, y_low, y_high = arguments
        parts = unpack(builder, total, 9)
        middle = builder.add(widened(builder, x_low, y_high, 128), widened(builder, x_high, y_low, 128))
        addends = [
            widened(builder, x_low, y_low, 192),
            builder.zext(middle, ir.IntType(192)),
            widened(builder, x_high, y_high, 192),
        ]
        found: list[Any] = []
        for i, addend in enumerate(addends):
            column = join(builder, parts[3 * i : 3 * i + 3], 192)
            found += split(builder, builder.add(column, addend), 3)
        return context.make_tuple(builder, kind, found)

    return kind(kind, U64, U64, U64, U64), generate


def fold(builder: Any, value: Any, exponent: int) -> Any:
    """The low `exponent` bits plus the others: the same modulo 2**exponent - 1."""
    kind = value.type
    return builder.add(builder.and_(value, kind((1 << exponent) - 1)), builder.lshr(value, kind(exponent)))


def canonical(builder: Any, value: Any, exponent: int) -> Any:
    """value - (2**exponent - 1) if that is not negative, else value; for values below twice the modulus."""
    kind = value.type
    modulus = kind((1 << exponent) - 1)
    above = builder.lshr(builder.add(value, kind(1)), kind(exponent))
    return builder.sub(value, builder.and_(modulus, builder.sub(kind(0), above)))


@emit
def fold_columns(typing_context: Any, total: Any) -> tuple[Any, Callable[..., Any]]:
    """fold_columns(total): the sum that `add_product_by_columns` kept, or three plain words, modulo 2**127 - 1."""
    kind, n_words = types.UniTuple(U64, 2), total.count

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        parts = unpack(builder, arguments[0], n_words)
        if n_words == 9:
            wide = ir.IntType(320)
            columns = [builder.zext(join(builder, parts[i : i + 3], 192), wide) for i in (0, 3, 6)]
            # 2**128 is 2 modulo 2**127 - 1.
            value = builder.add(columns[0], builder.shl(columns[1], wide(64)))
            value = fold(builder, builder.add(value, builder.shl(columns[2], wide(1))), 127)
        else:
            value = join(builder, parts, 192)
        value = fold(builder, builder.trunc(value, ir.IntType(192)), 127)
        value = builder.trunc(fold(builder, value, 127), ir.IntType(128))
        return context.make_tuple(builder, kind, split(builder, canonical(builder, value, 127), 2))

    return kind(total), generate
