"""The contract of OT, for every source and for the ideal twin."""

from __future__ import annotations

from functools import partial

import pytest

from protocols.kernels import cpu
from tests.kit.ot_contract import Maker, check_ot, ideal_ot
from tests.kit.ot_makers import make_base, make_softspoken

MAKERS: dict[str, Maker] = {"ideal": ideal_ot, "base": make_base}
MAKERS |= {f"softspoken k={k}": partial(make_softspoken, k) for k in range(1, 9)}


@pytest.mark.parametrize("name", MAKERS)
async def test_contract(name: str) -> None:
    await check_ot(MAKERS[name])


@pytest.mark.parametrize("k", [1, 3])
async def test_contract_on_the_portable_path(k: int) -> None:
    with cpu.use("portable"):
        await check_ot(partial(make_softspoken, k))
