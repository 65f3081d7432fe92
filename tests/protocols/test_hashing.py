"""The domain-separated hash and the correlation-robust one."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest

from protocols.hashing import digest, tccr, tccr_bits
from protocols.kernels import cpu

SESSION = bytes(range(32))


def test_digest_is_blake2b_with_key_person_and_lengths() -> None:
    h = hashlib.blake2b(key=SESSION, person=b"use", digest_size=20)
    h.update((3).to_bytes(8, "little") + b"abc" + (0).to_bytes(8, "little"))
    assert digest(SESSION, "use", b"abc", memoryview(b""), n_bytes=20) == h.digest()


def test_digest_keeps_sessions_uses_and_parts_apart() -> None:
    other = bytes(32)
    found = [
        digest(session, use, *parts)
        for session, use, parts in itertools.product(
            (SESSION, other), ("one", "two"), ((), (b"",), (b"ab",), (b"a", b"b"), (b"ab", b""), (b"", b"ab"))
        )
    ]
    assert len(set(found)) == len(found)
    assert digest(SESSION, "one", n_bytes=16) != digest(SESSION, "one", n_bytes=32)[:16]


def test_digest_refuses_wrong_names_and_lengths() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        digest(bytes(31), "use")
    with pytest.raises(ValueError, match="16 characters"):
        digest(SESSION, "a name of 17 char")
    with pytest.raises(ValueError, match="16 characters"):
        digest(SESSION, "")
    with pytest.raises(ValueError, match="digest_size"):
        digest(SESSION, "use", n_bytes=65)


@pytest.mark.parametrize("path", cpu.available())
def test_rows_have_their_own_tweak_and_pairs_share_one(path: cpu.Path) -> None:
    block = np.arange(16, dtype=np.uint8)
    with cpu.use(path):
        rows = tccr(bytes(16), np.tile(block, (50, 1)), 9)
        pairs = tccr(bytes(16), np.tile(block, (50, 2, 1)), 9)
        later = tccr(bytes(16), np.tile(block, (10, 1)), 49)
        other = tccr(bytes(15) + b"\1", np.tile(block, (50, 1)), 9)
    assert len({row.tobytes() for row in rows}) == 50
    assert (pairs[:, 0] == rows).all()
    assert (pairs[:, 1] == rows).all()
    assert (later == rows[40:]).all()
    assert (other != rows).any(axis=1).all()


def test_where_the_hash_is_written() -> None:
    data = np.random.default_rng(1).integers(0, 256, (40, 2, 16), np.uint8)
    expected = tccr(bytes(16), data)
    kept, out = data.copy(), np.empty_like(data)
    assert tccr(bytes(16), data, out=out) is out
    assert (out == expected).all()
    assert (data == kept).all()
    assert tccr(bytes(16), data, out=data) is data
    assert (data == expected).all()
    assert tccr(bytes(16), np.empty((0, 16), np.uint8)).shape == (0, 16)


def test_tccr_refuses_wrong_arguments() -> None:
    data = np.zeros((4, 16), np.uint8)
    for wrong in (np.zeros((4, 15), np.uint8), np.zeros((4, 3, 16), np.uint8), np.zeros((4, 16), np.int8)):
        with pytest.raises(ValueError, match="shape"):
            tccr(bytes(16), wrong)
    with pytest.raises(ValueError, match="16 bytes, not 32"):
        tccr(bytes(32), data)
    with pytest.raises(ValueError, match="tweaks"):
        tccr(bytes(16), data, -1)
    with pytest.raises(ValueError, match="tweaks"):
        tccr(bytes(16), data, 2**64 - 3)
    with pytest.raises(ValueError, match="out"):
        tccr(bytes(16), data, out=np.zeros((3, 16), np.uint8))


@pytest.mark.parametrize("path", cpu.available())
@pytest.mark.parametrize("count", [0, 1, 7, 8, 63, 64, 65, 200])
def test_bits_are_those_of_the_blocks(count: int, path: cpu.Path) -> None:
    blocks = np.random.default_rng(count).integers(0, 1 << 64, (count, 2), np.uint64)
    offset = np.array([3, 1 << 63], np.uint64)
    with cpu.use(path):
        whole = tccr(bytes(range(16)), (blocks ^ offset).view(np.uint8).reshape(count, 16))
        packed = np.full(-(-count // 8), 255, np.uint8)
        before = blocks.copy()
        tccr_bits(bytes(range(16)), blocks, offset, packed)
    assert (packed == np.packbits(whole[:, 0] & 1, bitorder="little")).all()
    assert (blocks == before).all()


def test_bits_of_wrong_shapes_are_refused() -> None:
    blocks, offset, packed = np.zeros((9, 2), np.uint64), np.zeros(2, np.uint64), np.zeros(2, np.uint8)
    for wrong in (
        (bytes(15), blocks, packed),
        (bytes(16), blocks.astype(np.int64), packed),
        (bytes(16), np.zeros((9, 1), np.uint64), packed),
        (bytes(16), blocks, packed[:1]),
        (bytes(16), blocks, packed.astype(np.int8)),
    ):
        with pytest.raises(ValueError, match=r"key has|expected uint64"):
            tccr_bits(wrong[0], wrong[1], offset, wrong[2])
