"""The Cost lines of `protocols.boolean` equal the messages on the wire."""

from __future__ import annotations

import pytest

from circuits.passes import and_levels
from protocols import boolean
from protocols.boolean import gmw, levels, triples
from tests.kit.circuits import random_bits
from tests.kit.gmw import run_gmw
from tests.kit.mesh import make_meshes, run_all
from tests.protocols.test_boolean import deep

SETUP = 8192 + 32 + 32 * 96  # bytes of an OT sender and of a receiver, k = 4; each party is both towards each


@pytest.mark.parametrize("n_parties", [2, 3, 4])
@pytest.mark.parametrize("batch", [1, 8, 100, 130])
async def test_openings(n_parties: int, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bits for each gate and instance in whole bytes, a message for each level of a block."""
    monkeypatch.setattr(levels, "BLOCK_BYTES", 1)  # blocks of 64
    meshes = make_meshes(n_parties)
    await run_gmw(meshes, deep, random_bits(1, batch, deep.n_inputs))
    depths = and_levels(deep)[deep.first_gate :][deep.op == 1]
    widths = [int((depths == level).sum()) for level in range(1, deep.and_depth + 1)]
    blocks = [min(64, batch - start) for start in range(0, batch, 64)]
    expected = [-(-2 * width * block // 8) for block in blocks for width in widths]
    assert len(expected) == gmw.rounds_of(deep, batch)
    for mesh in meshes:
        for sent in mesh.messages().values():
            assert [len(message) for message in sent] == expected


@pytest.mark.parametrize("n_parties", [2, 3, 4])
async def test_triples(n_parties: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """4 bytes of OT for a triple, and a bit to each peer but the next one."""
    monkeypatch.setattr(triples, "PART_TRIPLES", 800)
    meshes = make_meshes(n_parties)
    sources = await run_all([boolean.TripleSource.setup(mesh) for mesh in meshes])
    before = [mesh.n_bytes() for mesh in meshes]
    setup = {total for sent in before for total in sent.values()}
    assert setup == {SETUP}
    await run_all([source.make(2000) for source in sources])
    for mesh, old in zip(meshes, before, strict=True):
        for peer, total in mesh.n_bytes().items():
            neighbor = peer == (mesh.party_id + 1) % n_parties
            assert total - old[peer] == 4 * 2000 + (0 if neighbor else 2000 // 8)
            corrections = [data for data in mesh.messages()[peer] if len(data) in (50, 100)]
            assert len(corrections) == (0 if neighbor else 3)
