"""Replicated sharing of bits with an honest majority: AND gates of no more than one message to n - t - 1 parties.

A bit is the XOR of a piece x_A for each set A of t parties, known to everybody outside of A: whoever controls t parties
T lacks the piece x_T. So a party holds C(n - 1, t) pieces: 2 of 3 for three parties, 6 of 10 for five, 20 of 35 for
seven.

    every party i, for each level of AND gates z = x & y
    z_i = XOR of x_A & y_B for the pairs (A, B) whose lowest holder i is            (the z_i of all XOR to z)
    r_A = the stream of key_A for dealer i, for each A without i but one, A_i       (at all holders of A)
    z_i ^ XOR of all r_A                              --->  the other holders of A_i, who take it as its piece

    piece A of z: XOR of what all dealers i gave for A

A_i holds the t parties behind i. So each dealer shares its z_i afresh, most of it without a word; `share` is the same
with an input in place of z_i. `open` sends a recipient the XOR of the pieces it lacks, each from its lowest holder.

Parties that the mesh does not reach take no part: 2 t + 1 are enough, and the lowest of these do all that has to be
done. Shares made before somebody was lost serve on.

Security: semi-honest, up to t < n / 2 parties together; AES-128 as the generator of the streams. What whoever controls
T hears of another dealer i is the piece of A_i masked by r_T, or nothing where T is A_i; what it hears in an opening
follows from the output and what it knew. There is no check: a party that deviates can make outputs wrong. Leaks the
circuit and the count of instances.
Cost: for each AND level of a block of instances one message of ceil(gates * instances / 8) bytes from each of 2 t + 1
dealers to the holders of A_i: with three parties one bit of each for a gate and instance, to the next but one. `share`:
one such message of the owner. `open`: one of each of its senders to each recipient, at most t of them.
Source: Ito, Saito and Nishizeki, "Secret sharing scheme realizing general access structure", 1987; Cramer, Damgård and
Ishai, TCC 2005, for the streams; Maurer, "Secure multi-party computation made simple", 2006, for products and
resharing; Araki, Furukawa, Lindell, Nof and Ohara, ePrint 2016/768, for three parties at one bit. Deviation: for three
parties z_i is shared by one stream and one message instead of masked by a sharing of 0 and sent: as many bits, and one
form for all n.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.ir import Circuit
from protocols.boolean import levels
from protocols.boolean.contract import BitShares, Words, n_words
from protocols.boolean.levels import from_wire, string_bytes, to_wire, xor_wire
from protocols.boolean.roles import Roles
from protocols.channel import Mesh
from protocols.ot.work import run
from protocols.rng import Rng, system_rng
from protocols.sharing.keys import KeyStream, PartySet, ReplicatedKeys, session_among, sets_of
from protocols.tasks import all_of

__all__ = ["ReplicatedEngine"]

LONG_STRING = 1 << 17  # words of all pieces whose product takes some milliseconds


class ReplicatedEngine:
    """Shares of bits among n parties of which t < n / 2 may collude (`contract.BooleanEngine`).

    Args:
        keys: of these parties and this threshold.
    """

    style = "low_depth"

    def __init__(self, keys: ReplicatedKeys) -> None:
        self._keys, self._held = keys, keys.held
        self._roles: dict[tuple[int, ...], Roles] = {}
        self._one = np.zeros(len(self._held), np.uint64)  # the constant 1: its last piece is 1, the others are 0
        if sets_of(keys.n_parties, keys.threshold)[-1] in self._held:
            self._one[-1] = np.uint64(0xFFFFFFFFFFFFFFFF)

    @classmethod
    async def setup(cls, mesh: Mesh, threshold: int, *, rng: Rng = system_rng) -> ReplicatedEngine:
        """Agree on keys; arguments, errors and cost are those of `ReplicatedKeys.setup`."""
        return cls(await ReplicatedKeys.setup(mesh, threshold, rng=rng))

    @property
    def party_id(self) -> int:
        return self._keys.party_id

    @property
    def n_parties(self) -> int:
        return self._keys.n_parties

    @property
    def threshold(self) -> int:
        """How many parties may collude."""
        return self._keys.threshold

    @property
    def pieces(self) -> int:
        return len(self._held)

    def roles(self, mesh: Mesh) -> Roles:
        """Who does what among this party and those that the mesh reaches.

        Raises:
            ValueError: fewer than 2 * threshold + 1 are left.
        """
        present = tuple(sorted([self.party_id, *mesh.channels]))
        if present not in self._roles:
            self._roles[present] = Roles(self.party_id, self.n_parties, self.threshold, present)
        return self._roles[present]

    async def share(self, mesh: Mesh, owner: int, words: Words | None, n_bits: int, count: int) -> BitShares:
        """As in the contract. Cost: a message of ceil(n_bits * count / 8) bytes of the owner to n - t - 1 others.

        Raises:
            ValueError: the owner is not present, or `words` has another shape or is not there; nothing was sent.
            MessageError: the owner's message has a wrong length; names it.
        """
        roles, me, n_bytes = self.roles(mesh), self.party_id, string_bytes(n_bits * count)
        _check_present([owner], roles)
        session = session_among(mesh)
        if me == owner and (words is None or words.shape != (n_bits, n_words(count)) or words.dtype != np.uint64):
            raise ValueError(f"the owner shares uint64 of shape {(n_bits, n_words(count))}")
        dealt = roles.dealt(owner)
        streams = {
            piece: self._keys.stream(one, session, "bits-share")
            for piece, one in enumerate(self._held)
            if owner not in one and one != dealt
        }
        rows = np.zeros((n_bits, self.pieces, n_words(count)), np.uint64)

        def deal() -> Words | None:
            """Fill in the pieces from streams; what is left of the owner's bits."""
            for piece, stream in streams.items():
                rows[:, piece] = stream(8 * n_bits * n_words(count)).view(np.uint64).reshape(n_bits, n_words(count))
            return None if words is None else words ^ np.bitwise_xor.reduce(rows, axis=1)

        rest = await run(deal, long=rows.size > LONG_STRING)
        if me == owner and n_bytes:
            assert rest is not None
            rows[:, self._held.index(dealt)] = rest
            message = to_wire(levels.gather_rows(rest, count), n_bits * count)
            await all_of(mesh.channels[peer].send(message) for peer in roles.receivers(owner))
        elif me in roles.receivers(owner) and n_bytes:
            string = from_wire(await mesh.channels[owner].receive(n_bytes))
            rows[:, self._held.index(dealt)] = levels.scatter_rows(string, n_bits, count)
        return BitShares(rows, count)

    def public(self, words: Words, count: int) -> BitShares:
        """As in the contract: one piece is the bits, the others are 0."""
        return BitShares(words[:, None] & self._one[:, None], count)

    async def evaluate(
        self,
        mesh: Mesh,
        circuit: Circuit,
        inputs: Sequence[BitShares],
        count: int,
        *,
        progress: levels.Progress | None = None,
    ) -> BitShares:
        """As in the contract. Cost: see the module.

        Raises:
            ValueError: wrong inputs, or too few parties are left; nothing was sent.
            MessageError: a peer's message has a wrong length; names the peer.
        """
        joined = levels.joined_inputs(circuit, inputs, count, self.pieces)
        step = _Multiplication(mesh, self.roles(mesh), self._keys)
        program = await levels.program_of(circuit)
        return BitShares(await levels.evaluate(program, joined, self._one, count, step, progress), count)

    async def open(self, mesh: Mesh, shares: BitShares, to: frozenset[int]) -> Words | None:
        """As in the contract. Nothing is checked: a piece that several parties hold is sent by one.

        Cost: a message of ceil(n_bits * count / 8) bytes to each recipient of each lowest holder of pieces it lacks.
        Raises:
            ValueError: a recipient is not present; nothing was sent.
            MessageError: a peer's message has a wrong length; names the peer.
        """
        roles, me, n_bits, count = self.roles(mesh), self.party_id, shares.n_bits, shares.count
        _check_present(sorted(to), roles)
        n_bytes = string_bytes(n_bits * count)
        long = shares.words.size > LONG_STRING

        def added(pieces: list[int]) -> Words:
            return levels.gather_rows(np.bitwise_xor.reduce(shares.words[:, pieces], axis=1), count)

        async def say(peer: int, sets: list[PartySet]) -> None:
            string = await run(added, roles.pieces_of(sets), long=long)
            await mesh.channels[peer].send(to_wire(string, n_bits * count))

        asked = {peer: roles.opened_by(me, peer) for peer in sorted(to - {me})} if n_bytes else {}
        senders = [peer for peer in roles.present if me in to and n_bytes and roles.opened_by(peer, me)]
        got = await all_of(
            [
                *(mesh.channels[peer].receive(n_bytes) for peer in senders),
                *(say(peer, sets) for peer, sets in asked.items() if sets),
            ]
        )
        if me not in to:
            return None
        string = await run(added, list(range(self.pieces)), long=long)
        for message in got[: len(senders)]:
            xor_wire(string, message)
        return levels.scatter_rows(string, n_bits, count)

    def summand_parties(self, mesh: Mesh) -> tuple[int, ...]:
        """As in the contract: the lowest t + 1 of those present, because any t + 1 hold all pieces together."""
        return self.roles(mesh).present[: self.threshold + 1]

    def summand(self, mesh: Mesh, shares: BitShares) -> Words | None:
        """As in the contract: the XOR of the pieces of which this party is the lowest holder."""
        roles = self.roles(mesh)
        if self.party_id not in self.summand_parties(mesh):
            return None
        mine = [piece for piece, one in enumerate(self._held) if roles.holders(one)[0] == self.party_id]
        result: Words = np.bitwise_xor.reduce(shares.words[:, mine], axis=1)
        return result

    def __repr__(self) -> str:
        return f"<ReplicatedEngine of party {self.party_id} of {self.n_parties}, threshold {self.threshold}>"


