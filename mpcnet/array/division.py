"""// and %: a circuit on the bits of both numbers. Results are those of Python: rounded down, the sign of the divisor.

By 0: x // 0 is a number of no meaning, x % 0 is x. Nothing tells that it happened: compare the divisor with 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mpcnet.array.base import is_secret, make_array
from mpcnet.array.blocks import evaluate
from mpcnet.array.casting import bits_of
from mpcnet.array.checks import guard
from mpcnet.array.dtypes import BIT, DType, signed_bits
from mpcnet.array.logic import spread
from mpcnet.array.operands import bounds_of, broadcast, common_dtype, encoded, operands
from protocols.arithmetic.contract import Engine
from protocols.boolean.contract import BitShares
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.computation import Computation
    from mpcnet.array.secret import SecretArray

__all__ = ["floor_divide", "remainder"]


def floor_divide(x: Any, y: Any) -> SecretArray:
    """x // y."""
    return _divide("floor_divide", x, y)


def remainder(x: Any, y: Any) -> SecretArray:
    """x % y."""
    return _divide("remainder", x, y)


def _divide(name: str, x: Any, y: Any) -> SecretArray:
    computation, (left, right) = operands(name, x, y)
    shape = broadcast(name, left.shape, right.shape)
    dtype = common_dtype(name, computation, left, right)
    if dtype == BIT:
        raise TypeError(f"{name} of bits: take .astype(sh.int()) first")
    divisor = None if is_secret(right) else encoded(name, right, dtype)
    if divisor is not None and not divisor.all():
        raise ZeroDivisionError(f"{name} by a public 0")
    shift = dtype.frac_bits if name == "floor_divide" else 0
    p = _as_secret(computation, name, left, dtype)
    nodes, known = [bits_of(p)], []
    if divisor is not None and divisor.size == 1:
        known = [int(divisor.reshape(-1)[0])]
        reach = bounds_of(divisor)
        out = max(nodes[0].width + 1, signed_bits(reach))
        circuit, shapes = {"floor_divide": "divide_by", "remainder": "remainder_by"}[name], [p.shape]
    else:
        q = _as_secret(computation, name, right, dtype)
        nodes.append(bits_of(q))
        reach = q.bounds
        out = max(nodes[0].width + 1, nodes[1].width)
        circuit, shapes = name, [p.shape, q.shape]

    async def work(engine: Engine, mesh: Mesh, *values: BitShares) -> BitShares:
        inputs = [spread(value, own, shape) for value, own in zip(values, shapes, strict=True)]
        return _up(await evaluate(engine, mesh, circuit, inputs, out, public=known), shift)

    edge, low, high = 1 << (out - 1 + shift), *p.bounds
    if name == "remainder":
        most = max(abs(reach[0]), abs(reach[1]))
        bounds = (min(-most, low), max(most, high))
    else:
        most = max(abs(low), abs(high)) << shift
        bounds = (-most, most)
    made = make_array(
        computation,
        name,
        nodes,
        work,
        talks=True,
        shape=shape,
        dtype=dtype,
        bounds=bounds,
        width=out + shift,
        params=[str(one) for one in known],
    )
    guard(made, (-edge, edge) if name == "floor_divide" else bounds)
    return made


def _up(shares: BitShares, n_bits: int) -> BitShares:
    """Numbers times 2**n_bits."""
    if not n_bits:
        return shares
    words = np.concatenate([np.zeros((n_bits, *shares.words.shape[1:]), np.uint64), shares.words])
    return BitShares(words, shares.count)


def _as_secret(computation: Computation, name: str, one: Any, dtype: DType) -> SecretArray:
    if is_secret(one):
        return one if one.dtype == dtype else one.astype(dtype)
    encoded(name, one, dtype)
    return computation.constant(one.values, dtype=dtype)
