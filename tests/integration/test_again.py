"""A run that loses a connection before any secret has moved begins again by itself, as a new session."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mpcnet
from mpcnet.config import Deadlines
from mpcnet.errors import MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.session import Session
from protocols.channel import exchange
from tests.integration import programs
from tests.kit.folders import NAMES, Folders


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Folders]:
    made = Folders(tmp_path, deadlines=Deadlines(connect=20, liveness=5, total=60, retry=10))
    yield made
    made.close()


def run_all(folders: Folders, role: Callable[[Session], Awaitable[Any]]) -> dict[str, Any]:
    """Each party in a thread; its result or its exception."""
    results: dict[str, Any] = {}

    def party(name: str) -> None:
        options = {"listen_socket": folders.sockets.pop(name), "on_event": events[name].append}
        try:
            results[name] = mpcnet.run(folders.files[name], role, **options)
        except BaseException as error:
            results[name] = error

    events: dict[str, list[Any]] = {name: [] for name in NAMES}
    threads = [threading.Thread(target=party, args=(name,)) for name in NAMES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    results["again"] = {name: sum(event.kind == "again" for event in events[name]) for name in NAMES}
    return results


def cut(session: Session, peer: str) -> None:
    """As the network would."""
    session._links[peer]._transport._sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]


async def agree(session: Session) -> None:
    channels = session.mesh("agreement", secret=False).channels.values()
    await asyncio.gather(*(exchange(channel, b"x", n_bytes=1) for channel in channels))


def test_lost_before_any_secret_begins_again(folders: Folders) -> None:
    attempts: dict[str, list[bytes]] = {name: [] for name in NAMES}

    async def role(session: Session) -> Any:
        attempts[session.name].append(session.session_id)
        await agree(session)
        if session.name == "bank" and len(attempts["bank"]) == 1:
            cut(session, "lender")
            await asyncio.Event().wait()
        values = {"a": [1, 2], "b": 7}
        return await programs.add(session, values=values, owners={"a": "bank", "b": "lender"}, reveal_to=["bureau"])

    results = run_all(folders, role)
    assert results.pop("again") == dict.fromkeys(NAMES, 1)
    assert [one.tolist() for one in results["bureau"]] == [[8, 9]] * 3
    assert results["bank"] == results["lender"] == [None] * 3
    assert {len(ids) for ids in attempts.values()} == {2}
    assert len({ids[0] for ids in attempts.values()}) == len({ids[1] for ids in attempts.values()}) == 1
    assert attempts["bank"][0] != attempts["bank"][1]


def test_lost_after_a_secret_ends_everywhere_with_the_same_words(folders: Folders) -> None:
    async def role(session: Session) -> Any:
        if session.name == "bureau":
            session.channel("bank", "mine")  # something may have moved here
        await agree(session)
        if session.name == "bank":
            cut(session, "lender")
        await asyncio.Event().wait()

    results = run_all(folders, role)
    assert results.pop("again") == dict.fromkeys(NAMES, 0)
    (text,) = {str(error) for error in results.values()}
    assert text.startswith("lender: connection lost: ")
    assert text.endswith("(seen by bank)")
    assert all(isinstance(error, MPCNetError) for error in results.values())


def test_party_that_does_not_come_back_is_named_with_the_first_cause(folders: Folders) -> None:
    for path in folders.files.values():
        path.write_text(path.read_text().replace("retry = 10", "retry = 0.5"))

    async def role(session: Session) -> Any:
        await agree(session)
        if session.name == "lender":
            for peer in session.peers:
                cut(session, peer)
            raise SystemExit(9)  # its links are dead, so nobody hears of it
        await asyncio.Event().wait()

    results = run_all(folders, role)
    assert results.pop("again") == {"bank": 1, "bureau": 1, "lender": 0}
    assert isinstance(results["lender"], SystemExit)
    for name in ("bank", "bureau"):
        error = results[name]
        assert isinstance(error, PeerDisconnected | PeerAborted)
        assert str(error).startswith("lender: connection lost: ")
        (note,) = error.__notes__
        assert note.startswith("it did not come back: ")
        assert "not all parties were there within 0.5 s: lender: " in note
    assert str(results["bank"]) == str(results["bureau"])


def test_retry_can_be_switched_off(folders: Folders) -> None:
    for path in folders.files.values():
        path.write_text(path.read_text().replace("retry = 10", "retry = 0"))

    async def role(session: Session) -> Any:
        await agree(session)
        if session.name == "bank":
            cut(session, "lender")
        await asyncio.Event().wait()

    results = run_all(folders, role)
    assert results.pop("again") == dict.fromkeys(NAMES, 0)
    assert len({str(error) for error in results.values()}) == 1


def test_line_that_breaks_every_time_is_given_up(folders: Folders) -> None:
    async def role(session: Session) -> Any:
        await agree(session)
        if session.name == "bank":
            cut(session, "lender")
        await asyncio.Event().wait()

    results = run_all(folders, role)
    assert results.pop("again") == dict.fromkeys(NAMES, 2)
    assert all(isinstance(error, MPCNetError) for error in results.values())
