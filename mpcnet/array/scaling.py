"""Numbers times public fractions, and the cut back to the fractional bits of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.array.base import digest_of, make_array, size_of
from mpcnet.array.casting import elements_of
from mpcnet.array.checks import guard
from mpcnet.array.dtypes import Bounds, DType, magnitude_bits
from mpcnet.array.operands import bounds_of, broadcast
from protocols.arithmetic.contract import Elements, Engine
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = ["times_fraction", "truncated", "truncated_bounds"]

FACTOR_BITS = 62  # of a public factor


def truncated(x: SecretArray, n_bits: int, dtype: DType) -> SecretArray:
    """Raw integers divided by 2**n_bits, rounded, as another dtype; one round."""
    limits, node = x.computation.limits, elements_of(x)
    bound_bits = max(1, n_bits, min(magnitude_bits(x.bounds), limits.product_bits))

    async def work(engine: Engine, mesh: Mesh, value: Elements) -> Elements:
        return await engine.truncate(mesh, value, n_bits, bound_bits=bound_bits)

    return make_array(
        x.computation,
        "truncate",
        [node],
        work,
        talks=True,
        shape=x.shape,
        dtype=dtype,
        bounds=truncated_bounds(x, n_bits),
        params=[n_bits, bound_bits],
    )


def truncated_bounds(x: SecretArray, n_bits: int) -> Bounds:
    """Between which the results of `truncated` lie."""
    (low, high), ulps = x.bounds, x.computation.limits.ulps
    return (low >> n_bits) - ulps, (high >> n_bits) + ulps + 1


def times_fraction(
    x: SecretArray,
    values: NDArray[Any],
    *,
    dtype: DType | None = None,
    product: str = "each",
    shape: tuple[int, ...] | None = None,
    inner: int = 1,
) -> SecretArray:
    """Numbers times public fractions, as fixed-point numbers; rounded once.

    The factor is rounded to m bits behind the point, as many as have room. Beside the rounding of the result the error
    is at most |x| * 2**-(m + 1) for each product.

    Args:
        dtype: of the result; that of x by default.
        product: "each" element, or a matrix product with the values on the "left" or "right".
        shape: of a matrix product.
        inner: its inner dimension.
    Raises:
        ValueError: a value is no number, infinite or too large.
    """
    name = "multiply" if product == "each" else "matmul"
    dtype, limits = dtype or x.dtype, x.computation.limits
    if not np.isfinite(values).all():
        raise ValueError(f"{name}: a public factor is infinite or no number")
    factor_bits = int(np.frexp(np.abs(values).max(initial=0.0))[1])  # |values| < 2**factor_bits
    most_bits = dtype.n_bits - 1 - dtype.frac_bits + x.dtype.frac_bits  # of results in range, before the cut
    size_bits = min(most_bits, magnitude_bits(x.bounds) + factor_bits + (inner - 1).bit_length())
    gained = dtype.frac_bits - x.dtype.frac_bits
    m = min(limits.product_bits - max(size_bits, -gained), FACTOR_BITS - factor_bits)
    cut = m - gained
    if cut < 0:
        raise ValueError(f"{name}: a public factor does not fit beside {dtype}, which holds {dtype.range_text}")
    raw = np.rint(np.ldexp(values.astype(np.float64), m)).astype(np.int64)
    low, high = _product(x.bounds, bounds_of(raw))
    bounds = (low * inner, high * inner)
    wide = DType("fixed", dtype.n_bits + cut, dtype.frac_bits + cut)

    def work(engine: Engine, value: Elements) -> Elements:
        known = engine.ring.encode(raw)
        if product == "each":
            return engine.ring.mul(value, known)
        return engine.ring.matmul(value, known) if product == "right" else engine.ring.matmul(known, value)

    made = make_array(
        x.computation,
        name,
        [elements_of(x)],
        work,
        shape=broadcast(name, x.shape, values.shape) if shape is None else shape,
        dtype=wide,
        bounds=bounds,
        params=[product, m, digest_of(raw)],
        size=size_of(x.shape if shape is None else shape) * inner,
    )
    guard(made, bounds)
    return truncated(made, cut, dtype)


def _product(x: tuple[int, int], y: tuple[int, int]) -> tuple[int, int]:
    corners = [a * b for a in x for b in y]
    return min(corners), max(corners)
