"""What every engine on shares of bits must do, whatever it is made of: compared with the circuit in the clear.

    await check_boolean(maker, n_parties)

`maker` is an async function of meshes, one for each party in memory, that returns the engines of all parties, set up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pytest

from circuits import Bit, UInt, circuit, with_style
from circuits.ir import AND, XOR, Circuit
from circuits.plain import evaluate_bits
from protocols.boolean.contract import BitShares, Words, join, n_words
from tests.kit.channels import Tamper, Temper
from tests.kit.circuits import random_bits
from tests.kit.garbling import make_circuit
from tests.kit.ideal import to_bits, to_words
from tests.kit.mesh import MemoryMesh, make_meshes, run_all

Maker = Callable[[Sequence[MemoryMesh]], Awaitable[Sequence[Any]]]
Bits = np.ndarray[Any, np.dtype[np.uint8]]
COUNTS = (1, 63, 64, 65, 130, 0)


@circuit
def mixed(x: UInt[7], y: UInt[7], flag: Bit) -> tuple[UInt[14], Bit]:
    return x * y, (x < y) & flag


class BitParties:
    """The parties of a computation that are present, driven together.

    Args:
        engines, meshes: of all parties in order.
        absent: who is lost.
    """

    def __init__(self, engines: Sequence[Any], meshes: Sequence[MemoryMesh], absent: frozenset[int]) -> None:
        self.n = len(engines)
        self.present = [party for party in range(self.n) if party not in absent]
        self.engines = {party: engines[party] for party in self.present}
        self.meshes = {party: without(meshes[party], absent) for party in self.present}
        self.everybody = frozenset(self.present)
        self._calls = 0

    def forks(self) -> dict[int, MemoryMesh]:
        """A mesh for one call at each party."""
        self._calls += 1
        return {party: mesh.fork(f"call {self._calls}") for party, mesh in self.meshes.items()}

    def starts(self, name: str, *arguments: Any) -> dict[int, Awaitable[Any]]:
        """One method of all engines, not awaited; an argument that is a dict holds one value for each party."""
        forks = self.forks()
        return {
            party: getattr(engine, name)(
                forks[party], *(one[party] if isinstance(one, dict) else one for one in arguments)
            )
            for party, engine in self.engines.items()
        }

    async def call(self, name: str, *arguments: Any) -> dict[int, Any]:
        """The same, awaited."""
        calls = self.starts(name, *arguments)
        return dict(zip(calls, await run_all(list(calls.values())), strict=True))

    async def share(self, rows: Bits, owner: int) -> dict[int, BitShares]:
        """Shares of rows of bits, (n_bits, count)."""
        words = {party: to_words(rows) if party == owner else None for party in self.present}
        shares = await self.call("share", owner, words, *rows.shape)
        self.check_shares(shares, *rows.shape)
        return shares

    async def reveal(self, shares: dict[int, BitShares]) -> Bits:
        """The rows of bits, as all see them."""
        found = await self.call("open", shares, self.everybody)
        first = found[self.present[0]]
        assert all((one == first).all() for one in found.values())
        count = shares[self.present[0]].count
        assert first.shape == (shares[self.present[0]].n_bits, n_words(count))
        assert (first == to_words(to_bits(first, count))).all(), "there is something behind the last instance"
        rows: Bits = to_bits(first, count)
        return rows

    async def evaluate(self, made: Circuit, bits: Bits, owners: Sequence[int] = ()) -> dict[int, BitShares]:
        """Shares of the outputs, from inputs (count, n_inputs) that different parties share port by port."""
        inputs: dict[int, list[BitShares]] = {party: [] for party in self.present}
        for i, port in enumerate(made.inputs):
            owner = owners[i] if owners else self.present[i % len(self.present)]
            shares = await self.share(np.ascontiguousarray(bits[:, made.input_slice(port.name)].T), owner)
            for party, one in shares.items():
                inputs[party].append(one)
        outputs = await self.call("evaluate", made, inputs, len(bits))
        self.check_shares(outputs, made.n_outputs, len(bits))
        return outputs

    def check_shares(self, shares: dict[int, BitShares], n_bits: int, count: int) -> None:
        for party, one in shares.items():
            assert one.words.dtype == np.uint64
            assert one.words.shape == (n_bits, self.engines[party].pieces, n_words(count))
            assert one.count == count
            assert one.n_bits == n_bits
            assert one.owner is None or one.owner in self.present


def without(mesh: MemoryMesh, absent: frozenset[int]) -> MemoryMesh:
    """A mesh that does not reach some parties."""
    channels = {peer: channel for peer, channel in mesh.channels.items() if peer not in absent}
    return MemoryMesh(mesh.party_id, mesh.n_parties, mesh.session_id, channels)


async def assemble(
    maker: Maker,
    n_parties: int,
    temper: Temper = "buffered",
    absent: frozenset[int] = frozenset(),
    tamper: Tamper | None = None,
) -> BitParties:
    meshes = make_meshes(n_parties, temper, tamper)
    engines = await maker([mesh.fork("setup") for mesh in meshes])
    return BitParties(engines, [mesh.fork("calls") for mesh in meshes], absent)


async def check_boolean(
    maker: Maker, n_parties: int, *, temper: Temper = "buffered", absent: frozenset[int] = frozenset()
) -> None:
    """Every operation, at several counts; calls side by side."""
    parties = await assemble(maker, n_parties, temper, absent)
    check_attributes(parties)
    await check_share_and_open(parties)
    await check_local(parties)
    await check_evaluate(parties)
    await check_shapes(parties)
    await check_summands(parties)
    await check_side_by_side(parties)


def check_attributes(parties: BitParties) -> None:
    for party, engine in parties.engines.items():
        assert engine.party_id == party
        assert engine.n_parties == parties.n
        assert engine.pieces >= 1
        assert engine.style in ("few_ands", "low_depth")
        who = engine.summand_parties(parties.meshes[party])
        assert who == tuple(sorted(set(who) & parties.everybody))
        assert who == parties.engines[parties.present[0]].summand_parties(parties.meshes[parties.present[0]])


async def check_share_and_open(parties: BitParties) -> None:
    for i, count in enumerate(COUNTS):
        for n_bits in (3, 0):
            rows = random_bits(i, n_bits, count)
            shares = await parties.share(rows, parties.present[i % len(parties.present)])
            assert (await parties.reveal(shares) == rows).all()
    rows = random_bits(9, 5, 70)
    first, last = parties.present[0], parties.present[-1]
    shares = await parties.share(rows, last)
    for to in ({first}, {last}, set(parties.present[1:]), set()):
        found = await parties.call("open", shares, frozenset(to))
        for party, one in found.items():
            assert (one is not None) == (party in to)
            assert one is None or (to_bits(one, 70) == rows).all()


async def check_local(parties: BitParties) -> None:
    """XOR of shares, public bits, some of the bits, and parts put together."""
    x, y, known = (random_bits(seed, 4, 90) for seed in (1, 2, 3))
    xs, ys = await parties.share(x, parties.present[0]), await parties.share(y, parties.present[-1])
    public = {party: engine.public(to_words(known), 90) for party, engine in parties.engines.items()}
    parties.check_shares(public, 4, 90)
    assert (await parties.reveal(public) == known).all()
    both = {party: BitShares(xs[party].words ^ ys[party].words ^ public[party].words, 90) for party in parties.present}
    assert (await parties.reveal(both) == x ^ y ^ known).all()
    some = {party: join([xs[party][1:3], ys[party][[3, 0]], public[party]]) for party in parties.present}
    assert (await parties.reveal(some) == np.concatenate([x[1:3], y[[3, 0]], known])).all()


async def check_evaluate(parties: BitParties) -> None:
    """A circuit of the engine's style, on inputs of several owners, on public ones, and on outputs of itself."""
    made = with_style(mixed, parties.engines[parties.present[0]].style)
    for count in (*COUNTS, 200):
        await check_circuit(parties, made, random_bits(count, count, made.n_inputs))
    bits = random_bits(8, 77, made.n_inputs)
    outputs = await parties.evaluate(made, bits, [parties.present[0]] * 3)  # all of one owner
    expected = evaluate_bits(made, bits)
    known = random_bits(4, 7, 77)
    again = {
        party: [outputs[party][:7], parties.engines[party].public(to_words(known), 77), outputs[party][14:]]
        for party in parties.present
    }
    found = await parties.reveal(await parties.call("evaluate", made, again, 77))
    second = np.concatenate([expected[:, :7], known.T, expected[:, 14:]], axis=1)
    assert (evaluate_bits(made, np.ascontiguousarray(second)) == found.T).all()


