"""AND triples: XOR shares of random bits a, b and of c = a & b, at n parties, from random OT between each two.

    party i                                         party j, for each pair in both directions
    a_i at random; choices of a random OT  <------>  pads m0, m1 of that OT
    gets u = m0 ^ a_i & (m0 ^ m1)                    r = m0 ^ m1 is a random bit that i does not know
                                                     b_j is r of the pair with the next party (j + 1 modulo n)
                                           <-------  b_j ^ r to every other party
    u ^= a_i & (b_j ^ r): now m0 ^ a_i & b_j         v = m0

    c_i = a_i & b_i ^ XOR of all its u and v

The choices enter the OT directly, so a costs nothing; b costs one bit for each pair of parties but the neighbors, and
nothing with two parties. A triple masks the inputs of one AND gate and is never used again: `Triples.take` moves
forward only, and refuses beyond the end.

Security: semi-honest, against all parties but one, as the random OT is (`protocols.ot.extension`). b_j ^ r is masked by
the r of that pair, which j alone knows; the pad behind b_j itself is used for nothing else. Leaks the counts.
Cost: setup, that of `OtSender.setup` for each pair and direction. Then, for each part of at most PART_TRIPLES triples
and each pair, both ways: the random OT's message (4 bytes a triple with k = 4), and with more than two parties
ceil(count / 8) bytes of every party to each other one but the next.
Source: Beaver, "Efficient multiparty protocols using circuit randomization", 1991, for triples; Asharov, Lindell,
Schneider and Zohner, "More efficient oblivious transfer and extensions for faster secure computation", ePrint 2013/552,
section 5, for their generation from random OT between two parties; Goldreich, Micali and Wigderson, 1987, for the sum
over all pairs. Deviation: for n parties b is fixed by one pair and corrected towards the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.channel import Mesh
from protocols.errors import StateError
from protocols.ot import OtReceiver, OtSender
from protocols.ot.pairwise import PairwiseOt
from protocols.rng import Rng, system_rng
from protocols.tasks import all_of

__all__ = ["PART_TRIPLES", "Correlations", "TripleSource", "Triples", "combine"]

Packed = NDArray[np.uint8]
PART_TRIPLES = 1 << 17
"""Triples made at a time: half a MiB of OT messages to each peer."""


class Triples:
    """Shares of triples at one party, packed; each bit is given out once.

    Args:
        a, b, c: uint8 of one shape (n_bytes,).
    """

    def __init__(self, a: Packed, b: Packed, c: Packed) -> None:
        if not a.shape == b.shape == c.shape or a.ndim != 1 or not a.dtype == b.dtype == c.dtype == np.uint8:
            raise ValueError("the three parts of triples are uint8 of one shape (n_bytes,)")
        self._parts, self._spent = (a, b, c), 0

    @property
    def left(self) -> int:
        """Bytes that are not spent, of eight triples each."""
        return len(self._parts[0]) - self._spent

    def take(self, n_bytes: int) -> tuple[Packed, Packed, Packed]:
        """The next triples; they are spent.

        Raises:
            ValueError: a negative number.
            StateError: fewer are left; none is spent then.
        """
        if n_bytes < 0:
            raise ValueError(f"a number of bytes of triples is at least 0, not {n_bytes}")
        if n_bytes > self.left:
            raise StateError(
                f"{8 * n_bytes} triples are asked for, but {8 * self.left} are left; a triple is used once, make others"
            )
        chosen = slice(self._spent, self._spent + n_bytes)
        self._spent += n_bytes
        a, b, c = self._parts
        return a[chosen], b[chosen], c[chosen]

    def __repr__(self) -> str:
        return f"<Triples, {8 * self.left} left>"


@dataclass(frozen=True)
class Correlations:
    """What one party has of the random OTs with one peer, packed.

    Attributes:
        m0, r: as sender, the zero message's bit and the XOR of both.
        u: as receiver, the message's bit that a chose.
    """

    m0: Packed
    r: Packed
    u: Packed


def combine(a: Packed, b: Packed, found: Mapping[int, Correlations], corrections: Mapping[int, Packed]) -> Packed:
    """This party's share of c = a & b.

    Args:
        a, b: its shares.
        found: for each peer.
        corrections: b ^ r of each peer that sent one.
    """
    c = a & b
    for peer, one in found.items():
        c ^= one.m0 ^ one.u
        if peer in corrections:
            c ^= a & corrections[peer]
    return c


class TripleSource:
    """Makes triples, as often as one likes, after one setup; every party makes the same calls in the same order.

    Args:
        mesh: to all the others, for this object alone.
        senders, receivers: an OT role with each peer in each direction.
        rng: where a comes from.
    """

    def __init__(
        self, mesh: Mesh, senders: Mapping[int, OtSender], receivers: Mapping[int, OtReceiver], *, rng: Rng = system_rng
    ) -> None:
        self._mesh, self._senders, self._receivers, self._rng = mesh, dict(senders), dict(receivers), rng
        self._state = "ready"

    @classmethod
    async def setup(cls, mesh: Mesh, *, k: int = 4, rng: Rng = system_rng) -> TripleSource:
        """Set up OT with every peer in both directions, all at once.

        Args:
            mesh: to all the others, for this object alone.
            k: of SoftSpokenOT, 1 to 8, the same at every party: fewer bytes for more work.
            rng: the source of randomness.
        Raises:
            ValueError: k is not between 1 and 8.
            MessageError: a peer's message has a wrong length or holds an invalid group element; names the peer.
        """
        ots = await PairwiseOt.setup(mesh, k=k, rng=rng)
        return cls(mesh, ots.senders, ots.receivers, rng=rng)

    def fork(self, mesh: Mesh) -> TripleSource:
        """A source on another mesh, for calls that run beside those of this one; well below 1 ms, nothing is said.

        Args:
            mesh: to all the others, for the fork alone; every party forks with its end of it.
        Raises:
            StateError: there was a fork for this session id.
        """
        me, channels = mesh.party_id, mesh.channels
        senders = {peer: ot.fork(channels[peer].fork(f"ot/{me}")) for peer, ot in self._senders.items()}
        receivers = {peer: ot.fork(channels[peer].fork(f"ot/{peer}")) for peer, ot in self._receivers.items()}
        return TripleSource(mesh, senders, receivers, rng=self._rng)

    async def make(self, count: int) -> Triples:
        """Make triples.

        Args:
            count: how many; made in parts of PART_TRIPLES, and rounded up to whole bytes.
        Raises:
            ValueError: a negative count.
            StateError: another call has not ended, or failed.
            MessageError: a peer's message has a wrong length; names the peer.
        """
        if type(count) is not int or count < 0:
            raise ValueError(f"count is a number of triples, from 0 on, not {count!r}")
        if self._state != "ready":
            raise StateError(
                "triples are being made" if self._state == "busy" else "making triples failed; set up anew"
            )
        self._state = "busy"
        try:
            count = -(-int(count) // 8) * 8
            starts = range(0, count, PART_TRIPLES)
            parts = [await self._part(min(PART_TRIPLES, count - start)) for start in starts]
        except BaseException:
            self._state = "broken"
            raise
        self._state = "ready"
        columns: list[Any] = list(zip(*parts, strict=True)) if parts else [(np.empty(0, np.uint8),)] * 3
        return Triples(*(np.concatenate(column) for column in columns))

    async def _part(self, count: int) -> tuple[Packed, Packed, Packed]:
        mesh = self._mesh
        peers = sorted(mesh.channels)
        a = np.frombuffer(self._rng(count // 8), np.uint8)
        got = await all_of(
            [
                *(self._senders[peer].random_bits(count) for peer in peers),
                *(self._receivers[peer].random_bits(count, a) for peer in peers),
            ]
        )
        sent, received = got[: len(peers)], got[len(peers) :]
        found = {peer: Correlations(m0, m0 ^ m1, u) for peer, (m0, m1), u in zip(peers, sent, received, strict=True)}
        following = (mesh.party_id + 1) % mesh.n_parties
        b = found[following].r
        corrections = await self._correct(b, found, following)
        return a, b, combine(a, b, found, corrections)

    async def _correct(self, b: Packed, found: Mapping[int, Correlations], following: int) -> dict[int, Packed]:
        """Tell every peer but the following one how its pad differs from b, and hear the same."""
        mesh = self._mesh
        to = [peer for peer in found if peer != following]
        of = [peer for peer in found if (peer + 1) % mesh.n_parties != mesh.party_id]
        got = await all_of(
            [
                *(mesh.channels[peer].receive(len(b)) for peer in of),
                *(mesh.channels[peer].send(b ^ found[peer].r) for peer in to),
            ]
        )
        return {peer: np.frombuffer(message, np.uint8) for peer, message in zip(of, got, strict=False)}
