"""AES-128 against published vectors, another implementation, and the published circuit.

Vectors: FIPS 197, appendices B and C.1; NIST SP 800-38A, F.1.1 (ECB-AES128).
"""

from __future__ import annotations

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from circuits import bristol
from circuits.lib.aes import aes_128
from circuits.lib.octets import from_port, to_port
from circuits.plain import evaluate_bits
from tests.kit.circuits import PUBLISHED, random_bits

VECTORS = [
    ("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
    ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),
    ("2b7e151628aed2a6abf7158809cf4f3c", "6bc1bee22e409f96e93d7e117393172a", "3ad77bb40d7a3660a89ecaf32466ef97"),
    ("2b7e151628aed2a6abf7158809cf4f3c", "ae2d8a571e03ac9c9eb76fac45af8e51", "f5d3d58503b9699de785895a96fdbaaf"),
    ("2b7e151628aed2a6abf7158809cf4f3c", "30c81c46a35ce411e5fbc1191a0a52ef", "43b1cd7f598ece23881b00e3ed030688"),
    ("2b7e151628aed2a6abf7158809cf4f3c", "f69f2445df4f9b17ad2b417be66c3710", "7b0c785e27e8ad3f8223207104725dd4"),
]


@pytest.mark.parametrize(("key", "plaintext", "ciphertext"), VECTORS)
def test_published_vectors(key: str, plaintext: str, ciphertext: str) -> None:
    assert f"{aes_128(key=int(key, 16), block=int(plaintext, 16)):032x}" == ciphertext


def test_random_blocks_over_a_batch() -> None:
    rng = np.random.default_rng(128)
    keys, blocks = rng.integers(0, 256, (2, 40, 16), dtype=np.uint8)
    expected = b""
    for key, block in zip(keys, blocks, strict=True):
        encryptor = Cipher(algorithms.AES(key.tobytes()), modes.ECB()).encryptor()
        expected += encryptor.update(block.tobytes())
    got = aes_128(to_port(keys, "big"), to_port(blocks, "big"))
    assert from_port(got, 16, "big").tobytes() == expected


@pytest.mark.parametrize("old_format", [False, True])
def test_exported_and_read_back(old_format: bool) -> None:
    again = bristol.loads(bristol.dumps(aes_128, old_format=old_format))
    assert (again.and_count, again.and_depth) == (6400, 60)
    key, plaintext, ciphertext = (int(part, 16) for part in VECTORS[1])
    assert again(key, plaintext) == ciphertext
    bits = random_bits(7, 64, 256)
    np.testing.assert_array_equal(evaluate_bits(again, bits), evaluate_bits(aes_128, bits))


def test_equals_the_published_circuit() -> None:
    if not (PUBLISHED / "aes_128.txt").exists():
        pytest.skip(f"no published circuits in {PUBLISHED}")
    bits = random_bits(8, 256, 256)
    published = bristol.load(PUBLISHED / "aes_128.txt")
    np.testing.assert_array_equal(evaluate_bits(published, bits), evaluate_bits(aes_128, bits))
