"""Makers of additive engines over meshes in memory: set up for real, or with base OTs of a trusted party."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from protocols.arithmetic.additive import AdditiveEngine
from protocols.arithmetic.dealer import TrustedDealer
from protocols.kernels.prg import Streams
from protocols.ot import OtReceiver, OtSender
from protocols.ot.extension import (
    KAPPA,
    SoftSpokenReceiver,
    SoftSpokenSender,
    grow_all,
    grow_all_punctured,
    tree_depths,
)
from protocols.ot.pairwise import PairwiseOt
from protocols.sharing.keys import PairKeys
from tests.kit.engine_contract import Maker
from tests.kit.mesh import MemoryMesh, run_all
from tests.kit.rng import seeded_rng


async def _set_up(options: dict[str, Any], meshes: Sequence[MemoryMesh]) -> list[Any]:
    return await run_all([AdditiveEngine.setup(mesh, **options) for mesh in meshes])


def set_up(**options: Any) -> Maker:
    """Engines as `AdditiveEngine.setup` makes them."""
    return partial(_set_up, options)


async def _dealt(
    boolean: Any, dealer: int | None, k: int, coins: str | None, meshes: Sequence[MemoryMesh]
) -> list[Any]:
    n, ots = len(meshes), trusted_ots([mesh.fork("ots") for mesh in meshes], k)
    engines = []
    for mesh in meshes:
        me = mesh.party_id
        keys = PairKeys(me, {peer: bytes([min(me, peer), max(me, peer)]) for peer in mesh.channels})
        options = {} if coins is None else {"rng": seeded_rng(f"{coins}/{me}")}
        shares = AdditiveEngine.boolean_engine(mesh, keys, ots[me], boolean, **options)
        helper = None if dealer is None else TrustedDealer(me, n, keys, dealer)
        engines.append(AdditiveEngine(me, n, keys, ots[me], shares, dealer=helper, **options))
    return engines


def additive(boolean: Any = None, dealer: int | None = None, k: int = 2, coins: str | None = None) -> Maker:
    """Engines whose base OTs and keys come from a trusted party, which is much faster; with `coins` all is fixed."""
    return partial(_dealt, boolean, dealer, k, coins)


def trusted_ots(meshes: Sequence[MemoryMesh], k: int = 2) -> list[PairwiseOt]:
    """OT between each two parties, on base OTs that nobody computes."""
    random, depths = np.random.default_rng(11), tree_depths(k)
    found = [PairwiseOt({}, {}, k) for _ in meshes]
    for sender in range(len(meshes)):
        for receiver in range(len(meshes)):
            if sender != receiver:
                pairs = random.integers(0, 256, (KAPPA, 2, 16), np.uint8)
                choices = random.integers(0, 2, KAPPA, np.uint8)
                leaves, message = grow_all(depths, pairs)
                got = pairs[np.arange(KAPPA), choices]
                punctured, delta = grow_all_punctured(depths, choices, got, message)
                left = meshes[sender].channels[receiver].fork(f"ot/{sender}")
                right = meshes[receiver].channels[sender].fork(f"ot/{sender}")
                source = SoftSpokenSender(left, depths, Streams(punctured, depths, punctured=True), delta, bytes(32))
                other = SoftSpokenReceiver(right, depths, Streams(leaves, depths, punctured=False), bytes(32))
                found[sender].senders[receiver] = OtSender(left, source)
                found[receiver].receivers[sender] = OtReceiver(right, other)
    return found
