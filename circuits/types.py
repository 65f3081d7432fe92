"""Port types: what a group of wires means.

    Bit                  one wire; True or False
    UInt[n]              unsigned, 0 .. 2**n - 1
    Int[n]               two's complement, -2**(n-1) .. 2**(n-1) - 1
    Fixed[n, f]          Int[n] over 2**f
    Vec[T, k]            k elements of T, element 0 first; T may be a Vec

Least significant bit first everywhere. `encode` turns one value, or an array of them whose first axis is the batch,
into a bit matrix of shape (batch, n_bits); `decode` turns it back. Values wider than 64 bits are Python integers
(object arrays). No message of this module holds a value: it says what the port takes.

The names in brackets make instances (`UInt[8]` is `UIntType(8)`), and are `Any` to a type checker, so that
`def f(a: UInt[32]) -> Bit` passes one. `circuits.batch` encodes the inputs of a whole circuit.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.errors import WidthError

__all__ = [
    "Bit",
    "BitType",
    "Fixed",
    "FixedType",
    "Int",
    "IntType",
    "PortType",
    "ScalarType",
    "UInt",
    "UIntType",
    "Vec",
    "VecType",
]


class PortType(ABC):
    """What a group of wires means. Types are immutable, hashable, and equal when they mean the same."""

    n_bits: int

    @property
    @abstractmethod
    def scalar(self) -> ScalarType:
        """The type of one number: itself, or the innermost element of a Vec."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of one value as an array: () for a number, (k, ...) for a Vec."""

    def encode(self, value: Any) -> NDArray[np.uint8]:
        """The bits of one value (batch 1) or of a batch.

        Args:
            value: anything NumPy reads as an array of shape `shape` (one value) or (batch, *shape).
        Returns:
            uint8 array of shape (batch, n_bits), least significant bit first.
        Raises:
            WidthError: wrong kind, wrong shape or out of range; the message says what this port takes.
        """
        return self.encode_as(value)[0]

    def encode_as(self, value: Any) -> tuple[NDArray[np.uint8], int | None]:
        """As `encode`, and beside it the batch: None if `value` was one value, else the length of its first axis."""
        numbers = self.scalar.to_array(value)
        dims = len(self.shape)
        batch = int(numbers.shape[0]) if numbers.ndim == dims + 1 else None
        if numbers.shape[numbers.ndim - dims :] != self.shape or numbers.ndim not in (dims, dims + 1):
            one = f"an array of shape {self.shape}" if self.shape else "one number"
            many = "(batch" + "".join(f", {n}" for n in self.shape) + (")" if self.shape else ",)")
            raise WidthError(f"{self!r} takes {one}, or a batch of shape {many}; got shape {numbers.shape}")
        bits = self.scalar.to_bits(numbers)
        return bits.reshape(1 if batch is None else batch, self.n_bits), batch

    def decode(self, bits: NDArray[np.uint8]) -> NDArray[Any]:
        """The values of a bit matrix; the inverse of `encode`.

        Args:
            bits: array of shape (batch, n_bits), values 0 or 1.
        Returns:
            array of shape (batch, *shape): bool for Bit; int64 for Int[n], and for UInt[n] below 64 bits; uint64 for
            UInt[64]; float64 for Fixed (correctly rounded where n exceeds its 53 bits); Python integers in an object
            array above 64 bits.
        Raises:
            WidthError: another shape.
        """
        bits = np.asarray(bits)
        if bits.ndim != 2 or bits.shape[1] != self.n_bits:
            raise WidthError(f"{self!r} is read from bits of shape (batch, {self.n_bits}); got {bits.shape}")
        return self.scalar.from_bits(bits.reshape(-1, self.scalar.n_bits)).reshape(bits.shape[0], *self.shape)

    def decode_one(self, bits: NDArray[np.uint8]) -> Any:
        """One value from bits of shape (n_bits,): a bool, int or float; for a Vec an array of shape `shape`."""
        value = self.decode(np.asarray(bits).reshape(1, -1))[0]
        return value if self.shape or not isinstance(value, np.generic) else value.item()


