"""What goes wrong while secret arrays are computed: every party ends, with the party, the operation and the line."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from mpcnet.errors import MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.session import Session
from protocols.arithmetic.shamir import ShamirEngine
from protocols.errors import CheckFailed, MessageError
from tests.mpcnet.test_array_divergence import outcomes, start


def kill(session: Session) -> None:
    """As when the process of this party is killed."""
    for peer in session.peers:
        session._links[peer].kill()  # type: ignore[attr-defined]


async def test_party_that_dies_is_named_by_all_others() -> None:
    async def role(session: Session) -> Any:
        _, x = start(session)
        await x.reveal()
        if session.name == "bank":
            kill(session)
            return "dead"
        for _ in range(100):
            x = x * x
        return await x.reveal()

    results = await outcomes(role)
    for name in ("bureau", "lender"):
        assert isinstance(results[name], PeerDisconnected | PeerAborted)
        assert results[name].peer == "bank"


async def test_party_that_dies_while_the_others_wait_for_its_end() -> None:
    async def role(session: Session) -> Any:
        _, x = start(session)
        await x.reveal()
        if session.name == "bank":
            await asyncio.sleep(0.05)
            kill(session)
        return "done"

    results = await outcomes(role)
    for name in ("bureau", "lender"):
        assert isinstance(results[name], MPCNetError)
        assert results[name].peer == "bank"


@pytest.mark.parametrize("kind", ["peer", "mine", "value", "local", "long"])
async def test_operation_that_fails(kind: str) -> None:
    async def role(session: Session) -> Any:
        sh, x = start(session)
        fails = session.name == "lender"

        async def talk(engine: Any, mesh: Any, value: Any) -> Any:
            if not fails:
                return await mesh.channels[2].receive(5)
            if kind == "peer":
                raise MessageError("a share is too large", peer="bank")
            raise CheckFailed("mine") if kind == "mine" else ValueError("a secret")

        def work(engine: Any, value: Any) -> Any:
            if fails:
                raise ValueError("a secret")
            return value

        local = kind in ("local", "long")
        size = 1 << 20 if kind == "long" else 1
        node = sh.emit("special", [x.node], work if local else talk, talks=not local, size=size)
        waiting = asyncio.Event()
        sh.emit("wait", [node], lambda engine, value: waiting.set())
        if local and not fails:
            await asyncio.sleep(3600)
        await waiting.wait()

    results = await outcomes(role)
    error = results["lender"]
    assert type(error) is {"peer": MessageError, "mine": CheckFailed}.get(kind, ValueError)
    assert any("in operation 2: special at" in note and __file__ in note for note in error.__notes__)
    for name in ("bank", "bureau"):
        told = results[name]
        assert isinstance(told, PeerAborted)
        assert "operation 2: special at test_array_failure.py:" in str(told)
        assert "a secret" not in str(told)
    assert ("a share is too large" in str(results["bureau"])) == (kind == "peer")
    assert results["bureau"].peer == ("bank" if kind == "peer" else "lender")


@pytest.mark.parametrize("what", ["length", "not canonical", "off the polynomial"])
async def test_wrong_message_names_the_party(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    right = ShamirEngine.open

    async def wrong(self: Any, mesh: Any, x: Any, to: Any) -> Any:
        if self.party_id == 2:
            x = np.array(x)
            if what == "length":
                x = x[:1]
            elif what == "not canonical":
                x[0] = np.uint64(0xFFFFFFFFFFFFFFFF)
            else:
                x[0, 0] ^= np.uint64(1)
        return await right(self, mesh, x, to)

    monkeypatch.setattr(ShamirEngine, "open", wrong)

    async def role(session: Session) -> Any:
        _, x = start(session)
        return await (x + 1).reveal(to="bank")

    results = await outcomes(role)
    error = results["bank"]
    assert isinstance(error, MessageError | CheckFailed)
    assert what == "off the polynomial" or error.peer == "lender"
    assert any("reveal int(32) (3,) to bank" in note for note in error.__notes__)
    assert isinstance(results["bureau"], PeerAborted)
    assert "operation 3: reveal" in str(results["bureau"])


async def test_failure_ends_a_body_that_waits_for_something_else() -> None:
    async def role(session: Session) -> Any:
        sh, x = start(session)
        if session.name == "bureau":

            def work(engine: Any, value: Any) -> Any:
                raise CheckFailed("no")

            sh.emit("special", [x.node], work)
        await asyncio.sleep(3600)

    results = await outcomes(role)
    assert isinstance(results["bureau"], CheckFailed)
    assert isinstance(results["bank"], PeerAborted)


async def test_failure_that_the_body_swallows_is_raised_all_the_same() -> None:
    async def role(session: Session) -> Any:
        sh, x = start(session)

        def work(engine: Any, value: Any) -> Any:
            raise CheckFailed("no")

        sh.emit("special", [x.node], work)
        try:
            await x.reveal()
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "all is well"

    results = await outcomes(role)
    assert all(isinstance(error, CheckFailed | PeerAborted) for error in results.values())


async def test_timeout_around_a_reveal_leaves_the_session_alive() -> None:
    async def role(session: Session) -> Any:
        sh, x = start(session)
        gate = asyncio.Event()

        async def talk(engine: Any, mesh: Any, value: Any) -> Any:
            await gate.wait()
            return value

        slow = sh.emit("slow", [x.node], talk, talks=True, shape=(3,), dtype=x.dtype, form="elements")
        revealed = type(x)(sh, slow, x.bounds).reveal()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await revealed
        gate.set()
        return (await revealed).tolist()

    assert set(map(str, (await outcomes(role)).values())) == {"[1, 2, 3]"}


async def test_cancelled_from_outside() -> None:
    async def role(session: Session) -> Any:
        _, x = start(session)
        if session.name == "bank":
            async with asyncio.timeout(0.02):
                await asyncio.Event().wait()
        for _ in range(1000):
            await (x * x).reveal()

    results = await outcomes(role)
    assert isinstance(results["bank"], TimeoutError)
    for name in ("bureau", "lender"):
        assert results[name].peer == "bank"
