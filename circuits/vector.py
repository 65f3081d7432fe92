"""Traced lists: a `VecValue` stands for values of one type whose number is public."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from circuits.builder import Builder
from circuits.errors import TraceError, WidthError
from circuits.secret import Value
from circuits.source import an, fail
from circuits.types import Bit, VecType

if TYPE_CHECKING:
    from circuits.values import Scalar

__all__ = ["VecValue"]


class VecValue(Value):
    """A list of secrets of one type; its length is public."""

    __slots__ = ("elements",)

    def __init__(self, builder: Builder, elements: Sequence[Value]) -> None:
        self.builder = builder
        self.elements = tuple(elements)

    @property
    def type(self) -> VecType:
        return VecType(self.elements[0].type, len(self.elements))

    @property
    def wires(self) -> list[int]:
        return [wire for element in self.elements for wire in element.wires]

    def __len__(self) -> int:
        return len(self.elements)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.elements)

    def __reversed__(self) -> Iterator[Any]:
        return reversed(self.elements)

    def __getitem__(self, index: Any) -> Any:
        """An element by public index, or a Vec by public slice."""
        if isinstance(index, Value):
            raise fail(TraceError, f"the index is {an(index.type)}, which is secret; write lookup(v, index)")
        try:
            found = self.elements[index]
        except IndexError:
            raise fail(WidthError, f"{an(self.type)} has elements 0 .. {len(self) - 1}; there is no {index}") from None
        except TypeError:
            raise fail(TraceError, f"an index is a public integer or slice, not {type(index).__name__}") from None
        if not isinstance(index, slice):
            return found
        if not found:
            raise fail(WidthError, f"the slice of {an(self.type)} is empty")
        return VecValue(self.builder, found)

    def __eq__(self, other: Any) -> Scalar:  # type: ignore[override]
        """A Bit: all elements are equal."""
        if not isinstance(other, (VecValue, list, tuple, np.ndarray)) or len(other) != len(self):
            raise fail(TraceError, f"{an(self.type)} is compared with as many elements")
        same: list[Scalar] = [x == y for x, y in zip(self, other, strict=True)]
        return same[0].new(Bit, [self.builder.all_([bit.wires[0] for bit in same])])

    def __ne__(self, other: Any) -> Scalar:  # type: ignore[override]
        same: Scalar = self == other
        return ~same

    __hash__ = Value.__hash__

    def _elementwise(self, *_: Any) -> NoReturn:
        raise fail(
            TraceError, f"operators work on numbers, not on {an(self.type)}; write [a + b for a, b in zip(v, w)]"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _elementwise
    __floordiv__ = __rfloordiv__ = __truediv__ = __rtruediv__ = __mod__ = __rmod__ = _elementwise
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _elementwise
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _elementwise
    __neg__ = __pos__ = __abs__ = __invert__ = __lt__ = __le__ = __gt__ = __ge__ = _elementwise
