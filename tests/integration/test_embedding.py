"""Sessions inside somebody else's event loop: several at once, several jobs over one, and nothing global."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import mpcnet
from mpcnet.concurrency import together
from mpcnet.config import Deadlines
from mpcnet.errors import MPCNetError
from mpcnet.provision import create_network
from mpcnet.session import Session
from protocols.ot.work import watcher
from tests.kit.agreement import MINE, NAMES, OWNERS, approve

Role = Callable[[Session], Awaitable[Any]]


class Network:
    """Three parties on ports of their own."""

    def __init__(self, folder: Path) -> None:
        self.sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in NAMES}
        addresses = {name: "{}:{}".format(*bound.getsockname()) for name, bound in self.sockets.items()}
        self.files = create_network(folder, addresses, deadlines=Deadlines(connect=20, liveness=5, total=60))

    async def run(self, role: Role) -> dict[str, Any]:
        async def party(name: str) -> Any:
            async with mpcnet.connect(self.files[name], listen_socket=self.sockets[name]) as session:
                return await role(session)

        return dict(zip(NAMES, await together(*map(party, NAMES)), strict=True))


def things() -> dict[str, Any]:
    """What belongs to the application, and is not to be touched."""
    return {
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "handlers": list(logging.getLogger().handlers),
        "loggers": sorted(name for name in logging.root.manager.loggerDict if name.startswith(("mpcnet", "protocols"))),
        "excepthooks": (sys.excepthook, threading.excepthook, sys.unraisablehook),
        "filters": list(warnings.filters),
        "folder": Path.cwd(),
        "environment": dict(os.environ),
        "watcher": watcher.get(),
    }


def open_sockets() -> int:
    return sum(os.readlink(f"/proc/self/fd/{fd}").startswith("socket:") for fd in _descriptors())  # noqa: PTH115


def _descriptors() -> list[str]:
    found = []
    for fd in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
            found.append(fd)
    return found


async def ask(room: Any) -> Any:
    result = await room.evaluate(approve, MINE[room.name], owners=OWNERS, reveal_to=["lender"])
    return None if result is None else result.tolist()


async def test_several_sessions_and_several_jobs_at_once(tmp_path: Path) -> None:
    """Two networks of three parties each in one event loop, each with three jobs at once over its one session."""
    gc.collect()
    before, sockets = things(), open_sockets()
    networks = [Network(tmp_path / name) for name in ("one", "two")]
    ids: set[bytes] = set()

    async def role(session: Session) -> Any:
        ids.add(session.session_id)

        async def job(label: str) -> Any:
            async with session.fork(label) as fork:
                return await ask(fork)

        return await together(*(job(f"job-{i}") for i in range(3)))

    results = await together(*(network.run(role) for network in networks))
    assert [result["lender"] for result in results] == [[[True, False, False]] * 3] * 2
    assert len(ids) == 2
    assert things() == before
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert open_sockets() <= sockets


async def test_the_loop_goes_on_beside_an_evaluation(tmp_path: Path) -> None:
    """Other work of the application gets its turns while a long evaluation runs in the same loop and process."""
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    many = {name: {k: v * 300 if isinstance(v, list) else v for k, v in mine.items()} for name, mine in MINE.items()}

    async def role(session: Session) -> Any:
        return await session.evaluate(approve, many[session.name], owners=OWNERS, reveal_to=["lender"])

    ticking = asyncio.create_task(tick())
    result = await Network(tmp_path).run(role)
    ticking.cancel()
    assert result["lender"].tolist() == [True, False, False] * 300
    assert turns > 10


async def test_an_application_that_gives_up_leaves_nothing(tmp_path: Path) -> None:
    network, reached = Network(tmp_path), asyncio.Event()
    ended: dict[str, Any] = {}

    async def party(name: str) -> None:
        try:
            joined = mpcnet.connect(network.files[name], listen_socket=network.sockets[name])
            async with joined as session, session.fork("job") as fork:
                await ask(fork)
                reached.set()
                await asyncio.Event().wait()
        except MPCNetError as error:
            ended[name] = error

    tasks = {name: asyncio.create_task(party(name)) for name in NAMES}
    await reached.wait()
    tasks["bank"].cancel()
    await asyncio.wait(tasks.values())
    assert tasks["bank"].cancelled()
    assert {ended[name].peer for name in ("bureau", "lender")} == {"bank"}
    assert {str(ended[name]) for name in ("bureau", "lender")} == {"bank: it was cancelled"} or all(
        "it was cancelled" in str(ended[name]) for name in ("bureau", "lender")
    )
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_two_event_loops_in_two_threads(tmp_path: Path) -> None:
    """Nothing is tied to the main thread: an application may keep a loop of its own for this."""
    networks = [Network(tmp_path / name) for name in ("one", "two")]
    results: list[Any] = []

    def work(network: Network) -> None:
        results.append(asyncio.run(network.run(ask))["lender"])

    threads = [threading.Thread(target=work, args=(network,)) for network in networks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [[True, False, False]] * 2
    assert watcher.get() is None


@pytest.mark.parametrize("traced", [False, True])
async def test_a_trace_is_of_its_own_session_alone(tmp_path: Path, traced: bool) -> None:
    from mpcnet.trace.tracer import Tracer

    network = Network(tmp_path)
    tracers = {name: Tracer() for name in NAMES}

    async def party(name: str) -> None:
        trace = tracers[name] if traced or name == "bank" else None
        async with mpcnet.connect(network.files[name], listen_socket=network.sockets[name], trace=trace) as session:
            await ask(session)

    await together(*map(party, NAMES))
    works = {name: any(event.kind == "work" for event in tracers[name].events) for name in NAMES}
    assert works == {"bank": True, "bureau": False, "lender": traced}
    assert watcher.get() is None


@pytest.mark.parametrize("steps", [40, 120, 250, 400])
async def test_an_application_that_cancels_again_and_again_leaves_nothing(tmp_path: Path, steps: int) -> None:
    """The first cancellation ends the session; those that come while it says goodbye do not cut that short."""
    gc.collect()
    network, sockets = Network(tmp_path), open_sockets()
    told: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(str(context)))

    async def party(name: str) -> None:
        joined = mpcnet.connect(network.files[name], listen_socket=network.sockets[name])
        async with joined as session, session.fork("one") as fork:
            await ask(fork)

    tasks = {name: asyncio.create_task(party(name)) for name in NAMES}
    for _ in range(steps):
        await asyncio.sleep(0)
    for _ in range(20):
        tasks["bank"].cancel()
        await asyncio.sleep(0)
    await asyncio.wait(tasks.values())
    for task in tasks.values():
        assert task.cancelled() or task.exception() is None or isinstance(task.exception(), MPCNetError)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    del tasks
    gc.collect()
    await asyncio.sleep(0)
    assert told == []
    assert open_sockets() <= sockets


@pytest.mark.parametrize("steps", [2, 10, 20, 40, 80])
async def test_cancelled_twice_while_it_connects(tmp_path: Path, steps: int) -> None:
    """The second cancellation comes while the ports are being closed."""
    gc.collect()
    before = open_sockets()
    network = Network(tmp_path)

    async def party(name: str) -> None:
        async with mpcnet.connect(network.files[name], listen_socket=network.sockets[name]):
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(party(name)) for name in NAMES]
    for _ in range(steps):
        await asyncio.sleep(0)
    for _ in range(2):
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert all(bound.fileno() < 0 for bound in network.sockets.values())
    assert open_sockets() <= before
