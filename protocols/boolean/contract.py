"""What an engine on shares of bits offers: GMW, replicated sharing and garbled circuits behind one shape.

Bits are packed over the batch: bit i of word j of a row is instance 64 * j + i. Every call takes a mesh of its own, a
fork that is used for nothing else: its session id separates the call from all others, so that calls may run side by
side. A call that is made again after a party was lost takes another fork.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from circuits.ir import Circuit
from protocols.channel import Mesh

__all__ = ["BitShares", "BooleanEngine", "Words", "join", "n_words"]

Words = NDArray[np.uint64]


def n_words(count: int) -> int:
    """Words of a row of so many instances."""
    return -(-count // 64)


@dataclass(frozen=True, eq=False, repr=False)
class BitShares:
    """One party's shares of a matrix of bits.

    Attributes:
        words: uint64 of shape (n_bits, pieces, n_words(count)): a row for each bit and each piece of its share that
            this party holds; bits behind `count` mean nothing.
        count: instances.
        owner: the party that knows all these bits, where this is the sharing that it made: engines that can make use of
            that need no share of anybody else's. None for any other sharing.
    """

    words: Words
    count: int
    owner: int | None = None

    @property
    def n_bits(self) -> int:
        return int(self.words.shape[0])

    def __getitem__(self, chosen: slice | Sequence[int] | NDArray[np.intp]) -> BitShares:
        """Some of the bits."""
        return BitShares(self.words[chosen], self.count, self.owner)

    def __repr__(self) -> str:
        return f"<BitShares of {self.n_bits} bits x {self.count}>"


def join(parts: Sequence[BitShares]) -> BitShares:
    """Bits of the same instances, one part behind the other."""
    owners = {part.owner for part in parts}
    owner = owners.pop() if len(owners) == 1 else None
    return BitShares(np.concatenate([part.words for part in parts]), parts[0].count, owner)


class BooleanEngine(Protocol):
    """Shares of bits, and circuits on them.

    Attributes:
        party_id, n_parties: of this party.
        pieces: rows that this party holds of each bit.
        style: of circuits that suit it, one of `circuits.builder.STYLES`.
    """

    @property
    def party_id(self) -> int: ...

    @property
    def n_parties(self) -> int: ...

    @property
    def pieces(self) -> int: ...

    @property
    def style(self) -> str: ...

    async def share(self, mesh: Mesh, owner: int, words: Words | None, n_bits: int, count: int) -> BitShares:
        """Share bits that one party knows.

        Args:
            owner: who knows them.
            words: uint64 of shape (n_bits, n_words(count)), at the owner; None at everybody else.
        """
        ...

    def public(self, words: Words, count: int) -> BitShares:
        """Shares of bits that everybody knows, (n_bits, n_words(count))."""
        ...

    async def evaluate(self, mesh: Mesh, circuit: Circuit, inputs: Sequence[BitShares], count: int) -> BitShares:
        """Evaluate a circuit on shares.

        Args:
            circuit: the same at every party; traced anew in `style` by the caller where that is wanted.
            inputs: for each input port, in order, shares of its bits.
        Returns:
            shares of all output bits, port after port.
        """
        ...

    async def open(self, mesh: Mesh, shares: BitShares, to: frozenset[int]) -> Words | None:
        """Show bits to some parties; (n_bits, n_words(count)) at these, 0 behind `count`; None at the others."""
        ...

    def summand_parties(self, mesh: Mesh) -> tuple[int, ...]:
        """The parties that know all bits together: as many of those present as it takes, the lowest first."""
        ...

    def summand(self, mesh: Mesh, shares: BitShares) -> Words | None:
        """What this party adds to the XOR of the `summand_parties` that gives the bits; None at the others."""
        ...
