"""A number as a mantissa and a power of two, and back: what division, roots and logarithms of fixed-point numbers need.

A positive integer x with its top bit at place k is m * 2**(k + 1) with 1/2 <= m < 1. The place comes as a one-hot word,
of which any number that depends on k alone is a free combination: its binary digits, or another power of two.

Source: the normalisation of Catrina and Saxena, "Secure computation with fixed-point numbers", FC 2010, protocol Norm,
on Boolean wires.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import circuits
from circuits import UInt

__all__ = ["combine_places", "mantissa", "power_of_two", "top_place"]


def top_place(x: Any) -> Any:
    """The top bit of a UInt alone: UInt of the same width, one-hot, or 0 for 0. Cost: about n log2(n) ANDs."""
    smeared, step, n_bits = x, 1, x.type.n_bits
    while step < n_bits:
        smeared = smeared | (smeared >> step)
        step *= 2
    return smeared ^ (smeared >> 1)


def combine_places(place: Any, number_of: Callable[[int], int]) -> Any:
    """A number that depends on the place alone: UInt, 0 for no place; free.

    Args:
        place: one-hot, from `top_place`.
        number_of: from a place, 0..n-1, to a number of at least 0.
    """
    hot = list(place.bits)
    numbers = [number_of(i) for i in range(len(hot))]
    width = max(1, max(numbers).bit_length())
    zero = hot[0] ^ hot[0]
    digits = []
    for j in range(width):
        digit = zero
        for bit, number in zip(hot, numbers, strict=True):
            if number >> j & 1:
                digit = digit ^ bit
        digits.append(digit)
    return circuits.concat(*digits)


def mantissa(x: Any, place: Any, n_bits: int) -> Any:
    """The top n bits of x from its top bit on: UInt[n_bits], at least 2**(n_bits - 1) where x is not 0, rounded down.

    Cost: about n log2(n) ANDs for the shift.
    """
    width = x.type.n_bits
    shifted = (x << combine_places(place, lambda i: width - 1 - i)).wrap(width)
    if n_bits <= width:
        return shifted[width - n_bits :].as_uint()
    return (shifted << (n_bits - width)).wrap(n_bits)


def power_of_two(exponent: Any, n_bits: int) -> Any:
    """2**exponent as UInt[n_bits]; 0 for a negative exponent, and for one of n_bits or more.

    Args:
        exponent: an Int.
    """
    digits = max(1, (n_bits - 1).bit_length())
    magnitude = exponent.wrap(exponent.type.n_bits)
    low = magnitude.wrap(UInt[digits]) if exponent.type.n_bits > digits else magnitude.as_uint()
    one = (low ^ low).wrap(UInt[1]) ^ 1
    decoded = (one << low).wrap(UInt[n_bits])
    fits = (exponent >= 0) & (exponent < n_bits)
    return circuits.select(fits, decoded, 0)
