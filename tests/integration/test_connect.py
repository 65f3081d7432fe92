"""`mpcnet.connect` inside an application: sessions over TLS in one event loop, and nothing left of them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
import types
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mpcnet
from mpcnet.concurrency import together
from mpcnet.config import Config, Deadlines
from mpcnet.errors import ConfigError, ConnectFailed, Deadline, HandshakeFailed, MPCNetError, PeerAborted
from mpcnet.eventloop import new_event_loop
from mpcnet.provision import create_network
from mpcnet.runtime import run_until_done
from mpcnet.session import Session
from tests.integration import programs

NAMES = ("lender", "bureau", "bank")


class Network:
    """Folders of parties, and the sockets they listen on, bound at once so that nobody else takes the port."""

    def __init__(self, folder: Path, deadlines: Deadlines) -> None:
        self.sockets = {name: socket.socket() for name in NAMES}
        for bound in self.sockets.values():
            bound.bind(("127.0.0.1", 0))
        addresses = {name: f"127.0.0.1:{bound.getsockname()[1]}" for name, bound in self.sockets.items()}
        self.files = create_network(folder, addresses, deadlines=deadlines)

    def connect(self, name: str, **options: Any) -> Any:
        return mpcnet.connect(self.files[name], listen_socket=self.sockets[name], **options)

    async def run(self, role: Callable[[Session], Awaitable[Any]], **options: Any) -> dict[str, Any]:
        """Each party's result or exception."""

        async def party(name: str) -> Any:
            try:
                async with self.connect(name, **options) as session:
                    return await role(session)
            except Exception as error:
                return error

        return dict(zip(NAMES, await together(*map(party, NAMES)), strict=True))


def open_files() -> set[str]:
    return {os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if is_open(fd)}  # noqa: PTH115,PTH208


def is_open(fd: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")  # noqa: PTH115
    except FileNotFoundError:
        return False


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    gc.collect()
    before = open_files()
    threads = set(threading.enumerate())
    made = Network(tmp_path, Deadlines(connect=20, liveness=5, total=60))
    yield made
    for bound in made.sockets.values():
        bound.close()
    loop_sockets = 2  # the event loop's own pair, which lives a little longer than the test
    assert len(open_files() - before) <= loop_sockets
    assert {t for t in threading.enumerate() if not t.name.startswith("asyncio_")} <= threads


async def test_sessions_in_one_process(network: Network) -> None:
    events: list[str] = []
    results = await network.run(programs.names, on_event=lambda event: events.append(event.kind))
    for name, result in results.items():
        assert result["heard"] == sorted(other for other in NAMES if other != name)
    assert len({result["id"] for result in results.values()}) == 1
    assert {"listening", "connected", "standing"} <= set(events)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_config_object_and_folder(network: Network) -> None:
    async def party(name: str, config: Any) -> str:
        async with mpcnet.connect(config, listen_socket=network.sockets[name]) as session:
            return session.name

    folders = {"lender": network.files["lender"].parent, "bank": str(network.files["bank"])}
    configs = folders | {"bureau": Config.load(network.files["bureau"])}
    assert await together(*(party(name, config) for name, config in configs.items())) == ["lender", "bank", "bureau"]


async def test_error_at_one_reaches_all(network: Network) -> None:
    async def role(session: Session) -> None:
        await programs.names(session)
        if session.name == "bureau":
            raise LookupError("income 4711")
        await asyncio.Event().wait()

    results = await network.run(role)
    assert isinstance(results["bureau"], LookupError)
    for name in ("lender", "bank"):
        assert isinstance(results[name], PeerAborted)
        assert results[name].peer == "bureau"
        assert "4711" not in str(results[name])
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_other_job_is_refused_by_both(network: Network) -> None:
    async def party(name: str) -> Any:
        with pytest.raises(MPCNetError) as caught:
            async with network.connect(name, job="score" if name == "bank" else b"train"):
                pytest.fail("it got in")
        return caught.value

    errors = await together(*map(party, NAMES))
    assert {type(error) for error in errors} <= {HandshakeFailed, ConnectFailed}
    assert all("job" in str(error) for error in errors)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelled_while_connecting(network: Network) -> None:
    async def party(name: str) -> None:
        async with network.connect(name):
            pytest.fail("it got in")

    task = asyncio.create_task(party("lender"))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_total_deadline_is_told(network: Network) -> None:
    path = network.files["bank"]
    path.write_text(path.read_text().replace("total = 60", "total = 0.3"))

    async def role(session: Session) -> None:
        await programs.names(session)
        await asyncio.Event().wait()

    results = await network.run(role)
    assert isinstance(results["bank"], Deadline)
    assert {results[name].peer for name in ("lender", "bureau")} == {"bank"}


async def test_evaluation_twice_over(network: Network, tmp_path: Path) -> None:
    other = Network(tmp_path / "other", Deadlines(connect=20, liveness=5, total=60))

    async def role(session: Session) -> Any:
        values = {"a": [1, 2, 3], "b": 10}
        return await programs.add(session, values=values, owners={"a": "bank", "b": "bureau"}, reveal_to=["lender"])

    both = await together(network.run(role), other.run(role))
    for results in both:
        assert [one.tolist() for one in results["lender"]] == [[11, 12, 13]] * 3
        assert results["bank"] == results["bureau"] == [None] * 3
    for bound in other.sockets.values():
        bound.close()


async def test_mistake_in_a_file_comes_before_anything_is_opened(network: Network) -> None:
    (network.files["bank"].parent / "certificate.pem").unlink()
    with pytest.raises(ConfigError, match=r"certificate\.pem: the certificate cannot be read"):
        async with network.connect("bank"):
            pytest.fail("it got in")


def test_run_returns_what_main_returns(network: Network) -> None:
    async def role(session: Session) -> str:
        return session.name

    results: dict[str, str] = {}

    def party(name: str) -> None:
        results[name] = mpcnet.run(network.files[name], role, listen_socket=network.sockets[name])

    threads = [threading.Thread(target=party, args=(name,)) for name in NAMES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert results == {name: name for name in NAMES}


def test_uvloop_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = new_event_loop()
    assert type(loop).__module__.startswith("asyncio")
    loop.close()
    made = asyncio.new_event_loop()
    monkeypatch.setitem(sys.modules, "uvloop", types.SimpleNamespace(new_event_loop=lambda: made))
    assert new_event_loop() is made
    made.close()


def test_no_thread_starts_once_the_loop_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory has run out a new thread may never say that it has started."""

    def refuse(thread: threading.Thread) -> None:
        raise AssertionError("a thread starts")

    async def role() -> int:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        return sum(await asyncio.gather(*(asyncio.to_thread(int, "1") for _ in range(3))))

    assert run_until_done(role) == 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mpcnet")]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_termination_ends_a_run(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if loop == "asyncio":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    else:
        pytest.importorskip("uvloop")
    ended = []

    async def role() -> None:
        asyncio.get_running_loop().call_later(0.05, signal.raise_signal, signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("in order")

    with pytest.raises(SystemExit) as caught:
        run_until_done(role)
    assert caught.value.code == 143
    assert ended == ["in order"]
