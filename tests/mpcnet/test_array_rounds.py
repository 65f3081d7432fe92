"""Operations return at once, and independent ones share rounds: counted in trips on a clock that skips all else."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from mpcnet.array.node import Node
from mpcnet.bench.clock import run_skipping
from mpcnet.session import Session
from mpcnet.simulate import simulate

NAMES = ("bank", "bureau", "lender")
Program = Callable[[Any, Any, Any], Awaitable[Any]]


def trips(program: Program) -> int:
    """How many messages one after the other it takes, from the start to the last reveal."""

    async def main(session: Session) -> float:
        loop, sh = asyncio.get_running_loop(), session.shamir()
        start = loop.time()
        x, y = (
            sh.input(np.arange(5) if session.name == owner else None, owner=owner, shape=5)
            for owner in ("bank", "lender")
        )
        await program(sh, x, y)
        return loop.time() - start

    results = run_skipping(simulate(main, NAMES, latency_seconds=1.0, total_seconds=0), counts_work=False)
    return round(max(results.values()))


async def reveal(sh: Any, x: Any, y: Any) -> None:
    await y.reveal()


async def product(sh: Any, x: Any, y: Any) -> None:
    await (x * y).reveal()


async def chain(sh: Any, x: Any, y: Any) -> None:
    for _ in range(5):
        x = x * y
    await x.reveal()


async def side_by_side(sh: Any, x: Any, y: Any) -> None:
    waiting = [(x * (y + i)).reveal() for i in range(100)]
    for one in waiting:
        await one


async def local(sh: Any, x: Any, y: Any) -> None:
    for i in range(200):
        y = (y + i).reshape(5)
    await y.reveal()


async def step_by_step(sh: Any, x: Any, y: Any) -> None:
    for _ in range(3):
        await (x * y).reveal()


async def compared(sh: Any, x: Any, y: Any) -> None:
    await (x < y).reveal()


async def compared_often(sh: Any, x: Any, y: Any) -> None:
    waiting = [(x + i < y).reveal() for i in range(8)]
    for one in waiting:
        await one


def test_trips() -> None:
    once = trips(product)
    assert trips(reveal) == once - 1
    assert trips(local) == once - 1
    assert trips(chain) == once + 4
    assert trips(side_by_side) == once
    # after each wait the parties compare their programs, multiply, and reveal
    assert trips(step_by_step) == once + 2 * 3


def test_comparisons_share_rounds() -> None:
    assert trips(compared) == trips(compared_often)


async def test_operators_return_before_anything_is_sent() -> None:
    async def main(session: Session) -> None:
        sh = session.shamir()
        x = sh.input([1, 2, 3] if session.name == "bank" else None, owner="bank", shape=3)
        y = (x * x + 1) @ x
        revealed = (y < 100).reveal()
        assert sh.record.traffic.messages_sent == 0
        assert "to come" in repr(y.node)
        assert await revealed == await revealed
        assert "done" in repr(y.node)

    await simulate(main, NAMES)


@pytest.mark.parametrize("window_bytes", [16384, 1 << 20])
async def test_long_programs_keep_few_channels_open(window_bytes: int) -> None:
    """A thousand operations that do not wait for each other, and a party that begins late."""

    async def main(session: Session) -> Any:
        if session.name == "lender":
            await asyncio.sleep(0.2)
        sh = session.shamir()
        x = sh.input([3] if session.name == "bank" else None, owner="bank", shape=1)
        total = 0
        for i in range(300):
            total = total + x * (x + i)
        found = await total.reveal()
        link = session._links[session.peers[0]]
        assert len(link._mux._streams) < 60
        return found[0]

    expected = sum(3 * (3 + i) for i in range(300))
    results = await simulate(main, NAMES, window_bytes=window_bytes)
    assert set(results.values()) == {expected}


async def test_memory_is_given_back() -> None:
    """What an operation took is forgotten once it is done and agreed on everywhere."""

    async def main(session: Session) -> None:
        sh = session.shamir()
        x = sh.input(np.arange(1000) if session.name == "bank" else None, owner="bank", shape=1000)
        for _ in range(20):
            x = x * 1 + 1
        await x.reveal(to="bank")
        await x.sum().reveal()
        gc.collect()
        kept = [one for one in gc.get_objects() if type(one) is Node and np.shape(one.value) == (1000, 2)]
        assert len(kept) <= len(NAMES)

    await simulate(main, NAMES)
