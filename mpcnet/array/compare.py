"""Comparisons: the sign of a difference, or whether it is 0. Their results are arrays of bits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.array.base import Base, Public, is_secret, make_array
from mpcnet.array.blocks import evaluate
from mpcnet.array.dtypes import BIT, DType, signed_bits
from mpcnet.array.logic import logical_and, logical_not, logical_or, logical_xor, spread
from mpcnet.array.operands import Term, bounds_of, broadcast, common_dtype, operands, pick, term_of
from protocols.arithmetic.contract import Elements, Engine
from protocols.boolean.contract import BitShares
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.computation import Computation
    from mpcnet.array.secret import SecretArray

__all__ = ["compare"]

NAMES = {"<": "less", "<=": "less", ">": "less", ">=": "less", "==": "equal", "!=": "equal"}
SWAPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
NEGATED = frozenset({"<=", ">=", "!="})


def compare(symbol: str, x: Any, y: Any) -> SecretArray:
    """One of < <= > >= == != of each two elements.

    A public number is compared as it is, not rounded: x < 0.3 of fixed-point numbers is exact.
    """
    computation, (left, right) = operands(symbol, x, y)
    if not is_secret(left):
        left, right, symbol = right, left, SWAPPED[symbol]
    broadcast(symbol, left.shape, right.shape)
    if left.dtype == BIT and (right.dtype if is_secret(right) else BIT) == BIT:
        found = _of_bits(symbol, left, right)
        if found is not None:
            return found
    if is_secret(right):
        if _held_as_bits(left) and _held_as_bits(right) and left.dtype == right.dtype:
            made = _by_circuit(symbol, left, right)
        else:
            dtype = common_dtype(symbol, computation, left, right)
            p, q = term_of(symbol, left, dtype), term_of(symbol, right, dtype)
            made = _difference(computation, symbol, p, q)
    else:
        made = _with_public(computation, symbol, left, right)
    return logical_not(made) if symbol in NEGATED else made


def _with_public(computation: Computation, symbol: str, x: SecretArray, y: Public) -> SecretArray:
    """x < c exactly where its raw integer is below ceil(c * 2**f); x > c where it is above floor(c * 2**f)."""
    dtype = x.dtype if x.dtype != BIT else computation.int()
    p = term_of(symbol, x, dtype)
    rounding = {"<": math.ceil, ">=": math.ceil, ">": math.floor, "<=": math.floor}.get(symbol)
    raw, exact = _raw(symbol, y.values, dtype, rounding)
    made = _difference(computation, symbol, p, Term(None, raw, bounds_of(raw), y.shape))
    return made if exact.all() else logical_and(made, exact)


def _raw(symbol: str, values: NDArray[Any], dtype: DType, rounding: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Raw integers to compare with, near the range at most; and where they are exactly what was meant."""
    low, high = dtype.bounds
    if values.dtype.kind != "f":
        raw = np.asarray(values.astype(object) * (1 << dtype.frac_bits), dtype=object)
        exact = np.ones(values.shape, bool)
    else:
        if np.isnan(values).any():
            raise ValueError(f"{symbol}: a public number is nan")
        scaled = np.ldexp(np.clip(values, -(2.0**100), 2.0**100), dtype.frac_bits)
        exact = np.ones(values.shape, bool) if rounding else np.asarray(scaled == np.floor(scaled))
        raw = np.empty(values.shape, dtype=object)
        raw.reshape(-1)[:] = [(rounding or math.floor)(item) for item in scaled.reshape(-1).tolist()]
    if raw.ndim == 0:
        raw = np.array(min(max(raw[()], low - 1), high + 1), dtype=object)
    else:
        raw = np.clip(raw, low - 1, high + 1)
    return raw, exact


def _difference(computation: Computation, symbol: str, p: Term, q: Term) -> SecretArray:
    """Where p - q is below 0, or above, or 0."""
    name = NAMES[symbol]
    (a, b), (c, d) = p.bounds, q.bounds
    turned = symbol in (">", "<=")
    reach = (c - b, d - a) if turned else (a - d, b - c)
    width = max(2, signed_bits(reach))
    shape = broadcast(symbol, p.shape, q.shape)

    async def work(engine: Engine, mesh: Mesh, *values: Elements) -> BitShares:
        from protocols.conversion import a2b

        given, ring = list(values), engine.ring
        left, right = pick(engine, p, given), pick(engine, q, given)
        difference = ring.sub(right, left) if turned else ring.sub(left, right)
        test = a2b.is_zero if name == "equal" else a2b.is_negative
        return await test(engine, mesh, difference, width)

    return make_array(
        computation,
        name,
        [*p.nodes, *q.nodes],
        work,
        talks=True,
        shape=shape,
        dtype=BIT,
        width=1,
        params=[symbol, width, *p.params, *q.params, p.raw is None],
    )


def _held_as_bits(x: Base) -> bool:
    return x.node.form == "bits" and "elements" not in x.node.twins


def _by_circuit(symbol: str, x: SecretArray, y: SecretArray) -> SecretArray:
    """Of numbers that are held as bits."""
    name = NAMES[symbol]
    shape = broadcast(symbol, x.shape, y.shape)
    turned = symbol in (">", "<=")

    async def work(engine: Engine, mesh: Mesh, p: BitShares, q: BitShares) -> BitShares:
        both = [spread(p, x.shape, shape), spread(q, y.shape, shape)]
        return await evaluate(engine, mesh, name, both[::-1] if turned else both, 0)

    nodes = [x.node, y.node]
    return make_array(x.computation, name, nodes, work, talks=True, shape=shape, dtype=BIT, width=1, params=[symbol])


def _of_bits(symbol: str, x: SecretArray, y: Any) -> SecretArray | None:
    """Of bits with bits; None for what is compared as numbers."""
    if isinstance(y, Public) and y.kind != "bit":
        if y.kind != "int" or y.values.size == 0 or not np.isin(y.values, (0, 1)).all():
            return None
        y = y.values.astype(bool)
    elif isinstance(y, Public):
        y = y.values
    if symbol in ("==", "!="):
        unequal = logical_xor(x, y)
        return logical_not(unequal) if symbol == "==" else unequal
    not_y = logical_not(y) if is_secret(y) else ~y
    if symbol in ("<", "<="):
        return logical_and(logical_not(x), y) if symbol == "<" else logical_or(logical_not(x), y)
    return logical_and(x, not_y) if symbol == ">" else logical_or(x, not_y)
