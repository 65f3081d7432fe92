"""The Cost lines of `protocols.boolean` equal the messages on the wire."""

from __future__ import annotations

import pytest

from circuits.passes import and_levels
from circuits.program import schedule
from protocols import boolean
from protocols.boolean import gmw, levels, n_words, triples
from protocols.boolean.copies import copies_of, repeat
from protocols.garbling.layout import Layout
from protocols.garbling.scheme import find_scheme
from protocols.garbling.two_party import HALF_GATES
from protocols.ot.pairwise import random_ot_bytes
from tests.kit.boolean_contract import assemble
from tests.kit.boolean_makers import garbled
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


@pytest.mark.parametrize("count", [1, 64, 100, 1000])
async def test_garbling_on_shares(count: int) -> None:
    """The garbler's bits and all sharing for nothing; 24 bytes of OT for a bit of the evaluator or of both."""
    parties = await assemble(garbled, 2)
    meshes = [parties.meshes[party] for party in (0, 1)]
    rows = [random_bits(seed, port.n_bits, count) for seed, port in enumerate(deep.inputs)]
    inputs = [await parties.share(one, owner) for owner, one in enumerate(rows)]
    assert [mesh.n_bytes() for mesh in meshes] == [{1: 0}, {0: 0}]
    copies = copies_of(deep, n_words(count))
    instances = count if copies == 1 else 64 * -(-n_words(count) // copies)
    outputs = await parties.call("evaluate", deep, {party: [one[party] for one in inputs] for party in (0, 1)}, count)
    n_ots = rows[1].shape[0] * copies * instances
    tables = 32 * copies * schedule(deep, "memory").and_count * instances
    assert meshes[0].n_bytes() == {1: 32 + tables + 16 * n_ots}
    blocks = Layout.of(repeat(deep, copies), find_scheme(HALF_GATES), instances, rows[1].shape[0] * copies).blocks()
    assert meshes[1].n_bytes() == {
        0: sum(random_ot_bytes(rows[1].shape[0] * copies * block.n_instances, 2) for block in blocks)
    }
    before = [sum(mesh.n_bytes().values()) for mesh in meshes]
    await parties.call("open", outputs, frozenset({0}))
    assert [sum(mesh.n_bytes().values()) - old for mesh, old in zip(meshes, before, strict=True)] == [0, -(-count // 8)]
