"""Bit strings, sums of products and XOR gates against Python integers."""

from __future__ import annotations

from functools import reduce
from operator import xor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.boolean import levels
from protocols.kernels.boolean import add_products, finish_products, gather, scatter, xor_gates


def numbers(words: np.ndarray) -> list[int]:
    """Rows of words as integers."""
    return [int.from_bytes(row.tobytes(), "little") for row in np.ascontiguousarray(words)]


def random_words(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << 64, shape, np.uint64)


def slots(*values: int) -> np.ndarray:
    array = np.array(values, np.int32)
    array.setflags(write=False)
    return array


@settings(max_examples=150, deadline=None)
@given(
    count=st.one_of(st.integers(0, 200), st.sampled_from([64, 128, 192, 1000])),
    chosen=st.lists(st.integers(0, 6), max_size=12),
    pieces=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_strings_hold_the_rows_end_to_end(count: int, chosen: list[int], pieces: int, seed: int) -> None:
    n_words = -(-count // 64)
    wires = random_words(seed, 7, pieces, n_words)
    strings = gather(wires, slots(*chosen), count)
    assert strings.shape == (pieces, -(-len(chosen) * count // 64))
    mask = (1 << count) - 1
    for piece in range(pieces):
        rows = numbers(wires[:, piece])
        expected = sum((rows[slot] & mask) << (i * count) for i, slot in enumerate(chosen))
        assert numbers(strings[piece : piece + 1])[0] == expected

    garbage = strings.copy()
    if garbage.size and len(chosen) * count % 64:
        garbage[:, -1] |= ~np.uint64((1 << len(chosen) * count % 64) - 1)
    target = random_words(seed + 1, len(chosen), pieces, n_words)
    scatter(garbage, slots(*range(len(chosen))), count, target)
    for piece in range(pieces):
        rows = numbers(wires[:, piece])
        assert [row & mask for row in numbers(target[:, piece])] == [rows[slot] & mask for slot in chosen]


def test_strings_of_another_length_are_refused() -> None:
    wires = random_words(1, 3, 2, 2)
    for shape in ((2, 4), (1, 3), (2, 2)):
        with pytest.raises(ValueError, match="do not hold 2 rows"):
            scatter(np.zeros(shape, np.uint64), slots(0, 1), 90, wires)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 130])
def test_rows_there_and_back(count: int) -> None:
    rows = random_words(count, 5, -(-count // 64))
    string = levels.gather_rows(rows, count)
    message = levels.to_wire(string, 5 * count)
    assert len(message) == levels.string_bytes(5 * count) == -(-5 * count // 8)
    back = levels.scatter_rows(levels.from_wire(memoryview(message)), 5, count)
    assert numbers(back) == [row & ((1 << count) - 1) for row in numbers(rows)]
    levels.xor_wire(string, memoryview(message.copy()))
    assert not string.any()


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1500])
def test_sums_of_products(size: int) -> None:
    x, y, z = random_words(1, 4, size), random_words(2, 4, size), random_words(3, size)
    terms = [([0, 2], [1]), ([3], [0, 1, 2, 3]), ([1], [1])]
    arrays = []
    for side in (0, 1):
        arrays.append(np.array([i for term in terms for i in term[side]], np.int64))
        arrays.append(np.cumsum([len(term[side]) for term in terms]).astype(np.int64))
    expected = z.copy()
    for lefts, rights in terms:
        expected ^= reduce(xor, (x[i] for i in lefts)) & reduce(xor, (y[i] for i in rights))
    add_products(x, y, tuple(arrays), z)
    assert (z == expected).all()


@pytest.mark.parametrize("both", [False, True])
def test_the_end_of_a_product_with_a_triple(both: bool) -> None:
    d, e, a, b, z = random_words(4, 5, 77)
    expected = z ^ (d & b) ^ (e & a) ^ (d & e if both else 0)
    finish_products(d, e, a, b, z, both=both)
    assert (z == expected).all()


def test_xor_gates_run_in_order_on_all_pieces() -> None:
    wires = random_words(5, 4, 3, 2)
    expected = wires.copy()
    gates = [(0, 1, 2), (2, 2, 3), (2, 0, 2), (3, 2, 0)]
    for left, right, out in gates:
        expected[out] = expected[left] ^ expected[right]
    xor_gates(wires, *(slots(*column) for column in zip(*gates, strict=True)))
    assert (wires == expected).all()
