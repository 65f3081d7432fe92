"""Frozen transcripts: the same coins say the same bytes, on every path of the kernels."""

from __future__ import annotations

import pytest

from circuits.plain import evaluate_bits
from protocols.boolean import TripleSource
from protocols.kernels import cpu
from protocols.ot import OtReceiver, OtSender
from tests.kit.circuits import random_bits
from tests.kit.frozen import check_frozen
from tests.kit.garbling import make_circuit
from tests.kit.gmw import run_gmw
from tests.kit.mesh import MemoryMesh, make_meshes, run_all
from tests.kit.rng import seeded_rng

CIRCUIT = make_circuit(
    {"a": 3, "b": 3}, [(1, 2, 5), (0, 8, 3), (1, 9, 6), (1, 4, 7), (0, 10, 1), (1, 11, 12)], [8, 12, 13]
)


async def seeded_source(mesh: MemoryMesh) -> TripleSource:
    """As `TripleSource.setup`, with coins for each role apart: they run side by side, and draw in no fixed order."""
    me = mesh.party_id
    made = await run_all(
        [
            role.setup(channel.fork(f"ot/{sender}"), rng=seeded_rng(f"{me}/{peer}/{sender}"))
            for peer, channel in mesh.channels.items()
            for role, sender in ((OtSender, me), (OtReceiver, peer))
        ]
    )
    senders, receivers = (dict(zip(mesh.channels, made[i::2], strict=True)) for i in (0, 1))
    return TripleSource(mesh, senders, receivers, rng=seeded_rng(f"party {me}"))


@pytest.mark.parametrize("path", cpu.available())
@pytest.mark.parametrize("n_parties", [2, 3])
async def test_whole_evaluation(n_parties: int, path: cpu.Path) -> None:
    meshes, bits = make_meshes(n_parties), random_bits(4, 21, 6)
    with cpu.use(path):
        sources = await run_all([seeded_source(mesh.fork("triples")) for mesh in meshes])
        found = await run_gmw(meshes, CIRCUIT, bits, sources=sources)
    assert (found == evaluate_bits(CIRCUIT, bits)).all()
    for i, mesh in enumerate(meshes):
        openings = [len(data) for sent in mesh.messages("/open").values() for data in sent]
        assert openings, i
    check_frozen(f"boolean/gmw/parties={n_parties}/wire", "".join(mesh.hash()[:16] for mesh in meshes))
