"""Choosing between two values by a secret condition."""

from __future__ import annotations

from typing import Any

from circuits.convert import describe, find_builder, unify
from circuits.errors import TraceError
from circuits.source import fail
from circuits.values import Scalar, VecValue, is_public

__all__ = ["mux", "select", "select_plain"]


def select(condition: Any, then: Any, otherwise: Any) -> Any:
    """`then` where the condition holds, else `otherwise`; both are computed.

    Args:
        condition: a Bit or UInt[1]; a public bool chooses at once.
        then, otherwise: secrets or public numbers, or equally long lists of them (giving a Vec) or tuples (a tuple).
            The result has the smallest type that holds both.
    Raises:
        TraceError: the condition is no Bit; the two have no common type.
    Cost: n_bits ANDs; none for bits that are public on both sides.
    """
    if is_public(condition):
        return then if condition else otherwise
    if not isinstance(condition, Scalar):
        raise fail(TraceError, f"the condition of select() is a Bit, not {describe(condition)}")
    if condition.n_bits != 1 or condition.type.signed:
        raise fail(
            TraceError, f"the condition of select() is a Bit, not {describe(condition)}; compare it, as in x != 0"
        )
    if isinstance(then, tuple) and isinstance(otherwise, tuple) and len(then) == len(otherwise):
        return tuple(select(condition, p, q) for p, q in zip(then, otherwise, strict=True))
    builder = find_builder(condition, then, otherwise)
    assert builder is not None
    return mux(condition, *unify(builder, [then, otherwise]))


def mux(condition: Scalar, then: Any, otherwise: Any) -> Any:
    """`select` of two values of one type."""
    if isinstance(then, VecValue):
        pairs = zip(then.elements, otherwise.elements, strict=True)
        return VecValue(then.builder, [mux(condition, p, q) for p, q in pairs])
    gate, bit = condition.builder.mux, condition.wires[0]

    def make(n: int) -> list[int]:
        return [gate(bit, p, q) for p, q in zip(then.low(n), otherwise.low(n), strict=True)]

    return then.derive(then.type, make, then, otherwise)


def select_plain(condition: bool, then: Any, otherwise: Any) -> Any:
    """The twin of `select`."""
    return then if condition else otherwise
