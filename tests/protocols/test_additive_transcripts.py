"""Frozen transcripts: the same coins say the same bytes, on every path of the kernels."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.conversion import a2b
from protocols.kernels import cpu
from tests.kit.additive import additive
from tests.kit.conversion_contract import convert, open_bits
from tests.kit.engine_contract import Parties
from tests.kit.frozen import check_frozen
from tests.kit.mesh import make_meshes


@pytest.mark.parametrize("path", cpu.available())
@pytest.mark.parametrize("n_parties", [2, 3])
async def test_whole_computation(n_parties: int, path: cpu.Path) -> None:
    meshes, make = make_meshes(n_parties), additive(coins="frozen")
    with cpu.use(path):
        parties = Parties(await make(meshes), [mesh.fork("calls") for mesh in meshes])
        x, y = (np.arange(12, dtype=object).reshape(4, 3) ** n for n in (9, 11))
        xs, ys = await parties.share(x, 0), await parties.share(y, 1)
        products = await parties.call("multiply", xs, ys)
        matrix = await parties.call("matmul", xs, [share.reshape(3, 4, 1) for share in ys])
        cut = await parties.call("truncate", xs, 7, bound_bits=40)
        bits = await parties.call("random_bits", (3,))
        negative = await convert(parties, a2b.is_negative, cut, 34)  # garbled between two, GMW among three
        assert (await parties.reveal(products) == x * y % 2**64).all()
        assert (await parties.reveal(matrix) == x @ y.reshape(3, 4) % 2**64).all()
        assert (abs((await parties.reveal(cut)) * 128 - x) <= 64 * n_parties).all()
        assert set(await parties.reveal(bits)) <= {0, 1}
        assert not (await open_bits(parties, negative))[1:].any()
    check_frozen(f"arithmetic/additive/parties={n_parties}/wire", "".join(mesh.hash()[:16] for mesh in meshes))
