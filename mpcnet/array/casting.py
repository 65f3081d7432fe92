"""The same array in another form or of another dtype.

An array is held as ring elements, or as bits: those of dtype bit always, others where a circuit made them. What needs
the other form asks here for it; it is made once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpcnet.array.base import Base, make_array, takes_secret, wrap
from mpcnet.array.blocks import evaluate
from mpcnet.array.dtypes import BIT, DType, signed_bits
from mpcnet.array.node import Node
from protocols.arithmetic.contract import Elements, Engine
from protocols.boolean.contract import BitShares
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = ["astype", "bits_of", "elements_of", "shifted"]


def elements_of(x: Base) -> Node:
    """The operation that makes its ring elements; a conversion where it is held as bits."""
    node = x.node
    if node.form == "elements":
        return node
    if "elements" not in node.twins:
        shape, single = node.shape, x.dtype == BIT

        async def work(engine: Engine, mesh: Mesh, shares: BitShares) -> Elements:
            from protocols.conversion import b2a

            if single:
                elements = await b2a.to_elements(engine, mesh, shares)
            else:
                elements = await b2a.compose(engine, mesh, shares, signed=True)
            return elements.reshape(*shape, engine.ring.limbs)

        made = make_array(x.computation, "to elements", [node], work, talks=True, shape=shape, dtype=x.dtype)
        node.twins["elements"] = made.node
    return node.twins["elements"]


def bits_of(x: Base) -> Node:
    """The operation that makes its bits, in two's complement but for dtype bit; a conversion where it is elements."""
    node = x.node
    if node.form == "bits":
        return node
    width = signed_bits(x.bounds)
    if width not in node.twins:

        async def work(engine: Engine, mesh: Mesh, elements: Elements) -> BitShares:
            from protocols.conversion import a2b

            return await a2b.to_bits(engine, mesh, elements, width)

        shape = node.shape
        made = make_array(x.computation, "to bits", [node], work, talks=True, shape=shape, dtype=x.dtype, width=width)
        node.twins[width] = made.node
    return node.twins[width]


def shifted(x: Base, n_bits: int, dtype: DType) -> SecretArray:
    """Raw integers times 2**n_bits, as another dtype."""
    node, (low, high) = elements_of(x), x.bounds
    if not n_bits:
        return wrap(x.computation, node, x.bounds, dtype)

    def work(engine: Engine, elements: Elements) -> Elements:
        return engine.ring.scale(elements, 1 << n_bits)

    bounds = (low << n_bits, high << n_bits)
    return make_array(x.computation, "shift", [node], work, shape=x.shape, dtype=dtype, bounds=bounds, params=[n_bits])


@takes_secret
def astype(x: SecretArray, dtype: Any) -> SecretArray:
    """The same numbers in another dtype; fractions are cut towards 0 for integers, rounded for fewer fractional bits.

    Numbers that the new dtype does not hold have no meaning, see `mpcnet.array`.
    """
    if not isinstance(dtype, DType):
        raise TypeError(f"a dtype is made by the computation, as in sh.int(32) or sh.fixed(16); not {dtype!r}")
    if dtype == x.dtype:
        return x
    if dtype == BIT:
        from mpcnet.array.compare import compare

        return compare("!=", x, 0)
    if x.dtype == BIT:
        return shifted(x, dtype.frac_bits, dtype)
    from mpcnet.array.checks import guard

    (low, high), missing = x.bounds, dtype.frac_bits - x.dtype.frac_bits
    if dtype.kind == "int":
        return _retyped(x, dtype) if x.dtype.kind == "int" else _cut(x, dtype)
    if missing >= 0:
        made = shifted(x, missing, dtype)
        guard(made, (low << missing, high << missing))
        return made
    from mpcnet.array.scaling import truncated, truncated_bounds

    made = truncated(x, -missing, dtype)
    guard(made, truncated_bounds(x, -missing))
    return made


def _retyped(x: SecretArray, dtype: DType) -> SecretArray:
    from mpcnet.array.checks import guard

    made = wrap(x.computation, x.node, dtype.clip(x.bounds), dtype)
    guard(made, x.bounds)
    return made


def _cut(x: SecretArray, dtype: DType) -> SecretArray:
    """The whole part of fixed-point numbers."""
    from mpcnet.array.checks import guard

    node, frac_bits = bits_of(x), x.dtype.frac_bits
    width = max(2, node.width - frac_bits + 2)

    async def work(engine: Engine, mesh: Mesh, shares: BitShares) -> BitShares:
        return await evaluate(engine, mesh, "cut", [shares], width, public=[frac_bits])

    low, high = x.bounds
    unit = 1 << frac_bits
    bounds = (-(-low // unit), high // unit)
    made = make_array(
        x.computation,
        "astype",
        [node],
        work,
        talks=True,
        shape=x.shape,
        dtype=dtype,
        bounds=bounds,
        width=width,
        params=[frac_bits],
    )
    guard(made, bounds)
    return made
