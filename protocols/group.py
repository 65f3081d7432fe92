"""Ristretto255: a group of prime order in which every valid encoding is a group element, through libsodium (`rbcl`).

Points and scalars are their 32-byte encodings. Points from a peer enter through `receive_points`, which refuses what is
no canonical encoding, and the identity; behind it every point is valid.

Source: RFC 9496. libsodium's scalar multiplication runs in constant time.
"""

from __future__ import annotations

import contextlib
import os
import sys

import rbcl

from protocols.channel import Channel
from protocols.errors import MessageError
from protocols.hashing import digest
from protocols.rng import Rng

__all__ = [
    "IDENTITY",
    "POINT_BYTES",
    "SCALAR_BYTES",
    "add",
    "decode_points",
    "hash_to_point",
    "multiply",
    "multiply_base",
    "random_point",
    "random_scalar",
    "receive_points",
    "subtract",
]

POINT_BYTES = 32
SCALAR_BYTES = 32
IDENTITY = bytes(POINT_BYTES)
_UNIFORM_BYTES = 64


def _drop_library_file() -> None:
    """rbcl unpacks libsodium to a temporary file of 3 MB for every process and leaves it; once loaded it can go."""
    path = getattr(sys.modules.get("rbcl._sodium"), "lib_path", None)
    if path is not None and os.name == "posix":
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108


_drop_library_file()


def random_scalar(rng: Rng) -> bytes:
    """A uniform scalar other than 0; its distance from uniform is below 2^-250."""
    while True:
        scalar: bytes = rbcl.crypto_core_ristretto255_scalar_reduce(rng(_UNIFORM_BYTES))
        if scalar != bytes(SCALAR_BYTES):
            return scalar


def random_point(rng: Rng) -> bytes:
    """A uniform point whose discrete logarithm nobody knows."""
    return _point_of(rng(_UNIFORM_BYTES))


def hash_to_point(session_id: bytes, use: str, *parts: bytes | memoryview) -> bytes:
    """A point from a hash, taken as a random oracle; the arguments are those of `hashing.digest`."""
    return _point_of(digest(session_id, use, *parts, n_bytes=_UNIFORM_BYTES))


def _point_of(uniform: bytes) -> bytes:
    point: bytes = rbcl.crypto_core_ristretto255_from_hash(uniform)
    return point


def multiply(scalar: bytes, point: bytes) -> bytes:
    """scalar * point, for a point that is valid and not the identity, and a scalar other than 0."""
    product: bytes = rbcl.crypto_scalarmult_ristretto255(scalar, point)
    return product


def multiply_base(scalar: bytes) -> bytes:
    """scalar * generator, for a scalar other than 0."""
    product: bytes = rbcl.crypto_scalarmult_ristretto255_base(scalar)
    return product


def add(left: bytes, right: bytes) -> bytes:
    """left + right; may be the identity."""
    point: bytes = rbcl.crypto_core_ristretto255_add(left, right)
    return point


def subtract(left: bytes, right: bytes) -> bytes:
    """left - right; may be the identity."""
    point: bytes = rbcl.crypto_core_ristretto255_sub(left, right)
    return point


def decode_points(data: bytes | memoryview, *, peer: str = "") -> list[bytes]:
    """Points from the concatenation of their encodings.

    Raises:
        MessageError: an element is no canonical encoding, or the identity.
        ValueError: the length is not a multiple of POINT_BYTES.
    """
    if len(data) % POINT_BYTES:
        raise ValueError(f"{len(data)} bytes are not a whole number of points")
    points = [bytes(data[i : i + POINT_BYTES]) for i in range(0, len(data), POINT_BYTES)]
    for i, point in enumerate(points):
        # The libsodium inside rbcl ignores the highest bit (mended in libsodium 1.0.19): RFC 9496 wants it to be 0.
        if point == IDENTITY or point[-1] >> 7 or not rbcl.crypto_core_ristretto255_is_valid_point(point):
            raise MessageError(f"element {i} of {len(points)} is not a valid group element", peer=peer)
    return points


async def receive_points(channel: Channel, count: int) -> list[bytes]:
    """Receive one message of `count` points and check each of them.

    Raises:
        MessageError: a wrong length, no canonical encoding, or the identity.
    """
    return decode_points(await channel.receive(count * POINT_BYTES), peer=channel.peer)
