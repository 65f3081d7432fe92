"""Keccak-f[1600] and SHA3-256 against published vectors and hashlib.

Vectors: Keccak team, XKCP, KeccakF-1600-IntermediateValues.txt (the permutation of the zero state, and once more);
FIPS 202 example values, SHA3-256 of "abc" as in the NIST example "SHA3-256 (24-bit message)".
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from circuits import bristol
from circuits.lib.keccak import MAX_MESSAGE_BYTES, keccak_f, sha3_256
from circuits.lib.octets import from_port, to_port
from circuits.plain import evaluate_bits
from tests.kit.circuits import random_bits

PERMUTED_ZERO = """
F1258F7940E1DDE7 84D5CCF933C0478A D598261EA65AA9EE BD1547306F80494D 8B284E056253D057
FF97A42D7F8E6FD4 90FEE5A0A44647C4 8C5BDA0CD6192E76 AD30A6F71B19059C 30935AB7D08FFC64
EB5AA93F2317D635 A9A6E6260D712103 81A57C16DBCF555F 43B831CD0347C826 01F22F1A11A5569F
05E5635A21D9AE61 64BEFEF28CC970F2 613670957BC46611 B87C5A554FD00ECB 8C3EE88A1CCF32C8
940C7922AE3A2614 1841F924A2C509E4 16F53526E70465C2 75F644E97F30A13B EAF1FF7B5CECA249
"""
PERMUTED_TWICE_FIRST_LANE = 0x2D5C954DF96ECB3C


def test_counts() -> None:
    assert (keccak_f.and_count, keccak_f.and_depth) == (38400, 24)
    assert sha3_256(32).and_count < 38400


def test_the_permutation_of_zero() -> None:
    once = keccak_f(0)
    lanes = [once >> 64 * i & 2**64 - 1 for i in range(25)]
    assert lanes == [int(lane, 16) for lane in PERMUTED_ZERO.split()]
    assert keccak_f(once) & 2**64 - 1 == PERMUTED_TWICE_FIRST_LANE


def test_sha3_256_of_abc() -> None:
    digest = from_port(sha3_256(3)(to_port(b"abc", "little")), 32, "little")
    assert digest.hex() == "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"


@pytest.mark.parametrize("n_bytes", [1, 7, 134, MAX_MESSAGE_BYTES])
def test_messages_of_one_block(n_bytes: int) -> None:
    messages = np.random.default_rng(n_bytes).integers(0, 256, (20, n_bytes), dtype=np.uint8)
    digests = from_port(sha3_256(n_bytes)(to_port(messages, "little")), 32, "little")
    for message, digest in zip(messages, digests, strict=True):
        assert digest.tobytes() == hashlib.sha3_256(message.tobytes()).digest()


@pytest.mark.parametrize("n_bytes", [0, MAX_MESSAGE_BYTES + 1])
def test_longer_messages_are_refused(n_bytes: int) -> None:
    with pytest.raises(ValueError, match=f"has 1 to 135 bytes, not {n_bytes}"):
        sha3_256(n_bytes)


def test_exported_and_read_back() -> None:
    again = bristol.loads(bristol.dumps(keccak_f))
    assert (again.and_count, again.and_depth) == (38400, 24)
    bits = random_bits(11, 64, 1600)
    np.testing.assert_array_equal(evaluate_bits(again, bits), evaluate_bits(keccak_f, bits))
