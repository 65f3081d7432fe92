"""Two operands become terms of one dtype: what fits beside what, and with which raw integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.array.base import Public, digest_of, is_secret, read
from mpcnet.array.casting import elements_of, shifted
from mpcnet.array.dtypes import BIT, Bounds, DType
from mpcnet.array.node import Node
from protocols.arithmetic.contract import Elements, Engine

if TYPE_CHECKING:
    from mpcnet.array.computation import Computation

__all__ = ["Term", "align", "bounds_of", "broadcast", "common_dtype", "encoded", "operands", "pick", "term_of"]

Operand = "SecretArray | Public"
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Term:
    """An operand as ring elements: of an operation, or public raw integers.

    Attributes:
        node: None for a public one.
        raw: None for a secret one.
    """

    node: Node | None
    raw: NDArray[Any] | None
    bounds: Bounds
    shape: Shape

    @property
    def nodes(self) -> list[Node]:
        return [] if self.node is None else [self.node]

    @property
    def params(self) -> list[Any]:
        """For the agreement."""
        return [] if self.raw is None else [digest_of(self.raw)]


def operands(name: str, *values: Any) -> tuple[Computation, list[Any]]:
    """Operands as secret arrays of one computation, and public numbers.

    Raises:
        TypeError: something else, or arrays of two computations.
    """
    found = []
    for value in values:
        operand = read(value)
        if operand is None:
            raise TypeError(f"{name} takes secret arrays, numbers and NumPy arrays of numbers, not {_kind(value)}")
        found.append(operand)
    computations = [operand.computation for operand in found if is_secret(operand)]
    if not computations:
        raise TypeError(f"{name} needs a secret array among its operands")
    if any(other is not computations[0] for other in computations):
        raise TypeError(f"{name} of arrays of two computations: reveal the one, or compute both with one engine")
    return computations[0], found


def _kind(value: Any) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


def broadcast(name: str, *shapes: Shape) -> Shape:
    """The common shape, as NumPy has it.

    Raises:
        ValueError: there is none.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        shown = " and ".join(map(str, shapes))
        raise ValueError(f"{name}: shapes {shown} do not fit together") from None


def common_dtype(name: str, computation: Computation, x: Any, y: Any) -> DType:
    """The dtype in which two operands meet.

    Raises:
        TypeError: there is none; says what to convert.
    """
    if not is_secret(x):
        x, y = y, x
    assert is_secret(x)
    if not is_secret(y):
        return _beside_public(name, computation, x.dtype, y)
    kinds = {x.dtype.kind: x.dtype, y.dtype.kind: y.dtype}
    if x.dtype == y.dtype:
        return x.dtype
    if len(kinds) == 1:
        raise TypeError(f"{name} of {x.dtype} and {y.dtype}: dtypes differ; convert one with .astype(...)")
    if "fixed" in kinds:
        whole = x if x.dtype.kind != "fixed" else y
        low, high = whole.bounds
        fixed = kinds["fixed"]
        if not fixed.holds((low << fixed.frac_bits, high << fixed.frac_bits)):
            raise TypeError(f"{name} of {x.dtype} and {y.dtype}: {fixed} does not hold all of {whole.dtype}")
        return fixed
    return kinds["int"]


def _beside_public(name: str, computation: Computation, dtype: DType, y: Public) -> DType:
    if dtype.kind == "fixed" or y.kind == "bit":
        return dtype
    if y.kind == "fixed":
        raise TypeError(
            f"{name} of {dtype} and a number with a fraction: integers stay exact; take .astype(sh.fixed(16)) first"
        )
    return dtype if dtype.kind == "int" else computation.int()


def term_of(name: str, operand: Any, dtype: DType) -> Term:
    """An operand in that dtype.

    Raises:
        ValueError: a public number does not fit it.
    """
    if is_secret(operand):
        missing = dtype.frac_bits - operand.dtype.frac_bits
        x = shifted(operand, missing, dtype) if missing else operand
        return Term(elements_of(x), None, x.bounds, x.shape)
    raw = encoded(name, operand, dtype)
    return Term(None, raw, bounds_of(raw), operand.shape)


def encoded(name: str, operand: Public, dtype: DType) -> NDArray[Any]:
    """The raw integers of public numbers.

    Raises:
        TypeError, ValueError: they do not fit the dtype.
    """
    try:
        return dtype.encode(operand.values)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def bounds_of(raw: NDArray[Any]) -> Bounds:
    """Between which public integers lie."""
    return (int(raw.min()), int(raw.max())) if raw.size else (0, 0)


def align(name: str, x: Any, y: Any) -> tuple[Computation, Term, Term, DType, Shape]:
    """Both operands as terms of their common dtype, and the shape of the result."""
    computation, (left, right) = operands(name, x, y)
    shape = broadcast(name, left.shape, right.shape)
    dtype = common_dtype(name, computation, left, right)
    if dtype == BIT:
        raise TypeError(f"{name} of bits: combine them with & | ^, or take .astype(sh.int()) to count")
    return computation, term_of(name, left, dtype), term_of(name, right, dtype), dtype, shape


def pick(engine: Engine, term: Term, values: list[Elements]) -> Elements:
    """The shares of a term; `values` are those of the operation's operands that are still to be picked."""
    return values.pop(0) if term.raw is None else engine.public(engine.ring.encode(term.raw))
