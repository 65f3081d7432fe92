"""Ristretto255: the laws of a group, and what is refused at its door."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from protocols import group
from protocols.errors import MessageError
from tests.kit.channels import channel_pair, run_pair
from tests.kit.rng import seeded_rng

SESSION = bytes(32)


def test_multiplication_commutes_and_distributes() -> None:
    rng = seeded_rng(1)
    a, b = group.random_scalar(rng), group.random_scalar(rng)
    p, q = group.random_point(rng), group.random_point(rng)
    assert group.multiply(a, group.multiply_base(b)) == group.multiply(b, group.multiply_base(a))
    assert group.multiply(a, group.add(p, q)) == group.add(group.multiply(a, p), group.multiply(a, q))
    assert group.subtract(group.add(p, q), q) == p
    assert group.subtract(p, p) == group.IDENTITY


def test_scalars_are_reduced_and_never_zero() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    draws = iter([bytes(64), order.to_bytes(64, "little"), (order + 5).to_bytes(64, "little")])
    assert group.random_scalar(lambda n_bytes: next(draws)) == (5).to_bytes(32, "little")
    rng = seeded_rng(2)
    assert int.from_bytes(group.random_scalar(rng), "little") < order


def test_hashed_points_depend_on_session_use_and_parts() -> None:
    found = {
        group.hash_to_point(SESSION, "a", b"1"),
        group.hash_to_point(SESSION, "a", b"2"),
        group.hash_to_point(SESSION, "b", b"1"),
        group.hash_to_point(bytes(31) + b"\1", "a", b"1"),
    }
    assert len(found) == 4
    assert group.hash_to_point(SESSION, "a", b"1") in found
    group.decode_points(b"".join(found))


def test_decoding_names_the_element_and_the_peer() -> None:
    good = group.random_point(seeded_rng(3))
    assert group.decode_points(memoryview(good + good)) == [good, good]
    assert group.decode_points(b"") == []
    for bad in (group.IDENTITY, b"\xff" * 32, bytes(31) + b"\x80"):
        with pytest.raises(MessageError, match="bank: element 1 of 3") as caught:
            group.decode_points(good + bad + good, peer="bank")
        assert caught.value.peer == "bank"
    with pytest.raises(ValueError, match="33 bytes"):
        group.decode_points(bytes(33))


async def test_points_arrive_checked() -> None:
    left, right = channel_pair()
    good = group.random_point(seeded_rng(4))
    _, points = await run_pair(left.send(good + good), group.receive_points(right, 2))
    assert points == [good, good]
    with pytest.raises(MessageError, match="left"):
        await run_pair(left.send(good + good), group.receive_points(right, 3))
    with pytest.raises(MessageError, match="left: element 0 of 1"):
        await run_pair(left.send(group.IDENTITY), group.receive_points(right, 1))


def test_importing_leaves_no_file_behind(tmp_path: Path) -> None:
    script = "import protocols.group as g; assert g.multiply_base(g.random_scalar(lambda n: bytes([7]) * n))"
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True, timeout=60)
    assert not list(tmp_path.iterdir())
