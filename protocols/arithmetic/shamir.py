"""The Shamir engine: n parties with an honest majority compute on shares of field elements.

    share       dealer: f of degree t with f(0) = x        to each party i    f(i + 1), or drawn from a common key
    multiply    party i: z_i = x_i y_i, then share(z_i)    share of x y = sum of lambda_i (share of z_i)
    truncate    shares of r and of r's upper part from common keys; open x + r; its upper part less r's
    bits        each of t + 1 parties shares the bits it knows; their XOR takes t products of bits

z_0, z_1, ... lie on a polynomial of degree 2 t whose value at 0 is x y, so 2 t + 1 of them determine it, by public
coefficients lambda. A matrix product is one such sharing for each element of the result, whatever the inner dimension.

Security: semi-honest, at most t < n / 2 parties collude; information-theoretic given the common keys, which stand for
random shares (AES-128). Openings of x + r hide x statistically: r fills the ring, so it is larger by SIGMA = 40 bits
than any x that `truncate` takes, and by as many more as x has less than `truncation_bits`. How a number was rounded is
no secret: besides x + r, whoever sees the result knows r's upper part, and so between which two numbers, 2**n_bits
apart, x lies; as with rounding at a random place that all know. Deviating parties can make results wrong; what is
opened is checked against the shares that are not needed, see `open`. Leaks shapes.
Cost, for each element and each party that deals (all but those beyond 2 t + 1, for products): n - 1 - t elements of
ring.n_bytes for `share` and `multiply`, one round; `open`: one element to each recipient, one round; `truncate`: one
opening to everybody; bits: one `share` at t + 1 parties and t products in ceil(log2(t + 1)) rounds. See `cost`.
Source: Ben-Or, Goldwasser and Wigderson, STOC 1988; multiplication as in Gennaro, Rabin and Rabin, PODC 1998, with the
pseudorandom shares of `protocols.sharing.shamir`, which for three parties halves its bytes; one round where that of
Damgård and Nielsen, CRYPTO 2007, takes two. Truncation: Catrina and Saxena, FC 2010, in its probabilistic form, with
the shared integers of Cramer, Damgård and Ishai, TCC 2005, so that no bit of r is ever shared. Deviations: r's lower
part is a sum of n over t numbers instead of single bits, which widens the error, see `truncation_ulps`; the error is
centred at 0; r is as wide as the ring allows, not as the bound demands.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np

from protocols.arithmetic.contract import Cost, Elements
from protocols.arithmetic.dealing import LONG, Dealing
from protocols.boolean.contract import BooleanEngine, Words
from protocols.boolean.replicated import ReplicatedEngine
from protocols.channel import Mesh
from protocols.ot.work import run
from protocols.rng import Rng, system_rng
from protocols.sharing.keys import KeyStream, ReplicatedKeys, session_among
from protocols.sharing.ring import MERSENNE127, Ring, warm_up
from protocols.sharing.shamir import at_zero_on, lagrange, point, reconstruct
from protocols.tasks import all_of

__all__ = ["SIGMA", "ShamirEngine"]

SIGMA = 40


class ShamirEngine:
    """`protocols.arithmetic.contract.Engine`; made by `setup`.

    Args:
        ring: GF(2^61 - 1) or GF(2^127 - 1).
        keys: that the parties have in common.
        rng: of `random_bits`.
    """

    def __init__(self, ring: Ring, keys: ReplicatedKeys, *, rng: Rng = system_rng) -> None:
        if not ring.is_field:
            raise ValueError(f"Shamir's sharing needs a field, and {ring.name} is none")
        self.ring, self.keys, self._rng = ring, keys, rng
        self.party_id, self.n_parties, self.threshold = keys.party_id, keys.n_parties, keys.threshold
        self.boolean: BooleanEngine = ReplicatedEngine(keys)
        self.n_sets = comb(self.n_parties, self.threshold)
        self.truncation_ulps = (self.n_sets + 1) / 2

    @classmethod
    async def setup(
        cls, mesh: Mesh, *, threshold: int = 1, ring: Ring = MERSENNE127, rng: Rng = system_rng
    ) -> ShamirEngine:
        """Agree on common keys; every party makes the same call.

        Raises:
            ValueError: a threshold that is not below half of the parties, or a ring that is no field.
            MessageError: a peer's message has a wrong length; names the peer.
        Cost: that of `ReplicatedKeys.setup`.
        """
        if not ring.is_field:
            raise ValueError(f"Shamir's sharing needs a field, and {ring.name} is none")
        keys = await ReplicatedKeys.setup(mesh, threshold, rng=rng)
        await run(warm_up, ring, long=True)
        return cls(ring, keys, rng=rng)

    # ---- sharing and opening

    async def share(self, mesh: Mesh, owner: int, values: Elements | None, shape: tuple[int, ...]) -> Elements:
        """As the contract says. Cost: one round; the owner sends n - 1 - t elements for each of the array."""
        count = _count(shape)
        make = None if values is None else values.reshape(count, self.ring.limbs).__getitem__
        dealing = Dealing(self.ring, self.keys, mesh, [owner])
        return (await dealing.run(count, make, [1])).reshape(*shape, self.ring.limbs)

    def public(self, values: Elements) -> Elements:
        """As the contract says: the constant polynomial."""
        return values

    async def open(self, mesh: Mesh, x: Elements, to: frozenset[int]) -> Elements | None:
        """As the contract says: every party sends its share to every recipient, who checks those it does not need.

        A wrong share is found out when n > t + 1, and its party when n > t + 2; see `protocols.sharing.shamir`.
        """
        ring, me = self.ring, self.party_id
        message = ring.pack(x)
        peers = sorted(mesh.channels)

        async def hear(peer: int) -> Elements:
            got = await mesh.channels[peer].receive(len(message))
            return ring.unpack(got, x.shape[:-1], peer=mesh.channels[peer].peer)

        hearing = [hear(peer) for peer in peers] if me in to else []
        telling = [mesh.channels[peer].send(message) for peer in peers if peer in to]
        heard = (await all_of([*hearing, *telling]))[: len(hearing)]
        if me not in to:
            return None
        shares = {me: x, **dict(zip(peers, heard, strict=True))}

        def name_of(party: int) -> str:
            return mesh.channels[party].peer if party != me else "this party"

        return await run(reconstruct, ring, self.threshold, shares, name_of, long=x.size > LONG)

    # ---- products

    async def multiply(self, mesh: Mesh, x: Elements, y: Elements) -> Elements:
        """As the contract says. Cost: one round; n - 1 - t elements of each of the first 2 t + 1 parties."""
        if x.shape != y.shape:
            raise ValueError(f"products of each two elements need equal shapes, not {x.shape[:-1]} and {y.shape[:-1]}")
        limbs = self.ring.limbs
        left, right = x.reshape(-1, limbs), y.reshape(-1, limbs)
        shares = await self._reshare(mesh, len(left), lambda part: self.ring.mul(left[part], right[part]))
        return shares.reshape(x.shape)

    async def matmul(self, mesh: Mesh, x: Elements, y: Elements) -> Elements:
        """As the contract says. Cost: that of `multiply` for the elements of the result."""
        product = await run(self.ring.matmul, x, y, long=True)
        flat = product.reshape(-1, self.ring.limbs)
        return (await self._reshare(mesh, len(flat), flat.__getitem__)).reshape(product.shape)

    async def _reshare(self, mesh: Mesh, count: int, make: Callable[[slice], Elements]) -> Elements:
        """From values on a polynomial of degree 2 t to shares of degree t of its value at 0."""
        present = self._present(mesh)
        dealers = present[: 2 * self.threshold + 1]
        if len(dealers) <= 2 * self.threshold:
            raise ValueError(f"{2 * self.threshold + 1} parties are needed to multiply, and {len(present)} are present")
        recombine = lagrange(self.ring, [point(dealer) for dealer in dealers], 0)
        return await Dealing(self.ring, self.keys, mesh, dealers).run(count, make, recombine)

    # ---- truncation

    async def truncate(self, mesh: Mesh, x: Elements, n_bits: int, *, bound_bits: int) -> Elements:
        """As the contract says. Cost: one opening to everybody.

        The result is x / 2**n_bits plus an error of mean 0 (to n_sets / 2**(n_bits + 1)) and of at most
        `truncation_ulps`. The mask is that of the widest numbers, whatever the bound: it costs nothing more.
        """
        ring, room = self.ring, self.truncation_bits
        self._check_room(n_bits, bound_bits)
        if not n_bits:
            return x
        offset = (1 << room) + (self.n_sets << n_bits)  # a multiple of 2**n_bits
        centred = offset - ((self.n_sets - 1) << (n_bits - 1))
        shape = x.shape[:-1]

        def mask() -> tuple[Elements, Elements]:
            r, upper = self._masks(mesh, shape, room + SIGMA, n_bits)
            return ring.add(ring.add(x, r), ring.encode(centred)), upper

        masked, upper = await run(mask, long=x.size > LONG)
        opened = await self.open(mesh, masked, frozenset(self._present(mesh)))
        assert opened is not None

        def unmask() -> Elements:
            return ring.sub(ring.sub(ring.shift_right(opened, n_bits), upper), ring.encode(offset >> n_bits))

        return await run(unmask, long=x.size > LONG)

    @property
    def truncation_bits(self) -> int:
        """The widest values that a mask of SIGMA bits more, a sum of n_sets numbers, fits beside in the ring."""
        room = self.ring.modulus // ((self.n_sets << SIGMA) + self.n_sets + 2)
        return room.bit_length() - 1

    def _check_room(self, n_bits: int, bound_bits: int) -> None:
        if not 1 <= bound_bits <= self.truncation_bits:
            raise ValueError(
                f"{self.ring.name} masks values of 1 to {self.truncation_bits} bits among {self.n_parties} parties, "
                f"with {SIGMA} bits to spare, not of {bound_bits}"
            )
        if not 0 <= n_bits <= bound_bits:
            raise ValueError(f"values of {bound_bits} bits are cut by 0 to {bound_bits} bits, not by {n_bits}")

    def _masks(self, mesh: Mesh, shape: tuple[int, ...], mask_bits: int, n_bits: int) -> tuple[Elements, Elements]:
        """Shares of r, a sum of uniform numbers of mask_bits bits, and of the sum of their upper parts."""
        ring, session = self.ring, session_among(mesh)
        r, upper = ring.zeros(shape), ring.zeros(shape)
        for one in self.keys.held:
            drawn = _draw_bits(self.keys.stream(one, session, "shamir-mask"), shape, ring.limbs, mask_bits)
            weight = at_zero_on(ring, one, self.party_id)
            r = ring.combine([1, weight], [r, drawn])
            upper = ring.combine([1, weight], [upper, ring.shift_right(drawn, n_bits)])
        return r, upper

    # ---- bits

    async def random_bits(self, mesh: Mesh, shape: tuple[int, ...]) -> Elements:
        """As the contract says: each of t + 1 parties draws bits from a key of its own. Cost: that of their XOR."""
        count = _count(shape)
        words = None
        if self.party_id in self.summand_parties(mesh):
            words = np.frombuffer(bytearray(self._rng(8 * -(-count // 64))), np.uint64).reshape(1, -1)
        bits = await self.from_summands_of_bits(mesh, words, 1, count)
        return bits.reshape(*shape, self.ring.limbs)

    def summand_parties(self, mesh: Mesh) -> tuple[int, ...]:
        """The first t + 1 that are present."""
        return tuple(self._present(mesh)[: self.threshold + 1])

    def summand(self, mesh: Mesh, x: Elements) -> Elements | None:
        """As the contract says: the share times its Lagrange coefficient."""
        parties = self.summand_parties(mesh)
        if self.party_id not in parties:
            return None
        coefficients = lagrange(self.ring, [point(party) for party in parties], 0)
        return self.ring.scale(x, coefficients[parties.index(self.party_id)])

    async def from_summands_of_bits(self, mesh: Mesh, words: Words | None, n_bits: int, count: int) -> Elements:
        """As the contract says. Cost: see the module."""
        ring, parties = self.ring, self.summand_parties(mesh)
        mine = None
        if self.party_id in parties:
            assert words is not None
            mine = await run(_bits_as_elements, words, n_bits, count, ring.limbs, long=n_bits * count > LONG)
        shared = await all_of(
            self.share(mesh.fork(f"bits/{party}"), party, mine if party == self.party_id else None, (count, n_bits))
            for party in parties
        )
        level = 0
        while len(shared) > 1:
            n_pairs = len(shared) // 2
            left, right = np.stack(shared[:n_pairs]), np.stack(shared[n_pairs : 2 * n_pairs])
            both = await self.multiply(mesh.fork(f"xor/{level}"), left, right)
            joined = await run(ring.combine, [1, 1, -2], [left, right, both], long=left.size > LONG)
            shared = [*joined, *shared[2 * n_pairs :]]
            level += 1
        return np.ascontiguousarray(shared[0])

    def _present(self, mesh: Mesh) -> list[int]:
        return sorted([self.party_id, *mesh.channels])

    # ---- cost

    def cost(self, operation: str, shape: tuple[int, ...], **options: Any) -> Cost:
        """As the contract says, with all parties present.

        Options:
            owner: of "share".
            to: of "open"; everybody by default.
        """
        n, me, t = self.n_parties, self.party_id, self.threshold
        n_bytes = _count(shape) * self.ring.n_bytes
        dealt = (n - 1 - t) * n_bytes
        if operation == "share":
            return Cost(1, dealt if options["owner"] == me else 0)
        if operation in ("multiply", "matmul"):
            return Cost(1, dealt if me <= 2 * t else 0)
        if operation == "open" or (operation == "truncate" and options["n_bits"]):
            return Cost(1, n_bytes * len(set(options.get("to", range(n))) - {me}))
        if operation in ("random_bits", "from_summands_of_bits"):
            shared = dealt if me <= t else 0
            return Cost(1 + t.bit_length(), shared + (t * dealt if me <= 2 * t else 0))
        if operation == "truncate":
            return Cost(0, 0)
        raise ValueError(f"no operation {operation!r}")

    def __repr__(self) -> str:
        return f"<ShamirEngine of party {self.party_id} of {self.n_parties}, threshold {self.threshold}>"


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _draw_bits(stream: KeyStream, shape: tuple[int, ...], limbs: int, n_bits: int) -> Elements:
    """Uniform numbers of so many bits, fewer than the ring has."""
    drawn = stream(8 * limbs * _count(shape)).view(np.uint64).reshape(*shape, limbs)
    for limb in range(limbs):
        left = min(64, max(0, n_bits - 64 * limb))
        drawn[..., limb] &= np.uint64((1 << left) - 1)
    return drawn


def _bits_as_elements(words: Words, n_bits: int, count: int, limbs: int) -> Elements:
    """Bit-sliced bits, (n_bits, n_words), as elements of shape (count, n_bits)."""
    elements = np.zeros((count, n_bits, limbs), np.uint64)
    elements[..., 0] = np.unpackbits(words.view(np.uint8), axis=1, count=count, bitorder="little").T
    return elements