class ScalarType(PortType):
    """One number: `raw` integers from `low` to `high`, two's complement if `signed`, meaning raw / 2**frac_bits."""

    signed: bool = False
    frac_bits: int = 0

    @property
    def scalar(self) -> ScalarType:
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    @property
    def low(self) -> int:
        """The smallest raw integer."""
        return -(1 << (self.n_bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The largest raw integer."""
        return (1 << (self.n_bits - 1)) - 1 if self.signed else (1 << self.n_bits) - 1

    @property
    def range_text(self) -> str:
        """The range in words, for messages."""
        if self.n_bits <= 64:
            return f"{self.low} .. {self.high}"
        return f"-2**{self.n_bits - 1} .. 2**{self.n_bits - 1} - 1" if self.signed else f"0 .. 2**{self.n_bits} - 1"

    def to_array(self, value: Any) -> NDArray[Any]:
        """Raw integers of `value` in its own shape: an integer or an object array, range unchecked.

        Raises:
            WidthError: `value` holds something that is no integer.
        """
        array = _as_array(value, self)
        if array.dtype.kind in "biu":
            return array
        return _map(array, lambda item: _index(item, self))

    def to_bits(self, raw: NDArray[Any]) -> NDArray[np.uint8]:
        """Bits (raw.size, n_bits) of raw integers of any shape, in the order of their places.

        Raises:
            WidthError: an integer is out of range.
        """
        count, n_bits = raw.size, self.n_bits
        if count and (int(raw.min()) < self.low or int(raw.max()) > self.high):
            raise self.out_of_range((raw < self.low) | (raw > self.high))
        raw = raw.reshape(-1)
        if n_bits <= 64:
            words = raw.astype("<i8" if self.signed else "<u8").reshape(count, 1)
            octets: NDArray[np.uint8] = words.view(np.uint8)
        else:
            n_bytes = -(-n_bits // 8)
            data = b"".join(int(item).to_bytes(n_bytes, "little", signed=self.signed) for item in raw)
            octets = np.frombuffer(data, np.uint8).reshape(count, n_bytes)
        return np.unpackbits(octets, axis=1, bitorder="little", count=n_bits)

    def out_of_range(self, where: Any) -> WidthError:
        """The error for values that do not fit; a note, not to be sent to others, names the place of the first."""
        error = WidthError(f"out of range: {self!r} holds {self.range_text}")
        place, *inner = np.unravel_index(int(np.argmax(where)), np.shape(where)) or [0]
        element = f", element {', '.join(map(str, inner))}" if inner else ""
        error.add_note(f"the first value out of range is number {place}{element}, counted from 0")
        return error

    def raw_from_bits(self, bits: NDArray[np.uint8]) -> NDArray[Any]:
        """Raw integers (count,) from bits (count, n_bits): int64, uint64 or object."""
        octets = np.packbits(bits.astype(bool, copy=False), axis=1, bitorder="little")
        count, n_bits = len(octets), self.n_bits
        if n_bits <= 64:
            padded = np.zeros((count, 8), np.uint8)
            padded[:, : octets.shape[1]] = octets
            words = padded.view("<u8").reshape(count)
            if not self.signed:
                return words.astype(np.uint64 if n_bits == 64 else np.int64)
            shift = np.uint64(64 - n_bits)
            return (words << shift).view("<i8").astype(np.int64) >> np.int64(64 - n_bits)
        modulus = 1 << n_bits
        result = np.empty(count, dtype=object)
        for i, row in enumerate(octets):
            item = int.from_bytes(row.tobytes(), "little")
            result[i] = item - modulus if item > self.high else item
        return result

    def from_bits(self, bits: NDArray[np.uint8]) -> NDArray[Any]:
        """Values (count,) from bits (count, n_bits)."""
        return self.raw_from_bits(bits)


@dataclass(frozen=True, repr=False)
class BitType(ScalarType):
    """One wire. Takes and gives bool; 0 and 1 are taken too."""

    n_bits: int = field(default=1, init=False)

    def from_bits(self, bits: NDArray[np.uint8]) -> NDArray[Any]:
        return bits[:, 0].astype(bool)

    def __repr__(self) -> str:
        return "Bit"


@dataclass(frozen=True, repr=False)
class UIntType(ScalarType):
    """Unsigned integers of n bits."""

    n_bits: int

    def __post_init__(self) -> None:
        _check_count(self.n_bits, "UInt[n]", "n bits")

    def __class_getitem__(cls, n_bits: int) -> UIntType:
        return cls(n_bits)

    def __repr__(self) -> str:
        return f"UInt[{self.n_bits}]"


@dataclass(frozen=True, repr=False)
class IntType(ScalarType):
    """Two's-complement integers of n bits."""

    n_bits: int
    signed = True

    def __post_init__(self) -> None:
        _check_count(self.n_bits, "Int[n]", "n bits")

    def __class_getitem__(cls, n_bits: int) -> IntType:
        return cls(n_bits)

    def __repr__(self) -> str:
        return f"Int[{self.n_bits}]"


@dataclass(frozen=True, repr=False)
class FixedType(ScalarType):
    """Int[n] over 2**f: multiples of 2**-f. A value between two of them becomes the nearest one, ties to even."""

    n_bits: int
    frac_bits: int
    signed = True

    def __post_init__(self) -> None:
        _check_count(self.n_bits, "Fixed[n, f]", "n bits")
        _check_count(self.frac_bits, "Fixed[n, f]", "f fractional bits", least=0)

    def __class_getitem__(cls, key: Any) -> FixedType:
        if not isinstance(key, tuple) or len(key) != 2:
            raise WidthError("Fixed takes two numbers, Fixed[n, f]: n bits, f of them behind the point")
        return cls(*key)

    @property
    def range_text(self) -> str:
        scale = 1 << self.frac_bits
        if self.n_bits > 53:
            top = f"2**{self.n_bits - 1 - self.frac_bits}"
            return f"-{top} .. {top} - 2**-{self.frac_bits}"
        return f"{self.low / scale} .. {self.high / scale}"

    def to_array(self, value: Any) -> NDArray[Any]:
        array = _as_array(value, self, "biufO" if self.n_bits <= 53 else "biuO")
        if array.dtype.kind == "f" and self.n_bits <= 64:
            with np.errstate(over="ignore", invalid="ignore"):
                raw = np.rint(np.ldexp(array.astype(np.float64), self.frac_bits))
            bound = 2.0 ** (self.n_bits - 1)
            fits = (raw >= -bound) & (raw < bound)
            if not fits.all():  # also catches nan
                raise self.out_of_range(~fits)
            return raw.astype(np.int64)
        return _map(array, self.nearest)

    def nearest(self, item: Any) -> int:
        """The raw integer nearest to item * 2**f, ties to even; `item` is an int, float, Fraction or Decimal.

        Raises:
            WidthError: something else, infinite or not a number. The range is not checked.
        """
        try:
            if isinstance(item, (int, float, Fraction, Decimal, np.integer, np.floating, np.bool_)):
                return round(Fraction(item.item() if isinstance(item, np.generic) else item) * (1 << self.frac_bits))
        except (OverflowError, ValueError):
            raise WidthError(f"out of range: {self!r} holds {self.range_text}, and no infinity or nan") from None
        raise WidthError(f"{self!r} takes real numbers, not {type(item).__name__}")

    def from_bits(self, bits: NDArray[np.uint8]) -> NDArray[Any]:
        raw = self.raw_from_bits(bits)
        if self.n_bits <= 64:
            return np.ldexp(raw.astype(np.float64), -self.frac_bits)
        return np.array([int(item) / (1 << self.frac_bits) for item in raw], dtype=np.float64)

    def __repr__(self) -> str:
        return f"Fixed[{self.n_bits}, {self.frac_bits}]"


@dataclass(frozen=True, repr=False)
class VecType(PortType):
    """k elements of one type, element 0 first."""

    element: PortType
    length: int
    n_bits: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.element, PortType):
            raise WidthError("Vec[T, k] takes a port type T, such as UInt[8], and a length k")
        _check_count(self.length, "Vec[T, k]", "length k")
        object.__setattr__(self, "n_bits", self.element.n_bits * self.length)

    def __class_getitem__(cls, key: Any) -> VecType:
        if not isinstance(key, tuple) or len(key) != 2:
            raise WidthError("Vec takes a type and a length: Vec[UInt[8], 4]")
        return cls(*key)

    @property
    def scalar(self) -> ScalarType:
        return self.element.scalar

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length, *self.element.shape)

    def __repr__(self) -> str:
        return f"Vec[{self.element!r}, {self.length}]"


