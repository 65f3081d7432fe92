"""Shares of bits to arithmetic shares.

    to_elements     each party that knows a summand of the XOR shares its bits; the engine XORs them arithmetically
    compose         bits as the digits of a number: a public linear combination of their elements

    compose, by mask (wide numbers, where the ring has room)
    each party that knows a summand     shares a random number r_i, as elements and as bits
    all                                 a circuit adds x and all r_i; the sum is opened to all; less the elements of r_i

Security: that of the two engines. The mask is uniform modulo 2**64; modulo a Mersenne prime it is SIGMA = 40 bits
larger than x and hides it statistically. Leaks shapes.
Cost: see `Engine.from_summands_of_bits` for each bit; by mask, for each number, one element and its bits from each of
these parties, the AND gates of their addition, and one opening of the sum's bits.
Source: Rotaru and Wood, INDOCRYPT 2019, and Escudero et al., CRYPTO 2020 (edaBits), without their checks: in the
semi-honest model as many parties as it takes to outnumber the others contribute a number each.
"""

from __future__ import annotations

import numpy as np

from circuits.lib import shares as lib
from protocols import bits
from protocols.arithmetic.contract import Elements, Engine
from protocols.boolean.contract import BitShares, Words, n_words
from protocols.channel import Mesh
from protocols.conversion.a2b import LONG, flip
from protocols.ot.work import run
from protocols.rng import Rng, system_rng
from protocols.tasks import all_of

__all__ = ["SIGMA", "compose", "to_elements"]

SIGMA = 40
FEW_BITS = 12  # numbers of fewer bits are not worth a mask


async def to_elements(engine: Engine, mesh: Mesh, shares: BitShares) -> Elements:
    """Each bit as an element.

    Returns:
        shares of shape (count, n_bits), each 0 or 1.
    """
    words = engine.boolean.summand(mesh, shares)
    return await engine.from_summands_of_bits(mesh, words, shares.n_bits, shares.count)


async def compose(engine: Engine, mesh: Mesh, shares: BitShares, *, signed: bool, rng: Rng = system_rng) -> Elements:
    """The numbers whose digits are the bits, the lowest first.

    Args:
        signed: whether the highest bit counts negatively.
        rng: the source of masks.
    Returns:
        shares of shape (count,).
    """
    ring, n_bits = engine.ring, shares.n_bits
    if not n_bits:
        return ring.zeros((shares.count,))
    if n_bits > FEW_BITS and _mask_bits(engine, mesh, n_bits):
        return await _compose_masked(engine, mesh, shares, signed, rng)
    digits = await to_elements(engine, mesh, shares)
    weights = [1 << i for i in range(n_bits)]
    if signed:
        weights[-1] = -weights[-1]
    return await run(ring.matmul, digits, ring.encode(np.array(weights, object)), long=digits.size > LONG)


def _mask_bits(engine: Engine, mesh: Mesh, n_bits: int) -> int:
    """Bits of a mask for a number; 0 where the ring has no room for it."""
    ring, n_summands = engine.ring, len(engine.summand_parties(mesh))
    if not ring.is_field:
        return ring.n_bits
    mask_bits = n_bits + SIGMA
    return mask_bits if mask_bits + n_summands.bit_length() + 1 < ring.n_bits else 0


async def _compose_masked(engine: Engine, mesh: Mesh, shares: BitShares, signed: bool, rng: Rng) -> Elements:
    ring, me, count, n_bits = engine.ring, engine.party_id, shares.count, shares.n_bits
    parties = engine.summand_parties(mesh)
    width = _mask_bits(engine, mesh, n_bits)
    words, mask = None, None
    if me in parties:
        words = np.frombuffer(bytearray(rng(8 * width * n_words(count))), np.uint64).reshape(width, -1)
        mask = await run(_as_elements, engine, words, count, long=count > LONG)
    if signed:  # x + 2**(n_bits - 1) >= 0, in two's complement x with its highest bit turned
        shares = flip(engine, shares, n_bits - 1)
    together = await all_of(
        [
            *(engine.share(mesh.fork(f"mask/{p}"), p, mask if p == me else None, (count,)) for p in parties),
            *(
                engine.boolean.share(mesh.fork(f"bits/{p}"), p, words if p == me else None, width, count)
                for p in parties
            ),
        ]
    )
    masks, inputs = together[: len(parties)], together[len(parties) :]
    circuit = lib.masked_sum(n_bits, width, len(parties), ring.is_field, engine.boolean.style)
    masked = await engine.boolean.evaluate(mesh.fork("circuit"), circuit, [shares, *inputs], count)
    everybody = frozenset([me, *mesh.channels])
    opened = await engine.boolean.open(mesh.fork("open"), masked, everybody)
    assert opened is not None

    def unmask() -> Elements:
        known = _as_elements(engine, opened, count)
        if signed:
            known = ring.sub(known, ring.encode(1 << (n_bits - 1)))
        return ring.combine([1] + [-1] * len(masks), [engine.public(known), *masks])

    return await run(unmask, long=count > LONG)


def _as_elements(engine: Engine, words: Words, count: int) -> Elements:
    """Bit-sliced numbers, (n_bits, n_words), narrower than the ring, as elements of shape (count,)."""
    limbs = engine.ring.limbs
    rows = np.zeros((64 * limbs, words.shape[1]), np.uint64)
    rows[: len(words)] = words
    turned = bits.transpose(rows.view(np.uint8)[:, : bits.packed_bytes(count)], count)
    return np.ascontiguousarray(turned).view(np.uint64).reshape(count, limbs)