class _Multiplication:
    """The AND gates of one evaluation, level after level (`levels.Multiply`)."""

    def __init__(self, mesh: Mesh, roles: Roles, keys: ReplicatedKeys) -> None:
        self._mesh, self._roles, me, session = mesh, roles, roles.me, session_among(mesh)
        self._streams: list[tuple[KeyStream, list[int]]] = [
            (keys.stream(one, session, "bits-and"), roles.givers(one)) for one in roles.held
        ]
        self._dealt = roles.held.index(roles.dealt(me)) if me in roles.dealers else None
        self._receivers = roles.receivers(me) if me in roles.dealers else []
        self._heard = [
            (dealer, roles.held.index(roles.dealt(dealer))) for dealer in roles.dealers if me in roles.receivers(dealer)
        ]

    async def __call__(self, x: Words, y: Words, n_bits: int) -> Words:
        channels, n_bytes = self._mesh.channels, string_bytes(n_bits)
        pieces, rest = await run(self._deal, x, y, long=x.size > LONG_STRING)
        got = await all_of(
            [
                *(channels[dealer].receive(n_bytes) for dealer, _ in self._heard),
                *(channels[peer].send(to_wire(rest, n_bits)) for peer in self._receivers),
            ]
        )
        for (_, piece), message in zip(self._heard, got, strict=False):
            xor_wire(pieces[piece], message)
        return pieces

    def _deal(self, x: Words, y: Words) -> tuple[Words, Words]:
        """What all dealers give by streams, and what is left of this one's products."""
        from protocols.kernels.boolean import add_products

        me, size = self._roles.me, x.shape[1]
        pieces, rest = np.empty_like(x), np.zeros(size, np.uint64)
        for piece, (stream, givers) in enumerate(self._streams):
            drawn = stream(8 * size * len(givers)).view(np.uint64).reshape(len(givers), size)
            np.bitwise_xor.reduce(drawn, axis=0, out=pieces[piece])
            if me in givers:
                rest ^= drawn[givers.index(me)]
        if self._dealt is not None:
            add_products(x, y, self._roles.terms, rest)
            pieces[self._dealt] ^= rest
        return pieces, rest


def _check_present(parties: Sequence[int], roles: Roles) -> None:
    missing = [party for party in parties if party not in roles.present]
    if missing:
        raise ValueError(f"not present: party {missing[0]}; there are {', '.join(map(str, roles.present))}")
