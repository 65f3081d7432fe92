"""Algebra on arrays of elements of a finite ring: GF(2^61 - 1), GF(2^127 - 1) and Z / 2^64.

An array of shape S is uint64 of shape (*S, limbs), C-contiguous, each element its canonical representative in
0..modulus-1, the lower limb first. The trailing axis is always there, so that code is the same for all rings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.sharing.arrays import ArrayRing, Stream
from protocols.sharing.layout import Elements

__all__ = ["MERSENNE61", "MERSENNE127", "RING64", "Elements", "Ring", "Stream", "find_ring", "warm_up"]


class Ring(Protocol):
    """Operations on arrays of elements; leading axes broadcast as NumPy's do.

    Attributes:
        name: "mersenne61", "mersenne127" or "ring64".
        modulus: how many elements there are.
        n_bits: of a representative: 61, 127 or 64.
        limbs: words of an element: 1, 2 or 1.
        n_bytes: of an element on the wire: 8, 16 or 8.
        is_field: whether every element but 0 has an inverse.
    """

    name: str
    modulus: int
    n_bits: int
    limbs: int
    n_bytes: int
    is_field: bool

    def zeros(self, shape: tuple[int, ...]) -> Elements: ...

    def encode(self, values: Any) -> Elements:
        """Integers of any size, one or an array of them, modulo the modulus.

        Raises:
            TypeError: they are not integers.
        """
        ...

    def decode(self, x: Elements) -> NDArray[Any]:
        """The representative nearest to 0: int64 where it fits in 64 bits, else an object array of Python integers."""
        ...

    def add(self, x: Elements, y: Elements) -> Elements: ...

    def sub(self, x: Elements, y: Elements) -> Elements: ...

    def neg(self, x: Elements) -> Elements: ...

    def mul(self, x: Elements, y: Elements) -> Elements: ...

    def scale(self, x: Elements, constant: int) -> Elements:
        """Times a public integer of any size or sign."""
        ...

    def combine(self, coefficients: Sequence[int], arrays: Sequence[Elements]) -> Elements:
        """The sum of public integers times arrays of one shape, in one pass."""
        ...

    def dot(self, xs: Sequence[Elements], ys: Sequence[Elements], plus: Elements | None = None) -> Elements:
        """The sum of xs[j] * ys[j], element by element, plus an array; all of one shape, in one pass."""
        ...

    def matmul(self, x: Elements, y: Elements) -> Elements:
        """As numpy.matmul on the leading axes; sums are reduced late."""
        ...

    def sum(self, x: Elements, axis: int) -> Elements:
        """Along one leading axis, counted from 0."""
        ...

    def shift_right(self, x: Elements, n_bits: int) -> Elements:
        """floor(representative / 2**n_bits)."""
        ...

    def in_upper_half(self, x: Elements) -> NDArray[np.uint8]:
        """1 where the representative is above (modulus - 1) / 2, else 0; the shape without the limbs."""
        ...

    def sample(self, stream: Stream, shape: tuple[int, ...]) -> Elements:
        """Uniform elements, without bias, from a stream of uniform bytes; the same from the same stream."""
        ...

    def pack(self, x: Elements) -> NDArray[np.uint8]:
        """The bytes of all elements, little-endian, without a copy where possible."""
        ...

    def unpack(self, message: Any, shape: tuple[int, ...], *, peer: str) -> Elements:
        """The inverse of `pack`, for what a peer sent.

        Raises:
            MessageError: an element is not canonical, or the length is wrong; names the peer.
        """
        ...

    def to_bits(self, x: Elements) -> NDArray[np.uint8]:
        """The bits of each representative, packed: uint8 of shape (count, ceil(n_bits / 8))."""
        ...

    def inverse(self, constant: int) -> int:
        """Of a public number.

        Raises:
            ValueError: it has none.
        """
        ...


MERSENNE61: Ring = ArrayRing("mersenne61", (1 << 61) - 1, is_field=True)
MERSENNE127: Ring = ArrayRing("mersenne127", (1 << 127) - 1, is_field=True)
RING64: Ring = ArrayRing("ring64", 1 << 64, is_field=False)

_RINGS = {ring.name: ring for ring in (MERSENNE61, MERSENNE127, RING64)}


def find_ring(name: str) -> Ring:
    """The ring of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in _RINGS:
        raise ValueError(f"no ring {name!r}: there are {', '.join(_RINGS)}")
    return _RINGS[name]


def warm_up(ring: Ring) -> None:
    """Load the kernels of a ring; compile them where this machine has not yet: some seconds, once."""
    x, large = ring.encode(np.arange(2, dtype=np.int64)), ring.modulus // 3
    for operation in (ring.add, ring.sub, ring.mul, ring.matmul):
        operation(x, x)
    ring.dot([x], [x])
    ring.combine([1], [x])
    ring.combine([large], [x])
    ring.sum(x, 0)
    ring.shift_right(x, 1)
    ring.decode(x)
    ring.sample(bytes, (1,))
    ring.neg(ring.unpack(ring.pack(x).tobytes(), (2,), peer=""))  # arrays that are for reading only
