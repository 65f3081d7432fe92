"""Packing and transposing bits, for any shape."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import bits


def matrix(n_rows: int, n_columns: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (n_rows, n_columns), np.uint8)


shapes = st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(0, 2**32))


@settings(max_examples=60, deadline=None)
@given(shapes)
def test_unpack_undoes_pack(shape: tuple[int, int, int]) -> None:
    found = matrix(*shape)
    packed = bits.pack(found)
    assert packed.shape == (shape[0], bits.packed_bytes(shape[1]))
    assert (bits.unpack(packed, shape[1]) == found).all()


@settings(max_examples=60, deadline=None)
@given(shapes)
def test_transpose_is_that_of_the_unpacked_matrix(shape: tuple[int, int, int]) -> None:
    found = matrix(*shape)
    turned = bits.transpose(bits.pack(found), shape[1])
    assert turned.shape == (shape[1], bits.packed_bytes(shape[0]))
    assert (turned == bits.pack(np.ascontiguousarray(found.T))).all()
