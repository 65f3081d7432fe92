"""Traced values: what a function under @circuit computes with.

A `Scalar` stands for a number nobody knows while the circuit is made; a `VecValue`, in `vector`, for a list of values.
Operators add gates and return new values; `operations` has their types and gates, docs/integer-semantics.md the
table. Whatever would have to look into a value raises TraceError: see `secret`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np

from circuits import operations as ops
from circuits.builder import Builder
from circuits.errors import TraceError, WidthError
from circuits.ir import ONE
from circuits.lib import arith
from circuits.secret import Value
from circuits.source import an, fail
from circuits.types import Bit, FixedType, IntType, PortType, ScalarType, UIntType
from circuits.vector import VecValue

__all__ = ["Scalar", "Value", "VecValue", "is_public", "public_scalar"]

_MAX_PENDING = 32  # operations that a postponed product may be carried through; bounds recursion
_INTEGERS = (bool, int, np.bool_, np.integer)
_REALS = (*_INTEGERS, float, np.floating, Fraction, Decimal)


def is_public(value: Any) -> bool:
    """Whether `value` is a public number: an integer, bool or float of Python or NumPy, a Fraction or Decimal."""
    return isinstance(value, _REALS)


class Scalar(Value):
    """A secret number: Bit, UInt, Int or Fixed.

    A product makes its gates only when it is known how many of its bits are wanted, so that `(x * y + z).wrap(32)`
    costs a product modulo 2**32. Hence a Scalar has its wires, or a function `make` that makes the low n of them.
    """

    __slots__ = ("_make", "_pending", "_type", "_wires", "known_bounds")

    def __init__(self, builder: Builder, type: ScalarType, wires: Sequence[int]) -> None:
        self.builder = builder
        self._type = type
        self._wires: list[int] = list(wires)
        self._make: Callable[[int], list[int]] | None = None
        self._pending = 0
        self.known_bounds: tuple[int, int] | None = None  # where they are closer than the type's: see `bounds`

    @property
    def type(self) -> ScalarType:
        return self._type

    @property
    def wires(self) -> list[int]:
        return self.low(self._type.n_bits)

    @property
    def frac_bits(self) -> int:
        """Bits behind the point; 0 for integers."""
        return self._type.frac_bits

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest raw integer this can be: by its type, or closer while an operand is prepared."""
        return self.known_bounds or (self._type.low, self._type.high)

    @property
    def public(self) -> int | None:
        """The raw integer of a public number that stands beside secrets; None for a secret."""
        if self.known_bounds is None or self.known_bounds[0] != self.known_bounds[1]:
            return None
        return self.known_bounds[0]

    def low(self, n_bits: int) -> list[int]:
        """The low n wires, extended if the type has fewer."""
        have = min(n_bits, self._type.n_bits)
        if self._make is not None and len(self._wires) < have:
            self._wires = self._make(have)
            if have == self._type.n_bits:
                self._make, self._pending = None, 0
        return arith.extend(self._wires, n_bits, self._type.signed) if n_bits > have else self._wires[:n_bits]

    def new(self, type: ScalarType, wires: Sequence[int]) -> Scalar:
        """Another value of the same trace."""
        return Scalar(self.builder, type, wires)

    def derive(
        self, type: ScalarType, make: Callable[[int], list[int]], *parents: Scalar, postpone: bool = False
    ) -> Scalar:
        """A value whose low n wires are make(n): made now, unless it is, or comes from, a postponed product."""
        pending = max(parent._pending for parent in parents)
        if pending >= _MAX_PENDING or not (pending or postpone):
            return Scalar(self.builder, type, make(type.n_bits))
        value = Scalar(self.builder, type, ())
        value._make, value._pending = make, pending + 1
        return value

    def operand(self, other: Any, symbol: str) -> Scalar:
        """The other operand as a Scalar.

        Raises:
            TraceError: it is something else, or of another trace.
        """
        if isinstance(other, Scalar):
            if other.builder is not self.builder or self.builder.finished:
                other.check_trace(self.builder)
            return other
        self.check_trace(self.builder)
        if is_public(other):
            return public_scalar(self.builder, other, self._type)
        kind = an(other.type if isinstance(other, Value) else type(other).__name__)
        advice = "operands are secrets and public numbers"
        if isinstance(other, (VecValue, list, tuple, np.ndarray)):
            advice = "work on its elements: [x + y for y in v]"
        raise fail(TraceError, f"{symbol} of {an(self._type)} and {kind} is not possible; {advice}")

    def __add__(self, other: Any) -> Scalar:
        return ops.add(self, self.operand(other, "+"))

    def __radd__(self, other: Any) -> Scalar:
        return ops.add(self.operand(other, "+"), self)

    def __sub__(self, other: Any) -> Scalar:
        return ops.subtract(self, self.operand(other, "-"))

    def __rsub__(self, other: Any) -> Scalar:
        return ops.subtract(self.operand(other, "-"), self)

    def __mul__(self, other: Any) -> Scalar:
        return ops.multiply_values(self, self.operand(other, "*"))

    def __rmul__(self, other: Any) -> Scalar:
        return ops.multiply_values(self.operand(other, "*"), self)

    def __floordiv__(self, other: Any) -> Scalar:
        return ops.divide_values(self, self.operand(other, "//"), "//", remainder=False)[0]

    def __rfloordiv__(self, other: Any) -> Scalar:
        return ops.divide_values(self.operand(other, "//"), self, "//", remainder=False)[0]

    def __mod__(self, other: Any) -> Scalar:
        return ops.divide_values(self, self.operand(other, "%"), "%", remainder=True)[1]

    def __rmod__(self, other: Any) -> Scalar:
        return ops.divide_values(self.operand(other, "%"), self, "%", remainder=True)[1]

    def __divmod__(self, other: Any) -> tuple[Scalar, Scalar]:
        return ops.divide_values(self, self.operand(other, "divmod()"), "divmod()", remainder=True)

    def __rdivmod__(self, other: Any) -> tuple[Scalar, Scalar]:
        return ops.divide_values(self.operand(other, "divmod()"), self, "divmod()", remainder=True)

    def __truediv__(self, other: Any) -> Scalar:
        return ops.divide_fixed(self, self.operand(other, "/"))

    def __rtruediv__(self, other: Any) -> Scalar:
        return ops.divide_fixed(self.operand(other, "/"), self)

    def __pow__(self, exponent: Any) -> Scalar:
        self.check_trace(self.builder)
        if isinstance(exponent, Value) or not isinstance(exponent, _INTEGERS) or exponent < 0:
            raise fail(TraceError, "** takes a public integer exponent of at least 0")
        return ops.power(self, int(exponent)) if exponent else self.new(UIntType(1), [ONE])

    def __rpow__(self, base: Any) -> NoReturn:
        raise fail(TraceError, "** takes a public exponent; 2**x is 1 << x, other powers a lookup(table, x)")

    def __matmul__(self, other: Any) -> NoReturn:
        raise fail(TraceError, "@ is not defined; write sum(a * b for a, b in zip(v, w))")

    __rmatmul__ = __matmul__

    def __neg__(self) -> Scalar:
        self.check_trace(self.builder)
        return ops.negate(self)

    def __pos__(self) -> Scalar:
        return self

    def __abs__(self) -> Scalar:
        self.check_trace(self.builder)
        return ops.absolute(self)

    def __eq__(self, other: Any) -> Scalar:  # type: ignore[override]
        return ops.equal(self, self.operand(other, "=="))

    def __ne__(self, other: Any) -> Scalar:  # type: ignore[override]
        return ops.invert(ops.equal(self, self.operand(other, "!=")))

    __hash__ = Value.__hash__

    def __lt__(self, other: Any) -> Scalar:
        return ops.less(self, self.operand(other, "<"))

    def __gt__(self, other: Any) -> Scalar:
        return ops.less(self.operand(other, ">"), self)

    def __le__(self, other: Any) -> Scalar:
        return ops.invert(ops.less(self.operand(other, "<="), self))

    def __ge__(self, other: Any) -> Scalar:
        return ops.invert(ops.less(self, self.operand(other, ">=")))

    def __and__(self, other: Any) -> Scalar:
        return ops.bitwise(self, self.operand(other, "&"), "&")

    def __or__(self, other: Any) -> Scalar:
        return ops.bitwise(self, self.operand(other, "|"), "|")

    def __xor__(self, other: Any) -> Scalar:
        return ops.bitwise(self, self.operand(other, "^"), "^")

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Scalar:
        self.check_trace(self.builder)
        return ops.invert(self)

    def __lshift__(self, amount: Any) -> Scalar:
        return ops.shift_left(self, self._amount(amount, "<<"))

    def __rlshift__(self, other: Any) -> Scalar:
        return ops.shift_left(self.operand(other, "<<"), self)

    def __rshift__(self, amount: Any) -> Scalar:
        return ops.shift_right(self, self._amount(amount, ">>"))

    def __rrshift__(self, other: Any) -> Scalar:
        return ops.shift_right(self.operand(other, ">>"), self)

    def _amount(self, amount: Any, symbol: str) -> Scalar | int:
        return int(amount) if isinstance(amount, _INTEGERS) else self.operand(amount, symbol)

    # Bits

    def __getitem__(self, index: Any) -> Scalar:
        """Bit i (0 is the least significant, -1 the top one), or a slice of the bits as a UInt."""
        self.check_trace(self.builder)
        if isinstance(index, Value):
            raise fail(TraceError, f"the index is {an(index.type)}, which is secret; write (x >> index)[0]")
        try:
            if isinstance(index, slice):
                places = range(self.n_bits)[index]
                if places:
                    return self.derive(UIntType(len(places)), lambda n: self._at(places[:n]), self)
                raise fail(WidthError, f"the slice of {an(self._type)} is empty")
            place = range(self.n_bits)[index]
        except IndexError:
            raise fail(
                WidthError, f"{an(self._type)} has bits 0 .. {self.n_bits - 1}; there is no bit {index}"
            ) from None
        except TypeError:
            raise fail(TraceError, f"a bit's index is a public integer or slice, not {type(index).__name__}") from None
        return self.new(Bit, self._at(range(place, place + 1)))

    def _at(self, places: range) -> list[int]:
        low = self.low(max(places) + 1) if places else []
        return [low[place] for place in places]

    def __len__(self) -> int:
        raise fail(TraceError, f"{an(self._type)} is one number and has no length; .n_bits is {self.n_bits}")

    def __iter__(self) -> Iterator[Scalar]:
        raise fail(TraceError, f"{an(self._type)} is one number; to go through its bits write `for bit in x.bits`")

    @property
    def bits(self) -> VecValue:
        """The bits as a Vec[Bit, n], least significant first."""
        return VecValue(self.builder, [self.new(Bit, [wire]) for wire in self.wires])

    def rotate_left(self, count: int) -> Scalar:
        """The bits of a UInt moved up by a public count, the top ones coming back below; free."""
        if self._type.signed:
            raise fail(TraceError, f"{an(self._type)} is rotated as .as_uint().rotate_left(k)")
        wires, at = self.wires, -int(count) % self.n_bits
        return self.new(self._type, wires[at:] + wires[:at])

    def rotate_right(self, count: int) -> Scalar:
        """As `rotate_left`, the other way."""
        return self.rotate_left(-count)

    # Conversion

    def wrap(self, target: Any) -> Scalar:
        """The low n bits, in the same kind of type: modulo 2**n. `target` is n, or a type such as UInt[n]; free."""
        self.check_trace(self.builder)
        return self.derive(ops.narrowed_type(self, target, "wrap"), self.low, self)

    def saturate(self, target: Any) -> Scalar:
        """The nearest number of n bits in the same kind of type, or of a type: `(a - b).saturate(UInt[8])`."""
        self.check_trace(self.builder)
        return ops.saturate(self, ops.narrowed_type(self, target, "saturate"))

    def to(self, type: PortType) -> Scalar:
        """The same number in a type that holds every value of this one.

        Raises:
            WidthError: it does not; narrow with wrap, saturate or rescale.
        """
        self.check_trace(self.builder)
        return ops.convert(self, type)

    def as_uint(self) -> Scalar:
        """The same bits as a UInt."""
        return self.derive(UIntType(self.n_bits), self.low, self)

    def as_int(self) -> Scalar:
        """The same bits as an Int."""
        return self.derive(IntType(self.n_bits), self.low, self)

    def as_fixed(self, frac_bits: int) -> Scalar:
        """The same bits as a Fixed[n, frac_bits]: an Int divided by 2**frac_bits."""
        return self.derive(FixedType(self.n_bits, frac_bits), self.low, self)

    def rescale(self, frac_bits: int, *, nearest: bool = False) -> Scalar:
        """A Fixed with other fractional bits; fewer round down (free), or to the nearest, the half up."""
        self.check_trace(self.builder)
        return ops.rescale(self, frac_bits, nearest)

    def floor(self) -> Scalar:
        """The largest integer not above this, an Int; free."""
        return self.rescale(0).as_int() if isinstance(self._type, FixedType) else self

    def nearest(self) -> Scalar:
        """The nearest integer, the half up, an Int."""
        return self.rescale(0, nearest=True).as_int() if isinstance(self._type, FixedType) else self


def public_scalar(builder: Builder, value: Any, beside: ScalarType) -> Scalar:
    """A public number as a Scalar of the smallest type.

    Args:
        beside: the type of the secret it meets; a fraction becomes the nearest with as many fractional bits.
    Raises:
        TraceError: a fraction beside integers.
    """
    frac_bits = 0
    if isinstance(value, _INTEGERS):
        raw = int(value)
    elif isinstance(beside, FixedType):
        frac_bits = beside.frac_bits
        raw = beside.nearest(value)
    else:
        raise fail(
            TraceError,
            f"{type(value).__name__} beside {an(beside)}: integers stay exact; take .to(Fixed[n, f]) first, or scale "
            "by a public integer",
        )
    kind = ops.fitting_type(raw, raw, frac_bits, is_fixed=frac_bits > 0)
    scalar = Scalar(builder, kind, arith.constant(raw, kind.n_bits))
    scalar.known_bounds = (raw, raw)
    return scalar
