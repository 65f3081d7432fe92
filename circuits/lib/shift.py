"""Shifts by a secret amount: a barrel of multiplexers. Shifts by a public amount are slices of the list of wires."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.builder import Builder
from circuits.ir import ZERO

__all__ = ["left", "left_plain", "right", "right_plain"]


def left(b: Builder, x: Sequence[int], amount: Sequence[int], signed: bool) -> list[int]:
    """x * 2**amount, exact: len(x) + 2**len(amount) - 1 bits.

    Cost: for the amount's bit j one AND for each bit that the word has once it is shifted by up to 2**(j+1) - 1.
    """
    word = list(x)
    for j, bit in enumerate(amount):
        step = 1 << j
        moved = [ZERO] * step + word
        stayed = word + [word[-1] if signed else ZERO] * step
        word = [b.mux(bit, p, q) for p, q in zip(moved, stayed, strict=True)]
    return word


def left_plain(value: int, amount: int) -> int:
    return value << amount


def right(b: Builder, x: Sequence[int], amount: Sequence[int], signed: bool) -> list[int]:
    """floor(x / 2**amount) in len(x) bits; an amount of len(x) or more leaves 0, or the sign in every bit.

    Cost: len(x) ANDs for each bit of the amount below len(x); len(x) more and an OR of the others if there are any.
    """
    word = list(x)
    fill = word[-1] if signed else ZERO
    steps = (len(word) - 1).bit_length()
    for j, bit in enumerate(amount[:steps]):
        moved = (word + [fill] * (1 << j))[1 << j :]
        word = [b.mux(bit, p, q) for p, q in zip(moved, word, strict=True)]
    if len(amount) > steps:
        gone = b.any_(amount[steps:])
        word = [b.mux(gone, fill, wire) for wire in word]
    return word


def right_plain(value: int, amount: int) -> int:
    return value >> amount
