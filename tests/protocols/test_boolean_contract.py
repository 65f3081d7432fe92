"""The contract of Boolean engines, for each of them and for the ideal twin."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.ir import Circuit
from tests.kit.boolean_contract import BitParties, Maker, assemble, check_boolean, check_circuit, check_wrong_arguments
from tests.kit.boolean_makers import garbled, gmw, gmw_with_dealer, ideal, replicated
from tests.kit.channels import TEMPERS, Temper
from tests.kit.circuits import circuits, random_bits

ENGINES: dict[str, tuple[Maker, int]] = {
    "ideal n=2": (ideal, 2),
    "ideal n=3": (ideal, 3),
    "garbled": (garbled, 2),
    "gmw n=2": (gmw, 2),
    "gmw n=3": (gmw, 3),
    "gmw n=5": (gmw_with_dealer, 5),
    "replicated n=3 t=1": (replicated(1), 3),
    "replicated n=4 t=1": (replicated(1), 4),
    "replicated n=5 t=1": (replicated(1), 5),
    "replicated n=5 t=2": (replicated(2), 5),
    "replicated n=7 t=3": (replicated(3), 7),
}
REAL = [name for name in ENGINES if not name.startswith("ideal")]


@pytest.mark.parametrize("name", ENGINES)
async def test_contract(name: str) -> None:
    await check_boolean(*ENGINES[name])


@pytest.mark.parametrize(("threshold", "n_parties", "lost"), [(1, 4, 0), (1, 4, 3), (1, 5, 2), (2, 7, 1)])
async def test_contract_when_somebody_is_lost(threshold: int, n_parties: int, lost: int) -> None:
    await check_boolean(replicated(threshold), n_parties, absent=frozenset({lost}))


async def test_contract_when_all_are_lost_but_the_fewest() -> None:
    await check_boolean(replicated(1), 6, absent=frozenset({0, 2, 5}))


@pytest.mark.parametrize("temper", TEMPERS[1:])
@pytest.mark.parametrize("name", ["garbled", "gmw n=3", "replicated n=3 t=1"])
async def test_contract_over_slow_channels(name: str, temper: Temper) -> None:
    await check_boolean(*ENGINES[name], temper=temper)


@pytest.mark.parametrize("name", ["garbled", "gmw n=2", "replicated n=3 t=1"])
async def test_wrong_arguments(name: str) -> None:
    await check_wrong_arguments(*ENGINES[name])


_assembled: dict[str, BitParties] = {}


@pytest.mark.parametrize("name", REAL)
@settings(max_examples=12, deadline=None)
@given(made=circuits(max_gates=50), count=st.sampled_from([0, 1, 2, 8, 63, 64, 67]), seed=st.integers(0, 2**32))
def test_circuits(name: str, made: Circuit, count: int, seed: int) -> None:
    async def main() -> None:
        if name not in _assembled:
            _assembled[name] = await assemble(*ENGINES[name])
        await check_circuit(_assembled[name], made, random_bits(seed, count, made.n_inputs))

    asyncio.run(main())
