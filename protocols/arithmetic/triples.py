"""Triples modulo 2^64, made ahead: shares of random a, b and of c = a b, for numbers and for matrices.

    making     every party draws its shares of a and b; c is their product (`protocols.arithmetic.cross`)
    spending   x - a and y - b are opened to all: d and e
               share of x y = c + d b + a e, and at party 0 + d e

Making takes the OT and needs no input, so it can run before the inputs are there; spending takes one message. A triple
masks one product: spent twice, its two openings would tell the difference of the factors. `Triples64` move forward
only, a `MatrixTriple` is given out once, and both refuse with StateError.

Security: semi-honest, all parties but one may collude; what is opened is uniform. Leaks shapes.
Cost: making, that of the product; spending, one message of 8 bytes for each element of both factors to each peer.
Source: Beaver, "Efficient multiparty protocols using circuit randomization", CRYPTO 1991; matrices as in Mohassel and
Zhang, SecureML, ePrint 2017/396, section IV.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.arithmetic import cross
from protocols.arithmetic.matrices import Factors
from protocols.channel import Mesh
from protocols.errors import StateError
from protocols.ot.pairwise import PairwiseOt
from protocols.ot.work import run
from protocols.rng import Rng, random_array, system_rng
from protocols.tasks import swap

__all__ = ["MatrixTriple", "TripleSource64", "Triples64", "spend", "spend_matrix"]

Words = NDArray[np.uint64]
LONG = 1 << 16  # numbers whose product and sum take some tenths of a millisecond


class Triples64:
    """One party's shares of triples of numbers; each is given out once.

    Args:
        a, b, c: uint64 of one shape (n,).
    """

    def __init__(self, a: Words, b: Words, c: Words) -> None:
        if not a.shape == b.shape == c.shape or a.ndim != 1 or not a.dtype == b.dtype == c.dtype == np.uint64:
            raise ValueError("the three parts of triples are uint64 of one shape (n,)")
        self._parts, self._spent = (a, b, c), 0

    @property
    def left(self) -> int:
        """Triples that are not spent."""
        return len(self._parts[0]) - self._spent

    def take(self, count: int) -> tuple[Words, Words, Words]:
        """The next triples; they are spent.

        Raises:
            ValueError: a negative number.
            StateError: fewer are left; none is spent then.
        """
        if count < 0:
            raise ValueError(f"a number of triples is at least 0, not {count}")
        if count > self.left:
            raise StateError(
                f"{count} triples are asked for, but {self.left} are left; a triple is used once, make others"
            )
        chosen = slice(self._spent, self._spent + count)
        self._spent += count
        a, b, c = self._parts
        return a[chosen], b[chosen], c[chosen]

    def __repr__(self) -> str:
        return f"<Triples64, {self.left} left>"


class MatrixTriple:
    """One party's shares of random matrices and their product; given out once.

    Args:
        a, b, c: uint64 of shapes (batch, m, k), (batch, k, n) and (batch, m, n).
    """

    def __init__(self, a: Words, b: Words, c: Words) -> None:
        if not a.ndim == b.ndim == c.ndim == 3 or (*a.shape[:2], *a.shape[::2], b.shape[2]) != (
            *c.shape[:2],
            *b.shape[:2],
            c.shape[2],
        ):
            raise ValueError(f"matrices of shapes {a.shape}, {b.shape} and {c.shape} are no triple")
        self._parts: tuple[Words, Words, Words] | None = (a, b, c)
        self.left, self.right = a.shape, b.shape

    def take(self) -> tuple[Words, Words, Words]:
        """The triple; it is spent.

        Raises:
            StateError: it is spent already.
        """
        if self._parts is None:
            raise StateError("this matrix triple is spent; a triple is used once, make another")
        parts, self._parts = self._parts, None
        return parts

    def __repr__(self) -> str:
        return f"<MatrixTriple {self.left} @ {self.right}{'' if self._parts else ', spent'}>"


class TripleSource(Protocol):
    """Where triples come from; every party makes the same calls, each on a mesh of its own."""

    async def make(self, mesh: Mesh, count: int) -> Triples64:
        """Triples of numbers."""
        ...

    async def make_matrix(self, mesh: Mesh, left: tuple[int, ...], right: tuple[int, ...]) -> MatrixTriple:
        """A triple for `matmul` of factors of these shapes."""
        ...


class TripleSource64:
    """Makes triples by OT, without a dealer.

    Args:
        ots: with each peer.
        rng: where a and b come from.
    """

    def __init__(self, ots: PairwiseOt, *, rng: Rng = system_rng) -> None:
        self._ots, self._rng = ots, rng

    async def make(self, mesh: Mesh, count: int) -> Triples64:
        """See `TripleSource.make`.

        Raises:
            ValueError: a negative count.
            MessageError: a peer's message has a wrong length; names the peer.
        """
        if type(count) is not int or count < 0:
            raise ValueError(f"count is a number of triples, from 0 on, not {count!r}")
        a, b = (random_array(self._rng, (count,), np.uint64) for _ in range(2))
        return Triples64(a, b, await cross.multiply(mesh, self._ots, a, b))

    async def make_matrix(self, mesh: Mesh, left: tuple[int, ...], right: tuple[int, ...]) -> MatrixTriple:
        """See `TripleSource.make_matrix`; errors as for `make`."""
        factors = Factors.of(left, right)
        a, b = (random_array(self._rng, shape, np.uint64) for shape in (factors.left, factors.right))
        return MatrixTriple(a, b, await cross.multiply_matrices(mesh, self._ots, a, b))


async def spend(mesh: Mesh, triples: Triples64, x: Words, y: Words) -> Words:
    """Shares of the products of x and y, uint64 of shape (n,), for n triples.

    Raises:
        StateError: fewer than n are left.
        MessageError: a peer's message has a wrong length; names the peer.
    """
    a, b, c = triples.take(len(x))
    if not len(x):
        return c.copy()

    def finish(d: Words, e: Words) -> Words:
        product: Words = c + d * (b + e if mesh.party_id == 0 else b) + a * e
        return product

    return await run(finish, *await _open(mesh, x - a, y - b), long=len(x) > LONG)


async def spend_matrix(mesh: Mesh, triple: MatrixTriple, x: Words, y: Words) -> Words:
    """Shares of x @ y, of the shapes of the triple; arguments and errors as for `spend`.

    Raises:
        ValueError: the triple is for other shapes; it is not spent then.
    """
    if (x.shape, y.shape) != (triple.left, triple.right):
        raise ValueError(f"the triple is for {triple.left} @ {triple.right}, not for {x.shape} @ {y.shape}")
    a, b, c = triple.take()
    if not x.size + y.size:
        return c.copy()

    def finish(d: Words, e: Words) -> Words:
        product: Words = c + cross.at_home(d, b + e if mesh.party_id == 0 else b) + cross.at_home(a, e)
        return product

    return await run(finish, *await _open(mesh, x - a, y - b), long=x.size * y.shape[2] > LONG)


async def _open(mesh: Mesh, d: Words, e: Words) -> tuple[Words, Words]:
    """Two arrays to all parties, in one message to each."""
    mine = np.concatenate([d.reshape(-1), e.reshape(-1)])
    total = mine.copy()
    for message in await swap(mesh, mine, mine.nbytes):
        total += np.frombuffer(message, np.uint64)
    return total[: d.size].reshape(d.shape), total[d.size :].reshape(e.shape)
