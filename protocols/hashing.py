"""Hashes: one that keeps every use apart from every other, and one that is robust against correlated inputs.

`digest` is BLAKE2b, taken as a random oracle: keyed with the session id, personalised with the name of the use, over
parts whose lengths are hashed with them, so no two uses and no two lists of parts meet.

`tccr` is TMMO, E(E(x) ^ tweak) ^ E(x) with E = AES-128 under a public key. It is tweakable circular correlation robust:
for a secret delta of high entropy, H(x ^ delta, tweak), and even H(x ^ delta, tweak) ^ delta, look random for any x,
provided that no (x, tweak) is asked twice.

Security: E is taken as an ideal permutation; with p evaluations of it by the adversary and q hashes under one key, the
advantage is of the order (p q + q^2) / 2^128. Whoever hashes much therefore changes the key (a public value, from
`digest`) every 2^16 or so hashes: over many keys p meets only
the largest q under one key, not their sum.
Cost: two AES calls a block.
Source: Guo, Katz, Wang, Yu, ePrint 2019/074, section 7.4. The one-call MMO of its section 7.2 would do for semi-honest
OT extension; the second call buys room for callers who let the peer choose x, and costs about 1 ns.
Deviation: the key comes from a hash of the session instead of being one constant for all the world.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["digest", "tccr", "tccr_bits"]

SESSION_BYTES = 32
BLOCK_BYTES = 16


def digest(session_id: bytes, use: str, *parts: bytes | memoryview, n_bytes: int = 32) -> bytes:
    """Hash parts under a session and a use.

    Args:
        session_id: 32 bytes.
        use: what the hash is for, 1 to 16 ASCII characters; one name for each place in a protocol.
        parts: any bytes; their number and lengths count.
        n_bytes: length of the result, 1 to 64.
    Raises:
        ValueError: a wrong length.
    """
    if len(session_id) != SESSION_BYTES:
        raise ValueError(f"a session id has {SESSION_BYTES} bytes, not {len(session_id)}")
    person = use.encode("ascii")
    if not 0 < len(person) <= hashlib.blake2b.PERSON_SIZE:
        raise ValueError(f"the use of a hash is named by 1 to {hashlib.blake2b.PERSON_SIZE} characters: {use!r}")
    h = hashlib.blake2b(digest_size=n_bytes, key=session_id, person=person)
    for part in parts:
        h.update(len(part).to_bytes(8, "little"))
        h.update(part)
    return h.digest()


def tccr(
    key: bytes, blocks: NDArray[np.uint8], first: int = 0, *, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Hash blocks, each row under its own tweak.

    Args:
        key: 16 bytes, public, the same at both parties.
        blocks: uint8 of shape (n, 16), or (n, 2, 16) where both blocks of a row share the tweak.
        first: the tweak of row 0; row i has first + i, at most 2**64 - 1.
        out: where to write, C-contiguous and of the same shape; may be `blocks` itself. Allocated by default.
    Returns:
        uint8 of the same shape.
    Raises:
        ValueError: a wrong shape, dtype, length or tweak.
    """
    from protocols.kernels.tmmo import tmmo

    if len(key) != BLOCK_BYTES:
        raise ValueError(f"the key has {BLOCK_BYTES} bytes, not {len(key)}")
    if blocks.dtype != np.uint8 or blocks.shape[1:] not in ((BLOCK_BYTES,), (2, BLOCK_BYTES)):
        raise ValueError(f"expected uint8 of shape (n, 16) or (n, 2, 16), not {blocks.dtype} {blocks.shape}")
    if first < 0 or first + len(blocks) > 2**64:
        raise ValueError(f"no tweaks {first} to {first + len(blocks)}")
    if out is None:
        out = np.empty(blocks.shape, np.uint8)
    elif out.dtype != np.uint8 or out.shape != blocks.shape or not out.flags.c_contiguous:
        raise ValueError(f"out must be contiguous uint8 of shape {blocks.shape}, not {out.dtype} {out.shape}")
    if out is not blocks:
        out[...] = blocks
    tmmo(key, first, out.reshape(-1, BLOCK_BYTES).view(np.uint64), paired=blocks.ndim == 3)
    return out


def tccr_bits(key: bytes, blocks: NDArray[np.uint64], offset: NDArray[np.uint64], out: NDArray[np.uint8]) -> None:
    """The lowest bit of the hash of each row ^ offset, under its own tweak: bit 0 of `tccr(key, blocks ^ offset)`.

    Args:
        key: 16 bytes, public, the same at both parties.
        blocks: uint64 of shape (n, 2), C-contiguous; row i has the tweak i.
        offset: uint64 of shape (2,).
        out: uint8 of shape (ceil(n / 8),): where to write the bits, packed.
    Raises:
        ValueError: a wrong shape, dtype or length.
    """
    from protocols.kernels.tmmo import tmmo_bits

    if len(key) != BLOCK_BYTES:
        raise ValueError(f"the key has {BLOCK_BYTES} bytes, not {len(key)}")
    n_bytes = -(-len(blocks) // 8)
    if blocks.dtype != np.uint64 or blocks.shape[1:] != (2,) or out.dtype != np.uint8 or out.shape != (n_bytes,):
        raise ValueError(
            f"expected uint64 of shape (n, 2) and uint8 of shape (ceil(n / 8),), "
            f"not {blocks.dtype} {blocks.shape} and {out.dtype} {out.shape}"
        )
    tmmo_bits(key, 0, blocks, offset, out)
