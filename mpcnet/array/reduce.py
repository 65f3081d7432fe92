"""Sums and means along axes, which need no message for the sum; any and all of bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mpcnet.array.base import Base, is_secret, make_array, size_of, takes_secret
from mpcnet.array.blocks import evaluate
from mpcnet.array.casting import elements_of
from mpcnet.array.checks import guard
from mpcnet.array.dtypes import BIT, DType
from mpcnet.array.logic import logical_not
from mpcnet.array.packing import chain, gather
from mpcnet.array.scaling import times_fraction
from protocols.arithmetic.contract import Elements, Engine
from protocols.boolean.contract import BitShares
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = ["all_", "any_", "axes_of", "mean", "places_along", "reduced_shape", "sum_"]

Axis = int | tuple[int, ...] | None


def axes_of(name: str, x: Base, axis: Axis) -> tuple[int, ...]:
    """The axes that are meant, counted from 0, in order; all for None.

    Raises:
        TypeError: this is no secret array, or an axis no integer.
        ValueError: there is no such axis, or one twice.
    """
    if not is_secret(x):
        raise TypeError(f"{name} takes a secret array, not {type(x).__name__}; for public numbers take NumPy's")
    ndim = len(x.shape)
    given = range(ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    if not all(isinstance(one, int | np.integer) for one in given):
        raise TypeError(f"{name}: an axis is a public integer, or several, and not {axis!r}")
    for one in given:
        if not -ndim <= one < ndim:
            raise ValueError(f"{name}: an array of shape {x.shape} has no axis {one}")
    axes = sorted(int(one) % ndim for one in given)
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: axis {axis} names one axis twice")
    return tuple(axes)


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], *, keepdims: bool) -> tuple[int, ...]:
    """The shape without some axes, or with 1 in their place."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes)


def sum_(x: SecretArray, axis: Axis = None, *, dtype: DType | None = None, keepdims: bool = False) -> SecretArray:
    """The sum along some axes, of all elements for None.

    Args:
        dtype: of the result; by default that of x, but at least int(32) for integers and bits.
    """
    axes = axes_of("sum", x, axis)
    shape = reduced_shape(x.shape, axes, keepdims=keepdims)
    if dtype is None:
        dtype = x.dtype
        if dtype.kind != "fixed" and dtype.n_bits < 32:
            dtype = x.computation.int()
    if dtype != x.dtype:
        x = x.astype(dtype)
    count = size_of([x.shape[i] for i in axes])
    bounds = (x.bounds[0] * count, x.bounds[1] * count)

    def work(engine: Engine, value: Elements) -> Elements:
        for one in reversed(axes):
            value = engine.ring.sum(value, one)
        return np.ascontiguousarray(value).reshape(*shape, engine.ring.limbs)

    made = make_array(
        x.computation,
        "sum",
        [elements_of(x)],
        work,
        shape=shape,
        dtype=dtype,
        bounds=bounds,
        params=[list(axes)],
        size=size_of(x.shape),
    )
    guard(made, bounds)
    return made


def mean(x: SecretArray, axis: Axis = None, *, dtype: DType | None = None, keepdims: bool = False) -> SecretArray:
    """The mean along some axes, of all elements for None; a fixed-point number.

    Args:
        dtype: of the result; by default that of x if it is fixed-point, else fixed(16).
    Raises:
        ValueError: no elements have a mean.
    """
    axes = axes_of("mean", x, axis)
    count = size_of([x.shape[i] for i in axes])
    if not count:
        raise ValueError("mean of no elements")
    if dtype is None:
        dtype = x.dtype if x.dtype.kind == "fixed" else x.computation.fixed()
    if dtype.kind != "fixed":
        raise TypeError(f"mean has fractions: its dtype is fixed-point, not {dtype}")
    total = sum_(x, axis, keepdims=keepdims)
    return times_fraction(total, np.array(1.0 / count), dtype=dtype)


@takes_secret
def any_(x: SecretArray, axis: Axis = None, *, keepdims: bool = False) -> SecretArray:
    """Whether one of the elements along some axes is not 0: a bit."""
    bits = x.astype(BIT)
    return _joined("any", bits, axis, keepdims=keepdims)


@takes_secret
def all_(x: SecretArray, axis: Axis = None, *, keepdims: bool = False) -> SecretArray:
    """Whether none of the elements along some axes is 0: a bit."""
    return logical_not(any_(logical_not(x.astype(BIT)), axis, keepdims=keepdims))


def places_along(shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Places of the elements, (elements along the axes, other elements in order)."""
    places = np.arange(size_of(shape)).reshape(shape)
    moved = np.moveaxis(places, axes, range(len(axes)))
    return moved.reshape(size_of([shape[i] for i in axes]), -1)


def _joined(name: str, x: SecretArray, axis: Axis, *, keepdims: bool) -> SecretArray:
    axes = axes_of(name, x, axis)
    shape = reduced_shape(x.shape, axes, keepdims=keepdims)
    if not size_of([x.shape[i] for i in axes]):
        return x.computation.constant(np.zeros(shape, bool), dtype=BIT)

    async def work(engine: Engine, mesh: Mesh, shares: BitShares) -> BitShares:
        places, level = places_along(x.shape, axes), 0
        rows, width = places.shape
        shares = gather(shares, places.reshape(-1))
        while rows > 1:
            half = rows // 2
            left = gather(shares, np.arange(half * width))
            right = gather(shares, np.arange(half * width, 2 * half * width))
            joined = await evaluate(engine, mesh.fork(str(level)), "or", [left, right], 0, bits=2)
            rest = gather(shares, np.arange(2 * half * width, rows * width))
            shares, rows, level = chain([joined, rest]) if rest.count else joined, rows - half, level + 1
        return shares

    return make_array(
        x.computation,
        name,
        [x.node],
        work,
        talks=True,
        shape=shape,
        dtype=BIT,
        width=1,
        params=[list(axes)],
        size=size_of(x.shape),
    )
