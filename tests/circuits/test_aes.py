"""AES-128: the S-box on all bytes, and the counts the documents state."""

from __future__ import annotations

import numpy as np

from circuits.lib.aes import aes_128, sub_bits


def sbox_by_definition(byte: int) -> int:
    """FIPS 197, section 5.1.1: the inverse in GF(2^8), then the affine map."""

    def times(a: int, b: int) -> int:
        product = 0
        while b:
            product ^= a * (b & 1)
            a, b = a << 1 ^ 0x11B * (a >> 7), b >> 1
        return product

    inverse = next((x for x in range(256) if times(byte, x) == 1), 0)
    rotations = [(inverse << n | inverse >> (8 - n)) & 0xFF for n in range(5)]
    return rotations[0] ^ rotations[1] ^ rotations[2] ^ rotations[3] ^ rotations[4] ^ 0x63


def test_the_s_box_is_that_of_the_standard() -> None:
    values = np.arange(256)
    out = sub_bits([(values >> i & 1).astype(bool) for i in range(8)])
    got = sum(bit.astype(int) << i for i, bit in enumerate(out))
    assert got.tolist() == [sbox_by_definition(byte) for byte in range(256)]


def test_counts() -> None:
    assert (aes_128.and_count, aes_128.and_depth) == (6400, 60)
    assert aes_128.n_gates == 31362  # the published circuit has 36,663
    assert [port.name for port in aes_128.inputs] == ["key", "block"]
