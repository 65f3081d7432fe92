"""What an engine on shares of ring elements offers: Shamir and additive sharing behind one shape.

A share of an array of shape S is uint64 of shape (*S, ring.limbs), see `protocols.sharing.ring`. Adding, subtracting
and multiplying by public numbers are the ring's own operations on shares. Every call that talks takes a mesh of its
own, a fork that is used for nothing else: its session id separates the call from all others, so that calls may run
side by side. A call that is made again after a party was lost takes another fork.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.boolean.contract import BooleanEngine, Words
from protocols.channel import Mesh
from protocols.sharing.ring import Ring

__all__ = ["Cost", "Elements", "Engine"]

Elements = NDArray[np.uint64]
"""uint64 of shape (*shape, limbs)."""


@dataclass(frozen=True)
class Cost:
    """What an operation says on the wire.

    Attributes:
        rounds: messages that have to wait for each other.
        n_bytes: bytes that this party sends, to all peers together.
    """

    rounds: int
    n_bytes: int

    def __add__(self, other: Cost) -> Cost:
        """One after the other."""
        return Cost(self.rounds + other.rounds, self.n_bytes + other.n_bytes)


class Engine(Protocol):
    """Shares of ring elements.

    Attributes:
        ring: of what.
        party_id, n_parties: of this party.
        boolean: shares of bits among the same parties, with the same assumptions.
        truncation_bits: the widest values that `truncate` takes, the sign not counted.
        truncation_ulps: how far a truncated value is from the exact one at most, in units of its last place.
    """

    @property
    def ring(self) -> Ring: ...

    @property
    def party_id(self) -> int: ...

    @property
    def n_parties(self) -> int: ...

    @property
    def boolean(self) -> BooleanEngine: ...

    @property
    def truncation_bits(self) -> int: ...

    @property
    def truncation_ulps(self) -> float: ...

    async def share(self, mesh: Mesh, owner: int, values: Elements | None, shape: tuple[int, ...]) -> Elements:
        """Share an array that one party knows; `values` is None at everybody else."""
        ...

    def public(self, values: Elements) -> Elements:
        """Shares of an array that everybody knows."""
        ...

    async def open(self, mesh: Mesh, x: Elements, to: frozenset[int]) -> Elements | None:
        """Show an array to some parties; None at the others.

        Raises:
            CheckFailed: shares that can be compared contradict each other; names the party where that can be told.
        """
        ...

    async def multiply(self, mesh: Mesh, x: Elements, y: Elements) -> Elements:
        """The product of each two elements; shapes are equal."""
        ...

    async def matmul(self, mesh: Mesh, x: Elements, y: Elements) -> Elements:
        """The matrix product as in numpy.matmul, at the communication of its output where the engine can."""
        ...

    async def truncate(self, mesh: Mesh, x: Elements, n_bits: int, *, bound_bits: int) -> Elements:
        """x / 2**n_bits, rounded, within `truncation_ulps`.

        Args:
            x: |x| < 2**bound_bits as a signed number.
        Raises:
            ValueError: the ring has no room for such a bound.
        """
        ...

    async def random_bits(self, mesh: Mesh, shape: tuple[int, ...]) -> Elements:
        """Shares of uniform bits that nobody knows."""
        ...

    def summand_parties(self, mesh: Mesh) -> tuple[int, ...]:
        """The parties that know all values together: of those present in the mesh, as many as it takes, the lowest
        first; the same as those of `boolean`.
        """
        ...

    def summand(self, mesh: Mesh, x: Elements) -> Elements | None:
        """What this party adds to the sum of the `summand_parties` that gives x; None at the others."""
        ...

    async def from_summands_of_bits(self, mesh: Mesh, words: Words | None, n_bits: int, count: int) -> Elements:
        """Shares of bits that are the XOR of bits known one each to the `summand_parties`.

        Args:
            words: this party's, uint64 of shape (n_bits, ceil(count / 64)); None at the others.
        Returns:
            elements of shape (count, n_bits), each 0 or 1.
        """
        ...

    def cost(self, operation: str, shape: tuple[int, ...], **options: Any) -> Cost:
        """What this party will send for an operation; tests hold the wire against it.

        Args:
            operation: "share", "open", "multiply", "matmul", "truncate", "random_bits", "from_summands_of_bits".
            shape: of the result.
        """
        ...
