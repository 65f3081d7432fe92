"""One value from many: sum, minimum, maximum, argmax, argmin. On public numbers alone they compute at once."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import Any

from circuits import operations as ops
from circuits.convert import describe, is_sequence, numbers, unify
from circuits.errors import TraceError
from circuits.lib import arith
from circuits.lib.select import mux
from circuits.source import fail
from circuits.types import Bit, FixedType, UIntType
from circuits.values import Scalar, Value

__all__ = ["argmax", "argmax_plain", "argmin", "argmin_plain", "maximum", "minimum", "sum", "sum_plain"]


def sum(values: Iterable[Any]) -> Any:
    """The exact sum of a list or Vec of numbers, as a balanced tree of full adders.

    Cost: about (bits of all elements) - (bits of the result) ANDs: 63 for 64 Bits.
    """
    items = _items(values, "sum")
    scalars = numbers(items, "sum")
    if not scalars:
        return sum_plain(items)
    frac = max(scalar.frac_bits for scalar in scalars)
    is_fixed = any(isinstance(scalar.type, FixedType) for scalar in scalars)
    scalars = [ops.scaled(scalar, frac - scalar.frac_bits) for scalar in scalars]
    low = builtins.sum(scalar.bounds[0] for scalar in scalars)
    high = builtins.sum(scalar.bounds[1] for scalar in scalars)
    public = builtins.sum(scalar.public for scalar in scalars if scalar.public is not None)
    secret = [scalar for scalar in scalars if scalar.public is None]

    def make(n: int) -> list[int]:
        words = [(x.low(min(n, x.n_bits)), x.type.signed and n >= x.n_bits) for x in secret]
        return arith.sum_words(secret[0].builder, words, n, public)

    return secret[0].derive(ops.fitting_type(low, high, frac, is_fixed=is_fixed), make, *secret)


def sum_plain(values: Iterable[Any]) -> Any:
    """The twin of `sum`."""
    return builtins.sum(values)


def minimum(*values: Any) -> Any:
    """The smallest of its arguments, or of one list or Vec. Cost: 2 * n_bits ANDs for each element but one."""
    return _extreme(values, "minimum")


def maximum(*values: Any) -> Any:
    """The largest of its arguments, or of one list or Vec. Cost: 2 * n_bits ANDs for each element but one."""
    return _extreme(values, "maximum")


def _extreme(values: tuple[Any, ...], name: str) -> Any:
    largest = name == "maximum"
    items = _items(values[0], name) if len(values) == 1 else list(values)
    scalars = numbers(items, name)
    if not scalars:
        return (max if largest else min)(items)
    layer = _unified(items)
    while len(layer) > 1:
        pairs = zip(layer[::2], layer[1::2], strict=False)
        layer = [mux(ops.less(p, q), q, p) if largest else mux(ops.less(q, p), q, p) for p, q in pairs] + (
            layer[-1:] if len(layer) % 2 else []
        )
    if layer[0].type == Bit:
        return layer[0]
    frac = layer[0].frac_bits
    bounds = [[bound << (frac - scalar.frac_bits) for bound in scalar.bounds] for scalar in scalars]
    choose = max if largest else min
    low, high = choose(bound[0] for bound in bounds), choose(bound[1] for bound in bounds)
    type = ops.fitting_type(low, high, frac, is_fixed=isinstance(layer[0].type, FixedType))
    return layer[0].derive(type, layer[0].low, layer[0])


def argmax(values: Iterable[Any]) -> Any:
    """The index of the largest element, the first of several; a UInt just wide enough.

    Cost: n_bits ANDs for each comparison, of which there is one for each element but one; n_bits for each element but
    two to carry the larger one on; and the bits of the index.
    """
    return _arg(values, "argmax")


def argmin(values: Iterable[Any]) -> Any:
    """The index of the smallest element, the first of several; as `argmax`."""
    return _arg(values, "argmin")


def _arg(values: Iterable[Any], name: str) -> Any:
    items = _items(values, name)
    if not numbers(items, name):
        return (argmax_plain if name == "argmax" else argmin_plain)(items)
    scalars = _unified(items)
    builder = scalars[0].builder
    type = UIntType(max(1, (len(items) - 1).bit_length()))
    layer = [(x, Scalar(builder, type, arith.constant(i, type.n_bits))) for i, x in enumerate(scalars)]
    while len(layer) > 1:
        merged = []
        for (p, i), (q, j) in zip(layer[::2], layer[1::2], strict=False):
            later = ops.less(p, q) if name == "argmax" else ops.less(q, p)
            merged.append((mux(later, q, p), mux(later, j, i)))
        layer = merged + (layer[-1:] if len(layer) % 2 else [])
    return layer[0][1]


def argmax_plain(values: Sequence[Any]) -> int:
    """The twin of `argmax`."""
    return max(range(len(values)), key=lambda i: (values[i], -i))


def argmin_plain(values: Sequence[Any]) -> int:
    """The twin of `argmin`."""
    return min(range(len(values)), key=lambda i: (values[i], i))


def _items(values: Any, name: str) -> list[Any]:
    if isinstance(values, Value) and not is_sequence(values):
        raise fail(TraceError, f"{name}() takes a list or Vec, not {describe(values)}")
    return list(values)


def _unified(items: list[Any]) -> list[Scalar]:
    """The numbers as Scalars of one type."""
    secret = next(item for item in items if isinstance(item, Scalar))
    return [value for value in unify(secret.builder, items) if isinstance(value, Scalar)]
