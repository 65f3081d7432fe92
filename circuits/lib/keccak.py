"""Keccak-f[1600] and SHA3-256: 38,400 AND gates a permutation, 64 for each of 25 lanes and 24 rounds.

The state is one UInt[1600]: lane (x, y) is its bits 64 * (x + 5 * y) and up, least significant bit first, so that a
string of bytes is a little-endian integer, as everywhere in SHA-3.

Source: FIPS 202 (2015), sections 3.2, 5.1 and 6.1, appendix B.1.
"""

from __future__ import annotations

from functools import lru_cache

from circuits.functions import concat
from circuits.ir import Circuit
from circuits.trace import circuit
from circuits.types import UInt
from circuits.values import Scalar

__all__ = ["MAX_MESSAGE_BYTES", "keccak_f", "sha3_256"]

ROUNDS = 24
RATE_BYTES = 136  # of SHA3-256
MAX_MESSAGE_BYTES = RATE_BYTES - 1  # one block, with at least one byte of padding

Lanes = list[Scalar]  # lane (x, y) at x + 5 * y


def _permute(state: Scalar) -> Scalar:
    lanes = [state[at : at + 64] for at in range(0, 1600, 64)]
    for constant in _round_constants():
        lanes = _chi(_rho_and_pi(_theta(lanes)))
        lanes[0] ^= constant
    return concat(*lanes)


def _theta(a: Lanes) -> Lanes:
    """Each bit takes the parity of two columns beside its own: section 3.2.1."""
    c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
    d = [c[(x - 1) % 5] ^ c[(x + 1) % 5].rotate_left(1) for x in range(5)]
    return [lane ^ d[i % 5] for i, lane in enumerate(a)]


def _rho_and_pi(a: Lanes) -> Lanes:
    """Lanes rotate and change places: sections 3.2.2 and 3.2.3."""
    moved = list(a)
    x, y = 1, 0
    for t in range(24):
        lane = a[x + 5 * y].rotate_left((t + 1) * (t + 2) // 2)
        x, y = y, (2 * x + 3 * y) % 5  # where rho goes next, which is where pi takes this lane
        moved[x + 5 * y] = lane
    return moved


def _chi(a: Lanes) -> Lanes:
    """The AND gates: section 3.2.4."""
    return [a[x + y] ^ (~a[(x + 1) % 5 + y] & a[(x + 2) % 5 + y]) for y in range(0, 25, 5) for x in range(5)]


def _round_constants() -> list[int]:
    """What iota adds to lane (0, 0) in each round, from a shift register: section 3.2.5, algorithm 5."""
    constants, register = [], 1
    for _ in range(ROUNDS):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << (2**j - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


@circuit
def keccak_f(state: UInt[1600]) -> UInt[1600]:
    """The permutation of 1600 bits, 24 rounds: section 3.3. AND depth 24."""
    return _permute(state)


@lru_cache(maxsize=16)
def sha3_256(n_bytes: int) -> Circuit:
    """The circuit of SHA3-256 for messages of n bytes: port `message`, UInt[8 * n_bytes]; the digest, UInt[256].

    Both are little-endian integers. The message and its padding fill one block at most.

    Raises:
        ValueError: n_bytes is not from 1 to MAX_MESSAGE_BYTES.
    Cost: below 38,400 AND; the constant capacity and padding fold in the first round.
    """
    if not 1 <= n_bytes <= MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of one block has 1 to {MAX_MESSAGE_BYTES} bytes, not {n_bytes}")

    @circuit(name=f"sha3_256_{n_bytes}")
    def hash_message(message: UInt[8 * n_bytes]) -> UInt[256]:
        padding = 0x06 << 8 * n_bytes | 0x80 << 8 * (RATE_BYTES - 1)
        return _permute((message ^ padding).to(UInt[1600]))[:256]

    return hash_message
