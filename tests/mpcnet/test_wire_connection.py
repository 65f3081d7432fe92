"""Links: the contract of channels over each kind, heartbeats, abort, farewell, failure."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from mpcnet.cause import Cause
from mpcnet.errors import FrameError, MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.wire import connection
from mpcnet.wire.connection import Link
from mpcnet.wire.frames import Kind, pack_frame
from mpcnet.wire.memory import MemoryTransport, memory_links, memory_mesh
from protocols.channel import Channel
from protocols.errors import MessageError, StateError
from tests.kit.channels import TEMPERS, Temper, channel_pair
from tests.kit.network import check_channel, close_links, gather_errors, make_net, nothing_left

SESSION = bytes(range(32))
BAD_ABORT = b"\x85\xa7culprit\x01\xa6reason\xa1x\xa6origin\xa1x\xa5again\xc2\xa4open\xc2"  # the culprit is a number


def pair(**options: object) -> tuple[Link, Link]:
    return memory_links("bank", "lender", session_id=SESSION, **options)  # type: ignore[arg-type]


# ---- the contract


@pytest.mark.parametrize("temper", TEMPERS)
async def test_the_channels_of_the_kit_keep_the_contract(temper: Temper) -> None:
    async def maker() -> tuple[Channel, Channel]:
        return channel_pair(temper)

    await check_channel(maker)


@pytest.mark.parametrize(
    "options",
    [{}, {"window_bytes": 16 * 1024, "piece_bytes": 4096}, {"latency_seconds": 0.001}, {"bandwidth": 1e9}],
    ids=["plain", "tight", "latency", "bandwidth"],
)
async def test_memory_links_keep_the_contract(options: dict[str, float]) -> None:
    left, right = pair(**options)

    async def maker() -> tuple[Channel, Channel]:
        return left.channel("x"), right.channel("x")

    async with nothing_left():
        await check_channel(maker)
        await asyncio.gather(left.close(), right.close())


async def test_tls_links_keep_the_contract(tmp_path: Path) -> None:
    async with nothing_left():
        net = make_net(tmp_path, "bank", "lender")
        meshes = await net.connect_all()
        left, right = meshes["bank"][0]["lender"], meshes["lender"][0]["bank"]

        async def maker() -> tuple[Channel, Channel]:
            return left.channel("x"), right.channel("x")

        await check_channel(maker)
        await close_links(meshes["bank"][0], meshes["lender"][0])


# ---- channels


async def test_session_ids_differ_by_pair_and_path() -> None:
    mesh, session_id = memory_mesh(["a", "b", "c"])
    ids = [
        session_id,
        mesh[0]["b"].channel("x").session_id,
        mesh[0]["c"].channel("x").session_id,
        mesh[1]["c"].channel("x").session_id,
        mesh[0]["b"].channel("y").session_id,
        mesh[0]["b"].channel("z").fork("x").session_id,
    ]
    assert len(set(ids)) == len(ids)
    assert mesh[1]["a"].channel("z").fork("x").session_id == ids[-1]
    assert memory_mesh(["a", "b"])[1] != session_id


async def test_a_label_is_used_once() -> None:
    left, right = pair()
    left.channel("x")
    with pytest.raises(ValueError, match="label 'x' was used before"):
        left.channel("x")
    with pytest.raises(ValueError, match="not empty"):
        left.channel("")
    right.channel("x").close()
    with pytest.raises(ValueError, match="label 'x' was used before"):
        right.channel("x")


async def test_channels_open_only_when_the_session_stands() -> None:
    link = Link("bank", "lender", MemoryTransport("bank", "lender"))
    with pytest.raises(StateError, match="when the session stands"):
        link.channel("x")


async def test_parts_need_not_be_contiguous() -> None:
    left, right = pair()
    one, two = left.channel("x"), right.channel("x")
    table = np.arange(12, dtype=">u2").reshape(3, 4)
    await one.send(table.T, memoryview(b"abcdef")[::2], np.float64(1.5).reshape(()))
    got = bytes(await two.receive(24 + 3 + 8))
    assert got == np.ascontiguousarray(table.T).tobytes() + b"ace" + np.float64(1.5).tobytes()


async def test_a_slow_channel_waits_and_another_does_not() -> None:
    left, right = pair(window_bytes=64 * 1024)
    dull = left.channel("dull")
    right.channel("dull")
    stuck = asyncio.create_task(dull.send(bytes(10_000_000)))
    brisk, reader = left.channel("brisk"), right.channel("brisk")
    for _ in range(20):
        await asyncio.gather(brisk.send(bytes(100_000)), reader.receive(100_000))
    assert not stuck.done()
    assert right.stats.bytes_received < 20 * 100_500 + 64 * 1024 + 10_000
    stuck.cancel()
    await gather_errors(stuck)
    await close_links({"": left}, {"": right})


async def test_a_cancelled_send_leaves_the_channel_whole() -> None:
    left, right = pair(window_bytes=32 * 1024)
    one, two = left.channel("x"), right.channel("x")
    data = bytearray(os.urandom(500_000))
    digest = hashlib.sha256(data).digest()
    sending = asyncio.create_task(one.send(data))
    await asyncio.sleep(0.01)
    sending.cancel()
    await gather_errors(sending)
    data[:] = bytes(len(data))
    await asyncio.gather(one.send(b"next"), _expect_digest(two, 500_000, digest))
    assert bytes(await two.receive(4)) == b"next"


async def _expect_digest(channel: Channel, n_bytes: int, digest: bytes) -> None:
    assert hashlib.sha256(await channel.receive(n_bytes)).digest() == digest


async def test_a_message_error_does_not_touch_other_channels() -> None:
    left, right = pair()
    one, two = left.channel("x"), right.channel("x")
    other, another = left.channel("y"), right.channel("y")
    await one.send(b"12345")
    with pytest.raises(MessageError, match=r"bank: expected a message of 4 bytes, got 5 \(channel 'x'\)"):
        await two.receive(4)
    await other.send(b"fine")
    assert bytes(await another.receive(4)) == b"fine"
    assert right.error is None


async def test_counters_count() -> None:
    left, right = pair()
    one, two = left.channel("x"), right.channel("x")
    await one.send(b"x" * 1000)
    await two.receive(1000)
    assert left.stats.messages_sent == right.stats.messages_received == 1
    assert left.stats.payload_sent == right.stats.payload_received == 1000
    assert left.bytes_sent == right.bytes_received == 1000 + 16 + 48
    assert left.stats.wire_sent == right.stats.wire_received == left.bytes_sent


# ---- endings


async def test_close_delivers_everything_first() -> None:
    async with nothing_left():
        left, right = pair(window_bytes=64 * 1024)
        one, two = left.channel("x"), right.channel("x")
        sending = asyncio.create_task(one.send(bytes(1_000_000)))
        await asyncio.sleep(0)
        closing = asyncio.create_task(left.close())
        assert len(await two.receive(1_000_000)) == 1_000_000
        await asyncio.gather(sending, closing)
        with pytest.raises(PeerDisconnected, match="bank: has finished and left"):
            await two.receive(1)
        with pytest.raises(PeerDisconnected, match="bank: has finished and left"):
            await two.send(b"x")
        assert right.error is None
        await right.close()
        with pytest.raises(StateError, match="this side has closed the link"):
            await one.send(b"x")


async def test_close_ends_what_still_waits_here() -> None:
    left, right = pair()
    one = left.channel("x")
    waiting = asyncio.create_task(one.receive(5))
    await asyncio.sleep(0)
    await left.close()
    with pytest.raises(StateError, match="closed the link"):
        await waiting
    await right.close()
    await left.close()
    await left.abort("too late")
    assert left.error is None


async def test_close_does_not_wait_for_ever() -> None:
    async with nothing_left():
        left, right = pair(tamper=lambda *_: [])
        await left.close(0.05)
        assert left.is_over or right.is_over
        right.kill()


async def test_an_abort_reaches_everything_that_waits_there() -> None:
    async with nothing_left():
        left, right = pair(window_bytes=64 * 1024)
        channels = [(left.channel(label), right.channel(label)) for label in "abc"]
        waits = [asyncio.create_task(two.receive(5)) for _, two in channels]
        sends = [asyncio.create_task(two.send(bytes(1_000_000))) for _, two in channels]
        here = asyncio.create_task(channels[0][0].receive(7))
        await asyncio.sleep(0)
        await left.abort("the model file\nis \x1b[31mmissing", culprit="bureau")
        for error in await gather_errors(*waits, *sends):
            assert isinstance(error, PeerAborted)
            assert str(error) == "bank ended the run because of bureau: the model file is [31mmissing"
            assert (error.peer, error.culprit, error.reason) == ("bureau", "bureau", "the model file is [31mmissing")
        assert isinstance(right.failure.exception(), PeerAborted)
        with pytest.raises(PeerAborted, match="because of bureau"):
            await channels[1][1].send(b"later")
        with pytest.raises(MPCNetError, match="this party ended the run"):
            await here
        await right.close()


async def test_an_abort_of_its_own_names_the_peer() -> None:
    left, right = pair()
    await left.abort("out of luck")
    assert str(right.error) == "bank ended the run: out of luck"
    assert isinstance(right.error, PeerAborted)
    assert right.error.peer == right.error.culprit == "bank"


async def test_a_peer_that_goes_without_a_word_is_named() -> None:
    left, right = pair()
    waiting = asyncio.create_task(right.channel("x").receive(5))
    await asyncio.sleep(0)
    left._transport.kill()
    with pytest.raises(PeerDisconnected, match="bank: closed the connection without a goodbye") as caught:
        await waiting
    assert caught.value.peer == "bank"
    assert isinstance(right.failure.exception(), PeerDisconnected)


async def test_a_failure_that_nobody_may_watch_any_more_still_ends_the_link() -> None:
    left, right = pair()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(right.failure, 0.01)  # this cancels the future
    waiting = asyncio.create_task(right.channel("x").receive(5))
    await left.abort("no")
    with pytest.raises(PeerAborted, match="bank ended the run: no"):
        await waiting
    assert isinstance(right.error, PeerAborted)


async def test_everybody_gets_an_error_of_its_own() -> None:
    left, right = pair()
    waits = [asyncio.create_task(right.channel(label).receive(1)) for label in "ab"]
    await asyncio.sleep(0)
    await left.abort("no")
    one, two = await gather_errors(*waits)
    assert one is not two
    assert str(one) == str(two)
    assert type(one) is type(two)


async def test_a_frame_error_ends_both_sides_with_words() -> None:
    garbage = pack_frame(Kind.MESSAGE, b"x", channel=9, argument=1)
    left, right = pair(tamper=lambda me, _, number, data: [garbage if me == "bank" else data])
    here, there = left.channel("x"), right.channel("x")
    errors = await gather_errors(here.receive(1), there.receive(1))
    assert isinstance(errors[1], FrameError)
    assert str(errors[1]) == "bank: sent a frame for channel number 9, which it does not have open"
    assert isinstance(errors[0], PeerAborted)
    assert errors[0].culprit == "bank"
    assert "sent a frame for channel number 9" in str(errors[0])


@pytest.mark.parametrize("payload", [b"\xc1", b"\x80", BAD_ABORT])
async def test_a_malformed_abort_is_a_frame_error(payload: bytes) -> None:
    bad = pack_frame(Kind.ABORT, payload)
    left, right = pair(tamper=lambda me, _, number, data: [bad if me == "bank" else data])
    left.channel("x")
    with pytest.raises(FrameError, match="bank: sent an ABORT frame of the wrong form"):
        await right.channel("x").receive(1)


# ---- heartbeats


async def test_a_silent_peer_is_given_up() -> None:
    cut = False
    left, right = pair(tamper=lambda *args: [] if cut else [args[3]], liveness_seconds=0.2)
    one, two = left.channel("x"), right.channel("x")
    await asyncio.sleep(0.5)  # nobody says anything but heartbeats
    await asyncio.gather(one.send(b"still here"), two.receive(10))
    assert left.stats.round_trip_seconds is not None
    cut = True
    errors = await gather_errors(one.receive(1), two.receive(1))
    for error, peer in zip(errors, ("lender", "bank"), strict=True):
        assert isinstance(error, PeerDisconnected)
        assert str(error).startswith(f"{peer}: silent for 0.2 s")
        assert error.peer == peer


async def test_a_loop_that_was_held_up_does_not_blame_the_peer() -> None:
    left, right = pair(liveness_seconds=0.2)
    one, two = left.channel("x"), right.channel("x")
    for _ in range(3):
        _hold_up(0.5)
        await asyncio.gather(one.send(b"x"), two.receive(1))
    assert left.error is None
    assert right.error is None
    await close_links({"": left}, {"": right})


def _hold_up(seconds: float) -> None:
    import time

    time.sleep(seconds)


async def test_heartbeats_go_on_beside_long_work_in_threads() -> None:
    left, right = pair(liveness_seconds=0.3)
    waiting = asyncio.create_task(left.channel("x").receive(4))
    await asyncio.to_thread(_hold_up, 1.0)
    await right.channel("x").send(b"done")
    assert bytes(await waiting) == b"done"


async def test_no_timer_is_left_after_the_end() -> None:
    left, right = pair(liveness_seconds=0.05)
    await asyncio.gather(left.close(), right.close())
    assert left._timer is None
    assert right._timer is None
    left, right = pair(liveness_seconds=0.05)
    await left.abort("x")
    await right.close()
    assert left._timer is None
    assert right._timer is None


async def test_a_link_that_nobody_closes_after_an_abort_closes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "UNTENDED_SECONDS", 0.02)
    left, right = pair()
    await left.abort("x")
    async with asyncio.timeout(5):
        await right._transport.closed
    assert right.is_over


async def test_causes_go_both_ways_until_one_closes() -> None:
    left, right = pair()
    news: list[Cause | None] = []
    left.on_news = lambda: news.append(left.told)
    causes = [Cause("bank", f"reason {i}", "lender", again=i == 1) for i in range(3)]
    left.report(causes[0])
    for _ in range(3):
        await asyncio.sleep(0)
    assert right.told == causes[0]
    assert isinstance(right.error, PeerAborted)
    right.report(causes[1])
    right.report(causes[1])
    right.report(causes[2])
    for _ in range(3):
        await asyncio.sleep(0)
    assert news[-1] == left.told == causes[2]
    assert left.told is not None
    await asyncio.gather(left.close(), right.close())
    left.report(causes[0])  # nobody hears it


async def test_closing_can_be_cancelled() -> None:
    async with nothing_left():
        left, right = pair(tamper=lambda *_: [])
        closing = asyncio.create_task(left.close(30))
        await asyncio.sleep(0.01)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert left.is_over
        right.kill()
