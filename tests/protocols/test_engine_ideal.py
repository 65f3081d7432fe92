"""The contract of engines holds for the trusted party, in every ring; and the contract can fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from circuits import UInt, circuit
from protocols.sharing.ring import Ring
from tests.kit.engine_contract import assemble, check_engine, check_multiply
from tests.kit.ideal import IdealEngine, Trusted, to_bits, to_words
from tests.kit.mesh import MemoryMesh, make_meshes, run_all
from tests.kit.plain_ring import PLAIN_61, PLAIN_64, PLAIN_127
from tests.kit.rounds import run_in_rounds


@pytest.mark.parametrize("ring", [PLAIN_61, PLAIN_127, PLAIN_64], ids=repr)
@pytest.mark.parametrize("n_parties", [2, 3])
async def test_the_ideal_engine_keeps_the_contract(ring: Ring, n_parties: int) -> None:
    async def make(meshes: Sequence[MemoryMesh]) -> list[IdealEngine]:
        return Trusted(ring, n_parties).engines()

    await check_engine(make, n_parties, bound_bits=ring.n_bits - 2)


async def test_the_contract_finds_a_wrong_product() -> None:
    class Wrong(IdealEngine):
        async def multiply(self, mesh: Any, x: Any, y: Any) -> Any:
            found = await super().multiply(mesh, x, y)
            return self.ring.add(found, self.public(self.ring.encode(np.ones(x.shape[:-1], int))))

    async def make(meshes: Sequence[MemoryMesh]) -> list[IdealEngine]:
        trusted = Trusted(PLAIN_64, 2)
        return [Wrong(trusted, party) for party in range(2)]

    with pytest.raises(AssertionError):
        await check_multiply(await assemble(make, 2))


async def test_parties_that_diverge_are_told() -> None:
    engines, meshes = Trusted(PLAIN_64, 2).engines(), make_meshes(2)
    x = PLAIN_64.encode([1, 2])
    with pytest.raises(AssertionError, match="diverge"):
        await run_all([engines[0].multiply(meshes[0], x, x), engines[1].random_bits(meshes[1], (2,))])


@circuit
def less(x: UInt[8], y: UInt[8]) -> UInt[8]:
    return (x * y + (x < y)).wrap(8)


async def test_the_ideal_boolean_engine_evaluates_circuits() -> None:
    random = np.random.default_rng(3)
    engines = [engine.boolean for engine in Trusted(PLAIN_64, 3).engines()]
    values = random.integers(0, 256, (2, 100), np.uint8)
    words = [to_words(np.unpackbits(row[:, None], axis=1, bitorder="little").T) for row in values]
    meshes = make_meshes(3)
    shares = [
        await run_all(
            [
                engine.share(mesh.fork(f"in {owner}"), owner, words[owner] if mesh.party_id == owner else None, 8, 100)
                for engine, mesh in zip(engines, meshes, strict=True)
            ]
        )
        for owner in (0, 1)
    ]
    outputs = await run_all(
        [
            engine.evaluate(mesh.fork("run"), less, [shares[0][i], shares[1][i]], 100)
            for i, (engine, mesh) in enumerate(zip(engines, meshes, strict=True))
        ]
    )
    total = np.bitwise_xor.reduce([e.summand(m, s) for e, m, s in zip(engines, meshes, outputs, strict=True)])
    opened = await run_all(
        [
            engine.open(mesh.fork("out"), share, frozenset({2}))
            for engine, mesh, share in zip(engines, meshes, outputs, strict=True)
        ]
    )
    assert opened[0] is opened[1] is None
    assert (to_bits(opened[2], 100) == to_bits(total, 100)).all()
    found = np.packbits(to_bits(total, 100).T, axis=1, bitorder="little")[:, 0]
    x, y = values.astype(int)
    assert (found == (x * y + (x < y)) % 256).all()


def test_rounds_are_counted_over_forks_and_threads() -> None:
    import asyncio

    async def main() -> None:
        one, two = make_meshes(2, "delayed")

        async def chain(mesh: MemoryMesh, label: str, rounds: int) -> None:
            channel = mesh.channels[1 - mesh.party_id].fork(label)
            for turn in range(rounds):
                if turn % 2 == mesh.party_id:
                    await asyncio.to_thread(sum, [1])
                    await channel.send(b"x" * 100)
                    await channel.send(b"y")
                else:
                    await channel.receive(100)
                    await channel.receive(1)

        await run_all([chain(mesh, f"{n}", n) for mesh in (one, two) for n in (2, 5, 3)])

    assert run_in_rounds(main)[0] == 5
