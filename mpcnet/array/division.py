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
from mpcnet.array.logic import spread
from mpcnet.array.operands import align, broadcast
from protocols.arithmetic.contract import Engine
from protocols.boolean.contract import BitShares
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = ["floor_divide", "remainder"]


def floor_divide(x: Any, y: Any) -> SecretArray:
    """x // y."""
    return _divide("floor_divide", x, y)


def remainder(x: Any, y: Any) -> SecretArray:
    """x % y."""
    return _divide("remainder", x, y)


def _divide(name: str, x: Any, y: Any) -> SecretArray:
    computation, left, right, dtype = align(name, x, y)
    shape = broadcast(name, left.shape, right.shape)
    if right.raw is not None and not right.raw.all():
        raise ZeroDivisionError(f"{name} by a public 0")
    shift = dtype.frac_bits if name == "floor_divide" else 0
    if right.raw is not None and right.raw.size == 1 and is_secret(x):
        node, divisor = bits_of(_in(x, dtype)), int(right.raw.reshape(-1)[0])
        out = max(node.width + 1, abs(divisor).bit_length() + 1)
        circuit = {"floor_divide": "divide_by", "remainder": "remainder_by"}[name]

        async def by_public(engine: Engine, mesh: Mesh, shares: BitShares) -> BitShares:
            spreaded = spread(shares, left.shape, shape)
            return _up(await evaluate(engine, mesh, circuit, [spreaded], out, public=[divisor]), shift)

        nodes, work, params = [node], by_public, [str(divisor)]
    else:
        arrays = [_secret(computation, one, dtype) for one in (x, y)]
        pair = [bits_of(one) for one in arrays]
        out = max(pair[0].width + 1, pair[1].width)

        async def by_secret(engine: Engine, mesh: Mesh, *values: BitShares) -> BitShares:
            inputs = [spread(value, one.shape, shape) for value, one in zip(values, arrays, strict=True)]
            return _up(await evaluate(engine, mesh, name, inputs, out), shift)

        nodes, work, params = pair, by_secret, []  # type: ignore[assignment]
    edge = 1 << (out - 1 + shift)
    if name == "remainder":
        most = max(abs(right.bounds[0]), abs(right.bounds[1]))
        bounds = (min(-most, left.bounds[0]), max(most, left.bounds[1]))
    else:
        most = max(abs(left.bounds[0]), abs(left.bounds[1])) << shift
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
        params=params,
    )
    guard(made, (-edge, edge) if name == "floor_divide" else bounds)
    return made


def _up(shares: BitShares, n_bits: int) -> BitShares:
    """Numbers times 2**n_bits."""
    if not n_bits:
        return shares
    words = np.concatenate([np.zeros((n_bits, *shares.words.shape[1:]), np.uint64), shares.words])
    return BitShares(words, shares.count)


def _in(x: Any, dtype: Any) -> SecretArray:
    made: SecretArray = x if x.dtype == dtype else x.astype(dtype)
    return made


def _secret(computation: Any, one: Any, dtype: Any) -> SecretArray:
    made: SecretArray = _in(one, dtype) if is_secret(one) else computation.constant(one, dtype=dtype)
    return made
