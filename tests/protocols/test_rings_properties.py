"""The algebra of all three rings against Python's integers, for any shapes and layouts, edges above all."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.sharing.ring import MERSENNE61, MERSENNE127, RING64, Ring

RINGS = [MERSENNE61, MERSENNE127, RING64]
each_ring = pytest.mark.parametrize("ring", RINGS, ids=repr)
check = settings(max_examples=40, deadline=None)

EDGES = sorted(
    {abs(edge + d) for e in (0, 31, 32, 60, 61, 62, 63, 64, 126, 127, 128) for edge in [1 << e] for d in (-2, -1, 0, 1)}
)
integers = st.one_of(st.sampled_from(EDGES), st.sampled_from(EDGES).map(lambda x: -x), st.integers(-(2**130), 2**130))


def objects(values: Any) -> np.ndarray:
    return np.array(values, dtype=object)


def values_of(ring: Ring, x: np.ndarray) -> np.ndarray:
    """The representatives, read from the words."""
    assert x.dtype == np.uint64
    assert x.shape[-1] == ring.limbs
    found = sum(x[..., i].astype(object) * (1 << (64 * i)) for i in range(ring.limbs))
    found = objects(found)
    assert all(0 <= value < ring.modulus for value in found.flat)
    return found


def equal(ring: Ring, x: np.ndarray, expected: Any) -> None:
    expected, found = objects(expected), values_of(ring, x)
    assert found.shape == expected.shape
    assert all(a == b % ring.modulus for a, b in zip(found.flat, expected.flat, strict=True))


@st.composite
def arrays(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray:
    """Edges, their negatives and uniform numbers of up to 130 bits, chosen by a seed: drawing each takes too long."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    out = np.empty(shape, dtype=object)
    for i in np.ndindex(*shape):
        out[i] = rng.choice([1, -1]) * rng.choice([rng.choice(EDGES), rng.getrandbits(rng.randrange(131))])
    return out


@st.composite
def layouts(draw: st.DrawFn, ring: Ring, values: np.ndarray) -> np.ndarray:
    """The encoded values, in memory that may have gaps, another order, or be for reading only."""
    x = ring.encode(values)
    kind = draw(st.sampled_from(["plain", "gaps", "transposed", "backwards", "apart", "read-only", "odd"]))
    if kind == "gaps" and x.ndim > 1:
        wide = np.full((x.shape[0], 3, *x.shape[1:]), 2**64 - 1, np.uint64)
        wide[:, 1] = x
        x = wide[:, 1]
    elif kind == "transposed" and x.ndim > 2:
        x = np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1)
    elif kind == "backwards" and x.ndim > 1:
        x = np.ascontiguousarray(x[::-1])[::-1]
    elif kind == "apart":
        x = np.ascontiguousarray(np.moveaxis(x, -1, 0))
        x = np.moveaxis(x, 0, -1)
    elif kind == "read-only":
        x.setflags(write=False)
    elif kind == "odd":
        memory = np.zeros(x.nbytes + 1, np.uint8)
        memory[1:] = x.reshape(-1).view(np.uint8)
        x = memory[1:].view(np.uint64).reshape(x.shape)
    return x


