"""SecretArray: an array that nobody sees, with the operators of NumPy's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mpcnet.array import arithmetic, casting, compare, division, logic, order, reduce, shape
from mpcnet.array.base import read, size_of
from mpcnet.array.dtypes import DType
from mpcnet.array.refusals import Refusals
from mpcnet.array.reveal import Reveal, reveal

__all__ = ["SecretArray"]

Axis = int | tuple[int, ...] | None


class SecretArray(Refusals):
    """Numbers that no party knows, of a public shape and dtype.

    Operators and methods return at once, a new array each time; the parties compute while the program waits for
    something. `await x.reveal(to=...)` shows the numbers to the parties named.

    Attributes:
        shape: public.
        dtype: of the computation: sh.int(n), sh.fixed(f) or sh.bit.
        computation: that it belongs to.
    """

    __slots__ = ()

    def reveal(self, to: str | Sequence[str] | None = None) -> Reveal:
        """Show the numbers to some parties; every party makes the call, and awaits what it returns.

        Args:
            to: a party, or several; everybody by default.
        Returns:
            to be awaited: an array of int64, float64 or bool, or one such number, at these parties; None at the others.
        Raises:
            ConfigError: there is no such party.
            OverflowError: when awaited: a result was out of range; see `mpcnet.array.checks`.
        """
        return reveal(self, to)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return size_of(self.shape)

    @property
    def T(self) -> SecretArray:  # noqa: N802
        """The axes in the opposite order."""
        return shape.permute_dims(self)

    @property
    def mT(self) -> SecretArray:  # noqa: N802
        """The last two axes exchanged."""
        if self.ndim < 2:
            raise ValueError(f"an array of shape {self.shape} is no matrix, and has no mT")
        return shape.permute_dims(self, [*range(self.ndim - 2), self.ndim - 1, self.ndim - 2])

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The functions for such arrays, as the array API standard has it."""
        import mpcnet.array

        return mpcnet.array

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single secret number has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[SecretArray]:
        if not self.shape:
            raise TypeError("a single secret number has no elements")
        return (self[i] for i in range(self.shape[0]))

    def __getitem__(self, key: Any) -> SecretArray:
        return shape.getitem(self, key)

    def __repr__(self) -> str:
        return f"<SecretArray {self.dtype} {self.shape}, operation {self.node.number}>"

    # ---- operators

    def __add__(self, other: Any) -> SecretArray:
        return arithmetic.add(self, other)

    def __radd__(self, other: Any) -> SecretArray:
        return arithmetic.add(other, self)

    def __sub__(self, other: Any) -> SecretArray:
        return arithmetic.subtract(self, other)

    def __rsub__(self, other: Any) -> SecretArray:
        return arithmetic.subtract(other, self)

    def __mul__(self, other: Any) -> SecretArray:
        return arithmetic.multiply(self, other)

    def __rmul__(self, other: Any) -> SecretArray:
        return arithmetic.multiply(other, self)

    def __matmul__(self, other: Any) -> SecretArray:
        return arithmetic.matmul(self, other)

    def __rmatmul__(self, other: Any) -> SecretArray:
        return arithmetic.matmul(other, self)

    def __truediv__(self, other: Any) -> SecretArray:
        return arithmetic.divide(self, other)

    def __rtruediv__(self, other: Any) -> SecretArray:
        return arithmetic.divide(other, self)

    def __floordiv__(self, other: Any) -> SecretArray:
        return division.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> SecretArray:
        return division.floor_divide(other, self)

    def __mod__(self, other: Any) -> SecretArray:
        return division.remainder(self, other)

    def __rmod__(self, other: Any) -> SecretArray:
        return division.remainder(other, self)

    def __divmod__(self, other: Any) -> tuple[SecretArray, SecretArray]:
        return division.floor_divide(self, other), division.remainder(self, other)

    def __pow__(self, exponent: Any) -> SecretArray:
        return arithmetic.power(self, exponent)

    def __rpow__(self, base: Any) -> SecretArray:
        raise TypeError("** takes a public exponent; for a secret one choose among powers: where(n == k, x ** k, ...)")

    def __neg__(self) -> SecretArray:
        return arithmetic.negative(self)

    def __pos__(self) -> SecretArray:
        return self

    def __abs__(self) -> SecretArray:
        return self if self.bounds[0] >= 0 else logic.where(self < 0, -self, self)

    def __invert__(self) -> SecretArray:
        return logic.logical_not(self)

    def __and__(self, other: Any) -> SecretArray:
        return logic.logical_and(self, other)

    def __or__(self, other: Any) -> SecretArray:
        return logic.logical_or(self, other)

    def __xor__(self, other: Any) -> SecretArray:
        return logic.logical_xor(self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __eq__(self, other: Any) -> SecretArray:  # type: ignore[override]
        return compare.compare("==", self, other)

    def __ne__(self, other: Any) -> SecretArray:  # type: ignore[override]
        return compare.compare("!=", self, other)

    __hash__ = Refusals.__hash__

    def __lt__(self, other: Any) -> SecretArray:
        return compare.compare("<", self, other)

    def __le__(self, other: Any) -> SecretArray:
        return compare.compare("<=", self, other)

    def __gt__(self, other: Any) -> SecretArray:
        return compare.compare(">", self, other)

    def __ge__(self, other: Any) -> SecretArray:
        return compare.compare(">=", self, other)

    # ---- methods

    def astype(self, dtype: DType) -> SecretArray:
        """The same numbers in another dtype; see `mpcnet.array.astype`."""
        return casting.astype(self, dtype)

    def reshape(self, *to: Any) -> SecretArray:
        """As numpy.reshape; one length may be -1."""
        return shape.reshape(self, to[0] if len(to) == 1 else to)

    def transpose(self, *axes: int) -> SecretArray:
        """The axes in another order; the opposite one by default."""
        return shape.permute_dims(self, axes or None)

    def sum(self, axis: Axis = None, *, dtype: DType | None = None, keepdims: bool = False) -> SecretArray:
        """See `mpcnet.array.sum`."""
        return reduce.sum_(self, axis, dtype=dtype, keepdims=keepdims)

    def mean(self, axis: Axis = None, *, dtype: DType | None = None, keepdims: bool = False) -> SecretArray:
        """See `mpcnet.array.mean`."""
        return reduce.mean(self, axis, dtype=dtype, keepdims=keepdims)

    def min(self, axis: Axis = None, *, keepdims: bool = False) -> SecretArray:
        """See `mpcnet.array.min`."""
        return order.minimum(self, axis, keepdims=keepdims)

    def max(self, axis: Axis = None, *, keepdims: bool = False) -> SecretArray:
        """See `mpcnet.array.max`."""
        return order.maximum(self, axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> SecretArray:
        """See `mpcnet.array.argmin`."""
        return order.argmin(self, axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> SecretArray:
        """See `mpcnet.array.argmax`."""
        return order.argmax(self, axis, keepdims=keepdims)

    def any(self, axis: Axis = None, *, keepdims: bool = False) -> SecretArray:
        """See `mpcnet.array.any`."""
        return reduce.any_(self, axis, keepdims=keepdims)

    def all(self, axis: Axis = None, *, keepdims: bool = False) -> SecretArray:
        """See `mpcnet.array.all`."""
        return reduce.all_(self, axis, keepdims=keepdims)

    def dot(self, other: Any) -> SecretArray:
        """As numpy.dot of vectors and matrices: the matrix product, or the product with one number."""
        operand = read(other)
        if not self.shape or (operand is not None and not operand.shape):
            return arithmetic.multiply(self, other)
        return arithmetic.matmul(self, other)

    def take(self, indices: Any, axis: int | None = None) -> SecretArray:
        """See `mpcnet.array.take`."""
        return shape.take(self, indices, axis)
