"""What 1,000 strangers at the doors of all parties cost them: `scripts/chaos --strangers`.

The strangers are there before a party listens, and go on knocking while the job runs, when its doors are closed. With
and without them is measured in turn, so that other work on the machine meets both.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mpcnet.config import Deadlines
from mpcnet.credit.prepare import prepare
from tests.chaos import child
from tests.chaos.crowd import crowd
from tests.chaos.plan import PARTIES
from tests.kit.network import bound_socket, close_links, make_net

__all__ = ["measure"]

COUNT = 1000
ROUNDS = 9
APPLICANTS = 20_000
TIMES = Deadlines(connect=60.0, total=300.0)


def measure() -> list[str]:
    """Lines for people."""
    return asyncio.run(_measure())


async def _measure() -> list[str]:
    times: dict[str, tuple[list[float], list[float]]] = {"three parties come together": ([], [])}
    scoring = f"they score {APPLICANTS:,} applicants, from start to exit"
    times[scoring] = ([], [])
    with tempfile.TemporaryDirectory(prefix="mpcnet-strangers-") as folder:
        job = _ScoringJob(Path(folder) / "job")
        await asyncio.to_thread(job.run)  # starts the process that parties are forked from
        for number in range(ROUNDS):
            for i, count in enumerate((0, COUNT)):
                connecting = _connect(Path(folder) / f"net{number}-{i}", count)
                times["three parties come together"][i].append(await connecting)
                async with crowd(job.ports, count, wait=False):
                    times[scoring][i].append(await asyncio.to_thread(job.run))
    return [_line(what, *some) for what, some in times.items()]


def _line(what: str, alone: Sequence[float], crowded: Sequence[float]) -> str:
    one, other = statistics.median(alone), statistics.median(crowded)
    return (
        f"{what}: {one:.3f} s alone, {other:.3f} s with {COUNT:,} strangers, {other / one:.2f} times as long "
        f"(median of {ROUNDS}; the shortest {min(alone):.3f} and {min(crowded):.3f})"
    )


async def _connect(folder: Path, count: int) -> float:
    """Seconds from when the last party starts until the mesh stands; the strangers are at the door of the first."""
    net = make_net(folder, "bank", "bureau", "lender")
    waiting = asyncio.ensure_future(net.connect("bank", connect_seconds=60.0))
    await net.until("bank", "listening")
    async with crowd([net.port("bank")], count):
        started = time.perf_counter()
        others = (net.connect(name, connect_seconds=60.0) for name in ("bureau", "lender"))
        meshes = await asyncio.gather(waiting, *others)
        seconds = time.perf_counter() - started
    await close_links(*(links for links, _ in meshes))
    net.close()
    return seconds


class _ScoringJob:
    """Three processes that score applicants, on the same ports each time."""

    def __init__(self, folder: Path) -> None:
        sockets = [bound_socket() for _ in PARTIES]
        self.ports = [sock.getsockname()[1] for sock in sockets]
        for sock in sockets:
            sock.close()
        addresses = {name: f"127.0.0.1:{port}" for name, port in zip(PARTIES, self.ports, strict=True)}
        self._configs = prepare(folder, addresses=addresses, deadlines=TIMES)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.chaos.preload"])

    def run(self) -> float:
        """Seconds of one run, which has to end well."""
        started, pipes, processes = time.perf_counter(), [], []
        for name in PARTIES:
            mine, its = self._context.Pipe()
            spec = {"config": str(self._configs[name]), "applicants": APPLICANTS}
            process = self._context.Process(target=child.party, args=(its, spec))
            process.start()
            its.close()
            pipes.append(mine)
            processes.append(process)
        ends = [pipe.recv()[1] for pipe in pipes]
        seconds = time.perf_counter() - started
        for process in processes:
            process.join()
        if any(end["code"] for end in ends):
            raise RuntimeError(f"the job failed: {[end['text'] for end in ends]}")
        return seconds
