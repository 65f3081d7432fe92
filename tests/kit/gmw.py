"""Runs of GMW in memory: shares of random inputs, all parties at once, and a dealer of ideal triples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.ir import Circuit
from protocols import boolean
from tests.kit.mesh import MemoryMesh, run_all

Bits = NDArray[np.uint8]


def split(bits: Bits, n_parties: int, rng: np.random.Generator) -> list[Bits]:
    """XOR shares of bits."""
    shares = [rng.integers(0, 2, bits.shape, dtype=np.uint8) for _ in range(n_parties - 1)]
    return [*shares, np.bitwise_xor.reduce([bits, *shares])]


def shares_of(circuit: Circuit, bits: Bits, n_parties: int, seed: int = 1) -> list[dict[str, Bits]]:
    """For each party its share of every port; bits are (batch, n_inputs)."""
    parts = split(bits, n_parties, np.random.default_rng(seed))
    return [
        {p.name: np.ascontiguousarray(part[:, circuit.input_slice(p.name)]) for p in circuit.inputs} for part in parts
    ]


class Dealer:
    """Knows all triples, and gives each party its shares: no cryptography."""

    def __init__(self, n_parties: int, seed: int = 2) -> None:
        self._n_parties, self._rng = n_parties, np.random.default_rng(seed)
        self._made: dict[tuple[bytes, int], list[boolean.Triples]] = {}

    def of(self, party: int, session_id: bytes = b"") -> Any:
        """A stand-in for the `TripleSource` of one party."""
        dealer, number = self, iter(range(1 << 30))

        class Source:
            async def make(self, count: int) -> boolean.Triples:
                return dealer.deal((session_id, next(number)), count)[party]

            def fork(self, mesh: Any) -> Any:
                return dealer.of(party, mesh.session_id)

        return Source()

    def deal(self, call: tuple[bytes, int], count: int) -> list[boolean.Triples]:
        """The shares of all parties of one call."""
        if call not in self._made:
            a, b = self._rng.integers(0, 256, (2, -(-count // 8)), dtype=np.uint8)
            shares = [self._split(part) for part in (a, b, a & b)]
            self._made[call] = [boolean.Triples(*parts) for parts in zip(*shares, strict=True)]
        return self._made[call]

    def _split(self, packed: Bits) -> list[Bits]:
        shares = [self._rng.integers(0, 256, packed.shape, dtype=np.uint8) for _ in range(self._n_parties - 1)]
        return [*shares, np.bitwise_xor.reduce([packed, *shares])]


async def run_gmw(
    meshes: Sequence[MemoryMesh],
    circuit: Circuit,
    bits: Bits,
    *,
    ideal: bool = True,
    sources: Any = None,
    **options: Any,
) -> Bits:
    """All parties' output shares, XORed: uint8 (batch, n_outputs)."""
    n_parties = len(meshes)
    dealer = Dealer(n_parties)
    if sources is None:
        sources = [dealer.of(mesh.party_id) if ideal else None for mesh in meshes]
    roles = [
        boolean.evaluate_shares(
            mesh,
            circuit,
            mine,
            batch=len(bits),
            triples=sources[mesh.party_id],
            **options,
        )
        for mesh, mine in zip(meshes, shares_of(circuit, bits, n_parties), strict=True)
    ]
    shares = await run_all(roles)
    assert all(share.shape == (len(bits), circuit.n_outputs) and share.dtype == np.uint8 for share in shares)
    result: Bits = np.bitwise_xor.reduce(shares)
    return result
