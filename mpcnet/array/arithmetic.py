"""+ - * @ ** and their like: sums of shares need no message, products one round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mpcnet.array.base import Public, is_secret, make_array, size_of, takes_secret
from mpcnet.array.casting import elements_of
from mpcnet.array.checks import guard
from mpcnet.array.dtypes import BIT, Bounds, DType
from mpcnet.array.operands import Term, align, broadcast, operands, pick, term_of
from mpcnet.array.scaling import times_fraction, truncated
from protocols.arithmetic.contract import Elements, Engine
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.computation import Computation
    from mpcnet.array.secret import SecretArray

__all__ = ["add", "divide", "lift", "matmul", "multiply", "negative", "power", "subtract"]


def add(x: Any, y: Any) -> SecretArray:
    """x + y."""
    return _linear("add", x, y)


def subtract(x: Any, y: Any) -> SecretArray:
    """x - y."""
    return _linear("subtract", x, y)


def _linear(name: str, x: Any, y: Any) -> SecretArray:
    computation, left, right, dtype, shape = align(name, x, y)
    plus = name == "add"

    def work(engine: Engine, *values: Elements) -> Elements:
        given = list(values)
        p, q = pick(engine, left, given), pick(engine, right, given)
        return (engine.ring.add if plus else engine.ring.sub)(p, q)

    (a, b), (c, d) = left.bounds, right.bounds
    bounds = (a + c, b + d) if plus else (a - d, b - c)
    params = [*left.params, *right.params, left.raw is None]
    nodes = [*left.nodes, *right.nodes]
    made = make_array(computation, name, nodes, work, shape=shape, dtype=dtype, bounds=bounds, params=params)
    guard(made, bounds)
    return made


@takes_secret
def negative(x: SecretArray) -> SecretArray:
    """-x."""
    _no_bits("negative", x)
    bounds = (-x.bounds[1], -x.bounds[0])

    def work(engine: Engine, value: Elements) -> Elements:
        return engine.ring.neg(value)

    made = make_array(x.computation, "negative", [elements_of(x)], work, shape=x.shape, dtype=x.dtype, bounds=bounds)
    guard(made, bounds)
    return made


def multiply(x: Any, y: Any) -> SecretArray:
    """x * y; of two fixed-point numbers rounded, see `Engine.truncation_ulps`."""
    computation, (left, right) = operands("multiply", x, y)
    if not is_secret(left):
        left, right = right, left
    if not is_secret(right):
        return _times_public(computation, left, right)
    if left.dtype == right.dtype == BIT:
        from mpcnet.array.logic import logical_and

        return logical_and(left, right)
    shape = broadcast("multiply", left.shape, right.shape)
    dtype, p, q = _factors("multiply", left, right)

    async def work(engine: Engine, mesh: Mesh, a: Elements, b: Elements) -> Elements:
        return await engine.multiply(mesh, lift(a, shape), lift(b, shape))

    bounds = product_bounds(p.bounds, q.bounds)
    nodes = [*p.nodes, *q.nodes]
    return _product(computation, "multiply", nodes, work, shape, dtype, bounds, left, right, talks=True)


def _times_public(computation: Computation, x: SecretArray, y: Public) -> SecretArray:
    if y.kind == "fixed" and x.dtype.kind == "fixed":
        return times_fraction(x, y.values)
    if y.kind == "fixed":
        raise TypeError(f"multiply of {x.dtype} and a number with a fraction: take .astype(sh.fixed(16)) first")
    dtype = x.dtype if x.dtype != BIT else computation.int()
    factor = term_of("multiply", y, whole_dtype(dtype))
    shape = broadcast("multiply", x.shape, y.shape)
    bounds = product_bounds(x.bounds, factor.bounds)

    def work(engine: Engine, value: Elements) -> Elements:
        return engine.ring.mul(value, engine.ring.encode(factor.raw))

    made = make_array(
        computation,
        "multiply",
        [elements_of(x)],
        work,
        shape=shape,
        dtype=dtype,
        bounds=bounds,
        params=factor.params,
    )
    guard(made, bounds)
    return made


def matmul(x: Any, y: Any) -> SecretArray:
    """x @ y, as numpy.matmul; fixed-point sums are rounded once."""
    computation, (left, right) = operands("matmul", x, y)
    shape, inner = matmul_shape(left.shape, right.shape)
    if not inner:
        return _zeros(computation, shape, _product_dtype("matmul", computation, left, right))
    if not (is_secret(left) and is_secret(right)):
        return _matmul_public(computation, left, right, shape, inner)
    if left.dtype == right.dtype == BIT:
        left = left.astype(computation.int())
    dtype, p, q = _factors("matmul", left, right)

    async def work(engine: Engine, mesh: Mesh, a: Elements, b: Elements) -> Elements:
        return await engine.matmul(mesh, a, b)

    low, high = product_bounds(p.bounds, q.bounds)
    bounds = (low * inner, high * inner)
    nodes = [*p.nodes, *q.nodes]
    size = size_of(shape) * inner
    return _product(computation, "matmul", nodes, work, shape, dtype, bounds, left, right, talks=True, size=size)


def _matmul_public(computation: Computation, left: Any, right: Any, shape: tuple[int, ...], inner: int) -> SecretArray:
    x, y = (left, right) if is_secret(left) else (right, left)
    if y.kind == "fixed" and x.dtype.kind == "fixed":
        return times_fraction(x, y.values, product="right" if x is left else "left", shape=shape, inner=inner)
    if y.kind == "fixed":
        raise TypeError(f"matmul of {x.dtype} and numbers with a fraction: take .astype(sh.fixed(16)) first")
    dtype = x.dtype if x.dtype != BIT else computation.int()
    factor = term_of("matmul", y, whole_dtype(dtype))
    low, high = product_bounds(x.bounds, factor.bounds)
    bounds, on_right = (low * inner, high * inner), x is left

    def work(engine: Engine, value: Elements) -> Elements:
        known = engine.ring.encode(factor.raw)
        return engine.ring.matmul(value, known) if on_right else engine.ring.matmul(known, value)

    made = make_array(
        computation,
        "matmul",
        [elements_of(x)],
        work,
        shape=shape,
        dtype=dtype,
        bounds=bounds,
        params=[on_right, *factor.params],
        size=size_of(shape) * inner,
    )
    guard(made, bounds)
    return made


def divide(x: Any, y: Any) -> SecretArray:
    """x / y of fixed-point numbers; 0 where a secret y is 0, see `functions.quotient`.

    Raises:
        TypeError: integers, whose quotient is no integer, or bits.
        ZeroDivisionError: by a public 0.
    """
    _, (left, right) = operands("divide", x, y)
    if not is_secret(right):
        if left.dtype.kind != "fixed":
            raise TypeError(f"divide of {left.dtype}: take x // y, or .astype(sh.fixed(16)) first")
        if not np.asarray(right.values).astype(bool).all():
            raise ZeroDivisionError("divide by a public 0")
        return times_fraction(left, 1.0 / right.values.astype(np.float64))
    if right.dtype.kind != "fixed":
        raise TypeError(f"divide by {right.dtype}: take x // y, or .astype(sh.fixed(16)) first")
    from mpcnet.array.functions import quotient

    return quotient(left if is_secret(left) else left.values, right)


def power(x: SecretArray, exponent: Any) -> SecretArray:
    """x ** n by squaring, for a public integer n of at least 0."""
    _no_bits("power", x)
    if is_secret(exponent):
        raise TypeError(
            "** takes a public exponent; for a secret one choose among powers with where(n == k, x ** k, ...)"
        )
    if not isinstance(exponent, int | np.integer) or isinstance(exponent, bool) or exponent < 0:
        raise TypeError("** takes a public integer of at least 0 as exponent")
    if exponent == 0:
        return x.computation.constant(np.ones(x.shape, np.int64), dtype=x.dtype)
    result, square, left = None, x, int(exponent)
    while True:
        if left & 1:
            result = square if result is None else multiply(result, square)
        left >>= 1
        if not left:
            assert result is not None
            return result
        square = multiply(square, square)


def product_bounds(x: Bounds, y: Bounds) -> Bounds:
    """Of the products of numbers between bounds."""
    corners = [a * b for a in x for b in y]
    return min(corners), max(corners)


def whole_dtype(dtype: DType) -> DType:
    """Integers as wide as these: for factors that are not to be truncated."""
    return DType("int", max(dtype.n_bits, 32))


def matmul_shape(x: tuple[int, ...], y: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """The shape of a matrix product, and its inner dimension.

    Raises:
        ValueError: the shapes do not fit.
    """
    if not x or not y:
        raise ValueError(f"matmul: shapes {x} and {y}: a single number has no matrix product; use *")
    inner, other = x[-1], y[-2] if len(y) > 1 else y[-1]
    if inner != other:
        raise ValueError(
            f"matmul: shapes {x} and {y} do not fit: {inner} columns on the left, {other} rows on the right"
        )
    stack = broadcast("matmul", x[:-2], y[:-2])
    return (*stack, *x[-2:-1], *(y[-1:] if len(y) > 1 else ())), inner


def _factors(name: str, x: SecretArray, y: SecretArray) -> tuple[DType, Term, Term]:
    """Two secret factors, each with its own fractional bits; and the dtype of the product."""
    dtype = _product_dtype(name, x.computation, x, y)
    p, q = (Term(elements_of(one), None, one.bounds, one.shape) for one in (x, y))
    return dtype, p, q


def _product_dtype(name: str, computation: Computation, x: Any, y: Any) -> DType:
    kinds = {one.dtype.kind: one.dtype for one in (x, y) if is_secret(one)}
    if is_secret(x) and is_secret(y) and x.dtype.kind == y.dtype.kind and x.dtype != y.dtype:
        raise TypeError(f"{name} of {x.dtype} and {y.dtype}: dtypes differ; convert one with .astype(...)")
    return kinds.get("fixed") or kinds.get("int") or computation.int()


def _product(
    computation: Computation,
    name: str,
    nodes: Any,
    work: Any,
    shape: tuple[int, ...],
    dtype: DType,
    bounds: Bounds,
    left: SecretArray,
    right: SecretArray,
    *,
    talks: bool,
    size: int | None = None,
) -> SecretArray:
    """The product, and after it the truncation if both have fractional bits."""
    extra = left.dtype.frac_bits + right.dtype.frac_bits - dtype.frac_bits
    wide = DType(dtype.kind, dtype.n_bits + extra, dtype.frac_bits + extra) if extra else dtype
    made = make_array(computation, name, nodes, work, talks=talks, shape=shape, dtype=wide, bounds=bounds, size=size)
    guard(made, bounds)
    return truncated(made, extra, dtype) if extra else made


def _zeros(computation: Computation, shape: tuple[int, ...], dtype: DType) -> SecretArray:
    return computation.constant(np.zeros(shape, np.int64), dtype=dtype)


def lift(x: Elements, shape: tuple[int, ...]) -> Elements:
    """Ring elements, broadcast to a shape; as they are where they have it."""
    if x.shape[:-1] == shape:
        return x
    padded = x.reshape((1,) * (len(shape) + 1 - x.ndim) + x.shape)
    return np.ascontiguousarray(np.broadcast_to(padded, (*shape, x.shape[-1])))


def _no_bits(name: str, x: SecretArray) -> None:
    if x.dtype == BIT:
        raise TypeError(f"{name} of bits: take .astype(sh.int()) first, or ~x for their complement")
