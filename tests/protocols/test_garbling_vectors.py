"""Published circuits and ours, on published vectors, through two parties.

Vectors: FIPS 197, appendices B and C.1; FIPS 180-2, appendix B.1. Circuits: Bristol Fashion collection.
"""

from __future__ import annotations

import numpy as np
import pytest

from circuits import bristol
from circuits.ir import Circuit
from circuits.lib.aes import aes_128
from circuits.lib.octets import to_port
from circuits.lib.sha256 import INITIAL_STATE, compress
from protocols import garbling
from protocols.kernels import cpu
from tests.kit.channels import channel_pair, run_pair
from tests.kit.circuits import PUBLISHED

AES = [
    ("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
    ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),
]
ABC = int("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 16)


def published(name: str) -> Circuit:
    if not PUBLISHED.exists():
        pytest.skip("the published circuits are not beside this checkout")
    return bristol.load(PUBLISHED / name)


async def between_two(circuit: Circuit, first: object, second: object) -> object:
    """The first port of the garbler, the second of the evaluator; what both learn."""
    names = [port.name for port in circuit.inputs]
    left, right = channel_pair()
    one, other = await run_pair(
        garbling.garble(left, circuit, {names[0]: first}), garbling.evaluate(right, circuit, {names[1]: second})
    )
    assert np.array_equal(one, other)
    return one


@pytest.mark.parametrize(("key", "plaintext", "ciphertext"), AES)
@pytest.mark.parametrize("ours", [True, False])
async def test_aes(ours: bool, key: str, plaintext: str, ciphertext: str) -> None:
    circuit = aes_128 if ours else published("aes_128.txt")
    assert await between_two(circuit, int(key, 16), int(plaintext, 16)) == int(ciphertext, 16)


async def test_aes_over_a_batch() -> None:
    """65 instances: a whole tile and one of a single instance."""
    rng = np.random.default_rng(1)
    keys, blocks = (to_port(rng.integers(0, 256, (65, 16), dtype=np.uint8), "big") for _ in range(2))
    keys[64], blocks[64] = int(AES[1][0], 16), int(AES[1][1], 16)
    got = await between_two(aes_128, keys, blocks)
    assert got[64] == int(AES[1][2], 16)
    assert np.array_equal(got, aes_128(keys, blocks))


@pytest.mark.parametrize("ours", [True, False])
async def test_sha256(ours: bool) -> None:
    circuit = compress if ours else published("sha256.txt")
    block = int.from_bytes(b"abc\x80" + bytes(58) + (24).to_bytes(2, "big"), "big")
    assert await between_two(circuit, block, INITIAL_STATE) == ABC


async def test_aes_on_the_portable_path() -> None:
    with cpu.use("portable"):
        assert await between_two(aes_128, int(AES[1][0], 16), int(AES[1][1], 16)) == int(AES[1][2], 16)
