"""Smallest, largest, where they are, and sorting: circuits on two numbers each, level by level.

What is compared with what is public, so nothing shows but the shape. k numbers take ceil(log2 k) levels for their
extreme, and the levels of Batcher's merge exchange, about log2(k)**2 / 2, to be sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.lib.sort import comparators
from mpcnet.array.base import make_array, size_of
from mpcnet.array.blocks import evaluate
from mpcnet.array.casting import bits_of
from mpcnet.array.dtypes import BIT, signed_bits
from mpcnet.array.node import Node
from mpcnet.array.packing import chain, extend, gather, join_words, unpack_words, words_of
from mpcnet.array.reduce import axes_of, places_along, reduced_shape
from protocols.arithmetic.contract import Engine
from protocols.boolean.contract import BitShares, join
from protocols.channel import Mesh
from protocols.ot.work import run

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = ["argmax", "argmin", "maximum", "minimum", "sort"]

Axis = int | tuple[int, ...] | None
LONG = 1 << 20  # bits that take milliseconds to move


def minimum(x: SecretArray, axis: Axis = None, *, keepdims: bool = False) -> SecretArray:
    """The smallest element along some axes."""
    return _extreme("minimum", x, axis, keepdims=keepdims)


def maximum(x: SecretArray, axis: Axis = None, *, keepdims: bool = False) -> SecretArray:
    """The largest element along some axes."""
    return _extreme("maximum", x, axis, keepdims=keepdims)


def _extreme(name: str, x: SecretArray, axis: Axis, *, keepdims: bool) -> SecretArray:
    axes = axes_of(name, x, axis)
    shape = reduced_shape(x.shape, axes, keepdims=keepdims)
    _some(name, x, axes)
    node = _numbers(x)

    async def work(engine: Engine, mesh: Mesh, shares: BitShares) -> BitShares:
        places = places_along(x.shape, axes)
        shares, rows, level = gather(shares, places.reshape(-1)), len(places), 0
        while rows > 1:
            pairs, rest, rows = _halves(shares, rows)
            best = await evaluate(engine, mesh.fork(str(level)), name, pairs, node.width)
            shares, level = _put_behind(best, rest), level + 1
        return shares if x.dtype != BIT else shares[:1]

    width = 1 if x.dtype == BIT else node.width
    return make_array(
        x.computation,
        name,
        [node],
        work,
        talks=True,
        shape=shape,
        dtype=x.dtype,
        bounds=x.bounds,
        width=width,
        params=[list(axes)],
        size=size_of(x.shape),
    )


def argmin(x: SecretArray, axis: int | None = None, *, keepdims: bool = False) -> SecretArray:
    """The place of the smallest element along an axis, the first of several; among all elements for None."""
    return _place("argmin", x, axis, keepdims=keepdims)


def argmax(x: SecretArray, axis: int | None = None, *, keepdims: bool = False) -> SecretArray:
    """The place of the largest element along an axis, the first of several; among all elements for None."""
    return _place("argmax", x, axis, keepdims=keepdims)


def _place(name: str, x: SecretArray, axis: int | None, *, keepdims: bool) -> SecretArray:
    axes = axes_of(name, x, axis)
    shape = reduced_shape(x.shape, axes, keepdims=keepdims)
    _some(name, x, axes)
    node, count = _numbers(x), size_of([x.shape[i] for i in axes])
    index_width = signed_bits((0, count - 1))

    async def work(engine: Engine, mesh: Mesh, shares: BitShares) -> BitShares:
        places = places_along(x.shape, axes)
        rows, others = places.shape
        numbers = gather(shares, places.reshape(-1))
        known = words_of(np.repeat(np.arange(rows), others), index_width)
        both, level = join([_plain(numbers), engine.boolean.public(known, numbers.count)]), 0
        while rows > 1:
            (left, right), rest, rows = _halves(both, rows)
            inputs = [left[: node.width], left[node.width :], right[: node.width], right[node.width :]]
            best = await evaluate(engine, mesh.fork(str(level)), name, inputs, node.width, index_width)
            both, level = _put_behind(best, rest), level + 1
        return both[node.width :]

    return make_array(
        x.computation,
        name,
        [node],
        work,
        talks=True,
        shape=shape,
        dtype=x.computation.int(),
        bounds=(0, count - 1),
        width=index_width,
        params=[list(axes)],
        size=size_of(x.shape),
    )


def sort(x: SecretArray, axis: int = -1, *, descending: bool = False) -> SecretArray:
    """The elements along an axis in order."""
    (along,) = axes_of("sort", x, axis)
    node, count = _numbers(x), x.shape[along]

    async def work(engine: Engine, mesh: Mesh, shares: BitShares) -> BitShares:
        places = places_along(x.shape, (along,))
        long = shares.words.size * 64 > LONG
        bits = await run(_unpacked, shares, places, long=long)
        for level, (low, high) in enumerate(layers(count)):
            pairs = [await run(_packed, bits[:, :, side], long=long) for side in (low, high)]
            ordered = await evaluate(engine, mesh.fork(str(level)), "in order", pairs, node.width, node.width)
            await run(_put, bits, ordered, (high, low) if descending else (low, high), long=long)
        back = np.argsort(places.reshape(-1))
        made = await run(lambda: _packed(bits.reshape(*bits.shape[:2], -1)[:, :, back]), long=long)
        return made if x.dtype != BIT else made[:1]

    return make_array(
        x.computation,
        "sort",
        [node],
        work,
        talks=True,
        shape=x.shape,
        dtype=x.dtype,
        bounds=x.bounds,
        width=1 if x.dtype == BIT else node.width,
        params=[along, descending],
    )


@lru_cache(maxsize=32)
def layers(count: int) -> list[tuple[Any, Any]]:
    """The comparators of a sorting network in layers, each as places of the smaller and of the larger one."""
    depth = [0] * count
    found: list[list[tuple[int, int]]] = []
    for i, j in comparators(count):
        at = max(depth[i], depth[j])
        if at == len(found):
            found.append([])
        found[at].append((i, j))
        depth[i] = depth[j] = at + 1
    return [(np.array([i for i, _ in one]), np.array([j for _, j in one])) for one in found]


def _numbers(x: SecretArray) -> Node:
    """Its bits in two's complement; single bits with a sign that is 0."""
    node = bits_of(x)
    if x.dtype != BIT:
        return node
    if "signed" not in node.twins:

        def work(engine: Engine, shares: BitShares) -> BitShares:
            return extend(shares, 2, signed=False)

        made = make_array(x.computation, "widen", [node], work, shape=x.shape, dtype=x.computation.int(2), width=2)
        node.twins["signed"] = made.node
    return node.twins["signed"]


