"""Conversions over the trusted party: what they ask of the engines is right, in every ring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from protocols.conversion import a2b
from protocols.sharing.ring import Ring
from tests.kit.conversion_contract import check_conversions, check_wrong_widths
from tests.kit.engine_contract import assemble
from tests.kit.ideal import IdealEngine, Trusted, to_bits
from tests.kit.mesh import MemoryMesh
from tests.kit.plain_ring import PLAIN_61, PLAIN_64, PLAIN_127


@pytest.mark.parametrize("n_parties", [2, 3])
@pytest.mark.parametrize("ring", [PLAIN_61, PLAIN_127, PLAIN_64], ids=repr)
async def test_there_and_back(ring: Ring, n_parties: int) -> None:
    async def make(meshes: Sequence[MemoryMesh]) -> list[IdealEngine]:
        return Trusted(ring, n_parties).engines()

    parties = await assemble(make, n_parties)
    await check_conversions(parties)
    await check_wrong_widths(parties)


def test_bits_are_sliced_over_the_instances() -> None:
    packed = np.random.default_rng(1).integers(0, 256, (77, 8), np.uint8)
    words = a2b.slice_bits(packed, 34)
    assert words.shape == (34, 2)
    assert (np.unpackbits(packed, axis=1, bitorder="little")[:, :34] == to_bits(words, 77).T).all()
