"""GMW behind the contract: what openings show, and that its calls share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.boolean import GmwEngine
from tests.kit.boolean_contract import assemble, without
from tests.kit.boolean_makers import gmw, gmw_with_dealer
from tests.kit.ideal import to_words


def bits_of(message: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(message, np.uint8))


async def test_an_opening_shows_the_bits_and_no_shares() -> None:
    """Shares are the owner's bits and zeros: all that is random on the wire is the sharing of 0."""
    parties = await assemble(gmw_with_dealer, 3)
    rows = np.ones((1, 4000), np.uint8)
    shares = await parties.share(rows, 1)
    seen = []
    for _ in range(2):
        found = await parties.call("open", shares, frozenset({0}))
        assert (found[0] == to_words(rows)).all()
        last = f"/calls/call {parties._calls}"
        seen += [bits_of(parties.meshes[party].messages(last)[0][0]) for party in (1, 2)]
    # 4,000 fair coins: within 6 standard deviations, each message alone and any two against each other
    for i, one in enumerate(seen):
        assert abs(int(one.sum(dtype=int)) - 2000) < 190
        assert all(abs(int((one ^ other).sum(dtype=int)) - 2000) < 190 for other in seen[:i])


async def test_two_parties_need_no_mask() -> None:
    parties = await assemble(gmw_with_dealer, 2)
    rows = np.ones((1, 64), np.uint8)
    shares = await parties.share(rows, 1)
    await parties.call("open", shares, frozenset({0}))
    assert bits_of(parties.meshes[1].messages("/calls/call 2")[0][0]).all()  # as the bits themselves


async def test_every_party_is_needed() -> None:
    parties = await assemble(gmw_with_dealer, 3)
    shares = await parties.share(np.ones((1, 9), np.uint8), 0)
    engine, mesh = parties.engines[0], without(parties.meshes[0], frozenset({2}))
    for call in (
        engine.open(mesh, shares[0], frozenset({1})),
        engine.share(mesh, 0, np.zeros((1, 1), np.uint64), 1, 9),
    ):
        with pytest.raises(ValueError, match="not present: party 2"):
            await call


async def test_a_mesh_serves_one_call() -> None:
    parties = await assemble(gmw, 2)
    parties.engines[0]._triples.fork(parties.meshes[0])
    with pytest.raises(ValueError, match="label"):
        parties.engines[0]._triples.fork(parties.meshes[0])


async def test_it_is_shown_as_what_it_is() -> None:
    parties = await assemble(gmw_with_dealer, 2)
    assert isinstance(parties.engines[1], GmwEngine)
    assert repr(parties.engines[1]) == "<GmwEngine of party 1 of 2>"
