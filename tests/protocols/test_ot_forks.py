"""Forks of OT: as good as one setup, independent of each other and of the order in which they run."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import numpy as np
import pytest

from protocols import boolean
from protocols.errors import StateError
from protocols.kernels import aes, cpu
from protocols.kernels.prg import Streams
from protocols.ot import OtReceiver, OtSender
from protocols.ot.base import BaseOtReceiver, BaseOtSender
from tests.kit.channels import TEMPERS, MemoryChannel, Temper, run_pair
from tests.kit.frozen import check_frozen
from tests.kit.mesh import make_meshes, run_all
from tests.kit.ot_contract import check_ot, select
from tests.kit.ot_makers import Made, channels
from tests.kit.rng import seeded_rng

Pair = tuple[OtSender, OtReceiver, MemoryChannel, MemoryChannel]


async def pair_of_roles(temper: Temper = "buffered", k: int = 2) -> Pair:
    left, right = channels(temper)
    rngs = [seeded_rng(side) for side in ("sender", "receiver")]
    setups = OtSender.setup(left, k=k, rng=rngs[0]), OtReceiver.setup(right, k=k, rng=rngs[1])
    sender, receiver = await run_pair(*setups)
    return sender, receiver, left, right


def fork(pair: Pair, label: str) -> tuple[OtSender, OtReceiver]:
    sender, receiver, left, right = pair
    return sender.fork(left.fork(label)), receiver.fork(right.fork(label))


@pytest.mark.parametrize("k", [1, 2, 3])
async def test_a_fork_keeps_the_contract(k: int) -> None:
    async def maker() -> Made:
        pair = await pair_of_roles(k=k)
        sender, receiver = fork(pair, "fork")
        return sender, receiver, lambda: len(pair[2].wire.messages)

    await check_ot(maker)


async def test_forking_says_nothing() -> None:
    pair = await pair_of_roles()
    before = len(pair[2].wire.messages)
    for label in "abc":
        fork(pair, label)
    assert len(pair[2].wire.messages) == before


@pytest.mark.parametrize("temper", TEMPERS)
async def test_forks_run_in_any_order_at_the_two_ends(temper: Temper) -> None:
    pair = await pair_of_roles(temper)
    labels = [f"call {i}" for i in range(6)]
    senders = {label: pair[0].fork(pair[2].fork(label)) for label in labels}
    receivers = {label: pair[1].fork(pair[3].fork(label)) for label in reversed(labels)}
    counts = {label: 50 + 300 * i for i, label in enumerate(labels)}

    async def receive() -> dict[str, Any]:
        tasks = {label: asyncio.ensure_future(receivers[label].random(counts[label])) for label in reversed(labels)}
        return {label: await task for label, task in tasks.items()}

    async def send() -> dict[str, Any]:
        return {label: await senders[label].random(counts[label]) for label in labels}

    sent, got = await run_pair(send(), receive())
    seen: set[bytes] = set()
    for label in labels:
        assert (got[label][1] == select(sent[label], got[label][0])).all()
        seen.update(row.tobytes() for row in sent[label].reshape(-1, 16))
    assert len(seen) == 2 * sum(counts.values())


async def test_parents_children_and_children_of_children_share_nothing() -> None:
    pair = await pair_of_roles()
    child = fork(pair, "a")
    inner = (*child, pair[2].fork("x"), pair[3].fork("x"))
    grandchild = fork(inner, "a")
    seen: set[bytes] = set()
    for sender, receiver in (pair[:2], child, grandchild, fork(pair, "b"), pair[:2]):
        pairs, (choices, got) = await run_pair(sender.random(200), receiver.random(200))
        assert (got == select(pairs, choices)).all()
        seen.update(row.tobytes() for row in pairs.reshape(-1, 16))
    assert len(seen) == 5 * 400


async def test_delta_is_that_of_the_parent() -> None:
    pair = await pair_of_roles()
    child, _ = fork(pair, "a")
    ours, parents = child._source, pair[0]._source
    assert (ours._delta == parents._delta).all()
    assert (ours._streams._seeds != parents._streams._seeds).any()


async def test_a_session_id_serves_once() -> None:
    sender, receiver, left, right = await pair_of_roles()
    one, other = left.fork("a"), right.fork("a")
    sender.fork(one)
    receiver.fork(other)
    for role, channel in ((sender, one), (sender, left), (receiver, other), (receiver, right)):
        with pytest.raises(StateError, match="another label"):
            role.fork(channel)


async def test_a_fork_outlives_a_failed_parent() -> None:
    pair = await pair_of_roles()
    waiting = asyncio.ensure_future(pair[0].random(5))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    with pytest.raises(StateError):
        await pair[0].random(5)
    sender, receiver = fork(pair, "a")
    pairs, (choices, got) = await run_pair(sender.random(9), receiver.random(9))
    assert (got == select(pairs, choices)).all()


async def test_base_ot_forks_too() -> None:
    left, right = channels()
    one = OtSender(left, BaseOtSender(left)).fork(left.fork("a"))
    other = OtReceiver(right, BaseOtReceiver(right)).fork(right.fork("a"))
    pairs, (choices, got) = await run_pair(one.random(3), other.random(3))
    assert (got == select(pairs, choices)).all()
    assert {path for _, path, _ in left.wire.messages} == {"/a"}


@pytest.mark.parametrize("path", cpu.available())
async def test_transcript(path: cpu.Path) -> None:
    with cpu.use(path):
        pair = await pair_of_roles()
        sender, receiver = fork(pair, "fork")
        pairs, (choices, got) = await run_pair(sender.random(300), receiver.random(300))
    check_frozen("ot/softspoken/fork/wire", pair[2].wire.hash())
    data = b"".join(array.tobytes() for array in (pairs, choices, got))
    check_frozen("ot/softspoken/fork/outputs", hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("path", cpu.available())
def test_one_block_under_many_keys(path: cpu.Path) -> None:
    keys = np.random.default_rng(1).integers(0, 256, (37, 16), np.uint8)
    block = bytes(range(16))
    with cpu.use(path):
        found = aes.encrypt_under_each(keys, block)
        assert all(
            row.tobytes() == aes.encryptor(key.tobytes()).update(block) for key, row in zip(keys, found, strict=True)
        )
        for wrong in (keys[:, :15], keys[0], keys.astype(np.int64)):
            with pytest.raises(ValueError, match="keys must be"):
                aes.encrypt_under_each(wrong, block)
        with pytest.raises(ValueError, match="16 bytes, not 15"):
            aes.encrypt_under_each(keys, block[:15])
        with pytest.raises(ValueError, match="streams themselves"):
            Streams(keys[:2], (1,), punctured=False).rekeyed(bytes(16))


@pytest.mark.parametrize("n_parties", [2, 3])
async def test_forks_of_triples_interleave_differently(n_parties: int) -> None:
    meshes = make_meshes(n_parties)
    sources = await run_all([boolean.TripleSource.setup(mesh) for mesh in meshes])
    labels = ["a", "b", "c"]

    async def party(number: int) -> dict[str, Any]:
        order = labels[number % 3 :] + labels[: number % 3]
        forks = {label: sources[number].fork(meshes[number].fork(label)) for label in order}
        tasks = {label: asyncio.ensure_future(forks[label].make(800)) for label in order}
        return {label: (await task).take(100) for label, task in tasks.items()}

    found = await run_all([party(number) for number in range(n_parties)])
    seen = set()
    for label in labels:
        a, b, c = (np.bitwise_xor.reduce(parts) for parts in zip(*(one[label] for one in found), strict=True))
        assert (a & b == c).all()
        seen |= {a.tobytes(), b.tobytes()}
    assert len(seen) == 6
