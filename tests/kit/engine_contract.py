"""What every engine on shares of ring elements must do, whatever it is made of: compared with integers in NumPy.

    await check_engine(maker)
    check_costs(maker, n_parties)

`maker` is an async function of meshes, one for each party in memory, that returns the engines of all parties, set up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np

from protocols.arithmetic.contract import Cost
from protocols.bits import unpack
from tests.kit.channels import Temper
from tests.kit.mesh import MemoryMesh, make_meshes, run_all
from tests.kit.rounds import run_in_rounds

Maker = Callable[[Sequence[MemoryMesh]], Awaitable[Sequence[Any]]]
Integers = np.ndarray[Any, np.dtype[np.object_]]


class Parties:
    """All parties of a computation, driven together.

    Args:
        engines: of all parties in order.
        meshes: of theirs; each call takes a fork.
    """

    def __init__(self, engines: Sequence[Any], meshes: Sequence[MemoryMesh], seed: int = 5) -> None:
        self.engines, self.meshes = list(engines), list(meshes)
        self.ring, self.n = engines[0].ring, len(engines)
        self.random = np.random.default_rng(seed)
        self._calls = 0

    def forks(self) -> list[MemoryMesh]:
        """A mesh for one call at each party."""
        self._calls += 1
        return [mesh.fork(f"call {self._calls}") for mesh in self.meshes]

    async def call(self, name: str, *arguments: Any, **options: Any) -> list[Any]:
        """One method of all engines; an argument that is a list holds one value for each party."""
        return await run_all(self.starts(name, *arguments, **options))

    def starts(self, name: str, *arguments: Any, **options: Any) -> list[Awaitable[Any]]:
        """The calls of `call`, not awaited."""
        rows = [[one[party] if isinstance(one, list) else one for one in arguments] for party in range(self.n)]
        return [
            getattr(engine, name)(mesh, *row, **options)
            for engine, mesh, row in zip(self.engines, self.forks(), rows, strict=True)
        ]

    async def share(self, values: Any, owner: int = 0) -> list[Any]:
        """Shares of integers that one party owns."""
        encoded = self.ring.encode(values)
        given = [encoded if party == owner else None for party in range(self.n)]
        shares = await self.call("share", owner, given, encoded.shape[:-1])
        self.check_shares(shares, encoded.shape[:-1])
        return shares

    async def reveal(self, shares: list[Any]) -> Integers:
        """The integers modulo the ring, 0 and up, as every party sees them."""
        found = await self.call("open", shares, frozenset(range(self.n)))
        for other in found:
            assert (other == found[0]).all()
        return self.residues(found[0])

    def residues(self, elements: Any) -> Integers:
        decoded = np.asarray(self.ring.decode(elements)).astype(object)
        return np.asarray(decoded % self.ring.modulus, dtype=object)

    def integers(self, shape: tuple[int, ...]) -> Integers:
        """Uniform integers modulo the ring, with some at its edges."""
        m = self.ring.modulus
        count = int(np.prod(shape, dtype=int))
        uniform = [int.from_bytes(self.random.bytes(24), "little") % m for _ in range(count)]
        edges = [0, 1, m - 1, m // 2, m // 2 + 1, m - 2]
        for i in range(0, count, 3):
            uniform[i] = edges[i // 3 % len(edges)]
        out = np.empty(count, object)
        out[:] = uniform
        return out.reshape(shape)

    def check_shares(self, shares: Sequence[Any], shape: tuple[int, ...]) -> None:
        for share in shares:
            assert share.dtype == np.uint64
            assert share.shape == (*shape, self.ring.limbs)
            assert share.flags.c_contiguous


async def assemble(maker: Maker, n_parties: int, temper: Temper = "buffered") -> Parties:
    meshes = make_meshes(n_parties, temper)
    engines = await maker([mesh.fork("setup") for mesh in meshes])
    return Parties(engines, [mesh.fork("calls") for mesh in meshes])


async def check_engine(maker: Maker, n_parties: int, *, bound_bits: int, temper: Temper = "buffered") -> None:
    """Every operation, at several shapes; calls side by side.

    Args:
        bound_bits: the largest that its truncation takes.
    """
    parties = await assemble(maker, n_parties, temper)
    check_attributes(parties)
    await check_share_and_open(parties)
    await check_linear(parties)
    await check_multiply(parties)
    await check_matmul(parties)
    await check_truncate(parties, bound_bits)
    await check_random_bits(parties)
    await check_summands(parties)
    await check_side_by_side(parties)


def check_attributes(parties: Parties) -> None:
    for party, engine in enumerate(parties.engines):
        assert engine.party_id == engine.boolean.party_id == party
        assert engine.n_parties == engine.boolean.n_parties == parties.n
        assert engine.ring is parties.ring
        assert engine.truncation_ulps >= 0.5
        assert 0 < engine.truncation_bits < engine.ring.n_bits
        mesh = parties.meshes[party]
        who = engine.summand_parties(mesh)
        assert who == tuple(sorted(set(who)))
        assert 0 < len(who) <= parties.n
        assert who == parties.engines[0].summand_parties(parties.meshes[0])
        assert who == engine.boolean.summand_parties(mesh)


async def check_share_and_open(parties: Parties) -> None:
    for owner, shape in enumerate([(), (5,), (2, 3), (0,), (1, 1, 4)]):
        values = parties.integers(shape)
        shares = await parties.share(values, owner % parties.n)
        assert (await parties.reveal(shares) == values).all()
    shares = await parties.share(values, parties.n - 1)
    for to in (frozenset({0}), frozenset({parties.n - 1}), frozenset(range(1, parties.n))):
        found = await parties.call("open", shares, to)
        for party, one in enumerate(found):
            assert (one is not None) == (party in to)
            assert one is None or (parties.residues(one) == values).all()


async def check_linear(parties: Parties) -> None:
    """The ring's own operations on shares, and public values."""
    ring = parties.ring
    x, y, c = (parties.integers((6,)) for _ in range(3))
    xs, ys = await parties.share(x, 0), await parties.share(y, parties.n - 1)
    known = ring.encode(c)
    public = [engine.public(known) for engine in parties.engines]
    assert (await parties.reveal(public) == c).all()
    for expected, shares in [
        (x + y, [ring.add(a, b) for a, b in zip(xs, ys, strict=True)]),
        (x - y, [ring.sub(a, b) for a, b in zip(xs, ys, strict=True)]),
        (-x, [ring.neg(a) for a in xs]),
        (x * -3, [ring.scale(a, -3) for a in xs]),
        (x * c, [ring.mul(a, known) for a in xs]),
        (x + c, [ring.add(a, b) for a, b in zip(xs, public, strict=True)]),
    ]:
        assert (await parties.reveal(shares) == expected % ring.modulus).all()


