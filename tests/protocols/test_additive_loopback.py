"""The additive engine keeps the contract of engines: over every temper, with a dealer, with GMW between two."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit.additive import additive, set_up
from tests.kit.channels import TEMPERS, Temper
from tests.kit.conversion_contract import check_conversions
from tests.kit.engine_contract import (
    assemble,
    check_costs,
    check_engine,
    check_multiply,
    check_random_bits,
    check_share_and_open,
    check_summands,
)

BOUND = 62


@pytest.mark.parametrize("temper", TEMPERS)
async def test_two_parties(temper: Temper) -> None:
    await check_engine(additive(), 2, bound_bits=BOUND, temper=temper)


@pytest.mark.parametrize("n_parties", [2, 3])
async def test_setup(n_parties: int) -> None:
    """With real base OTs and keys."""
    parties = await assemble(set_up(), n_parties)
    await check_multiply(parties)
    await check_random_bits(parties)


@pytest.mark.parametrize("n_parties", [3, 5])
async def test_more_parties(n_parties: int) -> None:
    await check_engine(additive(), n_parties, bound_bits=BOUND)


async def test_seven_parties() -> None:
    parties = await assemble(additive(), 7)
    await check_share_and_open(parties)
    await check_multiply(parties)
    await check_summands(parties)
    x = parties.integers((5,)) // 2**21 + 2**20
    cut = await parties.reveal(await parties.call("truncate", await parties.share(x, 3), 12, bound_bits=44))
    assert (abs(2 * ((cut << 12) - x)) <= 7 << 12).all()


@pytest.mark.parametrize(
    ("n_parties", "options"), [(2, {"boolean": "gmw", "k": 4}), (3, {"dealer": 1}), (4, {"dealer": 0})]
)
async def test_other_setups(n_parties: int, options: dict[str, Any]) -> None:
    await check_engine(additive(**options), n_parties, bound_bits=BOUND, temper="trickling")


@pytest.mark.parametrize("n_parties", [2, 3])
async def test_conversions(n_parties: int) -> None:
    await check_conversions(await assemble(additive(), n_parties))


@pytest.mark.parametrize(("n_parties", "options"), [(2, {}), (3, {"k": 3}), (4, {}), (3, {"dealer": 2})])
def test_costs(n_parties: int, options: dict[str, Any]) -> None:
    check_costs(additive(**options), n_parties, bound_bits=BOUND)