def _some(name: str, x: SecretArray, axes: Sequence[int]) -> None:
    if not size_of([x.shape[i] for i in axes]):
        raise ValueError(f"{name} of no elements: the array has shape {x.shape}")


def _halves(shares: BitShares, rows: int) -> tuple[list[BitShares], BitShares, int]:
    """Neighboring rows as pairs, what is left of an odd number, and how many rows there will be."""
    width = shares.count // rows
    places = np.arange(shares.count).reshape(rows, width)
    even = rows & ~1
    pairs = [gather(shares, places[side:even:2].reshape(-1)) for side in (0, 1)]
    return pairs, gather(shares, places[even:].reshape(-1)), (rows + 1) // 2


def _put_behind(first: BitShares, rest: BitShares) -> BitShares:
    return chain([first, rest]) if rest.count else first


def _plain(shares: BitShares) -> BitShares:
    return BitShares(shares.words, shares.count)


def _unpacked(shares: BitShares, places: Any) -> Any:
    """uint8 of shape (n_bits, pieces, elements along the axis, others)."""
    bits = unpack_words(shares.words, shares.count)[:, :, places.reshape(-1)]
    return bits.reshape(*bits.shape[:2], *places.shape)


def _packed(bits: Any) -> BitShares:
    flat = bits.reshape(*bits.shape[:2], -1)
    return BitShares(join_words(flat), flat.shape[-1])


def _put(bits: Any, ordered: BitShares, sides: tuple[Any, Any]) -> None:
    width = len(bits)
    rows = unpack_words(ordered.words, ordered.count)
    for side, part in zip(sides, (rows[:width], rows[width:]), strict=True):
        bits[:, :, side] = part.reshape(*part.shape[:2], len(side), -1)
