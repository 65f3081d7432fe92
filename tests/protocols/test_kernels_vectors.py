"""AES-128 against published vectors, on every path.

Sources: FIPS-197 (2001), appendices A.1, B and C.1; NIST SP 800-38A (2001), appendix F.1.1 (ECB-AES128.Encrypt).
"""

from __future__ import annotations

import numpy as np
import pytest

from protocols.kernels import aes, cpu

KEY = "2b7e151628aed2a6abf7158809cf4f3c"
VECTORS = [
    ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),
    (KEY, "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
    (KEY, "6bc1bee22e409f96e93d7e117393172a", "3ad77bb40d7a3660a89ecaf32466ef97"),
    (KEY, "ae2d8a571e03ac9c9eb76fac45af8e51", "f5d3d58503b9699de785895a96fdbaaf"),
    (KEY, "30c81c46a35ce411e5fbc1191a0a52ef", "43b1cd7f598ece23881b00e3ed030688"),
    (KEY, "f69f2445df4f9b17ad2b417be66c3710", "7b0c785e27e8ad3f8223207104725dd4"),
]
ROUND_KEYS = """
    2b7e151628aed2a6abf7158809cf4f3c a0fafe1788542cb123a339392a6c7605 f2c295f27a96b9435935807a7359f67f
    3d80477d4716fe3e1e237e446d7a883b ef44a541a8525b7fb671253bdb0bad00 d4d1c6f87c839d87caf2b8bc11f915bc
    6d88a37a110b3efddbf98641ca0093fd 4e54f70e5f5fc9f384a64fb24ea6dc4f ead27321b58dbad2312bf5607f8d292f
    ac7766f319fadc2128d12941575c006e d014f9a8c9ee2589e13f0cc8b6630ca6
"""


@pytest.mark.parametrize("path", cpu.available())
@pytest.mark.parametrize(("key", "plain", "cipher"), VECTORS)
def test_encrypt(path: cpu.Path, key: str, plain: str, cipher: str) -> None:
    block = np.frombuffer(bytes.fromhex(plain), np.uint8)
    with cpu.use(path):
        assert aes.encrypt_blocks(bytes.fromhex(key), block).tobytes().hex() == cipher


@pytest.mark.parametrize("path", [path for path in cpu.available() if path != "portable"])
def test_round_keys(path: cpu.Path) -> None:
    with cpu.use(path):
        found = aes.expand_keys(np.frombuffer(bytes.fromhex(KEY), np.uint8))
    assert found.tobytes().hex() == "".join(ROUND_KEYS.split())
