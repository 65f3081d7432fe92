"""Any arrays: secret results are those of NumPy, exactly for integers and bits, within the stated error otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mpcnet import array as xp
from tests.kit.arrays import compute

few = settings(max_examples=6, deadline=None)
ENGINES = [("shamir", 3), ("shamir", 5), ("shamir", 7), ("additive", 2), ("additive", 3), ("ideal 64", 2)]
SHAPES = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3)
ULP = 2.0**-16


def ints(shape: tuple[int, ...], bits: int) -> st.SearchStrategy[Any]:
    edge = 1 << (bits - 1)
    values = st.one_of(st.integers(-edge, edge - 1), st.sampled_from([0, 1, -1, edge - 1, -edge]))
    return hnp.arrays(np.int64, shape, elements=values)


def numbers(shape: tuple[int, ...], bits: int = 10) -> st.SearchStrategy[Any]:
    """Multiples of 2**-16."""
    return ints(shape, bits + 17).map(lambda raw: np.ldexp(raw.astype(float), -16))


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        assert np.array_equal(found[name], value), (name, found[name], value)


@pytest.mark.parametrize(("engine", "n_parties"), ENGINES)
def test_every_engine(engine: str, n_parties: int) -> None:
    """One program that needs every part of an engine."""
    a, b = np.array([7, -3, 0, 12]), np.array([2, -2, 5, 12])
    x, p = np.array([0.5, -2.25, 100.0, 0.0]), np.array([True, False, False, True])

    def program(sh: Any, a: Any, b: Any, x: Any, p: Any) -> dict[str, Any]:
        return {
            "linear": a * 3 - b + 1,
            "product": a * b,
            "matmul": a @ b,
            "fixed": x * x,
            "less": a < b,
            "equal": a == b,
            "logic": p & (a > 0) | (b < 0),
            "where": xp.where(p, a, b),
            "max": a.max(),
            "sort": xp.sort(b),
            "divide": a // b,
            "mean": x.mean(),
        }

    values = {"a": (a, "int16"), "b": (b, "int16"), "x": (x, "fixed8"), "p": (p, "bit")}
    found = compute(program, values, engine=engine, n_parties=n_parties)
    expected = {
        "linear": a * 3 - b + 1,
        "product": a * b,
        "matmul": a @ b,
        "less": a < b,
        "equal": a == b,
        "logic": p & (a > 0) | (b < 0),
        "where": np.where(p, a, b),
        "max": a.max(),
        "sort": np.sort(b),
        "divide": a // b,
    }
    same(found, expected)
    limit = 20 / 256 if n_parties == 7 else 6 / 256
    assert np.allclose(found["fixed"], x * x, atol=limit)
    assert abs(found["mean"] - x.mean()) < limit


@few
@given(shapes=SHAPES, data=st.data())
def test_integers(shapes: Any, data: st.DataObject) -> None:
    one, other = shapes.input_shapes
    a, b = data.draw(ints(one, 13)), data.draw(ints(other, 8))
    divisor = np.where(b == 0, 3, b)

    def program(m: Any, a: Any, b: Any, d: Any) -> dict[str, Any]:
        return {
            "add": a + b,
            "subtract": a - b,
            "multiply": a * b,
            "less": a < b,
            "at least": a >= b,
            "equal": a == b,
            "where": m.where(a > b, a, b),
            "quotient": a // d,
            "rest": a % d,
            "abs": abs(a),
            "sum": m.sum(a, axis=-1) if a.ndim else a + 0,
            "public": 7 - a * 2 + np.asarray(b_public),
            "in order": m.sort(a, axis=0) if a.ndim else a + 0,
        }

    b_public = b
    arrays = {"a": (a, "int24"), "b": (b, "int24"), "d": (divisor, "int24")}
    found = compute(lambda sh, a, b, d: program(xp, a, b, d), arrays)
    same(found, {name: np.asarray(value) for name, value in program(np, a, b, divisor).items()})


@few
@given(shape=hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), data=st.data())
def test_extremes_along_an_axis(shape: Any, data: st.DataObject) -> None:
    a, axis = data.draw(ints(shape, 4)), data.draw(st.integers(-len(shape), len(shape) - 1))
    p = a > 0

    def program(m: Any, a: Any, p: Any) -> dict[str, Any]:
        return {
            "min": m.min(a, axis=axis),
            "max": m.max(a, axis=axis, keepdims=True),
            "argmin": m.argmin(a, axis=axis),
            "argmax": m.argmax(a, axis=axis),
            "sort": m.sort(a, axis=axis),
            "any": m.any(p, axis=axis),
            "all": m.all(p, axis=axis),
            "count": m.sum(p, axis=axis),
        }

    found = compute(lambda sh, a, p: program(xp, a, p), {"a": (a, "int8"), "p": (p, "bit")})
    same(found, program(np, a, p))


@few
@given(shapes=SHAPES, data=st.data())
def test_fixed_point(shapes: Any, data: st.DataObject) -> None:
    one, other = shapes.input_shapes
    x, y = data.draw(numbers(one)), data.draw(numbers(other))

    def program(sh: Any, x: Any, y: Any) -> dict[str, Any]:
        return {
            "add": x + y,
            "less": x < y,
            "public": x < 0.3,
            "product": x * y,
            "fraction": x * 0.3,
            "quotient": x / 7,
            "cut": x.astype(sh.int()),
            "coarse": x.astype(sh.fixed(8)),
            "fine": x.astype(sh.fixed(20)),
        }

    found = compute(program, {"x": (x, "fixed"), "y": (y, "fixed")})
    same(found, {"add": x + y, "less": x < y, "public": x < 0.3, "cut": np.trunc(x).astype(int), "fine": x})
    for name, value, limit in [
        ("product", x * y, 2 * ULP),
        ("fraction", x * 0.3, 2 * ULP + 1e-6),
        ("quotient", x / 7, 2 * ULP + 1e-6),
        ("coarse", x, 2 / 256),
    ]:
        assert np.all(np.abs(found[name] - value) <= limit), (name, found[name], value)


@few
@given(data=st.data(), k=st.integers(0, 4), m=st.integers(1, 3), n=st.integers(1, 3))
def test_matrix_products(data: st.DataObject, k: int, m: int, n: int) -> None:
    left = data.draw(st.sampled_from([(k,), (m, k), (2, m, k)]))
    right = data.draw(st.sampled_from([(k,), (k, n), (2, k, n)]))
    a, b = data.draw(ints(left, 12)), data.draw(ints(right, 12))
    x, y = np.ldexp(a.astype(float), -6), np.ldexp(b.astype(float), -7)

    def program(sh: Any, a: Any, b: Any, x: Any, y: Any) -> dict[str, Any]:
        return {
            "whole": a @ b,
            "public": a @ b_public,
            "mixed": a @ y,
            "fixed": x @ y,
            "fraction": x @ (b_public / 3),
            "left": (a_public / 3) @ y,
        }

    a_public, b_public = a, b
    given_arrays = {"a": (a, "int"), "b": (b, "int"), "x": (x, "fixed"), "y": (y, "fixed")}
    found = compute(program, given_arrays)
    same(found, {"whole": a @ b, "public": a @ b, "mixed": a @ y})
    assert np.allclose(found["fixed"], x @ y, rtol=0, atol=2 * ULP)
    assert np.allclose(found["fraction"], x @ (b / 3), rtol=1e-6, atol=2 * ULP)
    assert np.allclose(found["left"], (a / 3) @ y, rtol=1e-6, atol=2 * ULP)


@few
@given(shape=hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), data=st.data())
def test_places(shape: Any, data: st.DataObject) -> None:
    size = int(np.prod(shape))
    a, p = np.arange(size).reshape(shape) - 3, (np.arange(size) % 3 == 0).reshape(shape)
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    order = data.draw(st.permutations(range(len(shape))))
    places = data.draw(hnp.arrays(np.int64, (2, 2), elements=st.integers(0, shape[-1] - 1)))

    def program(m: Any, a: Any, p: Any) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, one in (("a", a), ("p", p)):
            made[f"{name} key"] = one[key]
            made[f"{name} order"] = m.permute_dims(one, tuple(order))
            made[f"{name} take"] = m.take(one, places, axis=-1)
            made[f"{name} flat"] = one.reshape(-1)
            made[f"{name} twice"] = m.concat([one, m.flip(one, axis=0)], axis=-1)
            made[f"{name} stack"] = m.stack([one, one], axis=len(shape))
        return made

    found = compute(lambda sh, a, p: program(xp, a, p), {"a": (a, "int"), "p": (p, "bit")})
    same(found, {name: np.asarray(value) for name, value in program(np, a, p).items()})


@few
@given(values=hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(-(2**31), 2**31 - 1)))
def test_mean_of_integers(values: Any) -> None:
    found = compute(lambda sh, a: [a.mean(), a.mean(dtype=sh.fixed(8)), a.mean(keepdims=True)], {"a": (values, "int")})
    exact = values.mean()
    limit = 2 * ULP + abs(exact) * 2.0**-36
    assert abs(found[0] - exact) <= limit
    assert abs(found[1] - exact) <= limit + 2 / 256
    assert found[2].shape == (1,)
