"""Products of additive shares: the terms of each two parties by OT, the others at home.

    x y = sum of x_i y_i (party i alone)  +  sum of x_i y_j for each two parties i != j (`protocols.arithmetic.gilboa`)

Each party is the sender with its share of one factor towards every peer, and the receiver with its share of the other
factor: both directions at once, two messages that wait for each other whatever the number of parties.

The same with matrices: the numbers of the smaller factor choose, and the columns of the other one are the vectors, so
that (1000, 20) @ (20,) takes 20 numbers' OTs in each direction and not 20,000.

Security: semi-honest, all parties but one may collude, as the random OT is. The result's shares are uniform.
Cost: that of `protocols.arithmetic.gilboa` with every peer and in both directions.
Source: Gilboa, CRYPTO 1999; among n parties as in Keller, Orsini and Scholl, MASCOT, CCS 2016, without its checks.
Deviation: shares are multiplied directly, where MASCOT multiplies random numbers and opens the difference: with OT at
hand that takes the same OTs, and a message less. `protocols.arithmetic.triples` makes triples in this way, ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from protocols.arithmetic.gilboa import choose, send, send_in_turn
from protocols.arithmetic.matrices import MatrixPlan
from protocols.arithmetic.works import (
    Batch,
    BitProducts,
    Choice,
    ChosenBits,
    ChosenProducts,
    ChosenVectors,
    Correction,
    Products,
    Vectors,
    warm_up,
)
from protocols.channel import Mesh
from protocols.ot.pairwise import PairwiseOt
from protocols.ot.work import run
from protocols.sharing.ring import RING64
from protocols.tasks import all_of

__all__ = ["at_home", "exclusive_or", "multiply", "multiply_matrices", "warm_up"]

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
LONG = 1 << 16  # products at home that take a good part of a millisecond


async def _with_all(
    mesh: Mesh, ots: PairwiseOt, correction: Callable[[], Correction], choice: Callable[[], Choice]
) -> Words:
    """Both roles with every peer at once; the sum of all shares."""
    peers = sorted(mesh.channels)
    works: list[Correction | Choice] = []
    roles = []
    for peer in peers:
        sending, choosing = correction(), choice()
        roles.append(send(mesh.channels[peer], ots.sender(mesh, peer), sending))
        roles.append(choose(mesh.channels[peer], ots.receiver(mesh, peer), choosing))
        works += [sending, choosing]
    await all_of(roles)
    total = works[0].share
    for work in works[1:]:
        total += work.share
    return total


async def multiply(mesh: Mesh, ots: PairwiseOt, x: Words, y: Words) -> Words:
    """Shares of the products of two arrays, number by number.

    Args:
        mesh: for this call alone.
        ots: OT with each peer.
        x, y: this party's shares, uint64 of shape (n,).
    """
    if not len(x):
        return np.empty(0, np.uint64)
    total = await _with_all(mesh, ots, lambda: Products(x), lambda: ChosenProducts(y))
    total += x * y
    return total


async def multiply_matrices(mesh: Mesh, ots: PairwiseOt, x: Words, y: Words) -> Words:
    """Shares of x @ y.

    Args:
        x, y: this party's shares, uint64 of shapes (batch, m, k) and (batch, k, n).
    """
    plan = MatrixPlan(x.shape[0], x.shape[1], x.shape[2], y.shape[2])
    if not plan.n_units or not plan.n_columns:
        return np.zeros((plan.batch, plan.m, plan.n), np.uint64)
    chooser, vectors, rows, which = plan.chooser(x, y), plan.vectors(x, y), plan.rows, plan.which
    if plan.n_columns == 1:
        numbers = vectors[which, 0]
        total = await _with_all(mesh, ots, lambda: Products(numbers), lambda: ChosenProducts(chooser))
        total = total.reshape(plan.n_rows, plan.k).sum(axis=1, dtype=np.uint64)
    else:
        total = await _with_all(
            mesh,
            ots,
            lambda: Vectors(vectors, which, rows, plan.n_rows),
            lambda: ChosenVectors(chooser, rows, plan.n_rows, plan.n_columns),
        )
    product = plan.result(total)
    product += await run(at_home, x, y, long=x.size * plan.n > LONG)
    return product


def at_home(x: Words, y: Words) -> Words:
    """x @ y of matrices that this party has."""
    return RING64.matmul(x[..., None], y[..., None])[..., 0]


async def exclusive_or(mesh: Mesh, ots: PairwiseOt, own: Bytes, width: int) -> Words:
    """Shares of the XOR of bits that the parties know one each, as numbers modulo 2^(8 * width).

    z = u_0; then for each further party j: z = z + u_j - 2 z u_j, where z is shared among the parties before it, and
    each of these multiplies its share by u_j with OT.

    Args:
        mesh: for this call alone.
        ots: OT with each peer.
        own: this party's bits, uint8 of shape (n,).
        width: bytes of a correction, 1 to 8.
    Returns:
        uint64 of shape (n,); what stands above 8 * width bits means nothing.
    Cost: all OTs at once, then the corrections for one party after the other: as many messages that wait for each other
    as there are parties. Each party sends the OTs of its bits for each party before it, and `width` bytes a bit to each
    party behind it.
    """
    me = mesh.party_id
    before, behind = (sorted(p for p in mesh.channels if (p < me) is lower) for lower in (True, False))
    z = own.astype(np.uint64)
    if not len(z):
        return z
    choices = {peer: ChosenBits(own, width) for peer in before}
    corrections = {peer: BitProducts(z, width) for peer in behind}
    n_batches = len(BitProducts(z, width).batches())
    turns = [[asyncio.Event() for _ in range(n_batches)] for _ in range(len(behind) + 1)]
    missing = [len(before)] * n_batches

    def chosen(batch: Batch) -> None:
        missing[batch.number] -= 1
        if not missing[batch.number]:
            some = batch.units
            for work in choices.values():
                z[some] -= work.share[some] << np.uint64(1)
            turns[0][batch.number].set()

    def corrected(turn: int, peer: int, batch: Batch) -> None:
        z[batch.units] -= corrections[peer].share[batch.units] << np.uint64(1)
        turns[turn + 1][batch.number].set()

    async def my_turn(turn: int, batch: Batch) -> None:
        await turns[turn][batch.number].wait()

    if not before:
        for event in turns[0]:
            event.set()
    await all_of(
        [
            *(choose(mesh.channels[p], ots.receiver(mesh, p), choices[p], after=chosen) for p in before),
            *(
                send_in_turn(
                    mesh.channels[p],
                    ots.sender(mesh, p),
                    corrections[p],
                    before=partial(my_turn, turn),
                    after=partial(corrected, turn, p),
                )
                for turn, p in enumerate(behind)
            ),
        ]
    )
    return z
