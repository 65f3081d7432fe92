"""From summands to bits: circuits whose inputs are numbers that add up, modulo some modulus, to the value meant.

They turn arithmetic shares into bits. With m summands a_0, a_1, ... of a value x modulo p = 2**k - 1, the integer sum
is x + w p, and w, the number of wraps, is how many of p, 2 p, ... it reaches; since 2**k = p + 1, the low bits of x are
those of the sum plus w. Modulo 2**k wraps drop out by themselves.

Source: Nishide and Ohta, PKC 2007, for the sign as the lowest bit of the double; the addition of shares in a circuit is
that of Demmler, Schneider and Zohner, ABY, NDSS 2015, section V.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import circuits
from circuits import Bit, Circuit, PortType, UInt

__all__ = ["bits_of_sum", "build", "masked_sum", "negative_of_double", "top_bit_of_sum", "zero_sum"]


def build(
    name: str, ports: Mapping[str, PortType], result: Any, body: Callable[..., Any], style: str, outputs: Any = None
) -> Circuit:
    """A circuit from a function whose ports are known only now."""
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(port, kind, annotation=type_) for port, type_ in ports.items()]

    def function(**values: Any) -> Any:
        return body(*values.values())

    function.__signature__ = inspect.Signature(parameters, return_annotation=result)  # type: ignore[attr-defined]
    return circuits.circuit(name=name, outputs=outputs, style=style)(function)


def _summands(n_summands: int, n_bits: int) -> dict[str, PortType]:
    return {f"a{i}": UInt[n_bits] for i in range(n_summands)}


def _wraps(total: Any, n_bits: int, n_summands: int) -> Any:
    """How often a sum of numbers below p = 2**n_bits - 1 reaches p: a number below n_summands."""
    p = (1 << n_bits) - 1
    return circuits.sum([total >= i * p for i in range(1, n_summands)])


@lru_cache(maxsize=64)
def negative_of_double(n_bits: int, n_summands: int, style: str) -> Circuit:
    """Whether x is negative, from summands of 2 x modulo p = 2**n_bits - 1: that is odd exactly where x is above p / 2.

    Ports: a0, a1, ...: UInt[n_bits], each below p; -> a Bit.
    """

    def negative(*a: Any) -> Any:
        if n_summands == 1:
            return a[0][0]
        if n_summands == 2:  # a0 + a1 >= p exactly when a0 >= p - a1, and p - a1 is a1 with all bits flipped
            return (a[0] >= ~a[1]) ^ a[0][0] ^ a[1][0]
        total = circuits.sum(list(a))
        return total[0] ^ _wraps(total, n_bits, n_summands)[0]

    return build("negative", _summands(n_summands, n_bits), Bit, negative, style)


@lru_cache(maxsize=64)
def top_bit_of_sum(n_bits: int, n_summands: int, style: str) -> Circuit:
    """Bit n_bits - 1 of the sum modulo 2**n_bits: the sign, in two's complement.

    Ports: a0, a1, ...: UInt[n_bits]; -> a Bit.
    """

    def top(*a: Any) -> Any:
        if n_summands == 2 and n_bits > 1:  # the carry into the top bit is all that is needed
            low = n_bits - 1
            carry = (a[0].wrap(low) + a[1].wrap(low))[low]
            return a[0][low] ^ a[1][low] ^ carry
        return circuits.sum(list(a)).wrap(n_bits)[n_bits - 1]

    return build("top_bit", _summands(n_summands, n_bits), Bit, top, style)


@lru_cache(maxsize=64)
def bits_of_sum(n_bits: int, value_bits: int, n_summands: int, mersenne: bool, style: str) -> Circuit:
    """The low value_bits <= n_bits bits of x >= 0, from summands modulo 2**n_bits - 1 (`mersenne`) or 2**n_bits.

    Ports: a0, a1, ...: UInt[n_bits]; -> UInt[value_bits].
    """

    def low_bits(*a: Any) -> Any:
        if n_summands == 1:
            return a[0].wrap(value_bits)
        low = [value.wrap(value_bits) for value in a]
        if not mersenne:
            return circuits.sum(low).wrap(value_bits)
        wraps = a[0] >= ~a[1] if n_summands == 2 else _wraps(circuits.sum(list(a)), n_bits, n_summands)
        return circuits.sum([*low, wraps]).wrap(value_bits)

    return build("bits_of_sum", _summands(n_summands, n_bits), UInt[value_bits], low_bits, style)


@lru_cache(maxsize=64)
def zero_sum(n_bits: int, n_summands: int, mersenne: bool, style: str) -> Circuit:
    """Whether x = 0, from its summands modulo 2**n_bits - 1 (`mersenne`) or 2**n_bits. Of two summands the second one
    is to be negated first: then they are equal.

    Ports: a0, a1, ...: UInt[n_bits], canonical; -> a Bit.
    """

    def zero(*a: Any) -> Any:
        if n_summands == 1:
            return a[0] == 0
        if n_summands == 2:
            return a[0] == a[1]
        total = circuits.sum(list(a))
        if not mersenne:
            return total.wrap(n_bits) == 0
        p = (1 << n_bits) - 1
        found = total == 0
        for i in range(1, n_summands):
            found = found ^ (total == i * p)  # at most one of them holds
        return found

    return build("zero", _summands(n_summands, n_bits), Bit, zero, style)


@lru_cache(maxsize=64)
def masked_sum(n_bits: int, mask_bits: int, n_masks: int, widens: bool, style: str) -> Circuit:
    """x + r_0 + r_1 + ...: exact where it `widens`, else modulo 2**mask_bits.

    Ports: x: UInt[n_bits], r0, r1, ...: UInt[mask_bits]; -> UInt of mask_bits, and of as many more as n_masks has where
    it widens.
    """
    n_out = mask_bits + n_masks.bit_length() if widens else mask_bits
    ports = {"x": UInt[n_bits], **{f"r{i}": UInt[mask_bits] for i in range(n_masks)}}
    return build("masked_sum", ports, UInt[n_out], lambda *a: circuits.sum(list(a)).wrap(n_out), style)
