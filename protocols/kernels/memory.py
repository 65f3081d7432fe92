"""Memory by address for Numba, as words of 64 bits; nothing is checked.

A kernel that takes addresses is compiled once, for arrays of any shape and for those that can only be read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from protocols.kernels.intrinsics import emit
from protocols.kernels.jit import kernel

__all__ = ["POINTER", "address", "put", "put_for", "put_word", "words"]

U64 = types.uint64
POINTER = types.CPointer(U64)


@kernel
def address(x: Any) -> Any:
    """Where a C-contiguous array of uint64 of one axis lies: five times as fast as to ask NumPy.

    For use from Python. Numba frees an array as soon as a kernel no longer names it, whoever has its address.
    """
    return x.ctypes.data


@emit
def words(typing_context: Any, address: Any) -> tuple[Any, Callable[..., Any]]:
    """words(address): the memory there as uint64, by index; nothing is checked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(POINTER))

    return POINTER(types.uintp), generate


def put_word(builder: Any, target: Any, index: Any, value: Any) -> None:
    builder.store_atomic(value, builder.gep(target, [index]), "unordered", 8)


@emit
def put(typing_context: Any, target: Any, index: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """put(target, index, value): target[index] = value, in a loop that LLVM leaves scalar.

    It would take vectors apart for each product of two words, and put them together again: twice as slow as plain
    code. Stores that are atomic, which those of an aligned word are on every 64-bit CPU, it does not vectorise.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, index, value = arguments
        put_word(builder, target, index, value)
        return context.get_dummy_value()

    return types.void(POINTER, types.intp, U64), generate


@emit
def put_for(typing_context: Any, op: Any, target: Any, index: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """put_for(op, target, index, value): `put` for products, where the tuple `op` has length 3, else a plain store."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, target, index, value = arguments
        if op.count == 3:
            put_word(builder, target, index, value)
        else:
            builder.store(value, builder.gep(target, [index]))
        return context.get_dummy_value()

    return types.void(op, POINTER, types.intp, U64), generate