async def check_circuit(parties: BitParties, made: Circuit, bits: Bits) -> None:
    """One circuit: what the parties open is what it gives in the clear."""
    outputs = await parties.evaluate(made, bits)
    assert (evaluate_bits(made, bits) == (await parties.reveal(outputs)).T).all()


async def check_shapes(parties: BitParties) -> None:
    """No gates, no inputs, no outputs, constants, an input as an output twice."""
    for made in (
        make_circuit({"a": 2, "b": 2}, [(XOR, 2, 4), (XOR, 6, 1)], [6, 7, 0, 1, 3, 3]),
        make_circuit({"a": 1}, [], [2, 2, 1]),
        make_circuit({}, [(AND, 1, 1), (AND, 0, 1)], [2, 3]),
        make_circuit({"a": 2}, [(AND, 2, 3)], []),
        make_circuit({"a": 1}, [(AND, 2, 2), (AND, 2, 1), (AND, 3, 0)], [3, 4, 5]),
    ):
        await check_circuit(parties, made, random_bits(1, 67, made.n_inputs))


async def check_summands(parties: BitParties) -> None:
    """Of shared, computed and public bits alike, and only at those that are named."""
    rows = random_bits(6, 4, 100)
    shared = await parties.share(rows, parties.present[-1])
    made = make_circuit({"a": 4}, [(AND, 2, 3), (XOR, 4, 1)], [6, 7])
    computed = await parties.call("evaluate", made, {party: [one] for party, one in shared.items()}, 100)
    public = {party: engine.public(to_words(rows), 100) for party, engine in parties.engines.items()}
    expected = np.stack([rows[0] & rows[1], rows[2] ^ 1])
    for shares, values in ((shared, rows), (computed, expected), (public, rows)):
        total: Words = np.zeros((len(values), 2), np.uint64)
        for party, engine in parties.engines.items():
            part = engine.summand(parties.meshes[party], shares[party])
            assert (part is not None) == (party in engine.summand_parties(parties.meshes[party]))
            total = total if part is None else total ^ part
        assert (to_bits(total, 100) == values).all()


