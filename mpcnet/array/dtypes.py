"""What the elements of a secret array mean, and between which public bounds they lie.

    int(n)              integers from -2**(n-1) to 2**(n-1) - 1
    fixed(f, n_bits=n)  multiples of 2**-f between -2**(n-1-f) and 2**(n-1-f), both excluded
    bit                 0 and 1, or False and True

The integer that an element is held as is called raw: the number itself, or the number times 2**f.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BIT", "Bounds", "DType", "Limits", "magnitude_bits", "signed_bits"]

Bounds = tuple[int, int]
"""The smallest and the largest raw integer that the elements of an array can be, as everybody knows."""


def magnitude_bits(bounds: Bounds) -> int:
    """The least n with |x| < 2**n."""
    return max(abs(bounds[0]), abs(bounds[1])).bit_length()


def signed_bits(bounds: Bounds) -> int:
    """The bits of two's complement that hold all integers between these bounds."""
    low, high = bounds
    return max((~low if low < 0 else low).bit_length(), (~high if high < 0 else high).bit_length()) + 1


@dataclass(frozen=True)
class DType:
    """One of the three kinds; made by `Computation.int`, `.fixed` and `.bit`.

    Attributes:
        kind: "int", "fixed" or "bit".
        n_bits: of the raw integers, the sign included.
        frac_bits: bits behind the point.
    """

    kind: str
    n_bits: int
    frac_bits: int = 0

    @property
    def bounds(self) -> Bounds:
        if self.kind == "bit":
            return 0, 1
        top = 1 << (self.n_bits - 1)
        return (-top if self.kind == "int" else 1 - top), top - 1

    @property
    def range_text(self) -> str:
        """The range in words, for messages."""
        low, high = self.bounds
        if self.kind == "bit":
            return "0 and 1"
        if self.n_bits <= 20 and not self.frac_bits:
            return f"{low} .. {high}"
        top = self.n_bits - 1 - self.frac_bits
        if self.kind == "fixed":
            return f"numbers between -2**{top} and 2**{top}"
        return f"-2**{top} .. 2**{top} - 1"

    def holds(self, bounds: Bounds) -> bool:
        """Whether all raw integers between these bounds are in range."""
        return self.bounds[0] <= bounds[0] and bounds[1] <= self.bounds[1]

    def clip(self, bounds: Bounds) -> Bounds:
        """The part of these bounds that is in range; the range itself where there is none."""
        low, high = max(bounds[0], self.bounds[0]), min(bounds[1], self.bounds[1])
        return (low, high) if low <= high else self.bounds

    def encode(self, values: Any) -> NDArray[Any]:
        """Raw integers of numbers: int64, or object where they need more.

        Raises:
            TypeError: something that is no number, or a fraction for integers.
            ValueError: not a number, infinite or out of range; names the place of the first, and no value.
        """
        array = np.asarray(values)
        if not array.size and not isinstance(values, np.ndarray | np.generic):
            array = array.astype(np.int64)  # NumPy has floats for no numbers at all
        if array.dtype.kind == "O":
            return self._checked(_map(array, self._raw), array)
        if array.dtype.kind not in "biuf" or (array.dtype.kind == "f" and self.kind != "fixed"):
            kind = "numbers" if self.kind == "fixed" else "integers"
            advice = "; round them first" if array.dtype.kind == "f" else ""
            raise TypeError(f"{self} takes {kind}, not {array.dtype}{advice}")
        if array.dtype.kind == "f":
            with np.errstate(over="ignore", invalid="ignore"):
                scaled = np.rint(np.ldexp(array.astype(np.float64), self.frac_bits))
                low, high = self.bounds
                fits = (scaled >= low) & (scaled < high + 1)  # not of nan
            if not fits.all():
                raise self._unfit(~fits)
            return np.asarray(scaled.astype(np.int64))
        if array.dtype.kind == "b":
            array = array.astype(np.int64)
        return self._checked(array, array)

    def decode(self, raw: NDArray[Any]) -> Any:
        """The numbers that raw integers mean: int64, float64 or bool; a NumPy scalar if the shape is ()."""
        if self.kind == "bit":
            return raw.astype(bool)[()]
        if self.kind == "int":
            return raw.astype(np.int64)[()]
        return np.ldexp(raw.astype(np.float64), -self.frac_bits)[()]

    def _raw(self, item: Any) -> int:
        if self.kind == "fixed":
            try:
                return round(Fraction(item) * (1 << self.frac_bits))
            except (ValueError, OverflowError):
                raise ValueError(f"{self} holds {self.range_text}, and no infinity or nan") from None
            except TypeError:
                raise TypeError(f"{self} takes numbers, not {type(item).__name__}") from None
        try:
            return operator.index(item)
        except TypeError:
            raise TypeError(f"{self} takes integers, not {type(item).__name__}") from None

    def _checked(self, array: NDArray[Any], shown: NDArray[Any]) -> NDArray[Any]:
        """Integers, not yet shifted where `array` is `shown`, as raw ones in range."""
        shift = self.frac_bits if array is shown else 0
        low, high = self.bounds
        if array.size and (int(array.min()) < -(-low >> shift) or int(array.max()) > high >> shift):
            raise self._unfit((array < -(-low >> shift)) | (array > high >> shift))
        return array.astype(np.int64) << shift if self.n_bits <= 64 else array.astype(object) << shift

    def _unfit(self, where: Any) -> ValueError:
        place = np.unravel_index(int(np.argmax(where)), np.shape(where))
        at = f"; the first that does not fit is at index {', '.join(map(str, place))}" if place else ""
        return ValueError(f"a value does not fit: {self} holds {self.range_text}{at}")

    def __repr__(self) -> str:
        if self.kind == "bit":
            return "bit"
        return f"int({self.n_bits})" if self.kind == "int" else f"fixed({self.frac_bits}, n_bits={self.n_bits})"


BIT: Final = DType("bit", 1)


def _map(array: NDArray[Any], function: Any) -> NDArray[Any]:
    result = np.empty(array.shape, dtype=object)
    flat = result.reshape(-1)
    for i, item in enumerate(array.reshape(-1).tolist()):
        flat[i] = function(item)
    return flat.reshape(array.shape)


@dataclass(frozen=True)
class Limits:
    """What the shares of an engine have room for.

    Attributes:
        value_bits: of signed numbers, as everything that is compared has to be.
        product_bits: |x| < 2**product_bits of what is truncated.
        int_bits: the widest integers that are offered.
        ulps: how far a truncated number is off at most, in units of its last place.
    """

    value_bits: int
    product_bits: int
    int_bits: int
    ulps: int

    def fixed_bits(self, frac_bits: int) -> int:
        """The widest fixed-point numbers of which a product can be truncated."""
        return min(self.int_bits, self.product_bits + 1 - frac_bits)
