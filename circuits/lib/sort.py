"""Sorting by a network: which places are compared is public, so nothing leaks.

Batcher's merge exchange, for any length: about k * log2(k)**2 / 4 comparators; 19 for 8 elements, 63 for 16.
Source: Knuth, The Art of Computer Programming 3, 5.2.2, Algorithm M. It is not stable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from circuits import operations as ops
from circuits.convert import describe, find_builder, from_wires, is_sequence, unify
from circuits.errors import TraceError
from circuits.source import fail
from circuits.values import Scalar, VecValue, is_public

__all__ = ["comparators", "sort", "sort_plain"]


def comparators(count: int) -> Iterator[tuple[int, int]]:
    """The places (i, j), i < j, to put in order one after the other, so that `count` elements end up sorted."""
    top = 1 << max(0, (count - 1).bit_length() - 1)
    p = top if count > 1 else 0
    while p:
        q, r, d = top, 0, p
        while True:
            for i in range(count - d):
                if i & p == r:
                    yield i, i + d
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1


def sort(
    values: Iterable[Any],
    *,
    key: Callable[[Any], Any] | None = None,
    payload: Iterable[Any] | None = None,
    reverse: bool = False,
) -> Any:
    """The elements of a list or Vec in ascending order, as a Vec.

    Args:
        values: numbers, or with a `key` also lists of numbers (rows).
        key: takes an element, gives the number to sort by; computed once for each element.
        payload: as many values, numbers or lists, that move with their elements.
        reverse: sort in descending order.
    Returns:
        the sorted Vec; with a payload a pair of the Vec and the moved payload. Equal elements come in any order.
    Raises:
        TraceError: an element or key is no number; another number of payloads.
    Cost: for each comparator the bits of the key to compare, and the bits of key, element and payload to swap; bits
        that are the same wire in two of these count once.
    """
    items = list(values) if is_sequence(values) else _refuse(values)
    extra = None if payload is None else list(payload)
    if extra is not None and len(extra) != len(items):
        raise fail(TraceError, f"sort() of {len(items)} elements with {len(extra)} payloads")
    if key is not None and not callable(key):
        raise fail(
            TraceError, f"key= of sort() is a function of one element, not {describe(key)}; a list is a payload="
        )
    builder = find_builder(items, extra or [])
    if builder is None:
        return sort_plain(items, key=key, payload=extra, reverse=reverse)
    elements = unify(builder, items) if items else []
    if not elements:
        raise fail(TraceError, "sort() of no elements")
    keys = [element if key is None else key(element) for element in elements]
    for made in keys:
        if not isinstance(made, Scalar) and not is_public(made):
            raise fail(TraceError, f"sort() needs numbers to sort by, not {describe(made)}; give a key=")
    columns: list[list[Any]] = [unify(builder, keys), elements]
    if extra is not None:
        columns.append(unify(builder, extra))
    key_type = columns[0][0].type
    rows = [[wire for column in columns for wire in column[i].wires] for i in range(len(elements))]
    n_key = key_type.n_bits
    for i, j in comparators(len(rows)):
        p, q = (Scalar(builder, key_type, row[:n_key]) for row in (rows[i], rows[j]))
        swap = (ops.less(p, q) if reverse else ops.less(q, p)).wires[0]
        moved = [builder.and_(swap, builder.xor(a, b)) for a, b in zip(rows[i], rows[j], strict=True)]
        rows[i] = [builder.xor(a, m) for a, m in zip(rows[i], moved, strict=True)]
        rows[j] = [builder.xor(b, m) for b, m in zip(rows[j], moved, strict=True)]
    results = []
    at = n_key
    for column in columns[1:]:
        type = column[0].type
        results.append(VecValue(builder, [from_wires(builder, type, row[at : at + type.n_bits]) for row in rows]))
        at += type.n_bits
    return results[0] if extra is None else (results[0], results[1])


def _refuse(values: Any) -> list[Any]:
    raise fail(TraceError, f"sort() takes a list or Vec, not {describe(values)}")


def sort_plain(
    values: Sequence[Any],
    *,
    key: Callable[[Any], Any] | None = None,
    payload: Sequence[Any] | None = None,
    reverse: bool = False,
) -> Any:
    """The twin of `sort`, stable."""
    order = sorted(range(len(values)), key=lambda i: values[i] if key is None else key(values[i]), reverse=reverse)
    moved = [values[i] for i in order]
    return moved if payload is None else (moved, [payload[i] for i in order])