async def check_side_by_side(parties: BitParties) -> None:
    """Calls that the parties start and wait for in different orders."""
    made = with_style(mixed, parties.engines[parties.present[0]].style)
    bits = [random_bits(seed, 70, made.n_inputs) for seed in range(3)]
    inputs = []
    for one in bits:
        ports: dict[int, list[BitShares]] = {party: [] for party in parties.present}
        for i, port in enumerate(made.inputs):
            rows = np.ascontiguousarray(one[:, made.input_slice(port.name)].T)
            shares = await parties.share(rows, parties.present[i % len(parties.present)])
            for party, share in shares.items():
                ports[party].append(share)
        inputs.append(ports)
    shown = {party: inputs[0][party][0] for party in parties.present}
    starts = [
        *(parties.starts("evaluate", made, ports, 70) for ports in inputs),
        parties.starts("open", shown, parties.everybody),
    ]

    def order(party: int) -> list[int]:
        return [(i + party) % len(starts) for i in range(len(starts))]

    async def role(party: int) -> dict[int, Any]:
        return dict(zip(order(party), await run_all([starts[i][party] for i in order(party)]), strict=True))

    found = dict(zip(parties.present, await run_all([role(party) for party in parties.present]), strict=True))
    for i, one in enumerate(bits):
        outputs = await parties.reveal({party: found[party][i] for party in parties.present})
        assert (evaluate_bits(made, one) == outputs.T).all()
    first = bits[0][:, made.input_slice(made.inputs[0].name)].T
    assert all((to_bits(found[party][3], 70) == first).all() for party in parties.present)


async def check_wrong_arguments(maker: Maker, n_parties: int) -> None:
    """Each is a ValueError before the first byte, and does no harm."""
    parties = await assemble(maker, n_parties)
    made = with_style(mixed, parties.engines[0].style)
    shares = await parties.share(random_bits(1, 7, 70), 0)
    flags = await parties.share(random_bits(1, 1, 70), 0)
    before = [mesh.n_bytes() for mesh in parties.meshes.values()]
    good, engine = [shares[0], shares[0], flags[0]], parties.engines[0]
    cut = BitShares(shares[0].words[:, :, :1], 70)
    for change in (
        lambda mesh: engine.evaluate(mesh, made, good[:2], 70),
        lambda mesh: engine.evaluate(mesh, made, [*good, flags[0]], 70),
        lambda mesh: engine.evaluate(mesh, made, [flags[0], shares[0], shares[0]], 70),
        lambda mesh: engine.evaluate(mesh, made, [shares[0], cut, flags[0]], 70),
        lambda mesh: engine.evaluate(mesh, made, good, 69),
        lambda mesh: engine.evaluate(mesh, made, good, -1),
        lambda mesh: engine.evaluate(mesh, made, good, True),
        lambda mesh: engine.share(mesh, 0, None, 3, 70),
        lambda mesh: engine.share(mesh, 0, np.zeros((3, 1), np.uint64), 3, 70),
        lambda mesh: engine.share(mesh, 0, np.zeros((3, 2), np.uint8), 3, 70),
        lambda mesh: engine.share(mesh, n_parties, None, 3, 70),
        lambda mesh: engine.open(mesh, shares[0], frozenset({0, n_parties})),
    ):
        with pytest.raises(ValueError, match=r"input port|instances|owner|present|party"):
            await change(parties.forks()[0])
    assert [mesh.n_bytes() for mesh in parties.meshes.values()] == before
    assert (await parties.reveal(shares) == random_bits(1, 7, 70)).all()
