"""Functions of fixed-point numbers: reciprocal, sqrt, exp, log, sigmoid, softmax, and the quotient of two arrays.

A circuit writes a number as a mantissa and a power of two, a polynomial does the mantissa, and another circuit or a
product puts the power back. In between numbers have g fractional bits: 30, or as many as the engine has room for.

Error bounds. u is the engine's `truncation_ulps`, f the fractional bits of x and of the result, d = 2**-g:

  reciprocal(x)   u 2**-f + (2**-30 + 8 u d) / |x|
  x / y           u 2**-f + |x / y| (2**-29 + 12 u d), and 2**-f for the cut
  sqrt(x)         u 2**-f + sqrt(x) (2**-31 + 8 u d)
  exp(x)          u 2**-f + exp(x) (2**-30 + 12 u d + |x| 2**-31)
  log(x)          u 2**-f + 2**-31 + 8 u d
  sigmoid(x)      u 2**-f + 2**-16 + 16 u d; "piecewise": 2**-9 + 2 u 2**-f
  softmax(x)      the sum of the errors of exp and of a quotient, below 2**-12 for f = 16 and up to 100 classes

Security: that of the engine's operations; nothing is opened. Cost: see each function, in rounds of the Shamir engine.
Source: Catrina and Saxena, "Secure computation with fixed-point numbers", FC 2010, for division by normalisation; Aly
and Smart, "Benchmarking privacy preserving scientific operations", ACNS 2019, for exponential, logarithm and root by
polynomials on a reduced range. Deviations: Chebyshev interpolation in place of Padé approximants and of Goldschmidt's
iteration, all of whose steps are one after the other; normalisation on Boolean wires.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mpcnet.array import normal, polynomial
from mpcnet.array.arithmetic import matmul, multiply
from mpcnet.array.base import is_secret, takes_secret, wrap
from mpcnet.array.casting import elements_of, shifted
from mpcnet.array.checks import guard, look_at
from mpcnet.array.compare import compare
from mpcnet.array.dtypes import DType, magnitude_bits
from mpcnet.array.order import maximum
from mpcnet.array.reduce import axes_of, sum_
from mpcnet.array.scaling import times_fraction, truncated
from mpcnet.array.shape import broadcast_to, stack

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = ["exp", "log", "quotient", "reciprocal", "sigmoid", "softmax", "sqrt"]

MOST_BITS = 30
FEWEST_BITS = 12
EDGE = polynomial.SIGMOID_EDGE
NODES = (
    0.0, 0.5625, 0.90625, 1.234375, 1.546875, 1.875, 2.21875, 2.609375, 3.046875, 3.59375, 4.328125, 5.4375, 8.0,
)  # fmt: skip
"""Where the pieces of the piecewise sigmoid meet, and as far below 0: dense where it bends."""
SLOPE_BITS = 20
INT = DType("int", 32)


@takes_secret
def reciprocal(x: SecretArray) -> SecretArray:
    """1 / x; 0 for 0, within the rounding. Some 40 rounds."""
    g = _working_bits("reciprocal", x, x.computation.limits.product_bits - 2 * x.dtype.frac_bits - 1)
    c, unit = normal.for_reciprocal(x, g)
    made = _scaled(polynomial.evaluate(4 * c - 3, polynomial.RECIPROCAL), unit, x.dtype)
    guard(made, (-(1 << (2 * x.dtype.frac_bits)), 1 << (2 * x.dtype.frac_bits)))
    return made


@takes_secret
def sqrt(x: SecretArray) -> SecretArray:
    """The square root; 0 for 0, within the rounding, and of no meaning below 0. Some 40 rounds."""
    room = x.computation.limits.product_bits - (x.dtype.n_bits + x.dtype.frac_bits) // 2 - 2
    g = _working_bits("sqrt", x, room)
    c, unit = normal.for_sqrt(x, g)
    return _scaled(polynomial.evaluate(2 * c - 1, polynomial.SQRT), unit, x.dtype)


@takes_secret
def log(x: SecretArray) -> SecretArray:
    """The natural logarithm; of no meaning for 0 and below. Some 40 rounds."""
    g = _working_bits("log", x, (x.computation.limits.product_bits - 10) // 2)
    c, exponent = normal.for_log(x, g)
    wide = DType("fixed", g + 10, g)
    whole = times_fraction((exponent - x.dtype.frac_bits).astype(wide), np.array(math.log(2)))
    found = whole + polynomial.evaluate(4 * c - 3, polynomial.LOG).astype(wide)
    return found.astype(x.dtype)


@takes_secret
def exp(x: SecretArray) -> SecretArray:
    """e**x; 0 where it is below the last place, or out of range. Some 40 rounds."""
    given, f, n, limits = x, x.dtype.frac_bits, x.dtype.n_bits, x.computation.limits
    g = _working_bits("exp", x, limits.product_bits - n + 1)
    narrow = f + n.bit_length() + 1  # bits of x where e**x is neither 0 nor out of range
    if n - 1 + MOST_BITS > limits.product_bits and n > narrow:
        x = normal.clamped(x, narrow)
    whole_bits = max(2, magnitude_bits(x.bounds) - f + 2)
    y = times_fraction(x, np.array(1 / math.log(2)), dtype=DType("fixed", g + whole_bits, g))
    r, unit = normal.for_exp(y, f, n)
    made = _scaled(polynomial.evaluate(2 * r - 1, polynomial.EXP2), unit, x.dtype)
    edge = (n - 1 - f) * math.log(2)
    if x.computation.checked and given.bounds[1] >= math.ldexp(edge, f):
        look_at(compare(">=", given, np.array(edge)), made)
    return made


def quotient(x: Any, y: SecretArray) -> SecretArray:
    """x / y; 0 where either is 0. Some 60 rounds."""
    if not is_secret(x):
        x = y.computation.constant(np.asarray(x, dtype=np.float64), dtype=y.dtype)
    if x.dtype != y.dtype:
        raise TypeError(f"divide of {x.dtype} and {y.dtype}: dtypes differ; convert one with .astype(...)")
    g = _working_bits("divide", y, (x.computation.limits.product_bits - 3) // 2)
    shape = np.broadcast_shapes(x.shape, y.shape)
    c, d, *parts = normal.for_quotient(_spread(x, shape), _spread(y, shape), g)
    q = multiply(c, polynomial.evaluate(4 * d - 3, polynomial.RECIPROCAL))
    made, beyond = normal.shifted_quotient(q, parts, x.dtype)
    if beyond is not None:
        look_at(beyond, made)
    return made


@takes_secret
def sigmoid(x: SecretArray, *, method: str = "polynomial") -> SecretArray:
    """1 / (1 + e**-x).

    Args:
        method: "polynomial", exact to some 2**-16 in about 30 rounds; or "piecewise" linear, exact to 2**-9 in about
            15, with a comparison for each of 24 pieces.
    """
    if method not in ("polynomial", "piecewise"):
        raise ValueError(f'sigmoid: the methods are "polynomial" and "piecewise", not {method!r}')
    if method == "piecewise":
        return _piecewise(x)
    g = _working_bits("sigmoid", x, (x.computation.limits.product_bits - 6) // 2)
    positive, low, high = _above(x, [0.0, -EDGE, EDGE])
    sign = 2 * positive - low - high  # of x: 1 or -1, and 0 where the polynomial does not reach
    inside = wrap(x.computation, multiply(x, sign).node, (0, EDGE << x.dtype.frac_bits), x.dtype)
    t = times_fraction(inside, np.array(2 / EDGE), dtype=normal.mantissa_dtype(g)) - 1
    half = multiply(polynomial.evaluate(t, polynomial.SIGMOID), sign)
    ends = shifted(high + low, g - 1, half.dtype)  # 0, 1/2 or 1
    return (half + ends).astype(x.dtype)


def _piecewise(x: SecretArray) -> SecretArray:
    """The line from node to node, 0 and 1 beyond the last: slope times x plus intercept of the piece that x is in."""
    computation, f = x.computation, x.dtype.frac_bits
    nodes = np.array([-node for node in NODES[:0:-1]] + list(NODES))
    values = 1 / (1 + np.exp(-nodes))
    values[[0, -1]] = 0, 1
    slopes = np.concatenate([[0], np.diff(values) / np.diff(nodes), [0]])
    starts = np.concatenate([[0], values[:-1] - slopes[1:-1] * nodes[:-1], [1]])
    scaled = np.rint(np.ldexp(np.stack([np.diff(slopes), np.diff(starts)]), SLOPE_BITS)).astype(np.int64)
    scaled[:, -1] = np.array([0, 1 << SLOPE_BITS]) - scaled[:, :-1].sum(axis=1)  # it ends at 0 and 1 exactly
    above = stack(_above(x, nodes.tolist())).reshape((len(nodes), -1))
    lines = matmul(scaled, above).reshape((2, *x.shape))
    unit = 1 << SLOPE_BITS
    fixed = DType("fixed", 3 + SLOPE_BITS, SLOPE_BITS)
    slope = wrap(computation, lines[0].node, (0, unit), fixed)
    start = wrap(computation, lines[1].node, (-unit, unit), fixed)
    wide = DType("fixed", x.dtype.n_bits + SLOPE_BITS + 2, f + SLOPE_BITS)
    product = multiply(wrap(computation, elements_of(x), x.bounds, wide), wrap(computation, slope.node, (0, unit), INT))
    line = product + shifted(start, f, wide)
    low, high = -(1 << (f + SLOPE_BITS + 1)), 1 << (f + SLOPE_BITS + 1)
    return truncated(wrap(computation, line.node, (low, high), wide), SLOPE_BITS, x.dtype)


@takes_secret
def softmax(x: SecretArray, axis: int = -1) -> SecretArray:
    """exp(x) over the sum of it along an axis. Some 120 rounds, and those of the largest element."""
    axes_of("softmax", x, axis)
    shifted_down = x - maximum(x, axis, keepdims=True)
    powers = exp(wrap(x.computation, elements_of(shifted_down), (shifted_down.bounds[0], 0), x.dtype))
    return quotient(powers, sum_(powers, axis, keepdims=True))


def _above(x: SecretArray, edges: list[float]) -> list[SecretArray]:
    """For each public number whether x is above it, as integers; one comparison in length."""
    repeated = stack([x] * len(edges))
    bits = compare(">", repeated, np.array(edges).reshape(-1, *[1] * len(x.shape))).astype(x.computation.int())
    return [bits[i] for i in range(len(edges))]


def _scaled(y: SecretArray, unit: SecretArray, dtype: DType) -> SecretArray:
    """Raw y times an integer, as raw integers of a dtype."""
    g = y.dtype.frac_bits
    wide = DType("fixed", y.dtype.n_bits + unit.dtype.n_bits, g)
    return truncated(multiply(wrap(y.computation, elements_of(y), y.bounds, wide), unit), g, dtype)


def _spread(x: SecretArray, shape: tuple[int, ...]) -> SecretArray:
    return x if x.shape == shape else broadcast_to(x, shape)


def _working_bits(name: str, x: SecretArray, room: int) -> int:
    """Fractional bits of what is computed in between.

    Raises:
        TypeError: x is not fixed-point.
        ValueError: the engine has no room for enough of them.
    """
    if not is_secret(x) or x.dtype.kind != "fixed":
        what = str(x.dtype) if is_secret(x) else type(x).__name__
        raise TypeError(f"{name} takes a secret array of fixed-point numbers, not {what}; take .astype(sh.fixed(16))")
    g = min(MOST_BITS, room)
    if g < FEWEST_BITS:
        raise ValueError(
            f"{name} of {x.dtype}: this engine has room for {max(g, 0)} bits in between, and {FEWEST_BITS} are needed; "
            f"take a dtype with fewer bits"
        )
    return g