Bit: Any = BitType()
UInt: Any = UIntType
Int: Any = IntType
Fixed: Any = FixedType
Vec: Any = VecType


def _check_count(count: Any, name: str, what: str, least: int = 1) -> None:
    if isinstance(count, bool) or not isinstance(count, int):
        raise WidthError(f"{name}: {what} is a public Python integer, not {type(count).__name__}")
    if count < least:
        raise WidthError(f"{name}: {what} is at least {least}, not {count}")


def _as_array(value: Any, port: PortType, kinds: str = "biuO") -> NDArray[Any]:
    """`value` as an array that lost nothing: what NumPy would give another kind than `kinds` stays Python objects."""
    if isinstance(value, np.ndarray):
        return value
    try:
        array = np.asarray(value)
        if array.dtype.kind not in kinds and not hasattr(value, "__array__"):
            array = np.array(value, dtype=object)  # integers beyond int64 beside negative ones, or mixed kinds
    except ValueError:
        raise WidthError(f"{port!r}: the values form no array; all elements need the same shape") from None
    return array


def _map(array: NDArray[Any], function: Any) -> NDArray[Any]:
    result = np.empty(array.shape, dtype=object)
    flat = result.reshape(-1)
    for i, item in enumerate(array.reshape(-1).tolist()):
        flat[i] = function(item)
    return flat.reshape(array.shape)


def _index(item: Any, port: PortType) -> int:
    try:
        return operator.index(bool(item) if isinstance(item, np.bool_) else item)
    except TypeError:
        raise WidthError(f"{port!r} takes integers, not {type(item).__name__}") from None
