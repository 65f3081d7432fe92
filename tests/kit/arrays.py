"""Programs on secret arrays in one event loop: every party runs them, and what they reveal is compared with NumPy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mpcnet.array import Computation
from mpcnet.array.computation import EngineChoice
from mpcnet.array.dtypes import Limits
from mpcnet.session import Session
from mpcnet.simulate import simulate
from tests.kit.ideal import Trusted
from tests.kit.plain_ring import PLAIN_64, PLAIN_127

NAMES = ("bank", "bureau", "lender", "shop", "town", "union", "works")
Program = Callable[..., Any]


def open_computation(
    session: Session, engine: str, trusted: dict[str, Trusted], *, checked: bool = False
) -> Computation:
    """One of the engines by name: "shamir", "additive", "ideal 127" or "ideal 64"."""
    if engine == "shamir":
        return session.shamir(threshold=(session.n_parties - 1) // 2, checked=checked)
    if engine == "additive":
        return session.additive(checked=checked)
    ring = PLAIN_127 if engine == "ideal 127" else PLAIN_64
    party = trusted.setdefault(engine, Trusted(ring, session.n_parties))
    limits = Limits(126, 79, 62, 2) if engine == "ideal 127" else Limits(64, 62, 62, 1)

    async def setup(mesh: Any) -> Any:
        return party.engines()[mesh.party_id]

    choice = EngineChoice(engine, limits, ring, setup)
    return session._compute(choice, checked=checked)


async def run_program(
    program: Program,
    given: Mapping[str, tuple[Any, str]] | None = None,
    *,
    n_parties: int = 3,
    engine: str = "shamir",
    checked: bool = False,
    **network: Any,
) -> dict[str, Any]:
    """Run `program(sh, **arrays)` at every party and reveal what it returns to all; the results by party.

    Args:
        given: for each input its values and dtype: "bit", "int", "int8" or "fixed", "fixed8"; owners take turns.
    """
    trusted: dict[str, Trusted] = {}
    names = NAMES[:n_parties]

    async def main(session: Session) -> Any:
        sh = open_computation(session, engine, trusted, checked=checked)
        arrays = {}
        for i, (name, (values, kind)) in enumerate((given or {}).items()):
            owner, array = names[i % n_parties], np.asarray(values)
            arrays[name] = sh.input(
                array if session.name == owner else None, owner=owner, shape=array.shape, dtype=dtype_of(sh, kind)
            )
        return await reveal_all(program(sh, **arrays))

    return await simulate(main, names, total_seconds=0, **network)


async def reveal_all(result: Any) -> Any:
    """Reveal an array to all parties, or each of several."""
    if isinstance(result, dict):
        waiting = {name: one.reveal() for name, one in result.items()}
        return {name: await one for name, one in waiting.items()}
    if isinstance(result, list | tuple):
        several = [one.reveal() for one in result]
        return [await one for one in several]
    return await result.reveal()


def dtype_of(sh: Computation, kind: str) -> Any:
    """By a short name."""
    if kind == "bit":
        return sh.bit
    number = int(kind.lstrip("intfxed") or 0)
    if kind.startswith("int"):
        return sh.int(number or 32)
    return sh.fixed(number or 16)


def compute(program: Program, given: Mapping[str, tuple[Any, str]] | None = None, **options: Any) -> Any:
    """What all parties of `run_program` see: the same."""
    results = asyncio.run(run_program(program, given, **options))
    found = list(results.values())
    for other in found[1:]:
        assert_same(found[0], other)
    return found[0]


def assert_same(x: Any, y: Any) -> None:
    if isinstance(x, dict):
        assert x.keys() == y.keys()
        x, y = list(x.values()), list(y.values())
    if isinstance(x, list):
        assert len(x) == len(y)
        for one, other in zip(x, y, strict=True):
            assert_same(one, other)
        return
    assert type(x) is type(y)
    assert np.array_equal(x, y), (x, y)
