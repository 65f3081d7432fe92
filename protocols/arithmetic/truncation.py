"""Division by powers of 2 of additive shares modulo 2^64: each shifts its share, and the wraps of the sum are undone.

A number x with |x| < 2^62 becomes x' >= 0 by adding a public offset. The sum of its n shares, as integers, is
x' + W 2^64, with W in 0..n-1 the number of wraps; so

    floor(x' / 2^f) = sum of floor(share / 2^f) - W 2^(64 - f) + what the shares' own fractions add up to, 0..n-1

Adding n / 2 units beforehand centres the error: |error| <= n / 2 units of the last place, and with uniform shares none
on average. There is no probability of a large error.

Two parties: with x' = x + 2^62 in [0, 2^63), the shares wrap exactly where one of them is at least 2^63. So
W = u OR v = u + v - u v of their top bits: one correlated OT for each number, modulo 2^f alone.

More parties: with x' = x + 2^63 in (2^62, 2^64), the top m bits of each share are enough. Their sum is the top of the
whole sum, less what the lower parts carry, at most n - 1 units; and x' is at least n - 1 such units, of 2^(64 - m), for
m = 2 + ceil(log2(n - 1)). So W is the sum of the n top parts, floored: a circuit of some ten AND gates in place of an
addition of whole shares. Its few bits become numbers modulo 2^f.

Security: that of OT and of the Boolean engine; nothing is opened. Leaks shapes. How a number was rounded is no secret:
it follows from the lower f bits of the shares, so whoever sees the result, and all parties but one, tell between which
two numbers, 2^f apart, x lies; as with rounding at a random place that all know.
Cost: two parties: two messages that wait for each other; for each number one random OT (4 bytes, k = 4) of party 1 and
ceil(f / 8) bytes of party 0. More parties: the circuit, then `cross.exclusive_or` on the bits of W.
Source: Huang, Lu, Hong and Ding, Cheetah, USENIX Security 2022, section 5 (truncation with known top bit and one-bit
error) for two parties. The wraps from top bits among n parties generalise it. Deviation: the error is centred.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import circuits
from circuits import Circuit, UInt
from circuits.lib.shares import build
from protocols import bits
from protocols.arithmetic import cross
from protocols.arithmetic.gilboa import choose, send
from protocols.arithmetic.works import BitProducts, ChosenBits
from protocols.boolean.contract import BooleanEngine, n_words
from protocols.channel import Mesh
from protocols.ot.pairwise import PairwiseOt
from protocols.ot.work import run
from protocols.tasks import all_of

__all__ = [
    "MAX_BOUND",
    "by_top_bits",
    "by_wraps",
    "check",
    "correction_bytes",
    "top_bits",
    "ulps",
    "wrap_bits",
    "wraps",
]

Words = NDArray[np.uint64]
MAX_BOUND = 62
"""|x| < 2^MAX_BOUND."""
LONG = 1 << 15  # numbers whose shifts take some tenths of a millisecond


def ulps(n_parties: int) -> float:
    """The largest error, in units of the last place."""
    return n_parties / 2


def check(n_bits: int, bound_bits: int) -> None:
    """Whether there is room.

    Raises:
        ValueError: there is none.
    """
    if not 0 <= n_bits <= bound_bits <= MAX_BOUND:
        raise ValueError(
            f"numbers modulo 2^64 are cut by 0 to {MAX_BOUND} bits, and bounded by 2^{MAX_BOUND} at most; "
            f"not by {n_bits} bits with a bound of {bound_bits}"
        )


def correction_bytes(n_bits: int) -> int:
    """Bytes of a correction for the bits of W: modulo 2^n_bits."""
    return bits.packed_bytes(n_bits)


async def by_top_bits(mesh: Mesh, ots: PairwiseOt, x: Words, n_bits: int) -> Words:
    """Two parties: shares of x / 2^n_bits, 1 <= n_bits <= 62.

    Args:
        mesh: for this call alone.
        x: this party's share, uint64 of shape (n,).
    """
    (peer,) = mesh.channels
    width, long = correction_bytes(n_bits), len(x) > LONG
    if mesh.party_id == 0:
        shifted = x + np.uint64(1 << MAX_BOUND)
        correction = BitProducts(shifted >> np.uint64(63), width)
        await send(mesh.channels[peer], ots.sender(mesh, peer), correction)
        return await run(
            _undo, shifted, shifted >> np.uint64(63), correction.share, n_bits, -_offset(n_bits), long=long
        )
    top = x >> np.uint64(63)
    choice = ChosenBits(top.astype(np.uint8), width)
    await choose(mesh.channels[peer], ots.receiver(mesh, peer), choice)
    return await run(_undo, x, top, choice.share, n_bits, 0, long=long)


def _offset(n_bits: int) -> int:
    """What party 0 takes away in the end: the offset, shifted, less a unit for the two shares' fractions."""
    return (1 << (MAX_BOUND - n_bits)) - 1


