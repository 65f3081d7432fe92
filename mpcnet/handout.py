"""How an owner that does not compute hands its input bits to the two that do: bit matrices as dense bytes, and masks.

A row of a matrix is an instance. "Packed" is port by port, each row padded to whole bytes, as the garbling takes it;
"dense" is all ports of an owner together without padding between rows, as it travels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from circuits.ir import Port
from protocols.bits import pack, unpack

__all__ = ["PIECE_BITS", "SEED_BYTES", "ShareStream", "dense_rows", "packed_rows", "pieces"]

Bits = NDArray[np.uint8]
SEED_BYTES = 32
PIECE_BITS = 1 << 20
"""Bits of one message: what is unpacked at a time stays near 1 MiB whatever the batch."""


class ShareStream:
    """The share that a seed stands for: AES-256 in counter mode under a key bound to the session.

    Security: pseudorandom while AES-256 is, and far fewer than 2**64 blocks are taken. A seed is used for one
    evaluation of one owner.
    """

    def __init__(self, seed: bytes, session_id: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        key = hashlib.blake2b(seed, key=session_id, digest_size=32, person=b"mpcnet-share").digest()
        self._encryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()

    def take(self, n_bytes: int) -> Bits:
        """The next bytes."""
        return np.frombuffer(self._encryptor.update(bytes(n_bytes)), np.uint8)


def pieces(n: int, width: int) -> Iterator[slice]:
    """Cut n rows of `width` bits into messages; none where there is nothing to say."""
    if width:
        step = max(1, PIECE_BITS // width)
        for start in range(0, n, step):
            yield slice(start, min(start + step, n))


def dense_rows(ports: Sequence[Port], packed: Mapping[str, Bits], piece: slice) -> Bits:
    """Some rows of an owner's ports as dense bytes; a port with a single row has it in every instance.

    Args:
        packed: for each port uint8 of shape (batch or 1, ceil(n_bits / 8)).
    Returns:
        uint8 of shape (ceil(rows * bits of all ports / 8),).
    """
    count = piece.stop - piece.start
    parts = []
    for port in ports:
        rows = packed[port.name]
        some = unpack(rows[piece] if len(rows) > 1 else rows, port.n_bits)
        parts.append(np.broadcast_to(some, (count, port.n_bits)))
    return pack(np.concatenate(parts, axis=1).reshape(-1))


def packed_rows(ports: Sequence[Port], dense: Bits, count: int) -> list[Bits]:
    """The inverse of `dense_rows` for `count` rows: for each port uint8 of shape (count, ceil(n_bits / 8))."""
    width = sum(port.n_bits for port in ports)
    rows = unpack(dense, count * width).reshape(count, width)
    result, start = [], 0
    for port in ports:
        result.append(pack(rows[:, start : start + port.n_bits]))
        start += port.n_bits
    return result
