"""Makers for the contract of Boolean engines: each engine over meshes in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from protocols.boolean.replicated import ReplicatedEngine
from tests.kit.boolean_contract import Maker
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
