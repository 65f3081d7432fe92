"""The additive engine against integers in NumPy, over shapes and values that Hypothesis picks."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.additive import additive
from tests.kit.engine_contract import Parties, assemble

M = 1 << 64
WORDS = st.one_of(st.sampled_from([0, 1, M - 1, M >> 1, (M >> 1) - 1, 1 << 32]), st.integers(0, M - 1))
_assembled: dict[int, Parties] = {}


def run(n_parties: int, body: Any) -> None:
    """Run a body on engines that are set up once."""

    async def main() -> None:
        if n_parties not in _assembled:
            _assembled[n_parties] = await assemble(additive(), n_parties)
        await body(_assembled[n_parties])

    asyncio.run(main())


def arrays(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    size = int(np.prod(shape))
    return st.lists(WORDS, min_size=size, max_size=size).map(lambda v: np.array(v, dtype=object).reshape(shape))


@pytest.mark.parametrize("n_parties", [2, 3])
@settings(max_examples=15, deadline=None)
@given(data=st.data(), m=st.integers(0, 5), k=st.integers(1, 5), n=st.integers(0, 5), batch=st.sampled_from([(), (2,)]))
def test_matrix_products(n_parties: int, data: Any, m: int, k: int, n: int, batch: tuple[int, ...]) -> None:
    x, y = data.draw(arrays((*batch, m, k))), data.draw(arrays((k, n)))

    async def body(parties: Parties) -> None:
        xs, ys = await parties.share(x, 0), await parties.share(y, 1)
        found = await parties.reveal(await parties.call("matmul", xs, ys))
        assert (found == np.asarray(np.matmul(x, y) % M, dtype=object)).all()
        assert found.shape == (*batch, m, n)

    run(n_parties, body)


@pytest.mark.parametrize("n_parties", [2, 3])
@settings(max_examples=15, deadline=None)
@given(data=st.data(), bound=st.integers(1, 62))
def test_truncations(n_parties: int, data: Any, bound: int) -> None:
    top = (1 << bound) - 1
    values = st.one_of(st.sampled_from([0, 1, -1, top, -top]), st.integers(-top, top))
    x = np.array(data.draw(st.lists(values, min_size=1, max_size=9)), dtype=object)
    n_bits = data.draw(st.integers(0, bound))

    async def body(parties: Parties) -> None:
        cut = await parties.call("truncate", await parties.share(x, 0), n_bits, bound_bits=bound)
        found = await parties.reveal(cut)
        signed = np.where(found >= M // 2, found - M, found)
        assert (abs(2 * ((signed << n_bits) - x)) <= n_parties << n_bits).all()

    run(n_parties, body)


@pytest.mark.parametrize("n_parties", [2, 3])
@settings(max_examples=10, deadline=None)
@given(x=st.integers(0, 40).flatmap(lambda n: arrays((n,))))
def test_products(n_parties: int, x: Any) -> None:
    async def body(parties: Parties) -> None:
        xs, ys = await parties.share(x, 0), await parties.share(x[::-1], 1)
        found = await parties.reveal(await parties.call("multiply", xs, ys))
        assert (found == x * x[::-1] % M).all()

    run(n_parties, body)
