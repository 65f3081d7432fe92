"""Two parties on a slow network: seconds, bytes and round trips of a garbled evaluation, in one process.

The links, channels and frames are those of a real run, over pipes with latency and bandwidth, without TLS (some 0.2 %
of the bytes). The clock skips the waiting; computing takes the time it takes, here on one core for both parties.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from mpcnet.bench.clock import run_skipping
from mpcnet.bench.roles import EVALUATOR, GARBLER
from mpcnet.bench.workloads import FIPS_BLOCK, FIPS_KEY, FIPS_RESULT, Workload, check, find_workload
from mpcnet.concurrency import together
from mpcnet.wire.connection import Link
from mpcnet.wire.memory import memory_links
from protocols import garbling
from protocols.bits import pack
from protocols.channel import exchange
from protocols.ot import OtReceiver, OtSender

__all__ = ["CASES", "NETWORKS", "Case", "Network", "WanRow", "measure_wan", "round_trips"]


@dataclass(frozen=True)
class Network:
    """A line between two parties.

    Attributes:
        name: for people.
        round_trip: seconds there and back.
        bits: a second, each way; 0 for no limit.
    """

    name: str
    round_trip: float
    bits: float

    def settings(self) -> dict[str, Any]:
        """For `memory_links`."""
        return {"latency_seconds": self.round_trip / 2, "bandwidth": self.bits / 8 or None}


REPEATS = 3

NETWORKS = (
    Network("50 ms, 100 Mbit/s", 0.05, 100e6),
    Network("100 ms, 20 Mbit/s", 0.1, 20e6),
    Network("10 ms, 1 Gbit/s", 0.01, 1e9),
)


@dataclass(frozen=True)
class Case:
    """What is evaluated.

    Attributes:
        what: for people.
        workload: see `mpcnet.bench.workloads`.
        batch, quick_batch: instances.
    """

    what: str
    workload: str
    batch: int
    quick_batch: int


CASES = (
    Case("AES-128", "yao-aes", 1, 1),
    Case("AES-128", "yao-aes", 100, 2),
    Case("32-bit comparison", "yao-compare", 20_000, 100),
)


_ROLES: Mapping[str, tuple[Any, Any]] = {
    GARBLER: (OtSender.setup, garbling.garble_shares),
    EVALUATOR: (OtReceiver.setup, garbling.evaluate_shares),
}


@dataclass(frozen=True)
class WanRow:
    """One evaluation, from the moment the connection is up.

    Attributes:
        what, network: as in `Case` and `Network`.
        scheme: of garbling.
        k: of the OT extension.
        instances, and_gates: how much was evaluated.
        seconds: from the first message to the outputs at both parties, setup of OT included.
        garbler_bytes, evaluator_bytes: what each sent, with frames.
    """

    what: str
    network: str
    scheme: str
    k: int
    instances: int
    and_gates: int
    seconds: float
    garbler_bytes: int
    evaluator_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def measure_wan(
    schemes: Sequence[str],
    ks: Sequence[int],
    *,
    repeats: int,
    quick: bool = False,
    on_row: Callable[[WanRow], None] | None = None,
) -> list[WanRow]:
    """All cases on all networks with these schemes and parameters.

    Args:
        schemes: names of garbling schemes.
        ks: parameters of the OT extension, 1 to 8.
        repeats: how often each is run; the median counts.
        quick: small batches, one network.
        on_row: called with each row as it comes.
    """
    rows = []
    for case in CASES:
        job = _Job(find_workload(case.workload), case.quick_batch if quick else case.batch)
        ands = job.batch * job.workload.circuit.and_count
        for network, scheme, k in itertools.product(NETWORKS[:1] if quick else NETWORKS, schemes, ks):
            runs = [run_skipping(_over(network, partial(job.evaluate, scheme, k))) for _ in range(repeats)]
            seconds, sent = sorted(runs)[repeats // 2]
            rows.append(WanRow(case.what, network.name, scheme, k, job.batch, ands, seconds, *sent))
            if on_row is not None:
                on_row(rows[-1])
    return rows


def round_trips(scheme: str) -> float:
    """Round trips of one AES-128 once the connection is up: agreement, setup of OT, outputs to both.

    Counted on a line of endless bandwidth, with a clock on which computing takes no time: the same in every run.
    """
    workload, line = find_workload("yao-aes"), Network("trips", 1.0, 0.0)
    seconds, _ = run_skipping(_over(line, lambda link: _call(link, workload, scheme)), counts_work=False)
    return round(seconds, 6)


async def _over(network: Network, role: Callable[[Link], Coroutine[Any, Any, None]]) -> tuple[float, tuple[int, int]]:
    """Run a role at both ends of a new line; seconds by the loop's clock, and the bytes of garbler and evaluator."""
    loop = asyncio.get_running_loop()
    links = memory_links(GARBLER, EVALUATOR, session_id=bytes(32), **network.settings())
    start = loop.time()
    try:
        await together(*map(role, links))
        return loop.time() - start, (links[0].bytes_sent, links[1].bytes_sent)
    finally:
        await asyncio.gather(*(link.close() for link in links))


class _Job:
    """An evaluation with all that belongs to no party made before."""

    def __init__(self, workload: Workload, batch: int) -> None:
        self.workload, self.batch = workload, batch
        self._own = {name: workload.bits_of(name, batch) for name in (GARBLER, EVALUATOR)}
        self._expected = pack(workload.expected(batch).reshape(-1))

    async def evaluate(self, scheme: str, k: int, link: Link) -> None:
        """One party: OT set up with this k, the evaluation, the outputs to both."""
        channel, circuit, roles = link.channel("wan"), self.workload.circuit, self.workload.roles
        setup, core = _ROLES[link.me]
        ot = await setup(channel.fork("ot"), k=k)
        shares = await core(channel, circuit, self._own[link.me], roles, ot=ot, batch=self.batch, scheme=scheme)
        packed = pack(shares.reshape(-1))
        theirs = np.frombuffer(await exchange(channel, packed, n_bytes=len(packed)), np.uint8)
        check(np.array_equal(packed ^ theirs, self._expected))


async def _call(link: Link, workload: Workload, scheme: str) -> None:
    """One party: what a user of `protocols.garbling` calls."""
    channel, circuit = link.channel("trips"), workload.circuit
    if link.me == GARBLER:
        result = await garbling.garble(channel, circuit, {"key": FIPS_KEY}, scheme=scheme)
    else:
        result = await garbling.evaluate(channel, circuit, {"block": FIPS_BLOCK}, scheme=scheme)
    check(result == FIPS_RESULT)
