"""Operators and functions of secret arrays, each against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mpcnet import array as xp
from tests.kit.arrays import compute

INTS = np.array([[5, -7, 100], [0, 12, -100]])
OTHER = np.array([[3, -7, -9], [2, -1, 77]])
FIXED = np.array([[0.5, -1.25, 3.0], [100.125, -0.0625, 0.0]])
ROW = np.array([0.75, -2.5, 10.0])
BITS = np.array([[True, False, True], [False, False, True]])
GIVEN = {
    "a": (INTS, "int"),
    "b": (OTHER, "int"),
    "x": (FIXED, "fixed"),
    "w": (ROW, "fixed"),
    "p": (BITS, "bit"),
    "q": (~BITS[0], "bit"),
}

EXACT = {
    "add": lambda m, a, b, x, w, p, q: a + b,
    "add row": lambda m, a, b, x, w, p, q: x + w,
    "add public": lambda m, a, b, x, w, p, q: 3 + a,
    "add fraction": lambda m, a, b, x, w, p, q: x + 0.5,
    "add int to fixed": lambda m, a, b, x, w, p, q: a + x,
    "add array": lambda m, a, b, x, w, p, q: np.array([1, 2, 3]) + a,
    "subtract": lambda m, a, b, x, w, p, q: a - b,
    "subtract from public": lambda m, a, b, x, w, p, q: 1 - a,
    "subtract from array": lambda m, a, b, x, w, p, q: np.array([[1], [2]]) - a,
    "negative": lambda m, a, b, x, w, p, q: -x,
    "positive": lambda m, a, b, x, w, p, q: +x,
    "abs": lambda m, a, b, x, w, p, q: abs(x),
    "multiply": lambda m, a, b, x, w, p, q: a * b,
    "multiply public": lambda m, a, b, x, w, p, q: a * np.array([2, 3, -4]),
    "multiply int and fixed": lambda m, a, b, x, w, p, q: a * x,
    "multiply fixed by public integer": lambda m, a, b, x, w, p, q: 3 * x,
    "multiply bit and int": lambda m, a, b, x, w, p, q: p * a,
    "multiply bit and fixed": lambda m, a, b, x, w, p, q: x * q,
    "multiply bits": lambda m, a, b, x, w, p, q: p * q,
    "multiply bit and public": lambda m, a, b, x, w, p, q: p * 5,
    "matmul": lambda m, a, b, x, w, p, q: a @ b.T,
    "matmul int and fixed": lambda m, a, b, x, w, p, q: a @ x.T,
    "matmul public": lambda m, a, b, x, w, p, q: a @ np.array([1, -2, 3]),
    "matmul from public": lambda m, a, b, x, w, p, q: np.array([[1, -2]]) @ x,
    "matmul of bits": lambda m, a, b, x, w, p, q: p.astype(int_of(p)) @ a.T,
    "power": lambda m, a, b, x, w, p, q: a**3,
    "power 0": lambda m, a, b, x, w, p, q: a**0,
    "floor divide": lambda m, a, b, x, w, p, q: a // b,
    "floor divide public": lambda m, a, b, x, w, p, q: a // -7,
    "floor divide array": lambda m, a, b, x, w, p, q: a // np.array([1, 2, -3]),
    "floor divide from public": lambda m, a, b, x, w, p, q: 1000 // b,
    "floor divide fixed": lambda m, a, b, x, w, p, q: x // w,
    "remainder": lambda m, a, b, x, w, p, q: a % b,
    "remainder public": lambda m, a, b, x, w, p, q: a % 7,
    "remainder large": lambda m, a, b, x, w, p, q: a % 7000,
    "remainder fixed": lambda m, a, b, x, w, p, q: x % 0.75,
    "less": lambda m, a, b, x, w, p, q: a < b,
    "less equal": lambda m, a, b, x, w, p, q: a <= b,
    "greater": lambda m, a, b, x, w, p, q: x > w,
    "greater equal": lambda m, a, b, x, w, p, q: x >= w,
    "equal": lambda m, a, b, x, w, p, q: a == b,
    "not equal": lambda m, a, b, x, w, p, q: a != b,
    "less public": lambda m, a, b, x, w, p, q: x < 0.3,
    "less equal public": lambda m, a, b, x, w, p, q: a <= 0.5,
    "greater public": lambda m, a, b, x, w, p, q: np.array([5, 5, 5]) > a,
    "equal to fraction": lambda m, a, b, x, w, p, q: x == -1.25,
    "equal to what cannot be": lambda m, a, b, x, w, p, q: x == 1 / 3,
    "less than infinity": lambda m, a, b, x, w, p, q: x < np.inf,
    "less than what is out of range": lambda m, a, b, x, w, p, q: a < 10**15,
    "compare int and fixed": lambda m, a, b, x, w, p, q: a < x,
    "compare bits": lambda m, a, b, x, w, p, q: p < q,
    "compare bits 2": lambda m, a, b, x, w, p, q: p >= q,
    "equal bits": lambda m, a, b, x, w, p, q: p == q,
    "bits equal public": lambda m, a, b, x, w, p, q: p == 1,
    "compare bits with numbers": lambda m, a, b, x, w, p, q: p > -1,
    "and": lambda m, a, b, x, w, p, q: p & q,
    "or": lambda m, a, b, x, w, p, q: p | q,
    "xor": lambda m, a, b, x, w, p, q: p ^ q,
    "not": lambda m, a, b, x, w, p, q: ~p,
    "and public": lambda m, a, b, x, w, p, q: p & np.array([True, True, False]),
    "or public": lambda m, a, b, x, w, p, q: np.array([True, True, False]) | p,
    "xor public": lambda m, a, b, x, w, p, q: p ^ True,
    "where": lambda m, a, b, x, w, p, q: m.where(a > 0, a, b),
    "where fixed": lambda m, a, b, x, w, p, q: m.where(p, x, w),
    "where public": lambda m, a, b, x, w, p, q: m.where(p, 7, -3),
    "where one public": lambda m, a, b, x, w, p, q: m.where(p, x, 0.5),
    "where public mask": lambda m, a, b, x, w, p, q: m.where(BITS, a, b),
    "where bits": lambda m, a, b, x, w, p, q: m.where(a > 0, p, q),
    "where bits public": lambda m, a, b, x, w, p, q: m.where(p, True, False),
    "where held as bits": lambda m, a, b, x, w, p, q: m.where(p, m.sort(a), m.sort(b)),
    "where int and fixed": lambda m, a, b, x, w, p, q: m.where(p, a, x),
    "sum": lambda m, a, b, x, w, p, q: m.sum(a),
    "sum axis": lambda m, a, b, x, w, p, q: m.sum(x, axis=0),
    "sum keepdims": lambda m, a, b, x, w, p, q: m.sum(x, axis=-1, keepdims=True),
    "sum bits": lambda m, a, b, x, w, p, q: m.sum(p, axis=1),
    "sum axes": lambda m, a, b, x, w, p, q: a.sum(axis=(0, 1)),
    "min": lambda m, a, b, x, w, p, q: m.min(a),
    "min axis": lambda m, a, b, x, w, p, q: m.min(x, axis=1),
    "max keepdims": lambda m, a, b, x, w, p, q: m.max(a, axis=0, keepdims=True),
    "max bits": lambda m, a, b, x, w, p, q: p.max(axis=0),
    "argmax": lambda m, a, b, x, w, p, q: m.argmax(a),
    "argmin axis": lambda m, a, b, x, w, p, q: m.argmin(b, axis=1),
    "argmax of bits": lambda m, a, b, x, w, p, q: m.argmax(p, axis=1),
    "sort": lambda m, a, b, x, w, p, q: m.sort(a),
    "sort axis": lambda m, a, b, x, w, p, q: m.sort(x, axis=0),
    "sort bits": lambda m, a, b, x, w, p, q: m.sort(p, axis=1),
    "minimum": lambda m, a, b, x, w, p, q: m.minimum(a, b),
    "maximum public": lambda m, a, b, x, w, p, q: m.maximum(x, 0),
    "any": lambda m, a, b, x, w, p, q: m.any(p, axis=1),
    "all": lambda m, a, b, x, w, p, q: m.all(a, axis=0),
    "dot": lambda m, a, b, x, w, p, q: m.dot(a[0], b[1]),
    "dot number": lambda m, a, b, x, w, p, q: m.dot(a, 3),
    "reshape": lambda m, a, b, x, w, p, q: a.reshape(3, -1),
    "reshape bits": lambda m, a, b, x, w, p, q: m.reshape(p, (6,)),
    "transpose": lambda m, a, b, x, w, p, q: a.T,
    "transpose bits": lambda m, a, b, x, w, p, q: m.permute_dims(p, (1, 0)),
    "stack": lambda m, a, b, x, w, p, q: m.stack([a, b], axis=1),
    "stack fixed with int": lambda m, a, b, x, w, p, q: m.stack([a, x]),
    "concat": lambda m, a, b, x, w, p, q: m.concat([a, b], axis=1),
    "concat flat": lambda m, a, b, x, w, p, q: m.concat([a, w], axis=None),
    "concat public": lambda m, a, b, x, w, p, q: m.concat([x, np.ones((1, 3))]),
    "concat bits": lambda m, a, b, x, w, p, q: m.concat([p, ~p]),
    "concat forms": lambda m, a, b, x, w, p, q: m.concat([m.sort(a), b, a * p]),
    "take": lambda m, a, b, x, w, p, q: m.take(a, np.array([2, 0, 2]), axis=1),
    "take bits": lambda m, a, b, x, w, p, q: m.take(p, np.array([1, 1, 0]), axis=0),
    "index": lambda m, a, b, x, w, p, q: a[1, ::-2],
    "index bits": lambda m, a, b, x, w, p, q: p[..., None, 1],
    "index array": lambda m, a, b, x, w, p, q: a[np.array([1, 0, 1]), np.array([0, 1, 2])],
    "index mask": lambda m, a, b, x, w, p, q: x[BITS],
    "index chain": lambda m, a, b, x, w, p, q: m.sort(a)[:, 1:] + b[:, :2],
    "flip": lambda m, a, b, x, w, p, q: m.flip(a, axis=1),
    "roll": lambda m, a, b, x, w, p, q: m.roll(a, 2, axis=1),
    "repeat": lambda m, a, b, x, w, p, q: m.repeat(p, 2, axis=0),
    "broadcast": lambda m, a, b, x, w, p, q: m.broadcast_to(q, (2, 2, 3)),
    "squeeze": lambda m, a, b, x, w, p, q: m.squeeze(m.expand_dims(a, axis=1), axis=1),
    "sorted less": lambda m, a, b, x, w, p, q: m.sort(a) < m.sort(b),
    "sorted less public": lambda m, a, b, x, w, p, q: m.sort(a) < 3,
    "count": lambda m, a, b, x, w, p, q: ((a > 0) & (b > 0)).sum(),
    "iterate": lambda m, a, b, x, w, p, q: sum(row for row in a),
}


def int_of(p: Any) -> Any:
    return np.int64 if isinstance(p, np.ndarray) else p.computation.int()


@pytest.mark.parametrize("part", range(4))
def test_same_as_numpy(part: int) -> None:
    cases = dict(list(EXACT.items())[part::4])
    found = compute(lambda sh, **given: {name: case(xp, **given) for name, case in cases.items()}, GIVEN)
    plain = {name: np.asarray(values) for name, (values, _) in GIVEN.items()}
    for name, case in cases.items():
        expected = np.asarray(case(np, **plain))
        assert found[name].shape == expected.shape, name
        assert np.array_equal(found[name], expected), (name, found[name], expected)
        assert found[name].dtype == (expected.dtype if expected.dtype.kind in "bi" else np.float64), name
