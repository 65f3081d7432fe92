"""Showing an array to some parties: the only thing that a program waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.array.checks import flag_of
from mpcnet.array.dtypes import BIT, DType
from mpcnet.array.node import Node
from mpcnet.array.packing import raw_integers
from mpcnet.stats import RevealRecord
from protocols.arithmetic.contract import Elements, Engine
from protocols.boolean.contract import BitShares
from protocols.channel import Mesh
from protocols.ot.work import run

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = ["Reveal", "reveal"]

LONG = 1 << 14  # numbers that take milliseconds to decode


class Reveal:
    """What `SecretArray.reveal` returns: await it, at once or later, once or several times."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiters: list[asyncio.Future[None]] = []
        node.listeners.append(self._tell)

    def _tell(self, node: Node) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def __await__(self) -> Generator[Any, None, Any]:
        if not self._node.done:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        value = self._node.value
        if isinstance(value, Exception):
            raise type(value)(*value.args)
        return value

    def __repr__(self) -> str:
        return f"<{self._node.text}: await it>"


def reveal(x: SecretArray, to: Any) -> Reveal:
    """As `SecretArray.reveal`."""
    computation, node, dtype = x.computation, x.node, x.dtype
    names = computation.parties(to, "reveal")
    parties = frozenset(computation.number_of(name) for name in names)
    guard = computation.session.guard
    if guard is not None:
        guard.open(names, x.size)
    looked = flag_of(computation)
    suspects = list(computation.suspects)

    async def work(engine: Engine, mesh: Mesh, value: Any, overflowed: bool = False) -> Any:
        if overflowed:
            return OverflowError(f"a result was out of range in one of: {'; '.join(suspects)}")
        recipients = parties & {engine.party_id, *mesh.channels}
        if not recipients:  # all of them were lost
            return None
        raw = await (_bits if node.form == "bits" else _elements)(engine, mesh, value, recipients, dtype)
        if raw is None:
            return None
        return _decoded(raw.reshape(x.shape), dtype)

    made = computation.emit(
        "reveal",
        [node] if looked is None else [node, looked],
        work,
        talks=True,
        params=[sorted(parties), list(x.shape), repr(dtype)],
        detail=f" {dtype} {x.shape} to {', '.join(names)}",
    )
    record = RevealRecord(made.number, str(made.position), x.shape, repr(dtype), names, time.time())
    computation.record.reveals.append(record)
    return Reveal(made)


async def _elements(
    engine: Engine, mesh: Mesh, value: Elements, to: frozenset[int], dtype: DType
) -> NDArray[Any] | None:
    opened = await engine.open(mesh, value, to)
    if opened is None:
        return None
    return await run(_signed, engine, opened, long=opened.size > LONG)


def _signed(engine: Engine, x: Elements) -> NDArray[Any]:
    """Signed representatives; int64 where all fit."""
    ring = engine.ring
    below = ring.in_upper_half(x).astype(bool)
    size = np.where(below[..., None], ring.neg(x), x)
    if size[..., 1:].any() or (size[..., 0] >> np.uint64(63)).any():
        return np.asarray(ring.decode(x))
    low = size[..., 0].astype(np.int64)
    return np.where(below, -low, low)


async def _bits(engine: Engine, mesh: Mesh, value: BitShares, to: frozenset[int], dtype: DType) -> NDArray[Any] | None:
    words = await engine.boolean.open(mesh, value, to)
    return None if words is None else raw_integers(words, value.count, signed=dtype != BIT)


def _decoded(raw: NDArray[Any], dtype: DType) -> Any:
    low, high = dtype.bounds
    if raw.size and (int(raw.min()) < low or int(raw.max()) > high):
        return OverflowError(
            f"what was revealed is out of the range of {dtype}, so an operation before it overflowed; "
            "checked=True finds out which"
        )
    return dtype.decode(raw)
