"""What operations say on the wire: what engines declare, and what circuits and arrays took on links in memory.

Rounds of the latter are counted by a clock on which a message takes a second and computing takes no time; bytes are
payload, without frames.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mpcnet.bench.clock import run_skipping
from mpcnet.bench.share_jobs import all_there
from mpcnet.local import default_names
from mpcnet.simulate import simulate

if TYPE_CHECKING:
    from mpcnet.array import Computation, SecretArray
    from mpcnet.session import Session, SessionMesh

__all__ = ["TABLES", "Counted", "Table", "array_costs", "circuit_costs", "engine_costs"]

COUNT = 8  # elements of an array: few, so that flow control adds no rounds
SIDE = 4  # of square matrices that are measured
DECLARED_SIDE = 32  # of those that are not
WORD = 32  # bits of the numbers in circuits
PAUSE_SECONDS = 1000.0  # by the clock that skips
Table = dict[str, dict[str, "Counted"]]
"""By operation and engine."""


@dataclass(frozen=True)
class Counted:
    """Rounds, and the bytes that each party sends for each element of the result."""

    rounds: int
    each: tuple[float, ...]

    def __str__(self) -> str:
        some = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in self.each]
        return f"{self.rounds}: {some[0] if len(set(some)) == 1 else ' / '.join(some)}"


# ---- what engines declare

_SQUARE = (DECLARED_SIDE, DECLARED_SIDE)
_OPERATIONS: Mapping[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "share": ("share", (COUNT,), {"owner": 0}),
    "open to all": ("open", (COUNT,), {"to": None}),
    "multiply": ("multiply", (COUNT,), {}),
    f"matmul {DECLARED_SIDE} x {DECLARED_SIDE}": ("matmul", _SQUARE, {"left": _SQUARE, "right": _SQUARE}),
    "truncate by 16 bits": ("truncate", (COUNT,), {"n_bits": 16, "bound_bits": 48}),
    "random bit": ("random_bits", (COUNT,), {}),
    f"{WORD} bits to elements": ("from_summands_of_bits", (COUNT, WORD), {}),
}


def engine_costs() -> Table:
    """What each engine declares for each of its operations."""
    return _table({title: (n, _declared, setup) for title, (n, setup, _) in _engines().items()})


async def _declared(session: Session, setup: Any) -> dict[str, tuple[float, float]]:
    engine = await setup(session.mesh("engine"))
    found = {}
    for title, (name, shape, options) in _OPERATIONS.items():
        given = {key: frozenset(range(engine.n_parties)) if key == "to" else value for key, value in options.items()}
        cost = engine.cost(name, shape, **given)
        found[title] = (cost.rounds, cost.n_bytes / np.prod(shape[: 2 if name == "matmul" else 1]))
    return found


# ---- what circuits take on shares of bits


def circuit_costs() -> Table:
    """What the engines on bits take for a comparison and a product of two numbers."""
    made = {bits: (n, setup) for n, setup, bits in _engines().values()}
    return _table({title: (n, _circuits, setup) for title, (n, setup) in made.items()})


async def _circuits(session: Session, setup: Any) -> dict[str, tuple[float, float]]:
    from circuits import Bit, UInt, circuit, with_style
    from mpcnet.array.traffic import Conversation, Traffic

    @circuit
    def less(a: UInt[WORD], b: UInt[WORD]) -> Bit:
        return a < b

    @circuit
    def multiply(a: UInt[WORD], b: UInt[WORD]) -> UInt[WORD]:
        return (a * b).wrap(WORD)

    engine = (await setup(session.mesh("engine"))).boolean
    words = np.zeros((WORD, -(-COUNT // 64)), np.uint64)
    loop, steps, found = asyncio.get_running_loop(), session.mesh("steps"), {}

    async def counted(title: str, call: Callable[[Any], Awaitable[Any]]) -> Any:
        traffic = Traffic()
        await _level(steps)
        start = loop.time()
        result = await call(Conversation(session.mesh(title), traffic))
        found[title] = (loop.time() - start, traffic.bytes_sent / COUNT)
        return result

    async def share(mesh: Any, owner: int) -> Any:
        return await engine.share(mesh, owner, words if session.party_id == owner else None, WORD, COUNT)

    a = await counted(f"share {WORD} bits", lambda mesh: share(mesh, 0))
    b = await share(session.mesh("other"), 1)
    for function in (less, multiply):
        compiled = partial(engine.evaluate, circuit=with_style(function, engine.style), inputs=[a, b], count=COUNT)
        made = await counted(f"{function.name} of {WORD} bits", compiled)
    everybody = frozenset(range(session.n_parties))
    await counted(f"open {WORD} bits to all", lambda mesh: engine.open(mesh, made, everybody))
    return found


# ---- what operations on arrays take


def array_costs() -> Table:
    """What operations on secret arrays of COUNT elements take, agreement of the parties included."""
    engines = {
        "shamir(), 3 parties": (3, lambda session: session.shamir()),
        "additive(), 2 parties": (2, lambda session: session.additive()),
    }
    return _table({title: (n, _arrays, make) for title, (n, make) in engines.items()})


def _array_operations() -> dict[str, tuple[str, Callable[..., SecretArray]]]:
    from mpcnet import array as xp

    return {
        "x + y": ("int", lambda x, y: x + y),
        "x * y, int(32)": ("int", lambda x, y: x * y),
        "x * y, fixed(16)": ("fixed", lambda x, y: x * y),
        f"x @ y, fixed(16), {SIDE} x {SIDE}": ("matrix", lambda x, y: x @ y),
        "x < y, int(32)": ("int", lambda x, y: x < y),
        "x == y, int(32)": ("int", lambda x, y: x == y),
        "where(x < y, x, y), int(32)": ("int", lambda x, y: xp.where(x < y, x, y)),
        "max(x), int(32)": ("int", lambda x, y: xp.max(x)),
        "x / y, fixed(16)": ("fixed", lambda x, y: x / y),
        "sigmoid(x), fixed(16)": ("fixed", lambda x, y: xp.sigmoid(x)),
    }


async def _arrays(session: Session, make: Callable[[Session], Computation]) -> dict[str, tuple[float, float]]:
    sh = make(session)
    owner, loop, steps, found = session.parties[0], asyncio.get_running_loop(), session.mesh("steps"), {}

    def number(kind: str) -> SecretArray:
        shape = (SIDE, SIDE) if kind == "matrix" else (COUNT,)
        dtype = sh.int(32) if kind == "int" else sh.fixed(16)
        mine = np.ones(shape, dtype=int) if session.name == owner else None
        return sh.input(mine, owner=owner, shape=shape, dtype=dtype)

    traffic = session.stats.computations[0].traffic
    for title, (kind, operation) in _array_operations().items():
        x, y = number(kind), number(kind)
        await all_there(x, y)
        await _level(steps)
        start, before = loop.time(), traffic.bytes_sent
        await all_there(operation(x, y))
        found[title] = (
            loop.time() - start,
            (traffic.bytes_sent - before) / (SIDE * SIDE if kind == "matrix" else COUNT),
        )
        await _level(steps)
    return found


# ---- all of them


def _engines() -> dict[str, tuple[int, Callable[[SessionMesh], Awaitable[Any]], str]]:
    """By title: how many parties, how they set it up, and the name of its engine on bits."""
    from protocols.arithmetic.additive import AdditiveEngine
    from protocols.arithmetic.shamir import ShamirEngine

    return {
        "Shamir, 3 parties, t = 1": (
            3,
            lambda mesh: ShamirEngine.setup(mesh, threshold=1),
            "replicated, 3 parties, t = 1",
        ),
        "Shamir, 5 parties, t = 2": (
            5,
            lambda mesh: ShamirEngine.setup(mesh, threshold=2),
            "replicated, 5 parties, t = 2",
        ),
        "additive, 2 parties": (2, AdditiveEngine.setup, "garbled, 2 parties"),
        "additive, 3 parties": (3, AdditiveEngine.setup, "GMW, 3 parties"),
    }


async def _level(steps: SessionMesh) -> None:
    """Wait until all parties are here and nothing is on its way; all go on at the same time."""
    from protocols.tasks import swap

    await swap(steps, b"\1", 1)
    await asyncio.sleep(PAUSE_SECONDS - (asyncio.get_running_loop().time() + PAUSE_SECONDS / 2) % PAUSE_SECONDS)


def _table(runs: Mapping[str, tuple[int, Callable[..., Awaitable[dict[str, tuple[float, float]]]], Any]]) -> Table:
    """Run each column among its parties, in one process."""
    table: Table = {}
    for title, (n_parties, main, argument) in runs.items():
        found = list(
            run_skipping(
                simulate(main, default_names(n_parties), argument, total_seconds=0.0, latency_seconds=1.0),
                counts_work=False,
            ).values()
        )
        for operation in found[0]:
            rounds = max(mine[operation][0] for mine in found)
            table.setdefault(operation, {})[title] = Counted(round(rounds), tuple(mine[operation][1] for mine in found))
    return table


TABLES: Mapping[str, Callable[[], Table]] = {
    "costs of engines": engine_costs,
    "costs of circuits": circuit_costs,
    "costs of arrays": array_costs,
}
"""By their names in `docs/performance.md`."""
