"""From what a user may write (secrets, public numbers, lists of both) to values of one type, losing nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from circuits import operations as ops
from circuits.builder import Builder
from circuits.errors import TraceError, WidthError
from circuits.ir import ONE, ZERO
from circuits.source import an, fail
from circuits.types import Bit, BitType, FixedType, PortType, ScalarType, UIntType, VecType
from circuits.values import Scalar, Value, VecValue, is_public, public_scalar

__all__ = ["assign", "concat", "describe", "find_builder", "from_wires", "is_sequence", "numbers", "unify"]


def is_sequence(item: Any) -> bool:
    """Whether `item` is a list of values: Vec, list, tuple or array."""
    return isinstance(item, (VecValue, list, tuple)) or (isinstance(item, np.ndarray) and item.ndim > 0)


def find_builder(*items: Any) -> Builder | None:
    """The trace that the secrets among `items`, nested lists included, belong to; None if all are public.

    Raises:
        TraceError: they belong to several, or to one that has ended.
    """
    found: Builder | None = None
    for item in items:
        if isinstance(item, Value):
            found = found or item.builder
            item.check_trace(found)
        elif is_sequence(item):
            inner = find_builder(*item)
            if inner is not None:
                found = found or inner
                if inner is not found:
                    raise fail(TraceError, f"values of {inner.name} and {found.name} are mixed; pass them as inputs")
    return found


def from_wires(builder: Builder, type: PortType, wires: Sequence[int]) -> Scalar | VecValue:
    """The value of `type` on these wires."""
    if isinstance(type, VecType):
        step = type.element.n_bits
        parts = [wires[i : i + step] for i in range(0, len(wires), step)]
        return VecValue(builder, [from_wires(builder, type.element, part) for part in parts])
    assert isinstance(type, ScalarType)
    return Scalar(builder, type, wires)


def assign(builder: Builder, item: Any, type: PortType) -> Scalar | VecValue:
    """`item` as a value of `type`, which must hold everything it can be.

    Raises:
        WidthError: it does not; says what to do.
        TraceError: `item` is of another kind.
    """
    if isinstance(type, VecType):
        if not is_sequence(item):
            raise fail(TraceError, f"{an(type)} is wanted, not {describe(item)}")
        if len(item) != type.length:
            raise fail(WidthError, f"{an(type)} is wanted, not {len(item)} elements")
        return VecValue(builder, [assign(builder, element, type.element) for element in item])
    if isinstance(item, Scalar):
        return ops.convert(item, type)
    if is_public(item) and isinstance(type, ScalarType):
        try:
            bits = type.encode(item)[0]
            return from_wires(builder, type, [ONE if bit else ZERO for bit in bits.tolist()])
        except WidthError as error:
            raise fail(WidthError, str(error)) from None
    raise fail(TraceError, f"{an(type)} is wanted, not {describe(item)}")


def unify(builder: Builder, items: Sequence[Any]) -> list[Scalar | VecValue]:
    """The items, numbers or equally long lists of them, as values of the smallest type that holds each.

    Bits and bools give Bit; integers UInt or Int; anything beside a Fixed a Fixed, in which a public fraction is the
    nearest with as many fractional bits.

    Raises:
        TraceError: they have no common type.
    """
    shapes = [_shape(item) for item in items]
    for item, shape in zip(items, shapes, strict=True):
        if shape != shapes[0]:
            raise fail(TraceError, f"{describe(items[0])} and {describe(item)} have no common type; shapes must agree")
    leaves = [leaf for item in items for leaf in _leaves(item)]
    kinds = [leaf.type for leaf in leaves if isinstance(leaf, Scalar)]
    if all(isinstance(leaf, (bool, np.bool_)) or (isinstance(leaf, Scalar) and leaf.type == Bit) for leaf in leaves):
        type: ScalarType = Bit
    else:
        is_fixed = any(isinstance(kind, FixedType) for kind in kinds)
        frac = max((kind.frac_bits for kind in kinds), default=0)
        beside: ScalarType = FixedType(frac + 2, frac) if is_fixed else kinds[0] if kinds else BitType()
        bounds: list[int] = []
        for leaf in leaves:
            scalar = leaf if isinstance(leaf, Scalar) else public_scalar(builder, leaf, beside)
            bounds += [bound << (frac - scalar.frac_bits) for bound in scalar.bounds]
        type = ops.fitting_type(min(bounds), max(bounds), frac, is_fixed=is_fixed)
    return [assign(builder, item, _vec_type(type, shapes[0])) for item in items]


def concat(*parts: Any) -> Scalar:
    """One UInt of the bits of several secrets, Vecs or lists, the first one lowest: `x == concat(x[:4], x[4:])`; free.

    Raises:
        TraceError: a part is no secret: a public number has no fixed width.
    """
    builder = find_builder(*parts)
    leaves = [leaf for part in parts for leaf in _leaves(part)]
    public = next((leaf for leaf in leaves if not isinstance(leaf, Scalar)), None)
    if public is not None or builder is None:
        raise fail(
            TraceError, f"concat() takes secrets, not {describe(public)}; write (high << n) | low for public bits"
        )
    wires = [wire for leaf in leaves for wire in leaf.wires]
    return Scalar(builder, UIntType(len(wires)), wires)


def numbers(items: Sequence[Any], name: str) -> list[Scalar]:
    """Secrets and public numbers as Scalars, each of its own type; empty if all are public.

    Args:
        name: the function they are for, for messages.
    Raises:
        TraceError: there is none, or one is no number.
    """
    if not items:
        raise fail(TraceError, f"{name}() of no elements")
    if find_builder(*items) is None:
        return []
    for item in items:
        if not isinstance(item, Scalar) and not is_public(item):
            raise fail(TraceError, f"{name}() takes numbers, not {describe(item)}")
    secrets = [item for item in items if isinstance(item, Scalar)]
    beside = next((secret for secret in secrets if isinstance(secret.type, FixedType)), secrets[0])
    return [item if isinstance(item, Scalar) else beside.operand(item, f"{name}()") for item in items]


def _vec_type(scalar: ScalarType, shape: tuple[int, ...]) -> PortType:
    type: PortType = scalar
    for length in reversed(shape):
        type = VecType(type, length)
    return type


def _shape(item: Any) -> tuple[int, ...]:
    if isinstance(item, Scalar) or is_public(item):
        return ()
    if not is_sequence(item):
        raise fail(TraceError, f"a secret, a public number or a list of them is wanted, not {describe(item)}")
    if not len(item):
        raise fail(TraceError, "the list is empty")
    inner = [_shape(element) for element in item]
    if any(shape != inner[0] for shape in inner):
        raise fail(TraceError, "the elements of a list have different shapes")
    return (len(item), *inner[0])


def _leaves(item: Any) -> list[Any]:
    return [leaf for element in item for leaf in _leaves(element)] if is_sequence(item) else [item]


def describe(item: Any) -> str:
    """What kind of thing this is; never its value."""
    if isinstance(item, Value):
        return an(item.type)
    if is_sequence(item):
        return f"{an(type(item).__name__)} of {len(item)}"
    return an(type(item).__name__) if item is not None else "None"
