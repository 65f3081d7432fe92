"""What a secret array is made of, and how operations make new ones."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeGuard

import numpy as np
from numpy.typing import NDArray

from mpcnet.array.dtypes import Bounds, DType
from mpcnet.array.node import Node, Value
from protocols.arithmetic.contract import Engine
from protocols.boolean.contract import BitShares, n_words

if TYPE_CHECKING:
    from mpcnet.array.computation import Computation
    from mpcnet.array.secret import SecretArray

__all__ = ["Base", "Public", "digest_of", "is_secret", "make_array", "read", "size_of", "takes_secret", "wrap"]

Shape = tuple[int, ...]
P = ParamSpec("P")


class Base:
    """A secret array without its operators.

    Attributes:
        computation: that it belongs to.
        node: the operation that makes it.
        bounds: between which its raw integers lie, as everybody knows.
    """

    __slots__ = ("bounds", "computation", "dtype", "node", "shape")

    def __init__(self, computation: Computation, node: Node, bounds: Bounds, dtype: DType | None = None) -> None:
        given = dtype or node.dtype
        assert given is not None
        self.computation, self.node, self.bounds = computation, node, bounds
        self.shape, self.dtype = node.shape, given


@dataclass(frozen=True, eq=False)
class Public:
    """Numbers that everybody knows, beside secrets.

    Attributes:
        values: bool, integers (or an object array of them) or float64.
        kind: "bit", "int" or "fixed".
    """

    values: NDArray[Any]
    kind: str

    @property
    def shape(self) -> Shape:
        return self.values.shape


def takes_secret(
    function: Callable[Concatenate[SecretArray, P], SecretArray],
) -> Callable[Concatenate[SecretArray, P], SecretArray]:
    """Decorates a function whose first argument is a secret array and nothing else."""
    name = function.__name__.rstrip("_")

    @functools.wraps(function)
    def checked(x: SecretArray, /, *args: P.args, **options: P.kwargs) -> SecretArray:
        if not is_secret(x):
            raise TypeError(f"{name} takes a secret array, not {type(x).__name__}; for public numbers take NumPy's")
        return function(x, *args, **options)

    return checked


def is_secret(value: Any) -> TypeGuard[SecretArray]:
    """Whether a value is a secret array."""
    return isinstance(value, Base)


def read(value: Any) -> SecretArray | Public | None:
    """An operand; None for what is no number.

    Raises:
        ValueError: lists of different lengths.
    """
    if is_secret(value):
        return value
    if isinstance(value, bool | int | float | np.generic | np.ndarray | list | tuple):
        array = np.asarray(value)
        kinds = {"b": "bit", "i": "int", "u": "int", "f": "fixed"}
        if array.dtype == np.uint64 and array.size and int(array.max()) >= 1 << 63:
            array = array.astype(object)
        if array.dtype.kind in kinds:
            return Public(array, kinds[array.dtype.kind])
        if array.dtype.kind == "O" and all(isinstance(item, int) for item in array.flat):
            return Public(array, "int")
    return None


def size_of(shape: Sequence[int]) -> int:
    """How many elements an array has."""
    return int(np.prod(shape, dtype=np.int64))


def digest_of(values: NDArray[Any]) -> bytes:
    """A hash of public numbers, for the agreement: the same for the same numbers, in whatever integers they come."""
    if values.dtype.kind == "O":
        data = repr(values.tolist()).encode()
    else:
        wide = values.astype("<f8" if values.dtype.kind == "f" else "<i8")
        data = np.ascontiguousarray(wide).tobytes()
    return hashlib.blake2b(data, key=repr(values.shape).encode()[:64], digest_size=16).digest()


def wrap(computation: Computation, node: Node, bounds: Bounds, dtype: DType | None = None) -> SecretArray:
    """The array that an operation makes."""
    from mpcnet.array.secret import SecretArray

    return SecretArray(computation, node, bounds, dtype)


def make_array(
    computation: Computation,
    name: str,
    operands: Sequence[Node],
    work: Any,
    *,
    shape: Shape,
    dtype: DType,
    bounds: Bounds | None = None,
    talks: bool = False,
    width: int = 0,
    params: Sequence[Any] = (),
    size: int | None = None,
    needs_all: frozenset[int] = frozenset(),
) -> SecretArray:
    """The next operation of the program, and the array it makes; arguments as for `Computation.emit`.

    Args:
        bounds: of the raw integers; cut to the range of the dtype, which the program promises, or has checked.
        width: with bits, how many; 0 for elements.
    """
    form = "bits" if width else "elements"
    if talks and not size_of(shape):  # nothing to talk about
        work, talks = _Empty(shape, width), False
    node = computation.emit(
        name,
        operands,
        work,
        talks=talks,
        shape=shape,
        dtype=dtype,
        form=form,
        width=width,
        params=params,
        size=size,
        needs_all=needs_all,
    )
    return wrap(computation, node, dtype.clip(bounds) if bounds is not None else dtype.bounds)


class _Empty:
    """Shares of no numbers at all."""

    def __init__(self, shape: Shape, width: int) -> None:
        self._shape, self._width = shape, width

    def __call__(self, engine: Engine, *values: Value) -> Value:
        if not self._width:
            return engine.ring.zeros(self._shape)
        return BitShares(np.zeros((self._width, engine.boolean.pieces, n_words(0)), np.uint64), 0)
