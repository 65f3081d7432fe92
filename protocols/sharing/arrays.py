"""The algebra of `protocols.sharing.ring` on the compiled kernels of one modulus.

Security: no branch and no address depends on an element; encoding and decoding Python integers excepted, which Python
does not promise for numbers of any size.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.errors import MessageError
from protocols.sharing.encoding import integers_of
from protocols.sharing.layout import Elements, loops_of, matrix_loops_of

__all__ = ["ArrayRing", "Stream"]

Stream = Callable[[int], Any]
"""From a number of bytes to that many, as bytes or an array of uint8; an array that is not read-only is for keeps."""


def as_octets(message: Any) -> NDArray[np.uint8]:
    return np.frombuffer(message, np.uint8)


def as_words(octets: NDArray[np.uint8]) -> Elements:
    """The same memory, unless words cannot be read there."""
    words = octets.view(np.uint64)
    return words if words.flags.aligned else words.copy()


class ArrayRing:
    """Integers modulo a Mersenne prime, or modulo 2**64.

    Args:
        name: of the ring, and of its module of `protocols.kernels`.
        modulus: how many elements there are.
        is_field: whether the modulus is prime.
    """

    def __init__(self, name: str, modulus: int, *, is_field: bool) -> None:
        self.name, self.modulus, self.is_field = name, modulus, is_field
        self.n_bits = (modulus - 1).bit_length()
        self.limbs = (self.n_bits + 63) // 64
        self.n_bytes = 8 * self.limbs

    def __repr__(self) -> str:
        return self.name.upper()

    def __reduce__(self) -> tuple[Any, ...]:
        from protocols.sharing.ring import find_ring

        return find_ring, (self.name,)

    @cached_property
    def _kernels(self) -> Any:
        """Imported at first use: Numba takes long to load."""
        return importlib.import_module(f"protocols.kernels.{self.name}")

    def _address(self, x: NDArray[Any]) -> int:
        """Where an array of whole words lies."""
        if not x.flags.c_contiguous:
            return x.ctypes.data
        return int(self._kernels.address(x.reshape(-1) if x.dtype == np.uint64 else x.reshape(-1).view(np.uint64)))

    @property
    def _any_word(self) -> bool:
        """Whether every pattern of bits is an element."""
        return self.n_bits == 64

    def _checked(self, x: Elements) -> Elements:
        if x.dtype != np.uint64 or not x.ndim or x.shape[-1] != self.limbs:
            expected = f"uint64 of shape (..., {self.limbs})"
            raise ValueError(f"elements of {self.name} are {expected}, not {x.dtype} {x.shape}")
        return x

    def _flat(self, x: Elements) -> Elements:
        """The same elements without gaps."""
        x = self._checked(x)
        return x if x.flags.c_contiguous and x.flags.aligned else np.array(x, order="C")

    def _binary(self, op: Any, x: Elements, y: Elements) -> Elements:
        loops = loops_of(self._checked(x), self._checked(y))
        out = np.empty((*loops.shape, self.limbs), np.uint64)
        left, right = (self._address(loops.x), *loops.x_strides), (self._address(loops.y), *loops.y_strides)
        self._kernels.binary(op, loops.sizes, left, right, self._address(out))
        return out

    def zeros(self, shape: tuple[int, ...]) -> Elements:
        return np.zeros((*shape, self.limbs), np.uint64)

    def encode(self, values: Any) -> Elements:
        """Integers of any size, one or an array of them, modulo the modulus.

        Raises:
            TypeError: they are not integers.
        """
        array = integers_of(values)
        if array.dtype == object:
            residues = [value % self.modulus for value in array.reshape(-1).tolist()]
            encoded = bytearray().join([value.to_bytes(self.n_bytes, "little") for value in residues])
            return np.frombuffer(encoded, np.uint64).reshape(*array.shape, self.limbs)
        array = np.ascontiguousarray(array).reshape(array.shape)
        if self._any_word:
            return array.astype(np.uint64)[..., None]
        out = np.empty((*array.shape, self.limbs), np.uint64)
        self._kernels.encode(array.size, self._address(array), array.dtype.kind == "i", self._address(out))
        return out

    def decode(self, x: Elements) -> NDArray[Any]:
        """The representative nearest to 0: int64 where it fits in 64 bits, else an object array of Python integers."""
        x = self._flat(x)
        shape = x.shape[:-1]
        if self._any_word:
            return x[..., 0].astype(np.int64)
        out = np.empty((*shape, self.limbs), np.int64)
        large = self._kernels.decode(prod(shape), self._address(x), self._address(out))
        if self.limbs == 1:
            return out[..., 0]
        if not large:
            return out[..., 0].astype(object)
        low, high = out[..., 0].view(np.uint64).astype(object), out[..., 1].astype(object)
        return np.array(low + high * (1 << 64), dtype=object).reshape(shape)

    def add(self, x: Elements, y: Elements) -> Elements:
        return self._binary(self._kernels.ADD, x, y)

    def sub(self, x: Elements, y: Elements) -> Elements:
        return self._binary(self._kernels.SUB, x, y)

    def neg(self, x: Elements) -> Elements:
        return self._binary(self._kernels.SUB, self.zeros(()), x)

    def mul(self, x: Elements, y: Elements) -> Elements:
        return self._binary(self._kernels.MUL, x, y)

    def scale(self, x: Elements, constant: int) -> Elements:
        """Times a public integer of any size or sign."""
        return self.combine([constant], [x])

    def combine(self, coefficients: Sequence[int], arrays: Sequence[Elements]) -> Elements:
        """The sum of public integers times arrays of one shape, in one pass for each four of them.

        Raises:
            ValueError: no arrays, another number of them than of coefficients, or shapes that differ.
        """
        if len(coefficients) != len(arrays) or not arrays:
            raise ValueError(f"{len(coefficients)} coefficients for {len(arrays)} arrays: one for each, at least one")
        factors, terms = [int(c) % self.modulus for c in coefficients], [self._flat(x) for x in arrays]
        shape = self._one_shape(terms)
        out = np.empty(shape, np.uint64)
        self._kernels.combine(factors, [self._address(x) for x in terms], prod(shape[:-1]), self._address(out))
        return out

    def dot(self, xs: Sequence[Elements], ys: Sequence[Elements], plus: Elements | None = None) -> Elements:
        """The sum of xs[j] * ys[j], element by element, and of `plus`; one pass and reduction for each four products.

        Raises:
            ValueError: no arrays, more on one side, or shapes that differ.
        """
        if len(xs) != len(ys) or not xs:
            raise ValueError(f"{len(xs)} arrays times {len(ys)}: as many on both sides, at least one")
        lefts, rights = [self._flat(x) for x in xs], [self._flat(y) for y in ys]
        addend = [] if plus is None else [self._flat(plus)]
        shape = self._one_shape([*lefts, *rights, *addend])
        out = np.empty(shape, np.uint64)
        bases = [[self._address(x) for x in side] for side in (lefts, rights)]
        self._kernels.dot(*bases, self._address(addend[0]) if addend else 0, prod(shape[:-1]), self._address(out))
        return out

    @staticmethod
    def _one_shape(arrays: Sequence[Elements]) -> tuple[int, ...]:
        shape = arrays[0].shape
        for x in arrays:
            if x.shape != shape:
                raise ValueError(f"arrays of one shape, not of {shape[:-1]} and {x.shape[:-1]}")
        return shape

    def matmul(self, x: Elements, y: Elements) -> Elements:
        """As numpy.matmul on the leading axes; sums are reduced late.

        Raises:
            ValueError: an array has no such axis, or the shapes do not match.
        """
        loops = matrix_loops_of(self._checked(x), self._checked(y))
        if not loops.sizes[1] or not prod(loops.shape):
            return self.zeros(loops.shape)
        out = np.empty((*loops.shape, self.limbs), np.uint64)
        self._kernels.matmul(
            loops.sizes,
            loops.offsets,
            self._address(loops.x),
            self._address(loops.y),
            loops.y_strides,
            self._address(out),
        )
        return out

    def sum(self, x: Elements, axis: int) -> Elements:
        """Along one leading axis, counted from 0.

        Raises:
            ValueError: there is no such axis.
        """
        x = self._flat(x)
        shape = x.shape[:-1]
        if not 0 <= axis < len(shape):
            raise ValueError(f"an array of shape {shape} has no axis {axis}")
        before, after = shape[:axis], shape[axis + 1 :]
        out = np.empty((*before, *after, self.limbs), np.uint64)
        self._kernels.add_along(prod(before), shape[axis], prod(after), self._address(x), self._address(out))
        return out

    def shift_right(self, x: Elements, n_bits: int) -> Elements:
        """floor(representative / 2**n_bits).

        Raises:
            ValueError: n_bits is negative.
        """
        if n_bits < 0:
            raise ValueError(f"cannot shift to the right by {n_bits} bits")
        x = self._flat(x)
        if n_bits >= self.n_bits:
            return np.zeros_like(x)
        if self.limbs == 1:
            return x >> np.uint64(n_bits)
        out = np.empty(x.shape, np.uint64)
        self._kernels.shift_right(prod(x.shape[:-1]), self._address(x), n_bits, self._address(out))
        return out

    def in_upper_half(self, x: Elements) -> NDArray[np.uint8]:
        """1 where the representative is above (modulus - 1) / 2, else 0; the shape without the limbs."""
        # For 2**n - 1 as for 2**n, that is the highest bit.
        top = np.uint64((self.n_bits - 1) % 64)
        return np.asarray(self._checked(x)[..., -1] >> top, np.uint8)

    def sample(self, stream: Stream, shape: tuple[int, ...]) -> Elements:
        """Uniform elements, without bias, from a stream of uniform bytes; the same from the same stream.

        Reads prod(shape) * n_bytes bytes and, for each element that is not below the modulus when its upper bits are
        cleared, again n_bytes: once in 2**61 elements or 2**127, never for 2**64.
        """
        out, pending = self._draw(stream, prod(shape))
        while pending.size:
            more, left = self._draw(stream, pending.size)
            out[pending] = more
            pending = pending[left]
        return out.reshape(*shape, self.limbs)

    def _draw(self, stream: Stream, count: int) -> tuple[Elements, NDArray[np.intp]]:
        """So many masked elements, and the positions of those that are the modulus."""
        drawn = as_octets(stream(count * self.n_bytes))
        if drawn.nbytes != count * self.n_bytes:
            raise ValueError(f"the stream gave {drawn.nbytes} bytes instead of {count * self.n_bytes}")
        out = as_words(drawn).reshape(count, self.limbs)
        if not out.flags.writeable:
            out = out.copy()
        if self._any_word or not self._kernels.mask(count, self._address(out)):
            return out, np.empty(0, np.intp)
        full = [(self.modulus >> (64 * i)) & (1 << 64) - 1 for i in range(self.limbs)]
        return out, np.flatnonzero((out == np.array(full, np.uint64)).all(axis=-1))

    def pack(self, x: Elements) -> NDArray[np.uint8]:
        """The bytes of all elements, little-endian, without a copy where possible."""
        return self._flat(x).reshape(-1).view(np.uint8)

    def unpack(self, message: Any, shape: tuple[int, ...], *, peer: str) -> Elements:
        """The inverse of `pack`, for what a peer sent; it is not copied, and written to only if the message may be.

        Raises:
            MessageError: an element is not canonical, or the length is wrong; names the peer.
        """
        octets, count = as_octets(message), prod(shape)
        if octets.nbytes != count * self.n_bytes:
            raise MessageError(
                f"a message of {octets.nbytes} bytes for {count} elements of {self.n_bytes} bytes", peer=peer
            )
        words = as_words(octets)
        if not self._any_word and self._kernels.not_canonical(count, self._address(words)):
            raise MessageError(f"an element is not in the range of {self.name}", peer=peer)
        return words.reshape(*shape, self.limbs)

    def to_bits(self, x: Elements) -> NDArray[np.uint8]:
        """The bits of each representative, packed: uint8 of shape (count, ceil(n_bits / 8))."""
        return self.pack(x).reshape(-1, self.n_bytes)

    def inverse(self, constant: int) -> int:
        """Of a public number.

        Raises:
            ValueError: it has none.
        """
        try:
            return pow(constant, -1, self.modulus)
        except ValueError:
            raise ValueError(f"{constant} has no inverse in {self.name}") from None
