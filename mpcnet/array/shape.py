"""Reshaping, indexing, joining: public places of secret numbers. None of it needs a message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.array.base import digest_of, is_secret, make_array, size_of, takes_secret, wrap
from mpcnet.array.casting import shifted
from mpcnet.array.dtypes import BIT, DType
from mpcnet.array.operands import common_dtype, operands, term_of
from mpcnet.array.packing import chain, extend, gather
from protocols.arithmetic.contract import Engine

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = [
    "broadcast_to",
    "choose_public",
    "concat",
    "expand_dims",
    "flip",
    "getitem",
    "permute_dims",
    "rearranged",
    "repeat",
    "reshape",
    "roll",
    "squeeze",
    "stack",
    "take",
]

Rearrange = Callable[[NDArray[Any]], Any]


def rearranged(x: SecretArray, name: str, params: Sequence[Any], function: Rearrange) -> SecretArray:
    """An array whose elements are elements of x, each wherever NumPy would put it.

    Args:
        params: what the function depends on: part of what is agreed on.
        function: from an array of the shape of x to another, that moves elements.
    """
    shape = x.shape
    outline = np.broadcast_to(np.zeros((), np.int8), shape)  # takes no memory
    to = np.shape(function(outline))
    kept = name == "reshape"

    def index() -> Any:
        return np.asarray(function(np.arange(size_of(shape)).reshape(shape))).reshape(-1)

    def elements(engine: Engine, value: Any) -> Any:
        limbs = engine.ring.limbs
        if kept:
            return value.reshape(*to, limbs)
        return np.ascontiguousarray(value.reshape(-1, limbs)[index()]).reshape(*to, limbs)

    def bits(engine: Engine, value: Any) -> Any:
        return value if kept else gather(value, index())

    node = x.node
    work = bits if node.form == "bits" else elements
    made = make_array(
        x.computation,
        name,
        [node],
        work,
        shape=to,
        dtype=node.dtype or x.dtype,
        bounds=x.bounds,
        width=node.width,
        params=params,
        size=size_of(shape),
    )
    return wrap(x.computation, made.node, x.bounds, x.dtype)


@takes_secret
def reshape(x: SecretArray, shape: Any) -> SecretArray:
    """As numpy.reshape, in the order of the last axis first.

    Raises:
        ValueError: another number of elements.
    """
    given = (shape,) if isinstance(shape, int | np.integer) else tuple(int(n) for n in shape)
    return rearranged(x, "reshape", [list(map(int, given))], lambda a: a.reshape(given))


@takes_secret
def permute_dims(x: SecretArray, axes: Sequence[int] | None = None) -> SecretArray:
    """The axes in another order; the opposite one by default."""
    order = tuple(range(len(x.shape)))[::-1] if axes is None else tuple(int(axis) for axis in axes)
    return rearranged(x, "permute_dims", [list(order)], lambda a: np.transpose(a, order))


@takes_secret
def expand_dims(x: SecretArray, axis: int = 0) -> SecretArray:
    """One more axis of length 1."""
    shape = np.expand_dims(np.broadcast_to(np.zeros(()), x.shape), axis).shape
    return reshape(x, shape)


@takes_secret
def squeeze(x: SecretArray, axis: int | tuple[int, ...] | None = None) -> SecretArray:
    """Without axes of length 1."""
    return reshape(x, np.squeeze(np.broadcast_to(np.zeros(()), x.shape), axis).shape)


@takes_secret
def broadcast_to(x: SecretArray, shape: Sequence[int]) -> SecretArray:
    """As numpy.broadcast_to."""
    to = tuple(int(n) for n in shape)
    return x if to == x.shape else rearranged(x, "broadcast_to", [list(to)], lambda a: np.broadcast_to(a, to))


@takes_secret
def flip(x: SecretArray, axis: int | tuple[int, ...] | None = None) -> SecretArray:
    """In the opposite order along some axes."""
    return rearranged(x, "flip", [repr(axis)], lambda a: np.flip(a, axis))


@takes_secret
def roll(x: SecretArray, shift: int, axis: int | None = None) -> SecretArray:
    """Moved on along an axis, what leaves at the end coming back at the start."""
    return rearranged(x, "roll", [int(shift), repr(axis)], lambda a: np.roll(a, int(shift), axis))


@takes_secret
def repeat(x: SecretArray, repeats: int, axis: int | None = None) -> SecretArray:
    """Each element several times."""
    return rearranged(x, "repeat", [int(repeats), repr(axis)], lambda a: np.repeat(a, int(repeats), axis))


@takes_secret
def take(x: SecretArray, indices: Any, axis: int | None = None) -> SecretArray:
    """Elements at public places along an axis.

    Raises:
        TypeError: the places are secret, or no integers.
        IndexError: there is no such place.
    """
    if is_secret(indices):
        raise TypeError(_SECRET_INDEX)
    places = np.asarray(indices)
    if places.dtype.kind not in "iu" and places.size:
        raise TypeError(f"take() needs integers as places, not {places.dtype}")
    places = places.astype(np.intp)
    if axis is None and len(x.shape) != 1:
        raise ValueError(f"take() from an array of shape {x.shape} needs an axis")
    along = 0 if axis is None else int(axis)
    return rearranged(x, "take", [along, digest_of(places)], lambda a: np.take(a, places, axis=along))


_SECRET_INDEX = (
    "an index that is secret would show what is read; read everything, and keep one: "
    "xp.sum(xp.where(index == np.arange(len(table)), table, 0)), or multiply with such a row of bits"
)


def getitem(x: SecretArray, key: Any) -> SecretArray:
    """x[key] for public keys: integers, slices, ..., None, arrays of integers or of bools.

    Raises:
        TypeError: a secret among them; says what to do instead.
        IndexError: no such place.
    """
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        if is_secret(part):
            raise TypeError(_SECRET_MASK if part.dtype == BIT else _SECRET_INDEX)
        if isinstance(part, slice) and any(is_secret(end) for end in (part.start, part.stop, part.step)):
            raise TypeError("a slice with a secret end would have a secret length; take all, and mask with where()")
    return rearranged(x, "getitem", [_describe(part) for part in parts], lambda a: a[key])


_SECRET_MASK = (
    "how many elements a secret mask picks is secret; keep the shape, and put something neutral elsewhere: "
    "xp.where(mask, x, 0)"
)


def _describe(part: Any) -> Any:
    """A key for the agreement."""
    if isinstance(part, slice):
        return ["slice", *(None if end is None else int(end) for end in (part.start, part.stop, part.step))]
    if part is Ellipsis or part is None or isinstance(part, bool | np.bool_):
        return repr(part)
    if isinstance(part, int | np.integer):
        return int(part)
    array = np.asarray(part)
    if array.dtype.kind not in "iub" and array.size:
        raise IndexError(f"an index is made of integers, slices, ..., None or bools, not {array.dtype}")
    return [array.dtype.kind == "b", digest_of(array)]


def concat(arrays: Sequence[Any], axis: int | None = 0) -> SecretArray:
    """One behind the other along an axis; along one axis of all elements for None. Public arrays may be among them.

    Raises:
        ValueError: no arrays, or shapes that do not fit.
        TypeError: dtypes that do not fit.
    """
    arrays = _several("concat", arrays)
    computation, found = operands("concat", *arrays)
    if axis is None:
        found = [reshape(one, -1) if is_secret(one) else _flat(one) for one in found]
        axis = 0
    dtype = _common("concat", computation, found)
    outlines = [np.broadcast_to(np.zeros((), np.int8), one.shape) for one in found]
    try:
        shape = np.concatenate(outlines, axis=axis).shape
    except ValueError as error:
        raise ValueError(f"concat: {error}") from None
    along = axis % len(shape)
    secret = [_as_secret(computation, one, dtype) for one in found]
    return _joined("concat", secret, shape, dtype, along, lambda parts: np.concatenate(parts, axis=along))


def stack(arrays: Sequence[Any], axis: int = 0) -> SecretArray:
    """Arrays of one shape side by side, along a new axis."""
    arrays = _several("stack", arrays)
    computation, found = operands("stack", *arrays)
    dtype = _common("stack", computation, found)
    if any(one.shape != found[0].shape for one in found):
        raise ValueError(f"stack: all arrays need one shape, not {', '.join(str(one.shape) for one in found)}")
    secret = [_as_secret(computation, one, dtype) for one in found]
    return concat([expand_dims(one, axis) for one in secret], axis)


def choose_public(mask: NDArray[Any], x: Any, y: Any, shape: tuple[int, ...]) -> SecretArray:
    """x where a public mask holds, else y: at least one of them is secret."""
    computation, (p, q) = operands("where", x, y)
    dtype = common_dtype("where", computation, p, q)
    both = [broadcast_to(_as_secret(computation, one, dtype), shape) for one in (p, q)]
    size, chosen = size_of(shape), np.broadcast_to(mask, shape).reshape(-1)
    joined = concat([reshape(one, -1) for one in both], 0)
    places = np.where(chosen, np.arange(size), size + np.arange(size)).reshape(shape)
    return take(joined, places, 0)


def _joined(
    name: str,
    arrays: Sequence[SecretArray],
    shape: tuple[int, ...],
    dtype: DType,
    axis: int,
    join: Callable[[list[NDArray[Any]]], NDArray[Any]],
) -> SecretArray:
    from mpcnet.array.casting import elements_of

    computation = arrays[0].computation
    bounds = (min(one.bounds[0] for one in arrays), max(one.bounds[1] for one in arrays))
    shapes = [one.shape for one in arrays]
    if all(one.node.form == "bits" for one in arrays):
        width = max(one.node.width for one in arrays)
        single = dtype == BIT

        def bits(engine: Engine, *values: Any) -> Any:
            whole = chain([extend(value, width, signed=not single) for value in values])
            starts = np.cumsum([0, *(size_of(one) for one in shapes)])
            places = [
                np.arange(size_of(one)).reshape(one) + start for one, start in zip(shapes, starts[:-1], strict=True)
            ]
            return gather(whole, join(places).reshape(-1))

        nodes = [one.node for one in arrays]
        return make_array(
            computation, name, nodes, bits, shape=shape, dtype=dtype, bounds=bounds, width=width, params=[axis]
        )

    def elements(engine: Engine, *values: Any) -> Any:
        return np.ascontiguousarray(join(list(values)))

    nodes = [elements_of(one) for one in arrays]
    return make_array(computation, name, nodes, elements, shape=shape, dtype=dtype, bounds=bounds, params=[axis])


def _flat(one: Any) -> Any:
    return type(one)(one.values.reshape(-1), one.kind)


def _several(name: str, arrays: Any) -> Sequence[Any]:
    """The arrays that a function joins; one array is not several, though NumPy takes its rows for that."""
    if not isinstance(arrays, list | tuple):
        raise TypeError(f"{name} takes a list of arrays, not {type(arrays).__name__}; write {name}([x, y])")
    if not arrays:
        raise ValueError(f"{name} of no arrays")
    return arrays


def _common(name: str, computation: Any, found: Sequence[Any]) -> DType:
    """The dtype of all; the secret ones say it."""
    secret = [one for one in found if is_secret(one)]
    dtype: DType = secret[0].dtype
    for one in found:
        dtype = common_dtype(name, computation, wrap(computation, secret[0].node, dtype.bounds, dtype), one)
    return dtype


def _as_secret(computation: Any, one: Any, dtype: DType) -> SecretArray:
    """A public array as a secret one; a secret one in that dtype."""
    if not is_secret(one):
        made: SecretArray = computation.constant(one.values, dtype=dtype)
        return made
    if one.dtype == dtype:
        return one
    missing = dtype.frac_bits - one.dtype.frac_bits
    if one.dtype == BIT or missing:
        return shifted(one, missing, dtype)
    term = term_of("concat", one, dtype)
    assert term.node is not None
    return wrap(computation, term.node, term.bounds, dtype)
