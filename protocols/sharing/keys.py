"""Pseudorandom secret sharing: keys that groups of parties have in common, and the streams that they stand for.

    for each set A of t parties, key_A, known to all outside of A: the lowest of these draws it, the others get it
    for each two parties i < j, key_ij: i draws it and sends it to j

Whoever controls t parties T knows every key but key_T, and no key of two parties outside of T. A stream is AES-128 in
counter mode under a key derived from such a key, the session id of one call and a name of the use: calls may run at the
same time and in any order, and nothing is drawn twice.

Security: semi-honest; streams are pseudorandom while AES-128 is. The number of sets grows as n over t: 3 for three
parties, 10 for five, 35 for seven, 126 for nine.
Cost: setup one message to each other party: 32 bytes for each set of which this party is the lowest holder and the
other one a holder too, and 32 to each party with a higher number.
Source: Cramer, Damgård and Ishai, "Share conversion, pseudorandom secret-sharing and applications to secure
computation", TCC 2005, section 3. Deviation: keys come from one of their holders, which in the semi-honest model is as
good as any.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from protocols.channel import Mesh
from protocols.hashing import digest
from protocols.rng import Rng, system_rng
from protocols.tasks import all_of

__all__ = [
    "KEY_BYTES",
    "KeyStream",
    "PairKeys",
    "PartySet",
    "ReplicatedKeys",
    "session_among",
    "sets_of",
    "setup_pairs",
]

KEY_BYTES = 32
CHUNK_BYTES = 1 << 20
PartySet = tuple[int, ...]
"""Parties by number, increasing."""

_zeros = bytes(CHUNK_BYTES)


class KeyStream:
    """A pseudorandom stream, read from its start; a `protocols.rng.Rng` that gives arrays.

    Args:
        key: a common key.
        session_id: 32 bytes, of the call.
        use: what the stream is for, at most 16 ASCII characters; each is used once in a call.
    """

    def __init__(self, key: bytes, session_id: bytes, use: str) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        derived = digest(session_id, use, key, n_bytes=16)
        self._encryptor = Cipher(algorithms.AES(derived), modes.CTR(bytes(16))).encryptor()

    def __call__(self, n_bytes: int) -> NDArray[np.uint8]:
        """The next bytes, in memory of their own."""
        out = np.empty(n_bytes + 15, np.uint8)
        for start in range(0, n_bytes, CHUNK_BYTES):
            size = min(CHUNK_BYTES, n_bytes - start)
            self._encryptor.update_into(memoryview(_zeros)[:size], out[start : start + size + 15].data)
        return out[:n_bytes]

    def __repr__(self) -> str:
        return "<KeyStream>"


def sets_of(n_parties: int, threshold: int) -> list[PartySet]:
    """All sets of `threshold` parties, in lexicographic order: each names the part that its members do not hold."""
    return list(combinations(range(n_parties), threshold))


def session_among(mesh: Mesh) -> bytes:
    """The session id of streams: that of the mesh while all parties are there, and another one for each set of them.

    Who draws which part of a stream depends on who is there. So an operation that some parties began with a party that
    was then lost, and make again without it, must not draw the same streams: two messages under one mask would show
    their difference.
    """
    present = sorted([mesh.party_id, *mesh.channels])
    if len(present) == mesh.n_parties:
        return mesh.session_id
    return digest(mesh.session_id, "present", *(party.to_bytes(4, "little") for party in present))


class PairKeys:
    """A key with each other party.

    Args:
        party_id: this party.
        keys: by party.
    """

    def __init__(self, party_id: int, keys: Mapping[int, bytes]) -> None:
        self.party_id, self._keys = party_id, dict(keys)

    def stream(self, peer: int, session_id: bytes, use: str) -> KeyStream:
        """The stream of this pair for one use; both get the same."""
        return KeyStream(self._keys[peer], session_id, use)

    def __repr__(self) -> str:
        return f"<PairKeys of party {self.party_id}>"


class ReplicatedKeys:
    """A key for each set of parties that does not include this one, and one with each other party.

    Args:
        party_id, n_parties, threshold: t < n / 2.
        keys: by set.
        pairs: by party.
    """

    def __init__(
        self, party_id: int, n_parties: int, threshold: int, keys: Mapping[PartySet, bytes], pairs: PairKeys
    ) -> None:
        self.party_id, self.n_parties, self.threshold = party_id, n_parties, threshold
        self._keys, self.pairs = dict(keys), pairs

    @property
    def held(self) -> list[PartySet]:
        """The sets whose key this party has, in lexicographic order."""
        return sorted(self._keys)

    @classmethod
    async def setup(cls, mesh: Mesh, threshold: int, *, rng: Rng = system_rng) -> ReplicatedKeys:
        """Agree on the keys; every party calls it with the same threshold.

        Raises:
            ValueError: there is no honest majority: 2 * threshold >= n_parties, or a threshold below 1.
            MessageError: a peer's message has a wrong length; names the peer.
        """
        me, n = mesh.party_id, mesh.n_parties
        if type(threshold) is not int or threshold < 1 or 2 * threshold >= n:
            raise ValueError(
                f"the threshold is at least 1 and below half of the {n} parties, not {threshold}: "
                f"{2 * threshold + 1 if type(threshold) is int else 3} parties are needed for it"
            )
        sets = sets_of(n, threshold)
        leader = {one: min(set(range(n)) - set(one)) for one in sets}
        keys = {one: rng(KEY_BYTES) for one in sets if leader[one] == me}
        pairs = {peer: rng(KEY_BYTES) for peer in range(me + 1, n)}
        peers = sorted(mesh.channels)

        def shared(giver: int, taker: int) -> list[PartySet]:
            return [one for one in sets if leader[one] == giver and taker not in one]

        async def hear(peer: int) -> None:
            given = shared(peer, me)
            n_keys = len(given) + (peer < me)
            if not n_keys:
                return
            message = bytes(await mesh.channels[peer].receive(KEY_BYTES * n_keys))
            got = [message[i : i + KEY_BYTES] for i in range(0, len(message), KEY_BYTES)]
            keys.update(zip(given, got, strict=False))
            if peer < me:
                pairs[peer] = got[-1]

        async def say(peer: int) -> None:
            message = b"".join(keys[one] for one in shared(me, peer)) + (pairs[peer] if peer > me else b"")
            if message:
                await mesh.channels[peer].send(message)

        await all_of([*(say(peer) for peer in peers), *(hear(peer) for peer in peers)])
        return cls(me, n, threshold, keys, PairKeys(me, pairs))

    def stream(self, one: PartySet, session_id: bytes, use: str) -> KeyStream:
        """The stream of a set for one use, the same at all parties outside of it."""
        return KeyStream(self._keys[one], session_id, use)

    def __repr__(self) -> str:
        return f"<ReplicatedKeys of party {self.party_id} of {self.n_parties}, threshold {self.threshold}>"


async def setup_pairs(mesh: Mesh, *, rng: Rng = system_rng) -> PairKeys:
    """Agree on a key with each other party: 32 bytes to each party with a higher number.

    Raises:
        MessageError: a peer's message has a wrong length; names the peer.
    """
    me = mesh.party_id
    keys = {peer: rng(KEY_BYTES) for peer in mesh.channels if peer > me}

    async def hear(peer: int) -> None:
        keys[peer] = bytes(await mesh.channels[peer].receive(KEY_BYTES))

    below, above = [p for p in mesh.channels if p < me], [p for p in mesh.channels if p > me]
    await all_of([*(hear(peer) for peer in below), *(mesh.channels[peer].send(keys[peer]) for peer in above)])
    return PairKeys(me, keys)
