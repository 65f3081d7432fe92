"""Polynomials with public coefficients, on fixed-point numbers between -1 and 1.

All powers are computed in a logarithmic number of steps, [t .. t^k] times t^k at a time, then one public matrix product
sums them up: log2(degree) products and one more truncation.

Source of the coefficients: interpolation at the Chebyshev points of the interval that is named, written in powers of
the variable that is named; errors are the largest seen on a grid of 200,001 points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from mpcnet.array.arithmetic import matmul, multiply
from mpcnet.array.shape import concat, expand_dims

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = ["EXP2", "LOG", "RECIPROCAL", "SIGMOID", "SIGMOID_EDGE", "SQRT", "evaluate"]

RECIPROCAL: Final = (
    1.333333333333, -0.4444444405741, 0.148148146858, -0.0493828239877, 0.01646094133009, -0.005486113496404,
    0.001828704494936, -0.0006125405545971, 0.0002041801924784, -6.310608137721e-05, 2.103535366446e-05,
    -1.09749708478e-05, 3.658325866663e-06,
)  # fmt: skip
"""1 / c for 1/2 <= c <= 1, in t = 4 c - 3; within 2**-31."""

SQRT: Final = (
    0.7071067811642, 0.3535533896436, -0.08838834007622, 0.04419425667015, -0.02762180890764, 0.01933311163423,
    -0.01449102803661, 0.01140611185466, -0.009363091480015, 0.007745699063329, -0.006058574082355,
    0.004999337978415, -0.005675563734523, 0.006662146522065, -0.005329641517682, 0.002369533969011,
    -0.0004423206887988,
)  # fmt: skip
"""The square root of c for 1/4 <= c <= 1, in t = 2 c - 1; within 2**-33."""

LOG: Final = (
    -0.2876820724518, 0.3333333331212, -0.05555555548966, 0.0123456849329, -0.003086421591486, 0.0008229983121452,
    -0.0002286091070228, 6.547946135533e-05, -1.910114711283e-05, 5.388773275404e-06, -1.613984004062e-06,
    7.056610694629e-07, -2.165032879225e-07,
)  # fmt: skip
"""The natural logarithm of c for 1/2 <= c <= 1, in t = 4 c - 3; within 2**-35."""

EXP2: Final = (
    1.414213562373, 0.4901290717244, 0.08493289604545, 0.009811833037233, 0.0008501305437392, 5.892608323705e-05,
    3.40371524705e-06, 1.691540597018e-07, 7.322430103711e-09,
)  # fmt: skip
"""2**r for 0 <= r <= 1, in t = 2 r - 1; within 2**-39."""

SIGMOID_EDGE: Final = 12
SIGMOID: Final = (
    0.4975273768434, 0.01482575334837, -0.04420283993391, 0.08621742336181, -0.1274086583366, 0.165165842097,
    -0.1523427788861, -0.004451962805373, 0.05807574249961, 0.2873558866773, -0.2618398784372, -0.5250356274544,
    0.585420566921, 0.2586266764499, -0.3871575555327, -0.03270531388295, 0.08192396353201,
)  # fmt: skip
"""1 / (1 + exp(-z)) - 1/2 for 0 <= z <= SIGMOID_EDGE, in t = z / 6 - 1; within 2**-18.3."""


def evaluate(t: SecretArray, coefficients: Sequence[float]) -> SecretArray:
    """c_0 + c_1 t + c_2 t^2 + ..., in the dtype of t.

    Args:
        t: fixed-point, between -1 and 1.
    """
    powers, degree = expand_dims(t, axis=0), len(coefficients) - 1
    while powers.shape[0] < degree:
        known = powers.shape[0]
        more = multiply(powers[: min(known, degree - known)], powers[known - 1])
        powers = concat([powers, more], axis=0)
    flat = powers.reshape((degree, -1))
    return (matmul(np.array(coefficients[1:]), flat) + coefficients[0]).reshape(t.shape)
