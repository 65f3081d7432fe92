"""The additive engine: numbers modulo 2^64 as sums of shares of all n >= 2 parties; all but one may collude.

    x = x_0 + x_1 + ... + x_(n-1) modulo 2^64

    share         the owner's share is x less the others', which come from keys that it has in common with each of them
    open          each share, re-randomised among more than two parties, to every recipient; who adds them up
    multiply      the cross terms by OT on bits (`protocols.arithmetic.cross`); or a triple that was made ahead
    truncate      every share by itself, and less the wraps of their sum (`protocols.arithmetic.truncation`)
    random bits   the XOR of a bit of each party

No dealer is needed: products come from correlated OT between each two parties. Comparisons are circuits, evaluated by
the Boolean engine on the bits of the shares: garbled circuits between two parties, GMW among more.

Security: semi-honest; private while one party keeps to itself. Computational: OT (`protocols.ot`) and AES-128 as a
pseudorandom generator. Shares that are opened among three or more parties are masked by a sharing of 0 from keys of
each two of them, so that they tell their sum and no more; of two parties' shares the sum tells the other one anyway.
A party that deviates can make results wrong, and in OT learn what it should not, see `protocols.ot.extension`. Leaks
shapes.
Cost: see `AdditiveEngine.cost`.
Source: Goldreich, Micali and Wigderson, STOC 1987, over a ring instead of bits; shares without messages and sharings of
0 as in Cramer, Damgård and Ishai, TCC 2005.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from protocols import bits, garbling, ot
from protocols.arithmetic import costs, cross, truncation
from protocols.arithmetic.contract import Cost, Elements
from protocols.arithmetic.dealer import TrustedDealer
from protocols.arithmetic.matrices import Factors
from protocols.arithmetic.triples import MatrixTriple, Triples64, TripleSource64, spend, spend_matrix
from protocols.boolean import gmw
from protocols.boolean.contract import BooleanEngine, Words
from protocols.boolean.garbled import GarbledEngine
from protocols.boolean.gmw_engine import GmwEngine
from protocols.boolean.triples import TripleSource
from protocols.channel import Mesh
from protocols.ot.extension import tree_depths
from protocols.ot.pairwise import PairwiseOt
from protocols.ot.work import run
from protocols.rng import Rng, system_rng
from protocols.sharing.keys import PairKeys, setup_pairs
from protocols.sharing.ring import RING64, Ring
from protocols.sharing.ring import warm_up as warm_up_ring
from protocols.tasks import all_of

__all__ = ["AdditiveEngine", "BooleanKind", "warm_up"]

BooleanKind = Literal["yao", "gmw"]
LONG = 1 << 15  # elements whose stream or sum takes some tenths of a millisecond


class AdditiveEngine:
    """An `Engine` over Z / 2^64; `setup` makes one.

    Args:
        party_id, n_parties: of this party.
        keys: with each peer.
        ots: with each peer.
        boolean: shares of bits by XOR among the same parties.
        dealer: helps with products, see `protocols.arithmetic.dealer`; None, which assumes less, for OT.
        rng: the source of randomness.
    """

    def __init__(
        self,
        party_id: int,
        n_parties: int,
        keys: PairKeys,
        ots: PairwiseOt,
        boolean: BooleanEngine,
        *,
        dealer: TrustedDealer | None = None,
        rng: Rng = system_rng,
    ) -> None:
        self._party_id, self._n_parties = party_id, n_parties
        self._keys, self._ots, self._boolean, self._dealer, self._rng = keys, ots, boolean, dealer, rng

    @classmethod
    async def setup(
        cls,
        mesh: Mesh,
        *,
        boolean: BooleanKind | None = None,
        dealer: int | None = None,
        k: int = 4,
        rng: Rng = system_rng,
    ) -> AdditiveEngine:
        """Agree on keys and set up OT, with every peer in both directions.

        Args:
            mesh: to all the others, for this object alone.
            boolean: how circuits are evaluated: "yao", for two parties and their default, or "gmw".
            dealer: the party that is trusted to help with products and to collude with nobody, see
                `protocols.arithmetic.dealer`; by default there is none, and products come from OT.
            k: of SoftSpokenOT, 1 to 8, the same at every party: fewer bytes for more work.
            rng: the source of randomness.
        Raises:
            ValueError: garbling among more than two, a dealer among two, or k is not between 1 and 8.
            MessageError: a peer's message has a wrong length or holds an invalid group element; names the peer.
        Cost: a key of 32 bytes to each party with a higher number, and `PairwiseOt.setup`.
        """
        n = mesh.n_parties
        if boolean == "yao" and n != 2:
            raise ValueError(f'garbled circuits are for two parties; among {n} take boolean="gmw"')
        tree_depths(k)
        if dealer is not None:
            TrustedDealer(mesh.party_id, n, PairKeys(mesh.party_id, {}), dealer)
        await run(warm_up, boolean or ("yao" if n == 2 else "gmw"), long=True)
        keys, ots = await all_of(
            [setup_pairs(mesh.fork("keys"), rng=rng), PairwiseOt.setup(mesh.fork("ots"), k=k, rng=rng)]
        )
        engine = cls.boolean_engine(mesh, keys, ots, boolean, rng=rng)
        helper = None if dealer is None else TrustedDealer(mesh.party_id, n, keys, dealer)
        return cls(mesh.party_id, n, keys, ots, engine, dealer=helper, rng=rng)

    @staticmethod
    def boolean_engine(
        mesh: Mesh, keys: PairKeys, ots: PairwiseOt, kind: BooleanKind | None = None, *, rng: Rng = system_rng
    ) -> BooleanEngine:
        """Shares of bits on the same keys and OT; arguments as for `setup`."""
        if kind == "gmw" or (kind is None and mesh.n_parties != 2):
            triples = TripleSource(mesh.fork("triples"), ots.senders, ots.receivers, rng=rng)
            return GmwEngine(mesh.party_id, mesh.n_parties, triples, keys)
        return GarbledEngine(mesh.party_id, ots, rng=rng)

    @property
    def ring(self) -> Ring:
        return RING64

    @property
    def party_id(self) -> int:
        return self._party_id

    @property
    def n_parties(self) -> int:
        return self._n_parties

    @property
    def boolean(self) -> BooleanEngine:
        return self._boolean

    @property
    def truncation_bits(self) -> int:
        return truncation.MAX_BOUND

    @property
    def truncation_ulps(self) -> float:
        return truncation.ulps(self._n_parties)

    @property
    def triples(self) -> TripleSource64:
        """Where triples come from that are made ahead."""
        return TripleSource64(self._ots, rng=self._rng)

    async def share(self, mesh: Mesh, owner: int, values: Elements | None, shape: tuple[int, ...]) -> Elements:
        """See `Engine.share`. Nothing is said."""
        self._check_present(mesh)
        own = owner == self._party_id
        if own != (values is not None):
            raise ValueError(f"values are given by their owner, party {owner}, and by nobody else")
        if values is not None and values.shape != (*shape, 1):
            raise ValueError(f"the values have shape {values.shape[:-1]}, not {shape}")
        self._check_peer(owner)

        def compute() -> Elements:
            if values is None:
                return self._drawn(mesh, owner, "share", shape)
            share = values.copy()
            for peer in mesh.channels:
                share -= self._drawn(mesh, peer, "share", shape)
            return share

        return await run(compute, long=_size(shape) > LONG)

    def public(self, values: Elements) -> Elements:
        return values.copy() if self._party_id == 0 else np.zeros_like(values)

    async def open(self, mesh: Mesh, x: Elements, to: frozenset[int]) -> Elements | None:
        """See `Engine.open`. One message to each recipient."""
        self._check_present(mesh)
        me, shape = self._party_id, x.shape[:-1]
        for party in to:
            self._check_peer(party)
        if not x.size:
            return x.copy() if me in to else None
        message = await run(self._masked, mesh, x, long=x.size > LONG)
        senders = sorted(mesh.channels) if me in to else []
        got = await all_of(
            [
                *(mesh.channels[peer].receive(x.nbytes) for peer in senders),
                *(mesh.channels[peer].send(RING64.pack(message)) for peer in sorted(to - {me})),
            ]
        )
        if me not in to:
            return None

        def add_up() -> Elements:
            total = message.copy()
            for peer, part in zip(senders, got, strict=False):
                total += RING64.unpack(part, shape, peer=mesh.channels[peer].peer)
            return total

        return await run(add_up, long=x.size > LONG)

    async def multiply(self, mesh: Mesh, x: Elements, y: Elements, *, triples: Triples64 | None = None) -> Elements:
        """See `Engine.multiply`. Two messages that wait for each other; with triples one, of 16 bytes each.

        Args:
            triples: made ahead; as many as there are products are spent.
        Raises:
            StateError: too few triples are left.
        """
        self._check_present(mesh)
        if x.shape != y.shape:
            raise ValueError(f"the factors have shapes {x.shape[:-1]} and {y.shape[:-1]}")
        left, right = x.reshape(-1), y.reshape(-1)
        if triples is not None:
            product = await spend(mesh, triples, left, right)
        elif self._dealer is not None:
            product = await self._dealer.product(mesh, left, right, np.multiply, left.shape)
        else:
            product = await cross.multiply(mesh, self._ots, left, right)
        return product.reshape(x.shape)

    async def matmul(self, mesh: Mesh, x: Elements, y: Elements, *, triple: MatrixTriple | None = None) -> Elements:
        """See `Engine.matmul`. Messages as for `multiply`.

        Args:
            triple: made ahead, of the sizes of `matrix_sizes`; it is spent.
        Raises:
            StateError: the triple is spent.
        """
        self._check_present(mesh)
        factors = Factors.of(x.shape[:-1], y.shape[:-1])
        left, right = factors.left_of(x[..., 0]), factors.right_of(y[..., 0])
        if triple is not None:
            product = await spend_matrix(mesh, triple, left, right)
        elif self._dealer is not None:
            sizes = (*left.shape[:2], right.shape[2])
            product = await self._dealer.product(mesh, left, right, cross.at_home, sizes)
        else:
            product = await cross.multiply_matrices(mesh, self._ots, left, right)
        return factors.result_of(product)[..., None]

    async def truncate(self, mesh: Mesh, x: Elements, n_bits: int, *, bound_bits: int) -> Elements:
        """See `Engine.truncate`, and `protocols.arithmetic.truncation`."""
        self._check_present(mesh)
        truncation.check(n_bits, bound_bits)
        if not n_bits or not x.size:
            return x.copy()
        flat = x.reshape(-1)
        if self._n_parties == 2:
            cut = await truncation.by_top_bits(mesh, self._ots, flat, n_bits)
        else:
            cut = await truncation.by_wraps(mesh, self._ots, self._boolean, flat, n_bits)
        return cut.reshape(x.shape)

    async def random_bits(self, mesh: Mesh, shape: tuple[int, ...]) -> Elements:
        """See `Engine.random_bits`. Messages as for `from_summands_of_bits`."""
        self._check_present(mesh)
        mine = bits.random_bits(self._rng, _size(shape))
        return (await cross.exclusive_or(mesh, self._ots, mine, costs.WORD_BYTES)).reshape(*shape, 1)

    def summand_parties(self, mesh: Mesh) -> tuple[int, ...]:
        return tuple(range(self._n_parties))

    def summand(self, mesh: Mesh, x: Elements) -> Elements:
        return x

    async def from_summands_of_bits(self, mesh: Mesh, words: Words | None, n_bits: int, count: int) -> Elements:
        """See `Engine.from_summands_of_bits`. As many messages that wait for each other as there are parties."""
        self._check_present(mesh)
        if words is None or words.shape != (n_bits, -(-count // 64)):
            raise ValueError(f"every party gives {n_bits} rows of {count} bits")

        def unpacked() -> bits.Bits:
            rows = np.ascontiguousarray(words).view(np.uint8)[:, : bits.packed_bytes(count)]
            return bits.unpack(rows, count).reshape(-1)

        own = await run(unpacked, long=n_bits * count > LONG)
        found = await cross.exclusive_or(mesh, self._ots, own, costs.WORD_BYTES)
        return np.ascontiguousarray(found.reshape(n_bits, count).T)[..., None]

    def cost(self, operation: str, shape: tuple[int, ...], **options: Any) -> Cost:
        """What this party sends.

        Args:
            operation: see `Engine.cost`.
            shape: of the result.
            options: for "open" `to`; for "multiply" and "matmul" `triples` (True where they were made ahead); for
                "matmul" `left` and `right`, the shapes of the factors; for "truncate" `n_bits`.
        """
        dealer = None if self._dealer is None else self._dealer.dealer
        return costs.of(self, self._ots.k, dealer, operation, shape, options)

    def _check_present(self, mesh: Mesh) -> None:
        """Additive shares are worth nothing without each of them."""
        missing = set(range(self._n_parties)) - {self._party_id, *mesh.channels}
        if missing:
            raise ValueError(f"not present: party {min(missing)}; additive shares need all of their parties")

    def _drawn(self, mesh: Mesh, peer: int, use: str, shape: tuple[int, ...]) -> Elements:
        """Elements of the stream that this party has in common with another one."""
        return RING64.sample(self._keys.stream(peer, mesh.session_id, use), shape)

    def _masked(self, mesh: Mesh, x: Elements) -> Elements:
        """This party's share, re-randomised by a sharing of 0 where its peers could tell it apart from others'."""
        if self._n_parties == 2:
            return np.ascontiguousarray(x)
        masked = x.copy()
        for peer in mesh.channels:
            mask = self._drawn(mesh, peer, "open", x.shape[:-1])
            if peer > self._party_id:
                masked += mask
            else:
                masked -= mask
        return masked

    def _check_peer(self, party: int) -> None:
        if not 0 <= party < self._n_parties:
            raise ValueError(f"there is no party {party} among {self._n_parties}")

    def __repr__(self) -> str:
        return f"<AdditiveEngine of party {self._party_id} of {self._n_parties}>"


def warm_up(boolean: BooleanKind = "yao") -> None:
    """Load all kernels; compile them where this machine has not yet: some seconds, once."""
    ot.prepare()
    warm_up_ring(RING64)
    cross.warm_up()
    garbling.warm_up() if boolean == "yao" else gmw.warm_up()


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))
