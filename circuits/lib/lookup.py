"""Picking an element of a table by a secret index.

Public table: the low bits of the index give their products (monomials), which cost 2**a - a - 1 ANDs for a bits and of
which every function of these bits is a sum, free of charge; the other bits choose among the sums by multiplexers. The
cut is where the sum of both is least: 81 ANDs for 256 entries of 8 bits, where multiplexers alone take 1,016.
Secret table: multiplexers, (entries - 1) * n_bits ANDs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from circuits.builder import Builder
from circuits.convert import assign, describe, find_builder, from_wires, is_sequence, unify
from circuits.errors import TraceError
from circuits.ir import ONE, ZERO
from circuits.source import fail
from circuits.types import Bit, FixedType, PortType
from circuits.values import Scalar, is_public

__all__ = ["lookup", "lookup_plain"]


def lookup(table: Sequence[Any], index: Any, *, default: Any = 0, type: PortType | None = None) -> Any:
    """table[index], or `default` for an index outside of the table, negative ones included.

    Args:
        table: a list, array or Vec of secrets or public numbers, or of equally long lists of them (rows).
        index: a UInt, Int or Bit; a public integer picks at once.
        default: a public number, or one like the elements; for rows a number stands for a row of it.
        type: of the elements; the smallest that holds all, and the default, if not given.
    Raises:
        TraceError: the table is empty or not of one type; the index is no integer.
    Cost: see the module; and n_bits ANDs, and one for each bit of the index that the table is too short for, if the
        index can be that large.
    """
    if not is_sequence(table) or not len(table):
        raise fail(TraceError, f"lookup() takes a table of at least one element, not {describe(table)}")
    items = [item.tolist() if hasattr(item, "tolist") else item for item in table]
    default = _like(items[0], default)
    if is_public(index):
        picked = lookup_plain(items, int(index), default)
        builder = find_builder(items, [default])
        return picked if builder is None or type is None else assign(builder, picked, type)
    if not isinstance(index, Scalar) or isinstance(index.type, FixedType):
        raise fail(TraceError, f"the index of lookup() is a UInt, not {describe(index)}")
    n_index = (len(items) - 1).bit_length()
    n_address = min(n_index, index.n_bits - index.type.signed)
    address, above = index.wires[:n_address], index.wires[n_address:]  # a sign bit is above
    size = 1 << len(address)
    can_miss = bool(above) or size > len(items)
    wanted = [*items[:size], default] if can_miss else items[:size]
    builder = find_builder(index, wanted)
    assert builder is not None
    entries: list[Any] = unify(builder, wanted) if type is None else [assign(builder, item, type) for item in wanted]
    kind = entries[0].type
    rows = [entry.wires for entry in entries]
    outside = rows.pop() if can_miss else rows[0]
    rows += [outside] * (size - len(rows))
    if all(wire < 2 for row in rows for wire in row):
        found = _public_rows(builder, rows, address)
    else:
        found = _secret_rows(builder, rows, address)
    beyond = builder.any_(above)
    return from_wires(builder, kind, [builder.mux(beyond, q, p) for p, q in zip(found, outside, strict=True)])


def lookup_plain(table: Sequence[Any], index: int, default: Any = 0) -> Any:
    """The twin of `lookup`."""
    return table[index] if 0 <= index < len(table) else default


def _like(item: Any, default: Any) -> Any:
    """`default` in the shape of an element of the table."""
    if is_sequence(item) and not is_sequence(default):
        return [_like(element, default) for element in item]
    is_bit = isinstance(item, bool) or (isinstance(item, Scalar) and item.type == Bit)
    return bool(default) if is_bit and is_public(default) and default in (0, 1) else default


def _secret_rows(b: Builder, rows: list[list[int]], address: Sequence[int]) -> list[int]:
    """Multiplexers, the lowest bit of the address first; none between a row and itself."""
    for bit in address:
        rows = [
            p if p is q else [b.mux(bit, two, one) for one, two in zip(p, q, strict=True)]
            for p, q in zip(rows[::2], rows[1::2], strict=True)
        ]
    return rows[0]


def _public_rows(b: Builder, rows: list[list[int]], address: Sequence[int]) -> list[int]:
    """Rows of constants: sums of monomials of the low bits, then multiplexers."""
    columns = list(zip(*rows, strict=True))
    n_columns = len({column for column in columns if len(set(column)) > 1})
    n_low = min(range(len(address) + 1), key=lambda a: _ands(len(address), a, n_columns))
    monomials = [ONE]
    for bit in address[:n_low]:
        monomials += [b.and_(bit, monomial) for monomial in monomials]
    groups = []
    for start in range(0, len(rows), 1 << n_low):
        group = rows[start : start + (1 << n_low)]
        groups.append([_sum(b, _monomials_of(column), monomials) for column in zip(*group, strict=True)])
    return _secret_rows(b, groups, address[n_low:])


def _ands(n_index: int, n_low: int, n_columns: int) -> int:
    """ANDs with n_low of the index's bits in monomials and the others in multiplexers."""
    return (1 << n_low) - n_low - 1 + n_columns * ((1 << (n_index - n_low)) - 1)


def _monomials_of(column: Sequence[int]) -> list[int]:
    """The algebraic normal form of a table of bits (the Moebius transform): which monomials it sums."""
    form = list(column)
    step = 1
    while step < len(form):
        for i in range(len(form)):
            if i & step:
                form[i] ^= form[i ^ step]
        step *= 2
    return [i for i, bit in enumerate(form) if bit]


def _sum(b: Builder, which: Sequence[int], monomials: Sequence[int]) -> int:
    total = ZERO
    for i in which:
        total = b.xor(total, monomials[i])
    return total
