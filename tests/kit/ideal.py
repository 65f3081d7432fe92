"""Engines without cryptography: a trusted party holds all shares of a call, computes in the clear and deals anew.

    engines = Trusted(RING64, n_parties=3).engines()

They have the shape of `protocols.arithmetic.contract.Engine`, with any ring, and of `BooleanEngine`. Nothing is said on
the meshes: their session ids tell calls apart, and a party that makes another call under the same id than its peers
is an AssertionError at all of them. What arrives at a party is what a real engine would give it: additive or XOR shares
that are fresh in every call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from circuits.ir import Circuit
from circuits.plain import evaluate_bits
from protocols.arithmetic.contract import Cost
from protocols.bits import pack, unpack
from protocols.boolean.contract import BitShares, Words, n_words
from protocols.channel import Mesh
from protocols.sharing.ring import Elements, Ring

Deal = Callable[[list[Any]], list[Any]]


@dataclass
class _Call:
    what: tuple[Any, ...]
    payloads: dict[int, Any] = field(default_factory=dict)
    done: asyncio.Future[list[Any]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Trusted:
    """The trusted party.

    Args:
        ring: of the arithmetic shares.
        n_parties: 2 or more.
        seed: of the shares it deals, and of random bits and rounding.
    """

    def __init__(self, ring: Ring, n_parties: int, seed: int = 1) -> None:
        self.ring, self.n_parties = ring, n_parties
        self.random = np.random.default_rng(seed)
        self._calls: dict[bytes, _Call] = {}
        self._ended: set[bytes] = set()
        self.log: list[tuple[Any, ...]] = []

    def engines(self) -> list[IdealEngine]:
        return [IdealEngine(self, party) for party in range(self.n_parties)]

    async def call(self, mesh: Mesh, what: tuple[Any, ...], payload: Any, deal: Deal) -> Any:
        """Wait until every party has made the same call; `deal` turns what they gave into what they get."""
        key, me = mesh.session_id, mesh.party_id
        assert key not in self._ended, f"a second call on the mesh of {what}"
        call = self._calls.setdefault(key, _Call(what))
        assert me not in call.payloads, f"party {me} uses one mesh for two calls: {call.what} and {what}"
        call.payloads[me] = payload
        if call.what != what and not call.done.done():
            call.done.set_exception(AssertionError(f"the parties diverge: {call.what} and {what}"))
        if len(call.payloads) == self.n_parties and not call.done.done():
            self.log.append(what)
            try:
                call.done.set_result(deal([call.payloads[i] for i in range(self.n_parties)]))
            except Exception as error:
                call.done.set_exception(error)
            del self._calls[key]
            self._ended.add(key)
        return (await asyncio.shield(call.done))[me]

    def split(self, x: Elements) -> list[Elements]:
        """Fresh additive shares."""
        shares = [self.ring.sample(self.random.bytes, x.shape[:-1]) for _ in range(self.n_parties - 1)]
        last = x
        for share in shares:
            last = self.ring.sub(last, share)
        return [*shares, last]

    def join(self, shares: Sequence[Elements]) -> Elements:
        total = shares[0]
        for share in shares[1:]:
            total = self.ring.add(total, share)
        return total

    def split_words(self, words: Words) -> list[Words]:
        """Fresh XOR shares."""
        shares = [self.random.integers(0, 1 << 64, words.shape, np.uint64) for _ in range(self.n_parties - 1)]
        return [*shares, np.bitwise_xor.reduce([words, *shares])]


class IdealBoolean:
    """A `BooleanEngine` of a trusted party: XOR shares among all."""

    pieces = 1

    def __init__(self, trusted: Trusted, party_id: int, style: str = "low_depth") -> None:
        self._trusted, self.party_id, self.n_parties, self.style = trusted, party_id, trusted.n_parties, style

    async def share(self, mesh: Mesh, owner: int, words: Words | None, n_bits: int, count: int) -> BitShares:
        assert (words is not None) == (owner == self.party_id)
        assert words is None or words.shape == (n_bits, n_words(count))

        def deal(given: list[Any]) -> list[Any]:
            return self._trusted.split_words(given[owner])

        got = await self._trusted.call(mesh, ("share bits", owner, n_bits, count), words, deal)
        return BitShares(got[:, None], count)

    def public(self, words: Words, count: int) -> BitShares:
        return BitShares((words if self.party_id == 0 else np.zeros_like(words))[:, None], count)

    async def evaluate(self, mesh: Mesh, circuit: Circuit, inputs: Sequence[BitShares], count: int) -> BitShares:
        assert [shares.n_bits for shares in inputs] == [port.n_bits for port in circuit.inputs]
        assert all(shares.count == count for shares in inputs)
        mine = np.concatenate([shares.words[:, 0] for shares in inputs] or [np.empty((0, n_words(count)), np.uint64)])

        def deal(given: list[Any]) -> list[Any]:
            bits = to_bits(np.bitwise_xor.reduce(given), count).T
            outputs = evaluate_bits(circuit, np.ascontiguousarray(bits))
            return self._trusted.split_words(to_words(np.ascontiguousarray(outputs.T)))

        got = await self._trusted.call(mesh, ("evaluate", circuit.digest, count), mine, deal)
        return BitShares(got[:, None], count)

    async def open(self, mesh: Mesh, shares: BitShares, to: frozenset[int]) -> Words | None:
        def deal(given: list[Any]) -> list[Any]:
            opened = to_words(to_bits(np.bitwise_xor.reduce(given), shares.count))
            return [opened.copy() if party in to else None for party in range(self.n_parties)]

        what = ("open bits", shares.n_bits, shares.count, to)
        found: Words | None = await self._trusted.call(mesh, what, shares.words[:, 0], deal)
        return found

    def summand_parties(self, mesh: Mesh) -> tuple[int, ...]:
        return tuple(range(self.n_parties))

    def summand(self, mesh: Mesh, shares: BitShares) -> Words:
        return shares.words[:, 0]


class IdealEngine:
    """An `Engine` of a trusted party: additive shares among all; truncation rounds down, or up by chance."""

    truncation_ulps = 1.0

    @property
    def truncation_bits(self) -> int:
        return self.ring.n_bits - 2

    def __init__(self, trusted: Trusted, party_id: int) -> None:
        self._trusted, self.ring, self.party_id = trusted, trusted.ring, party_id
        self.n_parties = trusted.n_parties
        self.boolean = IdealBoolean(trusted, party_id)

    async def share(self, mesh: Mesh, owner: int, values: Elements | None, shape: tuple[int, ...]) -> Elements:
        assert (values is not None) == (owner == self.party_id)
        self._check(values, shape)
        return await self._call(mesh, ("share", owner, shape), values, lambda given: given[owner])

    def public(self, values: Elements) -> Elements:
        self._check(values)
        return values if self.party_id == 0 else self.ring.zeros(values.shape[:-1])

    async def open(self, mesh: Mesh, x: Elements, to: frozenset[int]) -> Elements | None:
        self._check(x)

        def deal(given: list[Any]) -> list[Any]:
            return [self._trusted.join(given) if party in to else None for party in range(self.n_parties)]

        found: Elements | None = await self._trusted.call(mesh, ("open", x.shape, to), x, deal)
        return found

    async def multiply(self, mesh: Mesh, x: Elements, y: Elements) -> Elements:
        assert x.shape == y.shape
        return await self._pair(mesh, "multiply", x, y, self.ring.mul)

    async def matmul(self, mesh: Mesh, x: Elements, y: Elements) -> Elements:
        return await self._pair(mesh, "matmul", x, y, self.ring.matmul)

    async def truncate(self, mesh: Mesh, x: Elements, n_bits: int, *, bound_bits: int) -> Elements:
        self._check(x)
        if not 0 <= n_bits <= bound_bits < self.ring.n_bits:
            raise ValueError(f"{self.ring.name} has no room to truncate {bound_bits} bits by {n_bits}")

        def whole(given: list[Any]) -> Elements:
            values = self.ring.decode(self._trusted.join(given)).astype(object)
            assert all(abs(int(value)) < 1 << bound_bits for value in values.flat), "a value exceeds its bound"
            up = [int.from_bytes(self._trusted.random.bytes(16), "little") % (1 << n_bits) for _ in values.flat]
            return self.ring.encode((values + np.array(up, dtype=object).reshape(values.shape)) >> n_bits)

        return await self._call(mesh, ("truncate", x.shape, n_bits, bound_bits), x, whole)

    async def random_bits(self, mesh: Mesh, shape: tuple[int, ...]) -> Elements:
        def whole(_: list[Any]) -> Elements:
            return self.ring.encode(self._trusted.random.integers(0, 2, shape))

        return await self._call(mesh, ("random_bits", shape), None, whole)

    def summand_parties(self, mesh: Mesh) -> tuple[int, ...]:
        return tuple(range(self.n_parties))

    def summand(self, mesh: Mesh, x: Elements) -> Elements:
        self._check(x)
        return x

    async def from_summands_of_bits(self, mesh: Mesh, words: Words | None, n_bits: int, count: int) -> Elements:
        assert words is not None
        assert words.shape == (n_bits, n_words(count))

        def whole(given: list[Any]) -> Elements:
            return self.ring.encode(to_bits(np.bitwise_xor.reduce(given), count).T.astype(np.int64))

        return await self._call(mesh, ("from_summands_of_bits", n_bits, count), words, whole)

    def cost(self, operation: str, shape: tuple[int, ...], **options: Any) -> Cost:
        return Cost(0, 0)

    async def _pair(self, mesh: Mesh, name: str, x: Elements, y: Elements, operation: Any) -> Elements:
        self._check(x)
        self._check(y)

        def whole(given: list[Any]) -> Elements:
            left, right = (self._trusted.join(parts) for parts in zip(*given, strict=True))
            product: Elements = operation(left, right)
            return product

        return await self._call(mesh, (name, x.shape, y.shape), (x, y), whole)

    async def _call(
        self, mesh: Mesh, what: tuple[Any, ...], payload: Any, whole: Callable[[list[Any]], Elements]
    ) -> Elements:
        got: Elements = await self._trusted.call(
            mesh, what, payload, lambda given: self._trusted.split(np.ascontiguousarray(whole(given)))
        )
        return got

    def _check(self, x: Elements | None, shape: tuple[int, ...] | None = None) -> None:
        if x is not None:
            assert x.dtype == np.uint64
            assert x.shape[-1:] == (self.ring.limbs,)
            assert shape is None or x.shape[:-1] == shape


def to_bits(words: Words, count: int) -> Any:
    """Rows of words to rows of bits: uint8 of shape (n_bits, count)."""
    return unpack(np.ascontiguousarray(words).view(np.uint8)[:, : -(-count // 8)], count)


def to_words(bits: Any) -> Words:
    """The inverse of `to_bits`, padded with zeros."""
    n_rows, count = bits.shape
    rows = np.zeros((n_rows, 8 * n_words(count)), np.uint8)
    rows[:, : -(-count // 8)] = pack(bits)
    return rows.view(np.uint64)
