"""The numbers that the rows of shares compute with, and what must come out; the same for us and for MPyC.

Integers stay where 32-bit types of either side hold the result; real numbers are multiples of 2**-16, which both sides
hold exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEATURES", "FRACTION_BITS", "expected", "operands", "tolerance"]

FEATURES = 20
FRACTION_BITS = 16
_ULP = 2.0**-FRACTION_BITS


def operands(work: str, count: int) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """The two inputs of a row.

    Args:
        work: the row's name without its engine: "mul", "less", "mul-fixed", "matmul-fixed" or "logistic".
        count: as in the row: elements; rows and columns of a matrix; scores.
    """
    random = np.random.default_rng(20260102)
    if work == "mul":
        return _integers(random, 15, count), _integers(random, 15, count)
    if work == "less":
        a, b = _integers(random, 30, count), _integers(random, 30, count)
        b[::16] = a[::16]  # some are equal
        return a, b
    if work == "mul-fixed":
        return _reals(random, 100.0, (count,)), _reals(random, 100.0, (count,))
    if work == "matmul-fixed":
        return _reals(random, 1.0, (count, count)), _reals(random, 1.0, (count, count))
    if work == "logistic":
        return _reals(random, 2.0, (count, FEATURES)), _reals(random, 1.0, (FEATURES,))
    raise ValueError(f"no numbers for {work!r}")


def expected(work: str, a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.generic]:
    """What the row must give, up to `tolerance`."""
    x, y = (array.astype(np.int64) if array.dtype.kind == "i" else array.astype(np.float64) for array in (a, b))
    if work == "less":
        return x < y
    if work == "matmul-fixed":
        return x @ y
    if work == "logistic":
        return 1 / (1 + np.exp(-(x @ y)))
    return x * y


def tolerance(work: str) -> float:
    """How far a result may be off: some units of the last place; 2**-10 for a probability."""
    return {"mul-fixed": 4 * _ULP, "matmul-fixed": 16 * _ULP, "logistic": 2.0**-10}.get(work, 0.0)


def _integers(random: np.random.Generator, n_bits: int, count: int) -> NDArray[np.int64]:
    return random.integers(-(1 << n_bits), 1 << n_bits, count)


def _reals(random: np.random.Generator, bound: float, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.round(random.uniform(-bound, bound, shape) / _ULP) * _ULP
