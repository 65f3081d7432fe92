"""Products with the help of a trusted dealer, one of three or more parties: no OT, one message, one more assumption.

    every other party i             a_i, b_i, c_i, r_i, s_i from the stream that it has in common with the dealer
    dealer                          a, b: the sums of all a_i and of all b_i; its share of x y is a b - sum of c_i
    dealer to all others            its shares of x and y, less all r_i and all s_i
    every other party to the others x_i + r_i - a_i  and  y_i + s_i - b_i
    the others                      d = x - a, e = y - b; share of x y = c_i + d b_i + a_i e, and at the lowest + d e

Assumption: the dealer colludes with nobody. It sees no opening, so alone it learns nothing; the others, all but one of
whom may collude, learn nothing without it. But the dealer and any other party together learn every factor of every
product. Without a dealer, `protocols.arithmetic.cross` holds out against all parties but one.

Security: semi-honest, under that assumption; AES-128 as a pseudorandom generator. Leaks shapes.
Cost: one message of 8 bytes for each element of both factors, from the dealer to all others, and among these.
Source: Beaver, "Commodity-based cryptography", STOC 1997; triples are Beaver's, CRYPTO 1991. Deviation: the dealer is
one of the parties and takes over the correction of c, so that it sends nothing but its masked shares.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from protocols.channel import Mesh
from protocols.ot.work import run
from protocols.sharing.keys import PairKeys
from protocols.sharing.ring import RING64
from protocols.tasks import all_of

__all__ = ["TrustedDealer"]

Words = NDArray[np.uint64]
Operation = Callable[[Words, Words], Words]
LONG = 1 << 14  # elements whose streams and products take some tenths of a millisecond


class TrustedDealer:
    """One party's end of products with a dealer.

    Args:
        party_id, n_parties: of this party.
        keys: with each other party.
        dealer: who deals.
    Raises:
        ValueError: there is no such party, or there are fewer than two others.
    """

    def __init__(self, party_id: int, n_parties: int, keys: PairKeys, dealer: int) -> None:
        if n_parties < 3:
            raise ValueError(f"a dealer takes two other parties at least; there are {n_parties} parties in all")
        if type(dealer) is not int or not 0 <= dealer < n_parties:
            raise ValueError(f"the dealer is one of the parties 0 to {n_parties - 1}, not {dealer!r}")
        self._party_id, self._keys, self.dealer = party_id, keys, dealer
        self._others = [party for party in range(n_parties) if party != dealer]

    async def product(self, mesh: Mesh, x: Words, y: Words, operation: Operation, shape: tuple[int, ...]) -> Words:
        """Shares of the product of two arrays.

        Args:
            mesh: for this call alone; its session id makes the triple, so none is used twice.
            x, y: this party's shares.
            operation: any that is linear in both: numpy.multiply, or a matrix product.
            shape: of its result.
        Raises:
            MessageError: a peer's message has a wrong length; names the peer.
        """
        if not x.size + y.size:
            return np.zeros(shape, np.uint64)
        role = self._deal if self._party_id == self.dealer else self._take
        return await role(mesh, x, y, operation, shape, long=x.size + y.size > LONG)

    async def _deal(
        self, mesh: Mesh, x: Words, y: Words, operation: Operation, shape: tuple[int, ...], *, long: bool
    ) -> Words:
        def compute() -> tuple[Words, Words]:
            a, b, left, right = np.zeros_like(x), np.zeros_like(y), x.copy(), y.copy()
            taken = np.zeros(shape, np.uint64)
            for party in self._others:
                one = self._draw(mesh, party, x.shape, y.shape, shape)
                a += one[0]
                b += one[1]
                taken += one[2]
                left -= one[3]
                right -= one[4]
            return operation(a, b) - taken, np.concatenate([left.reshape(-1), right.reshape(-1)])

        share, message = await run(compute, long=long)
        await all_of(mesh.channels[party].send(message) for party in self._others)
        return share

    async def _take(
        self, mesh: Mesh, x: Words, y: Words, operation: Operation, shape: tuple[int, ...], *, long: bool
    ) -> Words:
        def mask() -> tuple[list[Words], Words]:
            drawn = self._draw(mesh, self.dealer, x.shape, y.shape, shape)
            left, right = x + drawn[3] - drawn[0], y + drawn[4] - drawn[1]
            return drawn, np.concatenate([left.reshape(-1), right.reshape(-1)])

        (a, b, c, _, _), opened = await run(mask, long=long)
        peers = sorted(mesh.channels)
        got = await all_of(
            [
                *(mesh.channels[peer].receive(opened.nbytes) for peer in peers),
                *(mesh.channels[peer].send(opened) for peer in peers if peer != self.dealer),
            ]
        )

        def finish() -> Words:
            total = opened.copy()
            for message in got[: len(peers)]:
                total += np.frombuffer(message, np.uint64)
            d, e = total[: x.size].reshape(x.shape), total[x.size :].reshape(y.shape)
            lowest = self._party_id == self._others[0]
            share: Words = c + operation(d, b + e if lowest else b) + operation(a, e)
            return share

        return await run(finish, long=long)

    def _draw(self, mesh: Mesh, peer: int, *sizes: tuple[int, ...]) -> list[Words]:
        """a, b, c, r and s of the dealer and one other party."""
        stream = self._keys.stream(peer, mesh.session_id, "dealer")
        left, right, result = sizes
        return [RING64.sample(stream, shape)[..., 0] for shape in (left, right, result, left, right)]
