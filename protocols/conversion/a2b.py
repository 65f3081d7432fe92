"""Arithmetic shares to shares of bits: the summands of a value become inputs of a circuit that adds them up.

    each of the parties that know all summands      shares the bits of its summand                (boolean.share)
    all                                             a circuit of `circuits.lib.shares` on them    (boolean.evaluate)

A share of Shamir's sharing times its Lagrange coefficient, and an additive share as it is, are such summands.

Security: that of the two engines; a summand is known to its party anyway. Leaks shapes.
Cost: that of sharing the bits of a summand at each of these parties, and of the circuit: for a comparison modulo
2**k - 1 among three parties, k bits shared by two of them and k AND gates (`few_ands`) or about 3 k (`low_depth`).
Source: Demmler, Schneider and Zohner, ABY, NDSS 2015, section V, for adding shares in a circuit; the sign modulo a
Mersenne prime as in Nishide and Ohta, PKC 2007. No value is opened and no bound on it has to leave room for a mask, as
in Makri et al., Rabbit, FC 2021.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuits.ir import Circuit
from circuits.lib import shares as lib
from protocols import bits
from protocols.arithmetic.contract import Elements, Engine
from protocols.boolean.contract import BitShares, Words, n_words
from protocols.channel import Mesh
from protocols.ot.work import run
from protocols.sharing.ring import Ring
from protocols.tasks import all_of

__all__ = ["is_negative", "is_zero", "to_bits"]

LONG = 1 << 13  # elements whose bits take about a millisecond to turn


async def is_negative(engine: Engine, mesh: Mesh, x: Elements, value_bits: int) -> BitShares:
    """Whether each element is below 0.

    Args:
        x: shares of shape S, |x| < 2**(value_bits - 1) as signed numbers.
        value_bits: fewer of them make it cheaper modulo 2**64.
    Returns:
        shares of one bit for each element, in order.
    Raises:
        ValueError: the ring holds no such numbers.
    """
    ring, n_summands = engine.ring, len(engine.summand_parties(mesh))
    _check_room(ring, value_bits)
    if ring.is_field:
        circuit = lib.negative_of_double(ring.n_bits, n_summands, engine.boolean.style)
        return await _evaluate(engine, mesh, ring.scale(x, 2), circuit, ring.n_bits)
    circuit = lib.top_bit_of_sum(value_bits, n_summands, engine.boolean.style)
    return await _evaluate(engine, mesh, x, circuit, value_bits)


async def is_zero(engine: Engine, mesh: Mesh, x: Elements, value_bits: int) -> BitShares:
    """Whether each element is 0; arguments and errors as for `is_negative`."""
    ring, parties = engine.ring, engine.summand_parties(mesh)
    _check_room(ring, value_bits)
    width = ring.n_bits if ring.is_field else value_bits
    circuit = lib.zero_sum(width, len(parties), ring.is_field, engine.boolean.style)
    return await _evaluate(engine, mesh, x, circuit, width, negated=parties[1] if len(parties) == 2 else None)


async def to_bits(engine: Engine, mesh: Mesh, x: Elements, value_bits: int) -> BitShares:
    """The bits of each element in two's complement, the lowest first; arguments and errors as for `is_negative`."""
    ring, n_summands = engine.ring, len(engine.summand_parties(mesh))
    _check_room(ring, value_bits)
    if ring.is_field:  # a signed x is made x + 2**(value_bits - 1) >= 0, whose top bit is the wrong way round
        offset = engine.public(np.broadcast_to(ring.encode(1 << (value_bits - 1)), x.shape))
        circuit = lib.bits_of_sum(ring.n_bits, value_bits, n_summands, True, engine.boolean.style)
        found = await _evaluate(engine, mesh, ring.add(x, offset), circuit, ring.n_bits)
        return flip(engine, found, value_bits - 1)
    circuit = lib.bits_of_sum(value_bits, value_bits, n_summands, False, engine.boolean.style)
    return await _evaluate(engine, mesh, x, circuit, value_bits)


def flip(engine: Engine, shares: BitShares, bit: int) -> BitShares:
    """The same with one bit turned in every instance."""
    ones = np.zeros((shares.n_bits, n_words(shares.count)), np.uint64)
    ones[bit] = np.uint64(0xFFFFFFFFFFFFFFFF)
    return BitShares(shares.words ^ engine.boolean.public(ones, shares.count).words, shares.count)


def slice_bits(packed: NDArray[np.uint8], width: int) -> Words:
    """Rows of packed bits, (count, n_bytes), as words of shape (width, n_words(count))."""
    n_bytes = bits.packed_bytes(width)
    turned = bits.transpose(np.ascontiguousarray(packed[:, :n_bytes]), width)
    words = np.zeros((width, 8 * n_words(len(packed))), np.uint8)
    words[:, : turned.shape[1]] = turned
    return words.view(np.uint64)


async def _evaluate(
    engine: Engine, mesh: Mesh, x: Elements, circuit: Circuit, width: int, *, negated: int | None = None
) -> BitShares:
    """Share the low `width` bits of all summands, and evaluate; the summand of party `negated` with its sign turned."""
    ring, me, count = engine.ring, engine.party_id, x.size // engine.ring.limbs
    mine = engine.summand(mesh, x)

    def turn() -> Words | None:
        if mine is None:
            return None
        return slice_bits(ring.to_bits(ring.neg(mine) if negated == me else mine), width)

    words = await run(turn, long=count > LONG)
    inputs = await all_of(
        engine.boolean.share(mesh.fork(f"summand/{party}"), party, words if party == me else None, width, count)
        for party in engine.summand_parties(mesh)
    )
    return await engine.boolean.evaluate(mesh.fork("circuit"), circuit, inputs, count)


def _check_room(ring: Ring, value_bits: int) -> None:
    largest = ring.n_bits - 1 if ring.is_field else ring.n_bits
    if not 1 <= value_bits <= largest:
        raise ValueError(f"{ring.name} has signed numbers of 1 to {largest} bits, not of {value_bits}")
