"""The rows of the share engines, by the public arrays: what is computed, and that it came out right."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mpcnet.bench.operands import FRACTION_BITS, expected, operands, tolerance
from mpcnet.bench.workloads import check

if TYPE_CHECKING:
    from mpcnet.array import Computation, SecretArray
    from mpcnet.array.node import Node
    from mpcnet.session import Session

__all__ = ["OnShares", "all_there"]


class OnShares:
    """A row such as "shamir3-mul": its engine, and its operands shared by the first party.

    Args:
        name: of the row.
        session: entered.
        count: see `mpcnet.bench.operands`.
    """

    def __init__(self, name: str, session: Session, count: int) -> None:
        engine, _, self._work = name.partition("-")
        self._engine, self._session, self._given = engine[:-1], session, operands(self._work, count)

    async def set_up(self) -> None:
        """`mpcnet.bench.jobs.Job`."""
        session = self._session
        self._sh: Computation = session.shamir(threshold=1) if self._engine == "shamir" else session.additive()

    async def share(self) -> None:
        """`mpcnet.bench.jobs.Job`."""
        sh, session = self._sh, self._session
        owner = session.parties[0]
        arrays = []
        for numbers in self._given:
            dtype = sh.int(32) if numbers.dtype.kind == "i" else sh.fixed(FRACTION_BITS)
            mine = numbers if session.name == owner else None
            arrays.append(sh.input(mine, owner=owner, shape=numbers.shape, dtype=dtype))
        await all_there(*arrays)
        self._arrays = arrays

    async def work(self) -> None:
        """`mpcnet.bench.jobs.Job`."""
        self._result = _apply(self._work, *self._arrays)
        await all_there(self._result)

    async def check(self) -> None:
        """`mpcnet.bench.jobs.Job`."""
        found = np.asarray(await self._result.reveal()).astype(float)
        right = expected(self._work, *self._given).astype(float)
        check(np.allclose(found, right, rtol=0, atol=tolerance(self._work)))


def _apply(work: str, a: SecretArray, b: SecretArray) -> SecretArray:
    if work == "less":
        return a < b
    if work == "matmul-fixed":
        return a @ b
    if work == "logistic":
        from mpcnet.array import sigmoid

        return sigmoid(a @ b)
    return a * b


async def all_there(*arrays: SecretArray) -> None:
    """Wait until this party has its shares of some arrays; a program has no need to, it waits for what is revealed."""
    for array in arrays:
        if not array.node.done:
            done = asyncio.get_running_loop().create_future()
            array.node.listeners.append(partial(_tell, done))
            await done


def _tell(done: asyncio.Future[None], _: Node) -> None:
    if not done.done():
        done.set_result(None)