small_shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@st.composite
def broadcast_pairs(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    sides = []
    for _ in range(2):
        side = [n if draw(st.booleans()) else 1 for n in shape]
        sides.append(tuple(side[draw(st.integers(0, len(side))) :] if draw(st.booleans()) else side))
    return sides[0], sides[1]


@each_ring
@check
@given(data=st.data(), shapes=broadcast_pairs())
def test_add_sub_mul(ring: Ring, data: st.DataObject, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = (data.draw(arrays(shape)) for shape in shapes)
    x, y = data.draw(layouts(ring, a)), data.draw(layouts(ring, b))
    equal(ring, ring.add(x, y), a + b)
    equal(ring, ring.sub(x, y), a - b)
    equal(ring, ring.mul(x, y), a * b)
    equal(ring, ring.neg(x), -a)


@each_ring
@check
@given(data=st.data(), shape=small_shapes)
def test_encode_and_decode(ring: Ring, data: st.DataObject, shape: tuple[int, ...]) -> None:
    a = data.draw(arrays(shape))
    x = data.draw(layouts(ring, a))
    equal(ring, x, a)
    found = ring.decode(x)
    assert found.dtype == (np.int64 if ring.n_bits <= 64 else object)
    assert found.shape == shape
    half = ring.modulus // 2
    for value, signed in zip(a.flat, found.flat, strict=True):
        assert int(signed) == (value + half) % ring.modulus - half
    upper = ring.in_upper_half(x)
    assert upper.dtype == np.uint8
    assert upper.shape == shape
    assert (upper == objects(values_of(ring, x) > (ring.modulus - 1) // 2).astype(np.uint8)).all()


@each_ring
@check
@given(values=st.lists(st.integers(-(2**63), 2**63 - 1)), data=st.data())
def test_encode_of_numpy_integers(ring: Ring, values: list[int], data: st.DataObject) -> None:
    equal(ring, ring.encode(np.array(values, np.int64)), values)
    equal(ring, ring.encode(np.array(values, np.int64).astype(np.uint64)), [value % 2**64 for value in values])
    kind = data.draw(st.sampled_from([np.int8, np.uint8, np.int16, np.uint32, np.int32, np.dtype(">i4"), np.bool_]))
    narrow = np.array(values, np.int64).astype(kind)
    equal(ring, ring.encode(narrow), [int(value) for value in narrow])
    equal(ring, ring.encode(narrow[::2]), [int(value) for value in narrow[::2]])


@each_ring
@check
@given(data=st.data(), shape=small_shapes, n_terms=st.integers(1, 40), small=st.booleans())
def test_combine_and_scale(ring: Ring, data: st.DataObject, shape: tuple[int, ...], n_terms: int, small: bool) -> None:
    n_terms = min(n_terms, 5) if np.prod(shape) > 4 else n_terms
    terms = [data.draw(arrays(shape)) for _ in range(n_terms)]
    kind = st.integers(-(2**60) + 1, 2**60 - 1) if small else integers
    factors = data.draw(st.lists(kind, min_size=n_terms, max_size=n_terms))
    xs = [data.draw(layouts(ring, a)) for a in terms]
    equal(ring, ring.combine(factors, xs), sum(c * a for c, a in zip(factors, terms, strict=True)))
    equal(ring, ring.scale(xs[0], factors[0]), terms[0] * factors[0])


@each_ring
@check
@given(data=st.data(), shape=small_shapes, n_terms=st.integers(1, 40), plus=st.booleans())
def test_dot(ring: Ring, data: st.DataObject, shape: tuple[int, ...], n_terms: int, plus: bool) -> None:
    n_terms = min(n_terms, 3) if np.prod(shape) > 4 else n_terms
    lefts, rights = ([data.draw(arrays(shape)) for _ in range(n_terms)] for _ in range(2))
    addend = data.draw(arrays(shape)) if plus else None
    xs, ys = ([data.draw(layouts(ring, a)) for a in side] for side in (lefts, rights))
    found = ring.dot(xs, ys, None if addend is None else data.draw(layouts(ring, addend)))
    expected = sum(a * b for a, b in zip(lefts, rights, strict=True))
    equal(ring, found, expected if addend is None else expected + addend)


@st.composite
def matrix_shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    m, k, n = (draw(st.integers(0, 6)) for _ in range(3))
    left, right = draw(st.sampled_from([((m, k), (k, n)), ((k,), (k, n)), ((m, k), (k,)), ((k,), (k,))]))
    batch = draw(st.sampled_from([((), ()), ((2,), ()), ((), (2,)), ((3, 1), (2,)), ((2, 3), (2, 3)), ((0,), (1,))]))
    return (
        (*(batch[0] if len(left) == 2 else ()), *left),
        (*(batch[1] if len(right) == 2 else ()), *right),
    )


@each_ring
@settings(max_examples=80, deadline=None)
@given(data=st.data(), shapes=matrix_shapes())
def test_matmul(ring: Ring, data: st.DataObject, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = (data.draw(arrays(shape)) for shape in shapes)
    x, y = data.draw(layouts(ring, a)), data.draw(layouts(ring, b))
    found = ring.matmul(x, y)
    expected = np.matmul(np.zeros(shapes[0], np.int64), np.zeros(shapes[1], np.int64))
    assert found.shape == (*np.shape(expected), ring.limbs)
    if found.size and a.size:
        equal(ring, found, np.matmul(a, b))
    else:
        assert not found.any()


@each_ring
@check
@given(data=st.data(), shape=st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple))
def test_sum(ring: Ring, data: st.DataObject, shape: tuple[int, ...]) -> None:
    a = data.draw(arrays(shape))
    x = data.draw(layouts(ring, a))
    for axis in range(len(shape)):
        found = ring.sum(x, axis)
        assert found.shape == (*shape[:axis], *shape[axis + 1 :], ring.limbs)
        equal(ring, found, objects(a.sum(axis=axis)))


@each_ring
@check
@given(data=st.data(), shape=small_shapes, n_bits=st.integers(0, 130))
def test_shift_right_and_bits(ring: Ring, data: st.DataObject, shape: tuple[int, ...], n_bits: int) -> None:
    x = data.draw(layouts(ring, data.draw(arrays(shape))))
    plain = values_of(ring, x)
    equal(ring, ring.shift_right(x, n_bits), plain >> n_bits)
    bits = ring.to_bits(x)
    assert bits.shape == (plain.size, (ring.n_bits + 7) // 8)
    assert [int.from_bytes(row.tobytes(), "little") for row in bits] == list(plain.flat)


@each_ring
@check
@given(data=st.data(), shape=small_shapes)
def test_unpack_undoes_pack(ring: Ring, data: st.DataObject, shape: tuple[int, ...]) -> None:
    a = data.draw(arrays(shape))
    packed = ring.pack(data.draw(layouts(ring, a)))
    assert packed.dtype == np.uint8
    assert packed.tobytes() == b"".join((int(v) % ring.modulus).to_bytes(ring.n_bytes, "little") for v in a.flat)
    for message in (packed, bytes(packed), memoryview(b"x" + bytes(packed))[1:]):
        equal(ring, ring.unpack(message, shape, peer="bank"), a)


@each_ring
@check
@given(c=integers)
def test_inverse(ring: Ring, c: int) -> None:
    if c % ring.modulus if ring.is_field else c % 2:
        assert ring.inverse(c) * c % ring.modulus == 1
    else:
        with pytest.raises(ValueError, match="no inverse"):
            ring.inverse(c)