async def check_multiply(parties: Parties) -> None:
    for shape in [(), (70,), (3, 4), (0, 2)]:
        x, y = parties.integers(shape), parties.integers(shape)[..., ::-1] if shape else parties.integers(shape)
        xs, ys = await parties.share(x, 0), await parties.share(y, 1)
        products = await parties.call("multiply", xs, ys)
        parties.check_shares(products, shape)
        assert (await parties.reveal(products) == x * y % parties.ring.modulus).all()
        squares = await parties.call("multiply", products, products)
        assert (await parties.reveal(squares) == (x * y) ** 2 % parties.ring.modulus).all()


MATRICES = [
    ((2, 3), (3, 4)),
    ((1, 5), (5, 1)),
    ((9, 4), (4,)),
    ((4,), (4, 9)),
    ((6,), (6,)),
    ((2, 3, 2), (2, 2, 3)),
    ((2, 3, 2), (2, 3)),
    ((3, 2), (2, 2, 1)),
]


async def check_matmul(parties: Parties) -> None:
    for left, right in MATRICES:
        x, y = parties.integers(left), parties.integers(right)
        xs, ys = await parties.share(x, 1), await parties.share(y, 0)
        products = await parties.call("matmul", xs, ys)
        expected = np.asarray(np.matmul(x, y) % parties.ring.modulus, dtype=object)
        parties.check_shares(products, expected.shape)
        assert (await parties.reveal(products) == expected).all()


