"""How much 1,000 strangers at a party's door cost a job that runs: `scripts/chaos --strangers`.

The port closes when the mesh stands, so what is measured is a job whose parties' old ports are knocked at without a
pause, and the time to come together while 1,000 connections, slow and noisy, are in front of the door.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.kit.network import close_links, make_net

COUNT = 1000
ROUNDS = 5
JOB_BYTES = 200_000_000
LARGE_BYTES = 1 << 20


def measure() -> list[str]:
    """Lines for people."""
    alone = [asyncio.run(_job(None)) for _ in range(ROUNDS)]
    crowded = [asyncio.run(_job(COUNT)) for _ in range(ROUNDS)]
    lines = []
    for what, i in (("come together", 0), ("move 200 MB and answer", 1)):
        one, other = (statistics.median(times[i] for times in some) for some in (alone, crowded))
        best = [min(times[i] for times in some) for some in (alone, crowded)]
        lines.append(
            f"{what}: {one:.3f} s alone, {other:.3f} s with {COUNT} strangers (median of {ROUNDS}; best {best[0]:.3f} "
            f"and {best[1]:.3f})"
        )
    return lines


async def _job(count: int | None) -> tuple[float, float]:
    """Seconds to connect, and seconds of a job."""
    with tempfile.TemporaryDirectory() as folder:
        net = make_net(Path(folder), "bank", "lender")
        ports = [net.port(name) for name in net.roster.names]
        waiting = asyncio.ensure_future(net.connect("bank", connect_seconds=60.0))
        await net.until("bank", "listening")
        with _crowd(ports, count):
            started = time.perf_counter()
            (bank, _), (lender, _) = await asyncio.gather(waiting, net.connect("lender", connect_seconds=60.0))
            connected = time.perf_counter()
            one, two = bank["lender"].channel("x"), lender["bank"].channel("x")
            for _ in range(JOB_BYTES // LARGE_BYTES):
                await asyncio.gather(one.send(bytes(LARGE_BYTES)), two.receive(LARGE_BYTES))
            ended = time.perf_counter()
        await close_links(bank, lender)
        net.close()
        return connected - started, ended - connected


@contextlib.contextmanager
def _crowd(ports: list[int], count: int | None) -> Iterator[None]:
    """Strangers in a process of their own."""
    if count is None:
        yield
        return
    context = multiprocessing.get_context("spawn")
    ready, over = context.Event(), context.Event()
    process = context.Process(target=_knock, args=(ports, count, ready, over), daemon=True)
    process.start()
    ready.wait(30)
    try:
        yield
    finally:
        over.set()
        process.join(10)


def _knock(ports: list[int], count: int, ready: Event, over: Event) -> None:
    asyncio.run(_strangers(ports, count, ready, over))


async def _strangers(ports: list[int], count: int, ready: Event, over: Event) -> None:
    """Half of them stay and say nothing, half send nonsense and come again."""

    async def stranger(number: int) -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", ports[number % len(ports)])
                writer.write(os.urandom(300) if number % 2 else b"")
                await asyncio.sleep(1.0 if number % 2 else 20.0)
                writer.close()
            await asyncio.sleep(1.0)

    tasks = [asyncio.ensure_future(stranger(number)) for number in range(count)]
    await asyncio.sleep(0.5)
    ready.set()
    while not over.is_set():  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
