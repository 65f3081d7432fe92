"""Circuits that others published, against published vectors and Python's integers.

Circuits: N. Smart et al., "'Bristol Fashion' MPC Circuits" (adder64, sub64, mult64, divide64, udivide64, neg64,
zero_equal, aes_128, sha256), looked for in ../shared/circuits beside the checkout; the tests skip where that is absent.
Vectors: FIPS 197 appendices B and C.1 (AES-128); FIPS 180-2 appendices B.1 and B.2 (SHA-256); the compression of an
all-zero block with an all-zero state, 7ca51614..., as in emp-tool issue 106.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from circuits import bristol
from circuits.ir import Circuit
from tests.kit.circuits import PUBLISHED

M64 = 2**64 - 1
EDGES = [0, 1, 2, 3, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**63 + 1, M64 - 1, M64]
AND_COUNTS = {
    "adder64": 63,
    "sub64": 63,
    "mult64": 4033,
    "divide64": 4664,
    "udivide64": 4094,
    "neg64": 62,
    "zero_equal": 63,
    "aes_128": 6400,
    "sha256": 22573,
}
AES_DEPTH, SHA256_DEPTH = 60, 1607  # as stated beside the published circuits
SHA256_START = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"


def published(name: str) -> Circuit:
    path = PUBLISHED / f"{name}.txt"
    if not path.exists():
        pytest.skip(f"no published circuits in {PUBLISHED}")
    return bristol.load(path)


def signed(value: int) -> int:
    return value - 2**64 if value >> 63 else value


def truncating_division(a: int, b: int) -> int:
    """As C divides: towards zero."""
    quotient = abs(signed(a)) // abs(signed(b))
    return (quotient if (signed(a) < 0) == (signed(b) < 0) else -quotient) & M64


@pytest.mark.parametrize("name", AND_COUNTS)
def test_published_circuits_load_as_they_are(name: str) -> None:
    circuit = published(name)
    assert circuit.and_count == AND_COUNTS[name]
    again = bristol.loads(bristol.dumps(circuit))
    assert again.and_count == AND_COUNTS[name]
    assert again.and_depth == circuit.and_depth
    assert bristol.dumps(again) == bristol.dumps(circuit)


def test_published_depths() -> None:
    assert published("aes_128").and_depth == AES_DEPTH
    assert published("sha256").and_depth == SHA256_DEPTH


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("adder64", lambda a, b: (a + b) & M64),
        ("sub64", lambda a, b: (a - b) & M64),
        ("mult64", lambda a, b: (a * b) & M64),
        ("udivide64", lambda a, b: a // b if 0 < b <= 2**63 else None),  # see below
        ("divide64", lambda a, b: truncating_division(a, b) if b else None),
    ],
)
def test_arithmetic(name: str, function: Callable[[int, int], int | None]) -> None:
    circuit = published(name)
    random = np.random.default_rng(64).integers(0, 2**64, (100, 2), dtype=np.uint64)
    pairs = [(a, b) for a in EDGES for b in EDGES] + [(int(a), int(b)) for a, b in random]
    pairs += [(int(a), int(b) >> 40) for a, b in random]
    a, b = (np.array(column, dtype=np.uint64) for column in zip(*pairs, strict=True))
    for x, y, got in zip(a.tolist(), b.tolist(), circuit(a, b).tolist(), strict=True):
        expected = function(x, y)
        assert expected is None or got == expected, (name, x, y)


def test_published_udivide64_is_wrong_for_divisors_above_half() -> None:
    # Not our reading of it: a ten-line reader of another kind gives the same.
    circuit = published("udivide64")
    assert circuit(2**64 - 1, 2**63) == 1
    assert circuit(7, M64) == 2**64 - 5


def test_one_input() -> None:
    values = np.array(EDGES, dtype=np.uint64)
    assert published("neg64")(values).tolist() == [-value & M64 for value in EDGES]
    assert published("zero_equal")(values).tolist() == [int(value == 0) for value in EDGES]


@pytest.mark.parametrize(
    ("key", "plaintext", "ciphertext"),
    [
        ("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
        ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),
    ],
)
def test_aes_128(key: str, plaintext: str, ciphertext: str) -> None:
    # Hexadecimal is big-endian, and so are these ports: bit 0 is the last bit of the last byte.
    assert published("aes_128")(int(key, 16), int(plaintext, 16)) == int(ciphertext, 16)


def test_aes_128_on_random_blocks() -> None:
    rng = np.random.default_rng(197)
    key, blocks = rng.bytes(16), [rng.bytes(16) for _ in range(70)]
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    expected = [int.from_bytes(encryptor.update(block), "big") for block in blocks]
    circuit = published("aes_128")
    assert circuit(int.from_bytes(key, "big"), [int.from_bytes(b, "big") for b in blocks]).tolist() == expected


def sha256_of(circuit: Circuit, message: bytes) -> str:
    padded = message + b"\x80" + bytes(-(len(message) + 9) % 64) + (8 * len(message)).to_bytes(8, "big")
    state = int(SHA256_START, 16)
    for start in range(0, len(padded), 64):
        state = circuit(int.from_bytes(padded[start : start + 64], "big"), state)
    return f"{state:064x}"


def test_sha256() -> None:
    circuit = published("sha256")
    # FIPS 180-2, B.1 and B.2
    assert sha256_of(circuit, b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    assert sha256_of(circuit, two_blocks) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    assert f"{circuit(0, 0):064x}" == "7ca51614425c3ba8ce54dd2fc2020ae7b6e574d198136d0fae7e26ccbf0be7a6"
    message = np.random.default_rng(180).bytes(200)
    assert sha256_of(circuit, message) == hashlib.sha256(message).hexdigest()
