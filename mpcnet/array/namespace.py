"""Functions of the array API standard that are operators or methods under another name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpcnet.array.arithmetic import add, divide, matmul, multiply, negative, subtract
from mpcnet.array.arithmetic import power as pow
from mpcnet.array.base import takes_secret
from mpcnet.array.compare import compare
from mpcnet.array.division import floor_divide, remainder
from mpcnet.array.logic import where
from mpcnet.array.operands import operands
from mpcnet.array.order import maximum as max
from mpcnet.array.order import minimum as min
from mpcnet.array.reduce import mean

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = [
    "abs",
    "add",
    "divide",
    "dot",
    "equal",
    "floor_divide",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "matmul",
    "max",
    "maximum",
    "min",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "pow",
    "remainder",
    "square",
    "subtract",
    "var",
]


@takes_secret
def abs(x: SecretArray) -> SecretArray:
    """|x|."""
    return x.__abs__()


def dot(x: Any, y: Any) -> SecretArray:
    """As numpy.dot of vectors and matrices: the matrix product, or the product with one number."""
    _, (left, right) = operands("dot", x, y)
    return multiply(x, y) if not left.shape or not right.shape else matmul(x, y)


@takes_secret
def square(x: SecretArray) -> SecretArray:
    """x * x."""
    return multiply(x, x)


def equal(x: Any, y: Any) -> SecretArray:
    """x == y."""
    return compare("==", x, y)


def not_equal(x: Any, y: Any) -> SecretArray:
    """x != y."""
    return compare("!=", x, y)


def less(x: Any, y: Any) -> SecretArray:
    """x < y."""
    return compare("<", x, y)


def less_equal(x: Any, y: Any) -> SecretArray:
    """x <= y."""
    return compare("<=", x, y)


def greater(x: Any, y: Any) -> SecretArray:
    """x > y."""
    return compare(">", x, y)


def greater_equal(x: Any, y: Any) -> SecretArray:
    """x >= y."""
    return compare(">=", x, y)


def minimum(x: Any, y: Any) -> SecretArray:
    """The smaller of each two elements."""
    return where(compare("<", y, x), y, x)


def maximum(x: Any, y: Any) -> SecretArray:
    """The larger of each two elements."""
    return where(compare("<", x, y), y, x)


def var(
    x: SecretArray, axis: int | tuple[int, ...] | None = None, *, correction: float = 0.0, keepdims: bool = False
) -> SecretArray:
    """The variance along some axes: the mean of squared distances from the mean, a fixed-point number.

    Args:
        correction: what is taken off the number of elements that the sum is divided by: 1 for a sample.
    """
    from mpcnet.array.base import size_of
    from mpcnet.array.reduce import axes_of

    distances = subtract(x, mean(x, axis, keepdims=True))
    count = size_of([x.shape[i] for i in axes_of("var", x, axis)])
    if count <= correction:
        raise ValueError(f"var of {count} elements with a correction of {correction:g}")
    spread = mean(multiply(distances, distances), axis, keepdims=keepdims)
    return spread if not correction else multiply(spread, count / (count - correction))