def _undo(share: Words, top: Words, both: Words, n_bits: int, constant: int) -> Words:
    wraps = top - both
    cut = (share >> np.uint64(n_bits)) - (wraps << np.uint64(64 - n_bits))
    cut += np.uint64(constant % 2**64)
    return cut


def top_bits(n_parties: int) -> int:
    """How many of the top bits of each share tell the wraps: (n - 1) 2^(64 - m) <= 2^62."""
    return 2 + (n_parties - 2).bit_length()


def wrap_bits(n_parties: int) -> int:
    """Bits of W."""
    return (n_parties - 1).bit_length()


@lru_cache(maxsize=32)
def wraps(n_parties: int, n_bits: int, style: str) -> Circuit:
    """The low n_bits bits of W, from the top bits of all shares.

    Ports: a0, a1, ...: UInt[top_bits(n)]; -> UInt[n_bits].
    """
    width = top_bits(n_parties)

    def count(*a: Any) -> Any:
        return (circuits.sum(list(a)) >> width).wrap(n_bits)

    return build("wraps", {f"a{i}": UInt[width] for i in range(n_parties)}, UInt[n_bits], count, style)


async def by_wraps(mesh: Mesh, ots: PairwiseOt, boolean: BooleanEngine, x: Words, n_bits: int) -> Words:
    """More parties: as `by_top_bits`."""
    me, n, count, long = mesh.party_id, mesh.n_parties, len(x), len(x) > LONG
    offset = (1 << 63) + (n % 2 << (n_bits - 1))
    share = x + np.uint64(offset) if me == 0 else x
    width, out_bits = top_bits(n), min(wrap_bits(n), n_bits)

    def top() -> Words:
        rows = np.zeros((width, 8 * n_words(count)), np.uint8)
        for row in range(width):
            one = ((share >> np.uint64(64 - width + row)) & np.uint64(1)).astype(np.uint8)
            rows[row, : bits.packed_bytes(count)] = bits.pack(one)
        return rows.view(np.uint64)

    words = await run(top, long=long)
    inputs = await all_of(
        boolean.share(mesh.fork(f"top/{party}"), party, words if party == me else None, width, count)
        for party in range(n)
    )
    found = await boolean.evaluate(mesh.fork("wraps"), wraps(n, out_bits, boolean.style), inputs, count)
    mine = boolean.summand(mesh, found)
    assert mine is not None
    rows = np.ascontiguousarray(mine).view(np.uint8)[:, : bits.packed_bytes(count)]
    own = bits.unpack(rows, count).reshape(-1)
    z = await cross.exclusive_or(mesh.fork("bits"), ots, own, correction_bytes(n_bits))

    def undo() -> Words:
        cut = share >> np.uint64(n_bits)
        for bit, digits in enumerate(z.reshape(out_bits, count)):
            cut -= digits << np.uint64(64 - n_bits + bit)
        if me == 0:
            cut -= np.uint64((1 << (63 - n_bits)) - n // 2 & (1 << 64) - 1)
        return cut

    return await run(undo, long=long)
