"""Common keys: who has which, what they stand for, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from circuits import Bit, circuit
from protocols.arithmetic.shamir import ShamirEngine
from protocols.errors import MessageError
from protocols.sharing.keys import CHUNK_BYTES, KEY_BYTES, KeyStream, ReplicatedKeys, sets_of, setup_pairs
from tests.kit.frozen import check_frozen
from tests.kit.mesh import MemoryMesh, make_meshes, run_all
from tests.kit.rng import seeded_rng

SESSION = bytes(range(32))


@circuit(style="low_depth")
def both(x: Bit, y: Bit) -> Bit:
    return x & y


SIZES = [(3, 1), (4, 1), (5, 2), (7, 3)]


def first(stream: KeyStream) -> bytes:
    return stream(16).tobytes()


@pytest.mark.parametrize(("n_parties", "threshold"), SIZES)
async def test_a_set_s_key_is_known_to_all_outside_of_it(n_parties: int, threshold: int) -> None:
    meshes = make_meshes(n_parties)
    keys = await run_all([ReplicatedKeys.setup(mesh, threshold) for mesh in meshes])
    seen = set()
    for one in sets_of(n_parties, threshold):
        holders = [key for key in keys if one in key.held]
        assert [key.party_id for key in holders] == [party for party in range(n_parties) if party not in one]
        streams = {first(key.stream(one, SESSION, "test")) for key in holders}
        assert len(streams) == 1
        seen |= streams
    for i in range(n_parties):
        for j in range(i + 1, n_parties):
            start = first(keys[i].pairs.stream(j, SESSION, "test"))
            assert start == first(keys[j].pairs.stream(i, SESSION, "test"))
            seen.add(start)
    assert len(seen) == len(sets_of(n_parties, threshold)) + n_parties * (n_parties - 1) // 2


@pytest.mark.parametrize(("n_parties", "threshold"), SIZES)
async def test_setup_costs_what_it_says(n_parties: int, threshold: int) -> None:
    meshes = make_meshes(n_parties)
    await run_all([ReplicatedKeys.setup(mesh, threshold) for mesh in meshes])
    for mesh in meshes:
        for peer, messages in mesh.messages().items():
            led = [
                one
                for one in sets_of(n_parties, threshold)
                if peer not in one and min(set(range(n_parties)) - set(one)) == mesh.party_id
            ]
            expected = KEY_BYTES * (len(led) + (peer > mesh.party_id))
            assert sum(map(len, messages)) == expected
            assert len(messages) == (expected > 0)


@pytest.mark.parametrize("threshold", [0, 2, 3, 1.0])
async def test_no_honest_majority(threshold: Any) -> None:
    meshes = make_meshes(4)
    with pytest.raises(ValueError, match="below half of the 4 parties"):
        await ReplicatedKeys.setup(meshes[0], threshold)
    assert not sum(meshes[0].n_bytes().values())


async def test_a_message_of_another_length_names_its_sender() -> None:
    meshes = make_meshes(3)
    roles = [ReplicatedKeys.setup(mesh, 1) for mesh in meshes[1:]]
    for peer in (1, 2):
        await meshes[0].channels[peer].send(bytes(5))
    with pytest.raises(MessageError, match="p0"):
        await run_all(roles)


async def test_pairs_alone() -> None:
    meshes = make_meshes(3)
    pairs = await run_all([setup_pairs(mesh) for mesh in meshes])
    assert [sum(mesh.n_bytes().values()) for mesh in meshes] == [2 * KEY_BYTES, KEY_BYTES, 0]
    assert first(pairs[0].stream(2, SESSION, "test")) == first(pairs[2].stream(0, SESSION, "test"))


def test_streams_of_other_calls_and_uses_are_others() -> None:
    key = bytes(KEY_BYTES)
    streams = [KeyStream(key, SESSION, "one"), KeyStream(key, SESSION, "two"), KeyStream(key, bytes(32), "one")]
    assert len({first(stream) for stream in streams}) == 3
    assert "stream" in repr(streams[0]).lower()


@pytest.mark.parametrize("n_bytes", [0, 1, 15, 16, 17, CHUNK_BYTES + 5])
def test_a_stream_goes_on(n_bytes: int) -> None:
    whole = KeyStream(bytes(KEY_BYTES), SESSION, "test")(n_bytes + 100)
    stream = KeyStream(bytes(KEY_BYTES), SESSION, "test")
    parts = [stream(n_bytes), stream(7), stream(93)]
    assert all(len(part) == n for part, n in zip(parts, (n_bytes, 7, 93), strict=True))
    assert (np.concatenate(parts) == whole).all()
    assert parts[1].flags.writeable


def test_the_stream_is_frozen() -> None:
    check_frozen("key-stream", KeyStream(bytes(range(32)), SESSION, "frozen")(64).tobytes().hex())


async def test_the_setup_is_frozen() -> None:
    meshes = make_meshes(3)
    await run_all([ReplicatedKeys.setup(m, 1, rng=seeded_rng(f"keys/{m.party_id}")) for m in meshes])
    for mesh in meshes:
        check_frozen(f"replicated-keys/{mesh.party_id}", mesh.hash())


async def test_keys_are_not_shown() -> None:
    keys = (await run_all([ReplicatedKeys.setup(mesh, 1) for mesh in make_meshes(3)]))[0]
    assert "party 0" in repr(keys)
    assert "b'" not in repr(keys) + repr(keys.pairs)


async def test_a_call_made_again_without_a_lost_party_draws_other_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some parties may have begun it with that party, on the same session id: no mask may serve twice."""
    drawn: list[tuple[bytes, bytes, str]] = []
    begin = KeyStream.__init__

    def listen(stream: KeyStream, key: bytes, session_id: bytes, use: str) -> None:
        drawn.append((key, session_id, use))
        begin(stream, key, session_id, use)

    meshes = make_meshes(4)
    engines = await run_all([ShamirEngine.setup(mesh.fork("setup")) for mesh in meshes])
    monkeypatch.setattr(KeyStream, "__init__", listen)
    count, x = 3, [engine.ring.zeros((3,)) for engine in engines]

    async def calls(party: int, mesh: MemoryMesh) -> None:
        engine, own = engines[party], np.zeros((1, 1), np.uint64)
        await engine.share(mesh.fork("share"), 3, x[3] if party == 3 else None, (3,))
        await engine.multiply(mesh.fork("multiply"), x[party], x[party])
        await engine.truncate(mesh.fork("truncate"), x[party], 4, bound_bits=20)
        shares = await engine.boolean.share(mesh.fork("bits"), 3, own if party == 3 else None, 1, count)
        await engine.boolean.evaluate(mesh.fork("and"), both, [shares, shares], count)

    await run_all([calls(party, mesh.fork("calls")) for party, mesh in enumerate(meshes)])
    before = set(drawn)
    drawn.clear()
    rest = []
    for mesh in meshes[1:]:
        channels = {peer: channel.fork("again") for peer, channel in mesh.channels.items() if peer}
        rest.append(MemoryMesh(mesh.party_id, 4, mesh.session_id, channels))
    await run_all([calls(mesh.party_id, mesh.fork("calls")) for mesh in rest])
    assert len(before) > 10 < len(set(drawn))
    assert not before & set(drawn)
