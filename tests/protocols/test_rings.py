"""Arrays of ring elements: sizes that need several blocks, what is refused, sampling, and how rings are found."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protocols.errors import MessageError
from protocols.sharing.keys import KeyStream
from protocols.sharing.ring import MERSENNE61, MERSENNE127, RING64, Ring, find_ring, warm_up
from tests.kit.rng import seeded_rng

RINGS = [MERSENNE61, MERSENNE127, RING64]
FIELDS = [MERSENNE61, MERSENNE127]
each_ring = pytest.mark.parametrize("ring", RINGS, ids=repr)
each_field = pytest.mark.parametrize("ring", FIELDS, ids=repr)


def integers(ring: Ring, x: np.ndarray) -> np.ndarray:
    """The representatives, read from the words."""
    return np.array(sum(x[..., i].astype(object) * (1 << (64 * i)) for i in range(ring.limbs)), dtype=object)


def uniform(ring: Ring, seed: int, *shape: int) -> np.ndarray:
    return ring.sample(seeded_rng(seed), shape)


def largest(ring: Ring, *shape: int) -> np.ndarray:
    x = np.empty((*shape, ring.limbs), np.uint64)
    x[...] = ring.encode(ring.modulus - 1)
    return x


def stream_of(data: bytes) -> Callable[[int], bytes]:
    """These bytes and no others."""
    left = memoryview(data)

    def draw(n_bytes: int) -> bytes:
        nonlocal left
        found, left = left[:n_bytes], left[n_bytes:]
        assert len(found) == n_bytes, "read beyond the end"
        return bytes(found)

    return draw


def kernels_of(ring: Ring) -> list[tuple[str, Any]]:
    module = importlib.import_module(f"protocols.kernels.{ring.name}")
    return [(name, found) for name, found in vars(module).items() if hasattr(found, "signatures")]


@each_ring
def test_attributes(ring: Ring) -> None:
    assert find_ring(ring.name) is ring
    assert pickle.loads(pickle.dumps(ring)) is ring
    assert repr(ring) == ring.name.upper()
    expected = {"mersenne61": (61, 1), "mersenne127": (127, 2), "ring64": (64, 1)}
    assert (ring.n_bits, ring.limbs) == expected[ring.name]
    assert ring.n_bytes == 8 * ring.limbs
    assert ring.modulus == (1 << ring.n_bits) - ring.is_field
    assert ring.is_field == (ring is not RING64)
    assert ring.zeros((2, 3)).shape == (2, 3, ring.limbs)
    assert not ring.zeros((2, 3)).any()


def test_an_unknown_ring_is_refused() -> None:
    with pytest.raises(ValueError, match="mersenne61, mersenne127, ring64"):
        find_ring("ring32")


@each_ring
def test_nothing_is_compiled_after_warm_up(ring: Ring) -> None:
    warm_up(ring)
    x = uniform(ring, 0, 3, 4)
    compiled = {name: len(found.signatures) for name, found in kernels_of(ring)}
    frozen = x.copy()
    frozen.setflags(write=False)
    for y in (x, frozen, x[::2, ::2], x[0]):
        ring.mul(ring.sub(ring.add(x[:2, :2], y[:2, :2] if y.ndim == 3 else y[:2]), x[0, 0]), x[:2, :2])
    ring.matmul(x, frozen[0])
    ring.dot([x, frozen], [x, x], x)
    ring.combine([3, 2**100, -1], [x, frozen, x])
    ring.scale(x, -1)
    ring.unpack(ring.pack(x).tobytes(), (12,), peer="")
    ring.decode(ring.shift_right(ring.sum(x, 1), 3))
    ring.encode(np.arange(3, dtype=np.uint64))
    uniform(ring, 2, 5)
    assert compiled == {name: len(found.signatures) for name, found in kernels_of(ring)}
    assert compiled["_binary"] == 3


@each_ring
@pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 700, 1), (3, 300, 17), (9, 129, 8), (1, 257, 12), (33, 20, 1), (5, 5, 3)]
)
def test_matmul_over_several_blocks(ring: Ring, m: int, k: int, n: int) -> None:
    for x, y in [
        (uniform(ring, 1, m, k), uniform(ring, 2, k, n)),
        (largest(ring, m, k), largest(ring, k, n)),
    ]:
        expected = np.matmul(integers(ring, x), integers(ring, y)) % ring.modulus
        assert (integers(ring, ring.matmul(x, y)) == expected).all()
        turned = np.ascontiguousarray(y.swapaxes(0, 1)).swapaxes(0, 1)
        assert (ring.matmul(x, turned) == ring.matmul(x, y)).all()


@each_ring
@pytest.mark.parametrize("shape", [(3000,), (2, 1500), (1500, 2), (7, 2100), (2, 30, 1100)])
def test_sums_over_several_blocks(ring: Ring, shape: tuple[int, ...]) -> None:
    for x in (uniform(ring, 3, *shape), largest(ring, *shape)):
        for axis in range(len(shape)):
            assert (integers(ring, ring.sum(x, axis)) == integers(ring, x).sum(axis=axis) % ring.modulus).all()


@each_ring
def test_the_largest_elements_with_the_most_terms(ring: Ring) -> None:
    """Where sums before reduction are at their bounds."""
    for n_terms in (15, 16, 17, 31, 32, 33, 64, 100):
        terms = [largest(ring, 3)] * n_terms
        for factor in (ring.modulus - 1, ring.modulus // 2, 2**60 - 1, 1 - 2**60, 2**60):
            assert (integers(ring, ring.combine([factor] * n_terms, terms)) == -n_terms * factor % ring.modulus).all()
        assert (integers(ring, ring.dot(terms, terms, terms[0])) == (n_terms - 1) % ring.modulus).all()


@each_ring
def test_long_arrays(ring: Ring) -> None:
    x, y = uniform(ring, 4, 5003), uniform(ring, 5, 5003)
    a, b = integers(ring, x), integers(ring, y)
    assert (integers(ring, ring.add(x, y)) == (a + b) % ring.modulus).all()
    assert (integers(ring, ring.sub(x, y)) == (a - b) % ring.modulus).all()
    assert (integers(ring, ring.mul(x, y)) == a * b % ring.modulus).all()
    assert (integers(ring, ring.combine([3, -3], [x, y])) == (3 * a - 3 * b) % ring.modulus).all()
    assert (integers(ring, ring.dot([x, y], [y, y], x)) == (a * b + b * b + a) % ring.modulus).all()


@each_ring
def test_encoding_takes_integers_only(ring: Ring) -> None:
    for wrong in (1.0, [1.5], np.zeros(0), np.ones(2, np.float32), "1", [None], b"1", [1, 2.0], 1j, np.float64(1)):
        with pytest.raises(TypeError, match="integers"):
            ring.encode(wrong)
    assert ring.encode([]).shape == (0, ring.limbs)
    assert ring.encode(5).shape == (ring.limbs,)
    assert ring.encode(np.int64(-5)).tobytes() == ring.encode(-5).tobytes()
    assert ring.encode([True, False])[..., 0].tolist() == [1, 0]
    mixed = [2**63, -1, 2**200, np.int8(-3)]
    assert integers(ring, ring.encode(mixed)).tolist() == [int(value) % ring.modulus for value in mixed]


@each_ring
def test_other_arrays_are_no_elements(ring: Ring) -> None:
    x = uniform(ring, 6, 4)
    for wrong in (x.astype(np.int64), np.zeros((4, 3), np.uint64), np.array(3, np.uint64)):
        for call in (ring.neg, ring.pack, ring.decode, ring.to_bits, lambda y: ring.add(x, y)):
            with pytest.raises(ValueError, match="uint64"):
                call(wrong)


@each_ring
def test_shapes_that_do_not_match_are_refused(ring: Ring) -> None:
    x, y = uniform(ring, 7, 3, 4), uniform(ring, 8, 2, 4)
    with pytest.raises(ValueError, match="broadcast"):
        ring.add(x, y)
    with pytest.raises(ValueError, match="one shape"):
        ring.combine([1, 1], [x, y])
    with pytest.raises(ValueError, match="one shape"):
        ring.dot([x], [x], y)
    with pytest.raises(ValueError, match="at least one"):
        ring.combine([], [])
    with pytest.raises(ValueError, match="1 coefficients for 2"):
        ring.combine([1], [x, x])
    with pytest.raises(ValueError, match="at least one"):
        ring.dot([], [])
    with pytest.raises(ValueError, match="4 columns with 2 rows"):
        ring.matmul(x, y)
    with pytest.raises(ValueError, match="at least one axis"):
        ring.matmul(x, x[0, 0])
    with pytest.raises(ValueError, match="no axis 2"):
        ring.sum(x, 2)
    with pytest.raises(ValueError, match="no axis -1"):
        ring.sum(x, -1)
    with pytest.raises(ValueError, match="-1 bits"):
        ring.shift_right(x, -1)


@each_ring
def test_samples_are_the_masked_stream(ring: Ring) -> None:
    data = seeded_rng(9)(100 * ring.n_bytes)
    words = np.frombuffer(data, np.uint64).reshape(4, 25, ring.limbs)
    found = ring.sample(stream_of(data), (4, 25))
    assert (integers(ring, found) == integers(ring, words) % 2**ring.n_bits).all()
    keyed = [ring.sample(KeyStream(bytes(32), bytes(32), "test"), (4, 25)) for _ in range(2)]
    assert (keyed[0] == keyed[1]).all()
    assert len(np.unique(keyed[0], axis=0)) == 4
    assert ring.sample(stream_of(b""), (0, 3)).shape == (0, 3, ring.limbs)


@each_field
def test_what_is_not_below_the_modulus_is_drawn_again(ring: Ring) -> None:
    def octets(*values: int) -> bytes:
        return b"".join(value.to_bytes(ring.n_bytes, "little") for value in values)

    full = (1 << (8 * ring.n_bytes)) - 1  # the modulus, when masked
    first = octets(5, ring.modulus, 7, full, ring.modulus - 1)
    data = first + octets(full, 11) + octets(ring.modulus) + octets(13)
    found = ring.sample(stream_of(data), (5,))
    assert integers(ring, found).tolist() == [5, 13, 7, 11, ring.modulus - 1]


@each_ring
def test_memory_that_is_read_only_is_not_sampled_in_place(ring: Ring) -> None:
    shared = np.full(3 * ring.n_bytes, 255, np.uint8)
    shared[: 2 * ring.n_bytes] = np.frombuffer(seeded_rng(13)(2 * ring.n_bytes), np.uint8)
    before = shared.copy()
    view = shared[: 2 * ring.n_bytes]
    view.setflags(write=False)
    found = ring.sample(lambda n_bytes: view, (2,))
    assert not np.shares_memory(found, shared)
    assert (shared == before).all()
    owned = view.copy()
    again = ring.sample(lambda n_bytes: owned, (2,))
    assert np.shares_memory(again, owned)
    assert (again == found).all()


@each_ring
def test_a_stream_of_another_length_is_refused(ring: Ring) -> None:
    with pytest.raises(ValueError, match="stream"):
        ring.sample(lambda n_bytes: bytes(n_bytes - 1), (3,))


@each_ring
def test_messages_of_another_length_are_refused(ring: Ring) -> None:
    message = ring.pack(uniform(ring, 10, 6)).tobytes()
    for wrong in (b"", message[:-1], message + b"\0", message[ring.n_bytes :]):
        with pytest.raises(MessageError, match="bank: ") as caught:
            ring.unpack(wrong, (2, 3), peer="bank")
        assert caught.value.peer == "bank"
    assert ring.unpack(b"", (0, 3), peer="bank").shape == (0, 3, ring.limbs)


@each_field
@pytest.mark.parametrize("place", [0, 2, 6])
def test_elements_that_are_not_canonical_are_refused(ring: Ring, place: int) -> None:
    full = (1 << (8 * ring.n_bytes)) - 1
    top = 1 << (8 * ring.n_bytes - 1)
    for wrong in (ring.modulus, ring.modulus + 1, full, full - 1, full - 2**63, top, top + ring.modulus - 5):
        message = bytearray(ring.pack(uniform(ring, 11, 7)))
        message[place * ring.n_bytes : (place + 1) * ring.n_bytes] = wrong.to_bytes(ring.n_bytes, "little")
        with pytest.raises(MessageError, match=r"^bank: an element is not in the range") as caught:
            ring.unpack(message, (7,), peer="bank")
        assert caught.value.peer == "bank"
        assert not any(character.isdigit() for character in str(caught.value).replace(ring.name, ""))
    message[place * ring.n_bytes : (place + 1) * ring.n_bytes] = (ring.modulus - 1).to_bytes(ring.n_bytes, "little")
    ring.unpack(message, (7,), peer="bank")


def test_every_word_is_an_element_of_ring64() -> None:
    message = b"\xff" * 24
    assert RING64.decode(RING64.unpack(message, (3,), peer="bank")).tolist() == [-1, -1, -1]


@each_ring
def test_pack_and_unpack_do_not_copy_what_has_no_gaps(ring: Ring) -> None:
    x = uniform(ring, 12, 4, 4)
    packed = ring.pack(x)
    assert np.shares_memory(packed, x)
    assert np.shares_memory(ring.unpack(packed, (4, 4), peer=""), x)


@each_ring
def test_decoding_keeps_every_number_a_python_integer(ring: Ring) -> None:
    x = ring.encode([0, 1, -1, 2**62, -(2**62)])
    found = ring.decode(x)
    half = ring.modulus // 2
    assert found.tolist() == [(v + half) % ring.modulus - half for v in (0, 1, -1, 2**62, -(2**62))]
    if ring.n_bits > 64:
        large = ring.decode(ring.encode([2**100, -(2**100), 3]))
        assert large.tolist() == [2**100, -(2**100), 3]
        assert all(type(value) is int for value in [*large, *found])