async def check_truncate(parties: Parties, bound_bits: int) -> None:
    """Within the stated error, over the whole range, exactly 0 included; and refused beyond it."""
    ring, ulps = parties.ring, parties.engines[0].truncation_ulps
    for bound in sorted({bound_bits, bound_bits // 2}):
        top = (1 << bound) - 1
        special = [0, 1, -1, top, -top, 1 << (bound - 1), -(1 << (bound - 1)), top - 1]
        random = [int.from_bytes(parties.random.bytes(16), "little") % (2 * top + 1) - top for _ in range(60)]
        x = np.array(special + random, dtype=object)
        xs = await parties.share(x, 0)
        for n_bits in sorted({0, 1, bound // 2, bound}):
            cut = await parties.call("truncate", xs, n_bits, bound_bits=bound)
            parties.check_shares(cut, x.shape)
            found = ring.decode(ring.encode(await parties.reveal(cut))).astype(object)
            error = found * (1 << n_bits) - x
            limit = int(ulps * 2) * (1 << n_bits)
            assert all(abs(2 * int(one)) <= limit for one in error), (bound, n_bits)
    for wrong in ({"n_bits": -1, "bound_bits": bound_bits}, {"n_bits": 1, "bound_bits": ring.n_bits + 1}):
        for engine, mesh, share in zip(parties.engines, parties.forks(), xs, strict=True):
            before = mesh.n_bytes()
            try:
                await engine.truncate(mesh, share, **wrong)
            except ValueError:
                assert mesh.n_bytes() == before
            else:
                raise AssertionError(f"truncate takes {wrong}")


async def check_random_bits(parties: Parties) -> None:
    bits = await parties.call("random_bits", (20, 20))
    parties.check_shares(bits, (20, 20))
    values = await parties.reveal(bits)
    assert set(values.flat) == {0, 1}
    assert 120 < values.sum() < 280  # 400 fair coins: 8 standard deviations
    others = await parties.reveal(await parties.call("random_bits", (20, 20)))
    assert (others != values).any()
    parties.check_shares(await parties.call("random_bits", ()), ())


async def check_summands(parties: Parties) -> None:
    """Down to summands, and back from summands of bits."""
    ring = parties.ring
    x = parties.integers((4, 2))
    xs = await parties.share(x, parties.n - 1)
    who = parties.engines[0].summand_parties(parties.meshes[0])
    total = ring.zeros((4, 2))
    for engine, mesh, share in zip(parties.engines, parties.meshes, xs, strict=True):
        part = engine.summand(mesh, share)
        assert (part is not None) == (engine.party_id in who)
        total = total if part is None else ring.add(total, part)
    assert (parties.residues(total) == x).all()
    for n_bits, count in [(1, 1), (3, 64), (5, 130), (1, 0)]:
        shape = (n_bits, -(-count // 64))
        words = [parties.random.integers(0, 1 << 64, shape, np.uint64) for _ in range(parties.n)]
        given = [one if party in who else None for party, one in enumerate(words)]
        shares = await parties.call("from_summands_of_bits", given, n_bits, count)
        parties.check_shares(shares, (count, n_bits))
        whole = np.bitwise_xor.reduce([words[party] for party in who])
        expected = unpack(np.ascontiguousarray(whole).view(np.uint8), 64 * shape[1])[:, :count].T
        assert (await parties.reveal(shares) == expected).all()


async def check_side_by_side(parties: Parties) -> None:
    """Calls that no party waits for in the same order."""
    x, y = parties.integers((30,)), parties.integers((30,))
    xs, ys = await parties.share(x, 0), await parties.share(y, 0)
    starts = [
        parties.starts("multiply", xs, ys),
        parties.starts("open", xs, frozenset(range(parties.n))),
        parties.starts("random_bits", (9,)),
        parties.starts("multiply", ys, ys),
        parties.starts("matmul", xs, ys),
    ]

    def turned(party: int) -> list[int]:
        return [(i + party) % len(starts) for i in range(len(starts))]

    async def party(me: int) -> list[Any]:
        return await run_all([starts[i][me] for i in turned(me)])

    found = await run_all([party(me) for me in range(parties.n)])
    by_call = [[found[me][turned(me).index(i)] for me in range(parties.n)] for i in range(len(starts))]
    m = parties.ring.modulus
    assert (await parties.reveal(by_call[0]) == x * y % m).all()
    assert (parties.residues(by_call[1][0]) == x).all()
    assert set((await parties.reveal(by_call[2])).flat) <= {0, 1}
    assert (await parties.reveal(by_call[3]) == y * y % m).all()
    assert await parties.reveal(by_call[4]) == (x * y).sum() % m


def check_costs(maker: Maker, n_parties: int, *, bound_bits: int, count: int = 70) -> None:
    """Rounds and bytes of every operation at every party equal what it declares."""

    async def main() -> None:
        parties = await assemble(maker, n_parties, "delayed")
        x, y = parties.integers((count,)), parties.integers((count,))
        xs, ys = await parties.share(x, 0), await parties.share(y, 0)
        matrix = await parties.share(parties.integers((count, 3)), 0)
        small = await parties.share(np.array([1, -2, 3] * 5, dtype=object), 0)
        column, to = await parties.share(parties.integers((3,)), 0), frozenset({0})
        encoded = parties.ring.encode(x)
        given = [encoded if party == 1 else None for party in range(parties.n)]
        who = parties.engines[0].summand_parties(parties.meshes[0])
        zeros = np.zeros((2, -(-count // 64)), np.uint64)
        words = [zeros if party in who else None for party in range(parties.n)]
        everybody = frozenset(range(parties.n))
        for name, arguments, options, shape, details in [
            ("share", (1, given, (count,)), {}, (count,), {"owner": 1}),
            ("open", (xs, everybody), {}, (count,), {"to": everybody}),
            ("open", (xs, to), {}, (count,), {"to": to}),
            ("multiply", (xs, ys), {}, (count,), {}),
            ("matmul", (matrix, column), {}, (count,), {"inner": 3, "left": (count, 3), "right": (3,)}),
            ("truncate", (small, 5), {"bound_bits": bound_bits}, (15,), {"n_bits": 5, "bound_bits": bound_bits}),
            ("random_bits", ((count,),), {}, (count,), {}),
            ("from_summands_of_bits", (words, 2, count), {}, (count, 2), {}),
        ]:
            await check_cost(parties, parties.starts(name, *arguments, **options), (name, shape, details))

    run_in_rounds(main)


async def check_cost(
    parties: Parties, calls: list[Awaitable[Any]], declared: tuple[str, tuple[int, ...], dict[str, Any]]
) -> None:
    """One operation over delayed channels."""
    loop = asyncio.get_running_loop()
    name, shape, details = declared
    before, start = [sum(mesh.n_bytes().values()) for mesh in parties.meshes], loop.time()
    await run_all(calls, seconds=10_000)
    seconds = loop.time() - start
    for party, engine in enumerate(parties.engines):
        cost: Cost = engine.cost(name, shape, **details)
        sent = sum(parties.meshes[party].n_bytes().values()) - before[party]
        assert cost.n_bytes == sent, f"{name}: party {party} declares {cost.n_bytes} bytes, and sends {sent}"
        assert cost.rounds == seconds, f"{name}: party {party} declares {cost.rounds} rounds; there were {seconds:g}"
