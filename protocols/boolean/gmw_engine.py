"""GMW behind the contract of Boolean engines: XOR shares among all parties, all but one of which may collude.

    share       the owner's share of a bit is the bit, everybody else's is 0: nothing is said
    evaluate    `protocols.boolean.gmw`, with triples from a fork of one setup of OT
    open        each party adds its share of 0, the XOR of a stream of each pair of keys that it has, to its share,
                and sends the sum to the recipients; the XOR of all is the bit

Shares are not random as they come: an owner's are its bits, and outputs are what the gates leave. The sharing of 0
makes them so when they are opened, and a recipient sees the bit and nothing else. Two parties need none: from the bit
and its own share a recipient knows the other's anyway.

Security: semi-honest, all parties but one may collude: they lack the stream of each two others. OT for the triples,
AES-128 for the streams. Leaks the circuit and the count of instances.
Cost: `share` none; `evaluate` that of `gmw`; `open` a message of ceil(n_bits * count / 8) bytes of each party to each
recipient.
Source: see `protocols.boolean.gmw`; the sharing of 0 is that of Cramer, Damgård and Ishai, TCC 2005, section 4, for
pairs of parties.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.ir import Circuit
from protocols.boolean import gmw, levels
from protocols.boolean.contract import BitShares, Words, n_words
from protocols.boolean.levels import string_bytes, to_wire, xor_wire
from protocols.boolean.triples import TripleSource
from protocols.channel import Mesh
from protocols.ot.work import run
from protocols.rng import Rng, system_rng
from protocols.sharing.keys import PairKeys, setup_pairs
from protocols.tasks import all_of

__all__ = ["GmwEngine"]

LONG_STRING = 1 << 17  # words that take some milliseconds to mask


class GmwEngine:
    """XOR shares of bits among all parties (`contract.BooleanEngine`); every party is needed for every call.

    Args:
        party_id, n_parties: of this party.
        triples: of a setup among all; its forks serve the calls.
        pairs: keys with all others.
    """

    style = "low_depth"
    pieces = 1

    def __init__(self, party_id: int, n_parties: int, triples: TripleSource, pairs: PairKeys) -> None:
        self.party_id, self.n_parties, self._triples, self._pairs = party_id, n_parties, triples, pairs

    @classmethod
    async def setup(cls, mesh: Mesh, *, k: int = 4, rng: Rng = system_rng) -> GmwEngine:
        """Set up OT with every peer in both directions, and keys.

        Args:
            mesh: to all the others, for the engine alone.
            k: of SoftSpokenOT, see `TripleSource.setup`.
            rng: the source of randomness.
        Raises:
            ValueError: k is not between 1 and 8.
            MessageError: a peer's message has a wrong length or holds an invalid group element; names the peer.
        Cost: those of `TripleSource.setup` and `sharing.keys.setup_pairs`, side by side.
        """
        triples, pairs = await all_of(
            [
                TripleSource.setup(mesh.fork("triples"), k=k, rng=rng),
                setup_pairs(mesh.fork("keys"), rng=rng),
            ]
        )
        return cls(mesh.party_id, mesh.n_parties, triples, pairs)

    async def share(self, mesh: Mesh, owner: int, words: Words | None, n_bits: int, count: int) -> BitShares:
        """As in the contract; the result names its owner. Nothing is said.

        Raises:
            ValueError: there is no such party, one is missing, or `words` has another shape or is not there.
        """
        self._check_all_present(mesh)
        if not 0 <= owner < self.n_parties:
            raise ValueError(f"there is no party {owner}: there are 0 to {self.n_parties - 1}")
        shape = (n_bits, n_words(count))
        if owner != self.party_id:
            return BitShares(np.zeros((n_bits, 1, n_words(count)), np.uint64), count, owner)
        if words is None or words.shape != shape or words.dtype != np.uint64:
            raise ValueError(f"the owner shares uint64 of shape {shape}")
        return BitShares(words[:, None], count, owner)

    def public(self, words: Words, count: int) -> BitShares:
        """As in the contract: the share of party 0 is the bits, the others' are 0."""
        return BitShares((words if self.party_id == 0 else np.zeros_like(words))[:, None], count)

    async def evaluate(
        self,
        mesh: Mesh,
        circuit: Circuit,
        inputs: Sequence[BitShares],
        count: int,
        *,
        progress: levels.Progress | None = None,
    ) -> BitShares:
        """As in the contract. Cost: see `protocols.boolean.gmw`.

        Raises:
            ValueError: wrong inputs, or a party is missing; nothing was sent.
            MessageError: a peer's message has a wrong length; names the peer.
        """
        joined = levels.joined_inputs(circuit, inputs, count, 1)
        self._check_all_present(mesh)
        program = await levels.program_of(circuit)
        triples = self._triples.fork(mesh.fork("triples")) if gmw.n_triples(program, count) else None
        outputs = await gmw.evaluate_words(mesh.fork("open"), program, joined[:, 0], count, triples, progress)
        return BitShares(outputs[:, None], count)

    async def open(self, mesh: Mesh, shares: BitShares, to: frozenset[int]) -> Words | None:
        """As in the contract. Cost: see the module.

        Raises:
            ValueError: there is no such recipient, or a party is missing; nothing was sent.
            MessageError: a peer's message has a wrong length; names the peer.
        """
        self._check_all_present(mesh)
        if not to <= set(range(self.n_parties)):
            raise ValueError(f"there is no party {max(to)}: there are 0 to {self.n_parties - 1}")
        me, n_bits, count = self.party_id, shares.n_bits, shares.count
        peers, n_bytes = sorted(mesh.channels), string_bytes(n_bits * count)

        def mask() -> Words:
            string = levels.gather_rows(shares.words[:, 0], count)
            for peer in peers if len(peers) > 1 else []:
                string ^= self._pairs.stream(peer, mesh.session_id, "bits-open")(8 * len(string)).view(np.uint64)
            return string

        if not to or not n_bytes:
            return np.zeros((n_bits, n_words(count)), np.uint64) if me in to else None
        string = await run(mask, long=len(peers) * shares.words.size > LONG_STRING)
        message = to_wire(string, n_bits * count)
        senders = peers if me in to else []
        got = await all_of(
            [
                *(mesh.channels[peer].receive(n_bytes) for peer in senders),
                *(mesh.channels[peer].send(message) for peer in peers if peer in to),
            ]
        )
        if me not in to:
            return None
        for data in got[: len(senders)]:
            xor_wire(string, data)
        return levels.scatter_rows(string, n_bits, count)

    def summand_parties(self, mesh: Mesh) -> tuple[int, ...]:
        """As in the contract: all of them."""
        return tuple(range(self.n_parties))

    def summand(self, mesh: Mesh, shares: BitShares) -> Words:
        """As in the contract: this party's share."""
        return shares.words[:, 0]

    def _check_all_present(self, mesh: Mesh) -> None:
        missing = set(range(self.n_parties)) - {self.party_id, *mesh.channels}
        if missing:
            raise ValueError(f"not present: party {min(missing)}; GMW needs all of its parties")

    def __repr__(self) -> str:
        return f"<GmwEngine of party {self.party_id} of {self.n_parties}>"
