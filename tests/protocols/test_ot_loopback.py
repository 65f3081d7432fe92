"""OT over buffered, lockstep and trickling channels; on one channel twice, on forks at once, against another's idea."""

from __future__ import annotations

import asyncio
import tracemalloc

import numpy as np
import pytest

from protocols import ot
from protocols.errors import MessageError, ProtocolError, StateError
from protocols.ot import OtReceiver, OtSender, extension
from tests.kit.channels import TEMPERS, Temper, run_pair
from tests.kit.ot_contract import select
from tests.kit.ot_makers import channels, softspoken


def inputs(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng((count, seed))
    return random.integers(0, 256, (count, 2, 16), np.uint8), random.integers(0, 2, count)


@pytest.mark.parametrize("temper", TEMPERS)
@pytest.mark.parametrize("count", [0, 1, 2, 127, 128, 129, 5000])
async def test_one_shot(temper: Temper, count: int) -> None:
    left, right = channels(temper)
    for seed in range(2):  # twice on one channel
        messages, choices = inputs(count, seed)
        nothing, got = await run_pair(ot.send(left, messages), ot.receive(right, choices))
        assert nothing is None
        assert got.shape == (count, 16)
        assert (got == select(messages, choices)).all()


@pytest.mark.parametrize("temper", TEMPERS)
@pytest.mark.parametrize("k", [2, 5])
async def test_calls_of_many_messages(temper: Temper, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver runs ahead of the sender's answers, over any channel."""
    monkeypatch.setattr(extension.SoftSpokenSender, "max_count", 64)
    monkeypatch.setattr(extension.SoftSpokenReceiver, "max_count", 64)
    sender, receiver, channel = await softspoken(k, temper)
    messages, choices = inputs(1000)
    before = channel.wire.n_messages("receiver")
    _, got = await run_pair(sender.chosen(messages), receiver.chosen(choices))
    assert channel.wire.n_messages("receiver") - before == 16
    assert (got == select(messages, choices)).all()
    delta = bytes(range(16))
    keys, macs = await run_pair(sender.correlated(1000, delta), receiver.correlated(choices))
    assert (macs == keys ^ choices.astype(np.uint8)[:, None] * np.frombuffer(delta, np.uint8)).all()
    pairs, (random_choices, random_got) = await run_pair(sender.random(1000), receiver.random(1000))
    assert (random_got == select(pairs, random_choices)).all()
    assert len({pair.tobytes() for pair in pairs.reshape(-1, 16)}) == 2000


async def test_calls_beyond_one_message() -> None:
    sender, receiver, _ = await softspoken(2)
    messages, choices = inputs(extension.MESSAGE_OTS + 1)
    _, got = await run_pair(sender.chosen(messages), receiver.chosen(choices))
    assert (got == select(messages, choices)).all()


async def test_forks_at_once() -> None:
    left, right = channels("trickling")

    async def one(label: str, seed: int) -> None:
        messages, choices = inputs(200, seed)
        _, got = await run_pair(ot.send(left.fork(label), messages), ot.receive(right.fork(label), choices))
        assert (got == select(messages, choices)).all()

    await asyncio.gather(*(one(f"ot{i}", i) for i in range(3)))


@pytest.mark.parametrize(("mine", "theirs"), [(2, 3), (8, 1), (1, 2)])
async def test_another_k_is_noticed(mine: int, theirs: int) -> None:
    messages, choices = inputs(200)
    left, right = channels()
    with pytest.raises(MessageError):
        await run_pair(ot.send(left, messages, k=mine), ot.receive(right, choices, k=theirs), seconds=5)


@pytest.mark.parametrize(("mine", "theirs"), [(200, 300), (300, 200), (100, 101), (5, 200), (200, 5)])
async def test_another_count_is_noticed(mine: int, theirs: int) -> None:
    left, right = channels()
    with pytest.raises(MessageError):
        await run_pair(ot.send(left, inputs(mine)[0]), ot.receive(right, inputs(theirs)[1]), seconds=5)


async def test_wrong_arguments_come_before_any_byte() -> None:
    left, right = channels()
    messages, choices = inputs(200)
    for wrong in (
        ot.send(left, messages[:, :1]),
        ot.send(left, messages.astype(np.uint16)),
        ot.send(left, messages, k=9),
        ot.send(left, messages[:0], k=0),
        ot.receive(right, choices + 1),
        ot.receive(right, choices[:, None]),
        ot.receive(right, choices, k=0),
        OtSender.setup(left, k=9),
        OtReceiver.setup(right, k=0),
    ):
        with pytest.raises(ValueError, match=r"messages|choices|k must"):
            await wrong
    assert not left.wire.messages


async def test_after_an_error_the_objects_are_spent() -> None:
    spoiled = []

    def tamper(sender: str, path: str, number: int, message: bytes) -> list[bytes]:
        return [message[:-1]] if spoiled and sender == "sender" else [message]

    sender, receiver, _ = await softspoken(tamper=tamper)
    messages, choices = inputs(50)
    spoiled.append(True)
    with pytest.raises(MessageError, match="sender: expected a message of 1600 bytes, got 1599"):
        await run_pair(sender.chosen(messages), receiver.chosen(choices))
    for call in (receiver.chosen(choices), receiver.correlated(choices), receiver.random(5)):
        with pytest.raises(StateError, match="set up anew"):
            await call


async def test_a_cancelled_receiver_leaves_no_task_behind() -> None:
    sender, receiver, _ = await softspoken()
    waiting = asyncio.ensure_future(receiver.chosen(np.zeros(100, np.uint8)))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(asyncio.all_tasks()) == 1
    assert issubclass(StateError, ProtocolError)
    with pytest.raises(StateError):
        await receiver.random(1)
    assert (await asyncio.wait_for(sender.random(0), 1)).shape == (0, 2, 16)


async def test_memory_is_the_result_and_a_few_messages() -> None:
    sender, receiver, channel = await softspoken(4)
    count = 6 * extension.MESSAGE_OTS
    channel.wire.messages.clear()
    await run_pair(sender.random(10), receiver.random(10))
    tracemalloc.start()
    try:
        pairs, _ = await run_pair(sender.random(count), receiver.random(count))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    result = pairs.nbytes + pairs.nbytes // 2 + count
    transcript = 4 * count + 4 * count  # this channel keeps every message, and what it has not delivered
    assert peak < result + transcript + 8 * 2**20
