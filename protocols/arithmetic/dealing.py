"""Some parties share arrays at once, part by part; each party combines its shares of all of them.

    dealer, for each part                           every other party
    shares of the drawn parties from common keys    its share from the key that it has in common with the dealer,
    shares of the others                  --->      or as it comes
                                                    sum of coefficients times its shares from all dealers

Security and source: `protocols.sharing.shamir`. A message of another length, or an element that is not canonical, ends
the call.
Cost: one message for each part of PART elements from each dealer to each party that does not draw.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from protocols.arithmetic.contract import Elements
from protocols.channel import Mesh
from protocols.ot.work import run
from protocols.sharing.keys import KeyStream, ReplicatedKeys, session_among
from protocols.sharing.ring import Ring
from protocols.sharing.shamir import Deal
from protocols.tasks import all_of

__all__ = ["LONG", "PART", "Dealing"]

PART = 1 << 13
"""Elements of a message: 128 KiB, which the allocator hands out again without asking the system for fresh pages."""
TURN = 4  # parts that are computed in one go: while some travel, the next are computed
LONG = 1 << 13  # elements whose arithmetic takes about a millisecond
AHEAD = 4  # turns that may be dealt before the others' have come


class Dealing:
    """One call at one party.

    Args:
        mesh: of this call alone; its parties are those present.
        dealers: who share.
    """

    def __init__(self, ring: Ring, keys: ReplicatedKeys, mesh: Mesh, dealers: Sequence[int]) -> None:
        me, present = keys.party_id, sorted([keys.party_id, *mesh.channels])
        self._ring, self._keys, self._mesh, self._me = ring, keys, mesh, me
        self._dealers, self._session = list(dealers), session_among(mesh)
        deals = {dealer: Deal.of(ring, present, dealer, keys.threshold) for dealer in dealers}
        self._mine = deals.pop(me, None)
        self._hears = [dealer for dealer, deal in deals.items() if me in deal.sent]
        self._draws = {dealer: self._stream(dealer, me) for dealer, deal in deals.items() if me in deal.drawn}
        if self._mine is not None:
            self._gives = [self._stream(me, party) for party in self._mine.drawn]
            self._to = {party: self._mine.coefficients(party) for party in self._mine.sent}
            self._own = self._mine.coefficients(me)

    def _stream(self, dealer: int, party: int) -> KeyStream:
        """Of the shares that a party draws for what a dealer shares."""
        peer = party if dealer == self._me else dealer
        return self._keys.pairs.stream(peer, self._session, f"shamir-deal/{dealer}")

    async def run(self, count: int, make: Callable[[slice], Elements] | None, coefficients: Sequence[int]) -> Elements:
        """Share, and combine.

        Args:
            count: elements that each dealer shares.
            make: the secrets of this party, if it is a dealer: from a part to elements of shape (part, limbs).
            coefficients: of the dealers, in order.
        Returns:
            the sum of coefficients times this party's shares, of shape (count, limbs).
        Raises:
            MessageError: a dealer's message has a wrong length or holds an element that is not canonical; names it.
        """
        ring, long = self._ring, count > LONG
        parts = [slice(start, min(start + PART, count)) for start in range(0, count, PART)]
        turns = [parts[i : i + TURN] for i in range(0, len(parts), TURN)]
        out = ring.zeros((count,))
        dealt: asyncio.Queue[list[list[Elements]]] = asyncio.Queue(AHEAD)
        weights = self._weights(coefficients)

        def polynomials(turn: list[slice]) -> tuple[list[list[Elements]], dict[int, list[Elements]]]:
            """What fixes this party's polynomials, part by part, and what the others are sent."""
            fixed: list[list[Elements]] = []
            messages: dict[int, list[Elements]] = {to: [] for to in self._to}
            for part in turn:
                assert make is not None
                drawn = [ring.sample(stream, (part.stop - part.start,)) for stream in self._gives]
                fixed.append([make(part), *drawn])
                for to, row in self._to.items():
                    messages[to].append(ring.combine(row, fixed[-1]))
            return fixed, messages

        async def send(to: int, messages: list[Elements]) -> None:
            for message in messages:
                await self._mesh.channels[to].send(ring.pack(message))

        async def deal() -> None:
            for turn in turns:
                fixed, messages = await run(polynomials, turn, long=long)
                await dealt.put(fixed)
                await all_of(send(to, some) for to, some in messages.items())

        async def hear(dealer: int, turn: list[slice]) -> list[Elements]:
            return [await self._hear(dealer, part.stop - part.start) for part in turn]

        def combine(turn: list[slice], arrays: list[list[Elements]]) -> None:
            for part, some in zip(turn, arrays, strict=True):
                drawn = [ring.sample(stream, (part.stop - part.start,)) for stream in self._draws.values()]
                out[part] = ring.combine(weights, [*some, *drawn])

        async def gather() -> None:
            for turn in turns:
                heard = await all_of(hear(dealer, turn) for dealer in self._hears)
                fixed = [[] for _ in turn] if self._mine is None else await dealt.get()
                arrays = [[*own, *(one[i] for one in heard)] for i, own in enumerate(fixed)]
                await run(combine, turn, arrays, long=long)

        await all_of([gather(), *([deal()] if self._mine is not None else [])])
        return out

    def _weights(self, coefficients: Sequence[int]) -> list[int]:
        """Of all that a result is made of, in order: what fixes the own polynomial, shares heard, shares drawn."""
        of = dict(zip(self._dealers, coefficients, strict=True))
        own = [] if self._mine is None else [of[self._me] * one for one in self._own]
        return [*own, *(of[dealer] for dealer in [*self._hears, *self._draws])]

    async def _hear(self, dealer: int, size: int) -> Elements:
        channel = self._mesh.channels[dealer]
        return self._ring.unpack(await channel.receive(size * self._ring.n_bytes), (size,), peer=channel.peer)
