"""SHA-256: the compression function, and the whole hash of a message whose length is public.

The compression function has 22,335 AND gates; the published circuit has 22,573. The sum of several words goes through
one tree of full adders, which saves gates in the low bits, and the round constants fold into their sums.

The ports of `compress` are those of the published Bristol Fashion circuit, block and state as big-endian integers:

    compress(block=0x61626380_00000000..., state=INITIAL_STATE)

Source: FIPS 180-4 (2015), sections 4.1.2, 5.1.1 and 6.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import count, islice
from math import isqrt
from typing import Any

from circuits.functions import concat
from circuits.functions import sum as sum_of
from circuits.ir import Circuit
from circuits.trace import circuit
from circuits.types import UInt
from circuits.values import Scalar

__all__ = ["INITIAL_STATE", "compress", "sha256"]

Words = list[Any]  # UInt[32] each, or public integers


def _first_primes(n: int) -> list[int]:
    return list(islice((p for p in count(2) if all(p % d for d in range(2, isqrt(p) + 1))), n))


def _root_bits(p: int, degree: int) -> int:
    """The first 32 bits of the fractional part of a square or cube root."""
    target, root = p << 32 * degree, 1 << (32 + p.bit_length())
    while root**degree > target:  # Newton's iteration, from above
        root = ((degree - 1) * root + target // root ** (degree - 1)) // degree
    return root % 2**32


_START: Words = [_root_bits(p, 2) for p in _first_primes(8)]
_ROUND_CONSTANTS = [_root_bits(p, 3) for p in _first_primes(64)]

INITIAL_STATE = int.from_bytes(b"".join(word.to_bytes(4, "big") for word in _START), "big")
"""H(0) of section 5.3.3, as the state that `compress` takes."""


def _compress(block: Words, state: Words) -> Words:
    schedule = list(block)
    for t in range(16, 64):
        terms = [_sigma1(schedule[t - 2]), schedule[t - 7], _sigma0(schedule[t - 15]), schedule[t - 16]]
        schedule.append(_add(terms))
    a, b, c, d, e, f, g, h = state
    for word, constant in zip(schedule, _ROUND_CONSTANTS, strict=True):
        t1 = _add([h, _big_sigma1(e), _choose(e, f, g), constant, word])
        a, b, c, d, e, f, g, h = _add([t1, _big_sigma0(a), _majority(a, b, c)]), a, b, c, _add([d, t1]), e, f, g
    return [_add([old, new]) for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


def _add(terms: Sequence[Any]) -> Any:
    """A sum modulo 2**32."""
    return sum_of(terms).wrap(32)


def _choose(x: Any, y: Any, z: Any) -> Any:
    """The bits of y where x has 1, of z elsewhere; one AND a bit."""
    return x & (y ^ z) ^ z


def _majority(x: Any, y: Any, z: Any) -> Any:
    """One AND a bit."""
    return (x ^ y) & (x ^ z) ^ x


def _rotate(x: Any, n: int) -> Any:
    return (x >> n | x << (32 - n)) & 0xFFFFFFFF if isinstance(x, int) else x.rotate_right(n)


def _big_sigma0(x: Any) -> Any:
    return _rotate(x, 2) ^ _rotate(x, 13) ^ _rotate(x, 22)


def _big_sigma1(x: Any) -> Any:
    return _rotate(x, 6) ^ _rotate(x, 11) ^ _rotate(x, 25)


def _sigma0(x: Any) -> Any:
    return _rotate(x, 7) ^ _rotate(x, 18) ^ x >> 3


def _sigma1(x: Any) -> Any:
    return _rotate(x, 17) ^ _rotate(x, 19) ^ x >> 10


def _to_words(number: Scalar) -> Words:
    """The first word is the highest."""
    return [number[at : at + 32] for at in range(0, number.n_bits, 32)][::-1]


def _from_words(words: Words) -> Scalar:
    return concat(*words[::-1])


@circuit
def compress(block: UInt[512], state: UInt[256]) -> UInt[256]:
    """One block into a state: section 6.2.2."""
    return _from_words(_compress(_to_words(block), _to_words(state)))


@lru_cache(maxsize=16)
def sha256(n_bytes: int) -> Circuit:
    """The circuit of SHA-256 for messages of n bytes: port `message`, UInt[8 * n_bytes]; the digest, UInt[256].

    Both are big-endian integers. Padding and the initial state are constants and fold.

    Raises:
        ValueError: there is no byte.
    Cost: (n_bytes + 9) / 64 blocks, rounded up, each somewhat below 22,335 AND.
    """
    if n_bytes < 1:
        raise ValueError(f"a message has at least one byte, not {n_bytes}")
    n_zeros = -(n_bytes + 9) % 64

    @circuit(name=f"sha256_{n_bytes}")
    def hash_message(message: UInt[8 * n_bytes]) -> UInt[256]:
        padding = 1 << (8 * (n_zeros + 8) + 7) | 8 * n_bytes
        padded = message << 8 * (1 + n_zeros + 8) | padding
        words, state = _to_words(padded), _START
        for at in range(0, len(words), 16):
            state = _compress(words[at : at + 16], state)
        return _from_words(state)

    return hash_message
