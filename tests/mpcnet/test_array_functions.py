"""Functions of fixed-point arrays stay within their stated errors, with every engine; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mpcnet import array as xp
from mpcnet.array import functions
from mpcnet.array.dtypes import DType
from mpcnet.session import Session
from mpcnet.simulate import simulate

F = 16
PLACE = 2.0**-F
G = 2.0**-28  # the fewest working bits of the engines here, but for exp
ENGINES = [("shamir", 3), ("additive", 2)]
RANDOM = np.random.default_rng(6)
ANY = np.concatenate([RANDOM.uniform(-20, 20, 30), [PLACE, -PLACE, 1, -1, 0.5, 2, 100, -1000, 12, -12, 30000.0, 0]])
POSITIVE = np.concatenate([np.exp(RANDOM.uniform(-11, 14, 30)), [PLACE, 2 * PLACE, 1, 0.25, 0.5, 2, 4, 32767.99]])


def rounded(values: Any) -> Any:
    return np.rint(np.asarray(values) / PLACE) * PLACE


async def reveal(kind: str, n_parties: int, build: Callable[..., Any], *inputs: Any) -> tuple[Any, int]:
    """What a program on secret arrays gives, and the engine's ulps."""
    names = list("abcdefg"[:n_parties])

    async def main(session: Session) -> Any:
        sh = session.shamir(threshold=(n_parties - 1) // 2) if kind == "shamir" else session.additive()
        mine = session.name == "a"
        arrays = [sh.input(one if mine else None, owner="a", shape=np.shape(one), dtype=sh.fixed(F)) for one in inputs]
        return await build(*arrays).reveal(), sh.limits.ulps

    found = await simulate(main, names, total_seconds=110)
    return found["b"]


def check(found: Any, expected: Any, bound: Any) -> None:
    error = np.abs(found - expected)
    worst = int(np.argmax(error - bound))
    assert (error <= bound).all(), f"at {worst}: {error.reshape(-1)[worst]:g} is more than the bound"


@pytest.mark.parametrize(("kind", "n_parties"), ENGINES)
async def test_reciprocal(kind: str, n_parties: int) -> None:
    x = rounded(ANY)
    found, u = await reveal(kind, n_parties, xp.reciprocal, x)
    expected = np.divide(1, x, out=np.zeros_like(x), where=x != 0)
    check(found, expected, u * PLACE + (2**-30 + 8 * u * G) * np.abs(expected))


@pytest.mark.parametrize(("kind", "n_parties"), ENGINES)
async def test_sqrt(kind: str, n_parties: int) -> None:
    x = np.append(rounded(POSITIVE), 0)
    found, u = await reveal(kind, n_parties, xp.sqrt, x)
    check(found, np.sqrt(x), u * PLACE + np.sqrt(x) * (2**-31 + 8 * u * G))


@pytest.mark.parametrize(("kind", "n_parties"), ENGINES)
async def test_log(kind: str, n_parties: int) -> None:
    x = rounded(POSITIVE)
    found, u = await reveal(kind, n_parties, xp.log, x)
    check(found, np.log(x), u * PLACE + 2**-31 + 8 * u * 2**-26)


@pytest.mark.parametrize(("kind", "n_parties", "g"), [("shamir", 3, 30), ("additive", 2, 16)])
async def test_exp(kind: str, n_parties: int, g: int) -> None:
    x = rounded(np.concatenate([RANDOM.uniform(-14, 14, 40), [0, 1, -1, 20.5, -11.2, -12, -1000, -30000]]))
    found, u = await reveal(kind, n_parties, xp.exp, x)
    check(found, np.exp(x), u * PLACE + np.exp(x) * (2**-30 + 12 * u * 2.0**-g + np.abs(x) * 2**-31))


@pytest.mark.parametrize(("kind", "n_parties"), ENGINES)
async def test_quotients(kind: str, n_parties: int) -> None:
    x, y = rounded(ANY), rounded(np.append(RANDOM.permutation(ANY[:-1]), 0))
    found, u = await reveal(kind, n_parties, lambda a, b: a / b, x, y)
    assert found[-1] == 0
    expected = np.divide(x, y, out=np.zeros_like(x), where=y != 0)
    check(found, expected, (u + 1) * PLACE + np.abs(expected) * (2**-29 + 12 * u * G))
    found, u = await reveal(kind, n_parties, lambda b: 3 / b.reshape((2, 1)), rounded([0.3, -7]))
    check(found, 3 / rounded([[0.3], [-7]]), (u + 1) * PLACE + 1e-6)


@pytest.mark.parametrize(("kind", "n_parties"), [*ENGINES, ("shamir", 5)])
async def test_sigmoid(kind: str, n_parties: int) -> None:
    x = rounded(np.concatenate([RANDOM.uniform(-14, 14, 60), [0, 12, -12, 12 + PLACE, 30000, -30000, PLACE]]))
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-x))
    found, u = await reveal(kind, n_parties, xp.sigmoid, x)
    check(found, expected, u * PLACE + 2**-16 + 16 * u * G)


@pytest.mark.parametrize(("kind", "n_parties"), ENGINES)
async def test_sigmoid_by_pieces(kind: str, n_parties: int) -> None:
    x = rounded(np.concatenate([RANDOM.uniform(-9, 9, 60), functions.NODES, [30000, -30000]])).reshape(3, 25)
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-x))
    found, u = await reveal(kind, n_parties, lambda a: xp.sigmoid(a, method="piecewise"), x)
    check(found, expected, 2**-9 + 2 * u * PLACE)
    assert abs(found[-1, -2] - 1) <= u * PLACE
    assert abs(found[-1, -1]) <= u * PLACE


@pytest.mark.parametrize(("kind", "n_parties"), ENGINES)
async def test_softmax(kind: str, n_parties: int) -> None:
    x = rounded(RANDOM.normal(size=(4, 5)) * 4)
    for axis in (-1, 0):
        found, _ = await reveal(kind, n_parties, lambda a, axis=axis: xp.softmax(a, axis=axis), x)
        powers = np.exp(x - x.max(axis, keepdims=True))
        check(found, powers / powers.sum(axis, keepdims=True), 2.0**-12)


async def test_what_is_refused() -> None:
    async def main(session: Session) -> None:
        sh = session.shamir()
        whole = sh.input([1, 2] if session.name == "a" else None, owner="a", shape=(2,), dtype=sh.int(32))
        x = whole.astype(sh.fixed(16))
        for function in (xp.reciprocal, xp.sqrt, xp.log, xp.exp, xp.sigmoid):
            with pytest.raises(TypeError, match="fixed-point numbers"):
                function(whole)
        with pytest.raises(TypeError, match="take x // y"):
            x / whole
        with pytest.raises(ValueError, match='"polynomial" and "piecewise"'):
            xp.sigmoid(x, method="magic")
        with pytest.raises(TypeError, match="dtypes differ"):
            x / x.astype(sh.fixed(20))
        with pytest.raises(ValueError, match="take a dtype with fewer bits"):
            xp.exp(x.astype(DType("fixed", 70, 16)))
        await x.reveal()

    await simulate(main, ["a", "b", "c"])
