"""SHA-256 against published vectors, hashlib, and the published circuit.

Vectors: FIPS 180-2, appendices B.1 and B.2; NIST CAVP, SHA256ShortMsg (Len = 8).
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from circuits import bristol
from circuits.lib.octets import from_port, to_port
from circuits.lib.sha256 import INITIAL_STATE, compress, sha256
from circuits.plain import evaluate_bits
from tests.kit.circuits import PUBLISHED, random_bits

VECTORS = [
    (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
    (b"\xd3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"),
]


def test_counts() -> None:
    assert compress.and_count == 22335  # the published circuit has 22,573
    assert compress.and_depth <= 1607
    assert INITIAL_STATE >> 224 == 0x6A09E667
    # Padding and initial state fold.
    assert sha256(3).and_count < compress.and_count
    assert sha256(3) is sha256(3)


@pytest.mark.parametrize(("message", "digest"), VECTORS)
def test_published_vectors(message: bytes, digest: str) -> None:
    assert f"{sha256(len(message))(to_port(message, 'big')):064x}" == digest
    padded = message + b"\x80" + bytes(-(len(message) + 9) % 64) + (8 * len(message)).to_bytes(8, "big")
    state = INITIAL_STATE
    for start in range(0, len(padded), 64):
        state = compress(block=to_port(padded[start : start + 64], "big"), state=state)
    assert f"{state:064x}" == digest


@pytest.mark.parametrize("n_bytes", [1, 55, 56, 64, 119])
def test_messages_around_the_ends_of_blocks(n_bytes: int) -> None:
    messages = np.random.default_rng(n_bytes).integers(0, 256, (20, n_bytes), dtype=np.uint8)
    digests = from_port(sha256(n_bytes)(to_port(messages, "big")), 32, "big")
    for message, digest in zip(messages, digests, strict=True):
        assert digest.tobytes() == hashlib.sha256(message.tobytes()).digest()


def test_no_message_without_bytes() -> None:
    with pytest.raises(ValueError, match="at least one byte, not 0"):
        sha256(0)


def test_exported_and_read_back() -> None:
    again = bristol.loads(bristol.dumps(compress))
    assert (again.and_count, again.and_depth) == (compress.and_count, compress.and_depth)
    bits = random_bits(9, 64, 768)
    np.testing.assert_array_equal(evaluate_bits(again, bits), evaluate_bits(compress, bits))


def test_equals_the_published_circuit() -> None:
    if not (PUBLISHED / "sha256.txt").exists():
        pytest.skip(f"no published circuits in {PUBLISHED}")
    bits = random_bits(10, 128, 768)
    published = bristol.load(PUBLISHED / "sha256.txt")
    np.testing.assert_array_equal(evaluate_bits(published, bits), evaluate_bits(compress, bits))
