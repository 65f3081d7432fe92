"""& | ^ ~ of arrays of bits, and the choice between two arrays. XOR and NOT need no message."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mpcnet.array.base import Public, digest_of, is_secret, make_array, size_of, takes_secret
from mpcnet.array.blocks import evaluate
from mpcnet.array.casting import bits_of, elements_of
from mpcnet.array.dtypes import BIT
from mpcnet.array.node import Node
from mpcnet.array.operands import Term, broadcast, common_dtype, operands, pick, term_of
from mpcnet.array.packing import extend, gather, join_words
from protocols.arithmetic.contract import Elements, Engine
from protocols.boolean.contract import BitShares, Words
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = ["logical_and", "logical_not", "logical_or", "logical_xor", "packed_bits", "spread", "where"]

Shape = tuple[int, ...]


def logical_and(x: Any, y: Any) -> SecretArray:
    """x & y."""
    return _logical("and", x, y)


def logical_or(x: Any, y: Any) -> SecretArray:
    """x | y."""
    return _logical("or", x, y)


def logical_xor(x: Any, y: Any) -> SecretArray:
    """x ^ y."""
    return _logical("xor", x, y)


@takes_secret
def logical_not(x: SecretArray) -> SecretArray:
    """~x."""
    if x.dtype != BIT:
        raise TypeError(f"~ of {x.dtype}: it is for bits; -x - 1 is what NumPy has for integers")

    def work(engine: Engine, shares: BitShares) -> BitShares:
        ones = np.full((1, shares.words.shape[-1]), ~np.uint64(0))
        return BitShares(shares.words ^ engine.boolean.public(ones, shares.count).words, shares.count)

    return make_array(x.computation, "not", [x.node], work, shape=x.shape, dtype=BIT, width=1)


def _logical(name: str, x: Any, y: Any) -> SecretArray:
    computation, given = operands(name, x, y)
    for one in given:
        if (one.dtype != BIT) if is_secret(one) else (one.kind != "bit"):
            kind = one.dtype if is_secret(one) else one.values.dtype
            raise TypeError(f"{name} of {kind}: & | ^ are for bits, as comparisons give; compare with 0, as in x != 0")
    left, right = given
    shape = broadcast(name, left.shape, right.shape)
    secret, public = (left, right) if is_secret(left) else (right, left)
    if isinstance(public, Public):
        return _with_public(name, secret, public, shape)
    if name == "xor":

        def free(engine: Engine, p: BitShares, q: BitShares) -> BitShares:
            a, b = spread(p, left.shape, shape), spread(q, right.shape, shape)
            return BitShares(a.words ^ b.words, a.count)

        return make_array(computation, name, [left.node, right.node], free, shape=shape, dtype=BIT, width=1)

    async def work(engine: Engine, mesh: Mesh, p: BitShares, q: BitShares) -> BitShares:
        both = [spread(p, left.shape, shape), spread(q, right.shape, shape)]
        return await evaluate(engine, mesh, name, both, 0, bits=2)

    nodes = [left.node, right.node]
    return make_array(computation, name, nodes, work, talks=True, shape=shape, dtype=BIT, width=1)


def _with_public(name: str, x: SecretArray, y: Public, shape: Shape) -> SecretArray:
    """A mask that everybody knows: x & m is x where m is 1; x | m = x ^ m ^ (x & m)."""

    def work(engine: Engine, shares: BitShares) -> BitShares:
        own = spread(shares, x.shape, shape)
        mask = packed_bits(np.broadcast_to(y.values, shape))
        known = engine.boolean.public(mask, own.count).words
        words = own.words & mask[:, None] if name == "and" else own.words ^ known
        if name == "or":
            words = words ^ (own.words & mask[:, None])
        return BitShares(words, own.count)

    params = [digest_of(y.values)]
    return make_array(x.computation, name, [x.node], work, shape=shape, dtype=BIT, width=1, params=params)


def where(condition: Any, x: Any, y: Any) -> SecretArray:
    """x where the condition holds, else y.

    Args:
        condition: an array of bits, secret or public.
        x, y: secret arrays or public numbers.
    Raises:
        TypeError: the condition is no array of bits.
    """
    computation, (c, p, q) = operands("where", condition, x, y)
    if (c.dtype != BIT) if is_secret(c) else (c.kind != "bit"):
        kind = c.dtype if is_secret(c) else c.values.dtype
        raise TypeError(f"the condition of where() is an array of bits, not of {kind}; compare it, as in x != 0")
    shape = broadcast("where", c.shape, p.shape, q.shape)
    if isinstance(c, Public):
        from mpcnet.array.shape import choose_public

        return choose_public(c.values, p, q, shape)
    if not is_secret(p) and not is_secret(q):
        dtype = _public_dtype(computation, p, q)
        if dtype == BIT:
            p = computation.constant(np.broadcast_to(p.values, shape), dtype=BIT)
    else:
        dtype = common_dtype("where", computation, p, q)
    if dtype == BIT or all(is_secret(one) and one.node.form == "bits" for one in (p, q)):
        return _select_bits(c, p, q, shape, dtype)
    left, right = term_of("where", p, dtype), term_of("where", q, dtype)
    bounds = (min(left.bounds[0], right.bounds[0]), max(left.bounds[1], right.bounds[1]))
    nodes = [elements_of(c), *left.nodes, *right.nodes]
    params = [*left.params, *right.params, left.raw is None]
    if left.raw is not None and right.raw is not None:
        work: Callable[..., Any] = _between_public(left, right, shape)
        talks = False
    else:
        work, talks = _between(left, right, shape), True
    return make_array(
        computation, "where", nodes, work, talks=talks, shape=shape, dtype=dtype, bounds=bounds, params=params
    )


def _between(left: Term, right: Term, shape: Shape) -> Callable[..., Any]:
    async def work(engine: Engine, mesh: Mesh, c: Elements, *values: Elements) -> Elements:
        from mpcnet.array.arithmetic import lift

        given, ring = list(values), engine.ring
        p, q = pick(engine, left, given), pick(engine, right, given)
        difference = lift(ring.sub(p, q), shape)
        return ring.add(await engine.multiply(mesh, lift(c, shape), difference), q)

    return work


def _between_public(left: Term, right: Term, shape: Shape) -> Callable[..., Any]:
    def work(engine: Engine, c: Elements) -> Elements:
        from mpcnet.array.arithmetic import lift

        ring = engine.ring
        assert left.raw is not None
        assert right.raw is not None
        p, q = ring.encode(left.raw), ring.encode(right.raw)
        return ring.add(ring.mul(lift(c, shape), ring.sub(p, q)), engine.public(q))

    return work


def _public_dtype(computation: Any, p: Public, q: Public) -> Any:
    kinds = {p.kind, q.kind}
    if "fixed" in kinds:
        return computation.fixed()
    return computation.int() if "int" in kinds else BIT


def _select_bits(c: SecretArray, p: Any, q: Any, shape: Shape, dtype: Any) -> SecretArray:
    """By a circuit, on numbers that are held as bits."""
    computation = c.computation
    p, q = (one if is_secret(one) else computation.constant(one.values, dtype=BIT) for one in (p, q))
    nodes: list[Node] = [bits_of(one) for one in (p, q)]
    single = dtype == BIT
    width = max(node.width for node in nodes)
    shapes = [one.shape for one in (c, p, q)]

    async def work(engine: Engine, mesh: Mesh, *values: BitShares) -> BitShares:
        inputs = [spread(value, own, shape) for value, own in zip(values, shapes, strict=True)]
        inputs[1:] = [extend(one, width, signed=True) for one in inputs[1:]]
        out = 0 if single else width
        return await evaluate(engine, mesh, "select", inputs, out, bits=3 if single else 1)

    bounds = (min(p.bounds[0], q.bounds[0]), max(p.bounds[1], q.bounds[1]))
    return make_array(
        computation,
        "where",
        [c.node, *nodes],
        work,
        talks=True,
        shape=shape,
        dtype=dtype,
        bounds=bounds,
        width=width,
    )


def spread(shares: BitShares, shape: Shape, to: Shape) -> BitShares:
    """Shares of an array of bits, broadcast to a shape."""
    if shape == to:
        return shares
    return gather(shares, np.broadcast_to(np.arange(size_of(shape)).reshape(shape), to).reshape(-1))


def packed_bits(values: Any) -> Words:
    """A public array of bits as one row of words."""
    return join_words(np.ascontiguousarray(values, dtype=bool).reshape(1, -1).view(np.uint8))
