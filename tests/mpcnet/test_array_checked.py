"""Overflow: found by every party before anything is shown in checked mode; promised away, or seen late, without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mpcnet import array as xp
from mpcnet.session import Session
from mpcnet.simulate import simulate
from tests.kit.arrays import compute

NAMES = ("bank", "bureau", "lender")
TOP = 2**31


def found_by_all(program: Callable[..., Any], values: Any, dtype: str = "int", **options: Any) -> list[Any]:
    """What each party's reveal to the bank raises or returns."""

    async def main(session: Session) -> Any:
        sh = session.shamir(checked=True)
        kind = sh.int() if dtype == "int" else sh.fixed(16)
        array = np.asarray(values)
        x = sh.input(array if session.name == "lender" else None, owner="lender", shape=array.shape, dtype=kind)
        try:
            return await program(sh, x).reveal(to="bank")
        except OverflowError as error:
            with pytest.raises(OverflowError):
                await x.reveal()
            return error

    import asyncio

    return list(asyncio.run(simulate(main, NAMES)).values())


OVERFLOWS = {
    "multiply": (lambda sh, x: x * x, [3, 46341], "int"),
    "add": (lambda sh, x: x + x, [TOP // 2], "int"),
    "subtract": (lambda sh, x: x - 1, [-TOP], "int"),
    "negative": (lambda sh, x: -x, [-TOP], "int"),
    "sum": (lambda sh, x: x.sum(), [TOP - 1, 1], "int"),
    "matmul": (lambda sh, x: x @ x, [40000, 40000], "int"),
    "public": (lambda sh, x: x * 100, [TOP // 100 + 1], "int"),
    "public matrix": (lambda sh, x: x @ np.array([2, 2]), [TOP // 2, 0], "int"),
    "narrow": (lambda sh, x: x.astype(sh.int(8)), [128], "int"),
    "divide": (lambda sh, x: x // -1, [-TOP], "int"),
    "fixed": (lambda sh, x: x * x, [70000.0], "fixed"),
    "fixed sum": (lambda sh, x: x.sum(), [2.0**31, 2.0**31], "fixed"),
    "fixed matmul": (lambda sh, x: x @ x, [50000.0, 50000.0], "fixed"),
    "fraction": (lambda sh, x: x * 1.5, [2.0**31, 2.0**31.8], "fixed"),
    "used later": (lambda sh, x: x * x > 0, [46341], "int"),
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_overflow_is_found_by_all_parties(name: str) -> None:
    program, values, dtype = OVERFLOWS[name]
    for error in found_by_all(program, values, dtype):
        assert isinstance(error, OverflowError), error
        assert "out of range in one of: operation" in str(error)
        assert __file__ in str(error)


def test_edges_are_in_range() -> None:
    for program, values, dtype, expected in [
        (lambda sh, x: x * x, [46340, -46340], "int", [46340**2] * 2),
        (lambda sh, x: x + x, [TOP // 2 - 1, -TOP // 2], "int", [TOP - 2, -TOP]),
        (lambda sh, x: -x, [TOP - 1, 1 - TOP], "int", [1 - TOP, TOP - 1]),
        (lambda sh, x: x.sum(), [TOP - 1, 1, -1], "int", TOP - 1),
        (lambda sh, x: x.astype(sh.int(8)), [127, -128], "int", [127, -128]),
    ]:
        bank, bureau, lender = found_by_all(program, values, dtype)
        assert np.array_equal(bank, expected)
        assert bureau is lender is None


def test_every_operation_works_with_checks() -> None:
    a, x = np.array([5, -7, 0]), np.array([0.5, -1.25, 3.0])

    def program(sh: Any, a: Any, x: Any) -> dict[str, Any]:
        return {
            "product": a * a,
            "quotient": a // 3,
            "where": xp.where(a > 0, a * 2, -a),
            "abs": abs(a),
            "fixed": x @ x,
            "mean": x.mean(),
            "sort": xp.sort(x),
            "power": a**3,
            "mixed": a * x,
        }

    found = compute(program, {"a": (a, "int"), "x": (x, "fixed")}, checked=True)
    assert found["product"].tolist() == [25, 49, 0]
    assert found["quotient"].tolist() == [1, -3, 0]
    assert found["where"].tolist() == [10, 7, 0]
    assert found["power"].tolist() == [125, -343, 0]
    assert abs(found["fixed"] - x @ x) < 2**-15
    assert found["mixed"].tolist() == (a * x).tolist()


async def test_what_cannot_overflow_is_not_checked() -> None:
    async def main(session: Session) -> None:
        sh = session.shamir(checked=True)
        x = sh.input([5] if session.name == "bank" else None, owner="bank", shape=1, dtype=sh.int(8)).astype(sh.int())
        y = (x * x + x - 100) * 7
        assert y.bounds == ((-16256 - 128 - 100) * 7, (16384 + 127 - 100) * 7)
        assert (await y.reveal()).tolist() == [-490]
        assert "check range" not in sh.record.operations

    await simulate(main, NAMES)


async def test_results_beyond_what_can_be_checked_are_refused() -> None:
    async def main(session: Session) -> None:
        sh = session.shamir(checked=True)
        x = sh.input(np.ones(9, int) if session.name == "bank" else None, owner="bank", shape=9, dtype=sh.int(62))
        with pytest.raises(ValueError, match=r"matmul.*can need 1[23]. bits, more than the 126"):
            x @ x
        await x.reveal()

    await simulate(main, NAMES)


async def test_without_checks_the_recipient_sees_it_too_late() -> None:
    async def main(session: Session) -> Any:
        sh = session.shamir()
        x = sh.input([50000] if session.name == "bank" else None, owner="bank", shape=1)
        try:
            return await (x * x).reveal(to="lender")
        except OverflowError as error:
            return str(error)

    results = await simulate(main, NAMES)
    assert results["bank"] is results["bureau"] is None
    assert "out of the range of int(32)" in results["lender"]
    assert "checked=True finds out which" in results["lender"]
