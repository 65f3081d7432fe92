"""Rings in plain Python integers, slow and obvious: what the compiled ones are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from protocols.errors import MessageError
from protocols.sharing.ring import Elements, Stream

MASK = (1 << 64) - 1


class PlainRing:
    """Integers modulo m, as a `protocols.sharing.ring.Ring`; m below 2**128."""

    def __init__(self, name: str, modulus: int, *, is_field: bool) -> None:
        self.name, self.modulus, self.is_field = name, modulus, is_field
        self.n_bits = (modulus - 1).bit_length()
        self.limbs = -(-self.n_bits // 64)
        self.n_bytes = 8 * self.limbs

    def __repr__(self) -> str:
        return f"<{self.name}, plain>"

    def residues(self, x: Elements) -> Any:
        """Elements to an object array of integers 0..m-1."""
        assert x.dtype == np.uint64
        assert x.shape[-1:] == (self.limbs,)
        total = sum(x[..., i].astype(object) << 64 * i for i in range(self.limbs))
        return np.asarray(total, dtype=object)

    def elements(self, values: Any) -> Elements:
        """The inverse of `residues`, for integers of any size."""
        reduced = np.asarray(np.asarray(values, dtype=object) % self.modulus, dtype=object)
        limbs = [np.asarray((reduced >> 64 * i) & MASK, dtype=object).astype(np.uint64) for i in range(self.limbs)]
        return np.ascontiguousarray(np.stack(limbs, axis=-1))

    def zeros(self, shape: tuple[int, ...]) -> Elements:
        return np.zeros((*shape, self.limbs), np.uint64)

    def encode(self, values: Any) -> Elements:
        array = np.asarray(values)
        if array.dtype.kind not in "biuO" or (array.dtype.kind == "O" and not all(_whole(v) for v in array.flat)):
            raise TypeError(f"elements are made of integers, not {array.dtype}")
        return self.elements(array.astype(object))

    def decode(self, x: Elements) -> Any:
        values = self.residues(x)
        signed = np.asarray(np.where(values > (self.modulus - 1) // 2, values - self.modulus, values), dtype=object)
        return signed.astype(np.int64) if self.n_bits <= 64 else signed

    def add(self, x: Elements, y: Elements) -> Elements:
        return self.elements(self.residues(x) + self.residues(y))

    def sub(self, x: Elements, y: Elements) -> Elements:
        return self.elements(self.residues(x) - self.residues(y))

    def neg(self, x: Elements) -> Elements:
        return self.elements(-self.residues(x))

    def mul(self, x: Elements, y: Elements) -> Elements:
        return self.elements(self.residues(x) * self.residues(y))

    def scale(self, x: Elements, constant: int) -> Elements:
        return self.elements(self.residues(x) * constant)

    def combine(self, coefficients: Sequence[int], arrays: Sequence[Elements]) -> Elements:
        return self.elements(sum(c * self.residues(x) for c, x in zip(coefficients, arrays, strict=True)))

    def dot(self, xs: Sequence[Elements], ys: Sequence[Elements], plus: Elements | None = None) -> Elements:
        start = 0 if plus is None else self.residues(plus)
        return self.elements(start + sum(self.residues(x) * self.residues(y) for x, y in zip(xs, ys, strict=True)))

    def matmul(self, x: Elements, y: Elements) -> Elements:
        return self.elements(np.matmul(self.residues(x), self.residues(y)))

    def sum(self, x: Elements, axis: int) -> Elements:
        return self.elements(self.residues(x).sum(axis=axis))

    def shift_right(self, x: Elements, n_bits: int) -> Elements:
        return self.elements(self.residues(x) >> n_bits)

    def in_upper_half(self, x: Elements) -> Any:
        return np.asarray(self.residues(x) > (self.modulus - 1) // 2).astype(np.uint8)

    def sample(self, stream: Stream, shape: tuple[int, ...]) -> Elements:
        values = np.array([self._one(stream) for _ in range(int(np.prod(shape, dtype=int)))], dtype=object)
        return self.elements(values.reshape(shape))

    def _one(self, stream: Callable[[int], Any]) -> int:
        while True:
            value = int.from_bytes(bytes(stream(self.n_bytes)), "little") & ((1 << self.n_bits) - 1)
            if value < self.modulus:
                return value

    def pack(self, x: Elements) -> Any:
        return np.ascontiguousarray(x).view(np.uint8).reshape(-1)

    def unpack(self, message: Any, shape: tuple[int, ...], *, peer: str) -> Elements:
        data = bytes(message)
        count = int(np.prod(shape, dtype=int))
        if len(data) != self.n_bytes * count:
            raise MessageError(f"expected {self.n_bytes * count} bytes of elements, got {len(data)}", peer=peer)
        x = np.frombuffer(bytearray(data), np.uint64).reshape(*shape, self.limbs)
        if (self.residues(x) >= self.modulus).any():
            raise MessageError(f"an element is not below {self.name}'s modulus", peer=peer)
        return x

    def to_bits(self, x: Elements) -> Any:
        n_bytes = -(-self.n_bits // 8)
        return np.ascontiguousarray(self.pack(x).reshape(-1, self.n_bytes)[:, :n_bytes])

    def inverse(self, constant: int) -> int:
        try:
            return pow(constant, -1, self.modulus)
        except ValueError:
            raise ValueError(f"{constant} has no inverse in {self.name}") from None


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer)


PLAIN_61 = PlainRing("mersenne61", 2**61 - 1, is_field=True)
PLAIN_127 = PlainRing("mersenne127", 2**127 - 1, is_field=True)
PLAIN_64 = PlainRing("ring64", 2**64, is_field=False)
