"""Secret arrays: NumPy's operators and functions on numbers that no party sees.

    from mpcnet import array as xp

    sh = session.shamir(threshold=1)                # or session.additive()
    x = sh.input(features, owner="bank", shape=(1000, 6), dtype=sh.fixed(16))
    w = sh.input(weights, owner="lender", shape=(6,), dtype=sh.fixed(16))
    approved = xp.where(x @ w > 0.5, 1, 0)          # operators return at once
    print(await approved.reveal(to="lender"))       # None at everybody else

Names and meanings are those of the Python array API standard. Deviations: integers and fixed-point numbers do not wrap
around, see `checks`; `/` is for fixed-point numbers; two dtypes of one kind do not mix, convert one with `astype`; an
integer beside a fixed-point number becomes one; `mean` of integers is a fixed-point number.
"""

from __future__ import annotations

from mpcnet.array.casting import astype
from mpcnet.array.computation import Computation, EngineChoice
from mpcnet.array.dtypes import DType
from mpcnet.array.functions import exp, log, reciprocal, sigmoid, softmax, sqrt
from mpcnet.array.logic import logical_and, logical_not, logical_or, logical_xor, where
from mpcnet.array.namespace import (
    abs,
    add,
    divide,
    dot,
    equal,
    floor_divide,
    greater,
    greater_equal,
    less,
    less_equal,
    matmul,
    max,
    maximum,
    min,
    minimum,
    multiply,
    negative,
    not_equal,
    pow,
    remainder,
    square,
    subtract,
    var,
)
from mpcnet.array.order import argmax, argmin, sort
from mpcnet.array.reduce import all_ as all
from mpcnet.array.reduce import any_ as any
from mpcnet.array.reduce import mean
from mpcnet.array.reduce import sum_ as sum
from mpcnet.array.reveal import Reveal
from mpcnet.array.secret import SecretArray
from mpcnet.array.shape import (
    broadcast_to,
    concat,
    expand_dims,
    flip,
    permute_dims,
    repeat,
    reshape,
    roll,
    squeeze,
    stack,
    take,
)

__all__ = [
    "Computation",
    "DType",
    "EngineChoice",
    "Reveal",
    "SecretArray",
    "abs",
    "add",
    "all",
    "any",
    "argmax",
    "argmin",
    "astype",
    "broadcast_to",
    "concat",
    "divide",
    "dot",
    "equal",
    "exp",
    "expand_dims",
    "flip",
    "floor_divide",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "log",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "permute_dims",
    "pow",
    "reciprocal",
    "remainder",
    "repeat",
    "reshape",
    "roll",
    "sigmoid",
    "softmax",
    "sort",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "subtract",
    "sum",
    "take",
    "transpose",
    "var",
    "where",
]

transpose = permute_dims
