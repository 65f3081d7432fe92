"""Sums and differences of binary words.

Words are lists of builder wires, least significant bit first; a signed word is in two's complement. Every function here
works modulo 2**n on words of one length n; `extend` brings them there. Counts are upper bounds: constant bits fold.

One full adder is one AND: with carry c, the sum of a and b is a ^ b ^ c and the next carry c ^ ((a ^ c) & (b ^ c)).
The top bit of x + y modulo 2**n has degree n in the inputs, so n - 1 ANDs are the fewest possible.
Where the builder's style is "low_depth" the functions here take the forms of `circuits.lib.prefix` instead: more ANDs,
in about log2(n) levels instead of n.
Source: Kolesnikov, Sadeghi and Schneider, Improved garbled circuit building blocks and applications to auctions and
computing minima, CANS 2009, for adder, subtracter, comparison, multiplexer and minimum at these counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from circuits.builder import Builder
from circuits.ir import ONE, ZERO
from circuits.lib import prefix
from circuits.lib.prefix import Wires, full_adder

__all__ = [
    "Wires",
    "absolute",
    "absolute_plain",
    "add",
    "add_with_carry",
    "constant",
    "extend",
    "full_adder",
    "negate",
    "negate_if",
    "subtract",
    "sum_columns",
    "sum_words",
    "wrap_plain",
]


def constant(value: int, n_bits: int) -> Wires:
    """The low n bits of a public integer, as constant wires."""
    return [ONE if value >> i & 1 else ZERO for i in range(n_bits)]


def extend(wires: Sequence[int], n_bits: int, signed: bool) -> Wires:
    """The same number in n bits; cut if it had more."""
    fill = wires[-1] if signed and wires else ZERO
    return [*wires[:n_bits], *[fill] * (n_bits - len(wires))]


def wrap_plain(value: int, n_bits: int, signed: bool) -> int:
    """The number that the low n bits of `value` are."""
    value &= (1 << n_bits) - 1
    return value - (1 << n_bits) if signed and value >> (n_bits - 1) else value


def add(b: Builder, x: Sequence[int], y: Sequence[int], carry: int = ZERO) -> Wires:
    """x + y + carry modulo 2**n; n - 1 ANDs, n with a carry that is no constant 0."""
    if b.style == "low_depth":
        return prefix.add(b, x, y, carry)
    total = []
    for i in range(len(x) - 1):
        bit, carry = full_adder(b, x[i], y[i], carry)
        total.append(bit)
    if x:
        total.append(b.xor(b.xor(x[-1], y[-1]), carry))
    return total


def add_with_carry(b: Builder, x: Sequence[int], y: Sequence[int], carry: int = ZERO) -> tuple[Wires, int]:
    """x + y + carry modulo 2**n, and the carry out; n ANDs."""
    if b.style == "low_depth":
        total = prefix.add(b, [*x, ZERO], [*y, ZERO], carry)
        return total[:-1], total[-1]
    total = []
    for i in range(len(x)):
        bit, carry = full_adder(b, x[i], y[i], carry)
        total.append(bit)
    return total, carry


def subtract(b: Builder, x: Sequence[int], y: Sequence[int]) -> Wires:
    """x - y modulo 2**n; n - 1 ANDs."""
    return add(b, x, [wire ^ 1 for wire in y], ONE)


def negate(b: Builder, x: Sequence[int]) -> Wires:
    """-x modulo 2**n; n - 2 ANDs."""
    return subtract(b, [ZERO] * len(x), x)


def negate_if(b: Builder, condition: int, x: Sequence[int]) -> Wires:
    """-x modulo 2**n if condition, else x; n - 1 ANDs."""
    if not x:
        return []
    flipped = [b.xor(wire, condition) for wire in x]
    return [x[0], *add(b, flipped, [ZERO] * len(x), condition)[1:]]


def absolute(b: Builder, x: Sequence[int]) -> Wires:
    """|x| of a signed word, as an unsigned one of the same n bits; n - 1 ANDs."""
    return negate_if(b, x[-1], x)


def absolute_plain(value: int) -> int:
    return abs(value)


def sum_columns(b: Builder, columns: Sequence[Iterable[int]], n_bits: int) -> Wires:
    """The sum of bits of given weights, modulo 2**n.

    Full adders take three bits of a column to one, and a carry into the next; oldest bits first, so that the tree is
    balanced. Each full adder removes one bit of all there are, which is the least an AND gate can do.

    Args:
        columns: columns[i] holds the wires of weight 2**i.
    Cost: about (bits in) - (bits out) ANDs; 63 for 64 bits of one weight.
    """
    if b.style == "low_depth":
        return prefix.sum_columns(b, columns, n_bits)
    total: Wires = []
    carries: Wires = []
    for i in range(n_bits):
        column = [*(columns[i] if i < len(columns) else ()), *carries]
        column = [wire for wire in column if wire != ZERO]
        carries = []
        last = i == n_bits - 1
        start = 0
        while len(column) - start > 1:
            x, y = column[start], column[start + 1]
            z = column[start + 2] if len(column) - start > 2 else ZERO
            start += 3 if len(column) - start > 2 else 2
            if last:  # no carry leaves
                column.append(b.xor(b.xor(x, y), z))
                continue
            bit, carry = full_adder(b, x, y, z)
            column.append(bit)
            if carry != ZERO:
                carries.append(carry)
        total.append(column[start] if column else ZERO)
    return total


def sum_words(b: Builder, words: Sequence[tuple[Sequence[int], bool]], n_bits: int, constant_term: int = 0) -> Wires:
    """The sum of words and a public integer, modulo 2**n.

    A signed word counts its top bit s as -s = (NOT s) - 1; the minus ones are gathered in the public integer.

    Args:
        words: pairs (wires, signed).
    Cost: about (bits in) - (bits out) ANDs; k words of n bits (k - 1) * n, n + log k bits out.
    """
    columns: list[Wires] = [[] for _ in range(n_bits)]
    for wires, signed in words:
        for i, wire in enumerate(wires[:n_bits]):
            if signed and i == len(wires) - 1:
                constant_term -= 1 << i
                wire ^= 1
            columns[i].append(wire)
    for i, wire in enumerate(constant(constant_term, n_bits)):
        columns[i].append(wire)
    return sum_columns(b, columns, n_bits)
