"""Makers for the contract of Boolean engines: each engine over meshes in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from protocols.boolean import GarbledEngine, GmwEngine, ReplicatedEngine
from protocols.sharing.keys import setup_pairs
from tests.kit.additive import trusted_ots
from tests.kit.boolean_contract import Maker
from tests.kit.gmw import Dealer
from tests.kit.ideal import IdealBoolean, Trusted
from tests.kit.mesh import MemoryMesh, run_all
from tests.kit.plain_ring import PLAIN_64
from tests.kit.rng import seeded_rng


async def ideal(meshes: Sequence[MemoryMesh]) -> list[Any]:
    trusted = Trusted(PLAIN_64, len(meshes))
    return [IdealBoolean(trusted, mesh.party_id) for mesh in meshes]


async def _replicated(threshold: int, meshes: Sequence[MemoryMesh]) -> list[Any]:
    setups = [ReplicatedEngine.setup(mesh, threshold, rng=seeded_rng(mesh.party_id)) for mesh in meshes]
    return await run_all(setups)


def replicated(threshold: int) -> Maker:
    """Replicated sharing, from seeds."""
    return partial(_replicated, threshold)


async def gmw(meshes: Sequence[MemoryMesh]) -> list[Any]:
    """GMW, with triples from OT."""
    return await run_all([GmwEngine.setup(mesh, rng=seeded_rng(mesh.party_id)) for mesh in meshes])


async def garbled(meshes: Sequence[MemoryMesh]) -> list[Any]:
    """Garbled circuits between two."""
    ots = trusted_ots(meshes)
    return [GarbledEngine(mesh.party_id, ots[mesh.party_id]) for mesh in meshes]


async def gmw_with_dealer(meshes: Sequence[MemoryMesh]) -> list[Any]:
    """GMW with ideal triples."""
    dealer = Dealer(len(meshes))
    pairs = await run_all([setup_pairs(mesh, rng=seeded_rng(mesh.party_id)) for mesh in meshes])
    return [
        GmwEngine(mesh.party_id, mesh.n_parties, dealer.of(mesh.party_id), keys)
        for mesh, keys in zip(meshes, pairs, strict=True)
    ]
