"""GMW over meshes of every temper, and a published vector through it."""

from __future__ import annotations

import numpy as np
import pytest

from circuits.lib.aes import aes_128
from circuits.plain import evaluate_bits
from tests.kit.channels import TEMPERS, Temper
from tests.kit.circuits import random_bits
from tests.kit.gmw import run_gmw
from tests.kit.mesh import make_meshes
from tests.protocols.test_boolean import deep


@pytest.mark.parametrize("n_parties", [2, 3])
@pytest.mark.parametrize("temper", TEMPERS)
async def test_every_temper(temper: Temper, n_parties: int) -> None:
    bits = random_bits(1, 70, deep.n_inputs)
    assert (await run_gmw(make_meshes(n_parties, temper), deep, bits, ideal=False) == evaluate_bits(deep, bits)).all()


async def test_aes_of_fips_197_among_three() -> None:
    """FIPS-197, appendix C.1; in a batch of 9 with other blocks."""
    texts = ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a")
    key, block, expected = (int(text, 16) for text in texts)
    bits = random_bits(2, 9, 256)
    bits[4] = np.concatenate([port.type.encode(v)[0] for port, v in zip(aes_128.inputs, (key, block), strict=True)])
    plain = evaluate_bits(aes_128, bits)
    found = await run_gmw(make_meshes(3), aes_128, bits, ideal=False)
    assert (found == plain).all()
    assert int(aes_128.outputs[0].type.decode(found[4:5])[0]) == expected
