"""Overflow: what is promised without checks, and how checks find it.

The result of an operation has a dtype, and so a range. Public bounds are tracked, so that much cannot overflow at all:
the sum of two arrays of int(32) whose values came as int(16) cannot. Where it could, then

  unchecked    the program promises that it does not. A result out of range has no meaning, and what follows from it
               neither; the masks that hide fixed-point numbers while they are rounded are made for numbers in range.
  checked      every such result is compared with its range, in secret. All comparisons since the last look are joined
               into one bit, which all parties open before anything is revealed: if a result was out of range, no array
               is shown any more, and every reveal raises OverflowError, at all parties alike, naming the operations.
               Before that bit is opened a fixed-point number that is out of range may have been rounded: its mask is
               the widest that the ring has room for, and hides it the less the further out it is.

Cost of a check: two comparisons for each element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mpcnet.array.base import size_of
from mpcnet.array.blocks import evaluate
from mpcnet.array.casting import elements_of
from mpcnet.array.dtypes import Bounds, signed_bits
from mpcnet.array.node import Node
from mpcnet.array.packing import gather
from protocols.arithmetic.contract import Elements, Engine
from protocols.boolean.contract import BitShares, n_words
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.computation import Computation
    from mpcnet.array.secret import SecretArray

__all__ = ["any_of", "flag_of", "guard", "look_at"]


def guard(x: SecretArray, reach: Bounds) -> None:
    """In checked mode: look whether an array is in range, where its raw integers can reach beyond.

    Args:
        reach: between which they can lie, as the operands' bounds tell.
    Raises:
        ValueError: they could reach so far that the ring would not tell.
    """
    computation, allowed = x.computation, x.dtype.bounds
    if not computation.checked or not size_of(x.shape) or x.dtype.holds(reach):
        return
    low, high = allowed
    width = signed_bits((min(reach[0] - high, low - reach[1], -1), max(reach[1] - low, high - reach[0])))
    if width > computation.limits.value_bits:
        raise ValueError(
            f"{x.node.name} -> {x.dtype} {x.shape}: results can need {width} bits, more than the "
            f"{computation.limits.value_bits} in which overflow can be found; take dtypes with fewer bits"
        )

    async def work(engine: Engine, mesh: Mesh, value: Elements) -> BitShares:
        from protocols.conversion import a2b

        ring = engine.ring
        shape = value.shape[:-1]
        ends = [engine.public(ring.encode(np.full(shape, end, object))) for end in (low, high)]
        both = np.stack([ring.sub(value, ends[0]), ring.sub(ends[1], value)])
        beyond = await a2b.is_negative(engine, mesh.fork("compare"), both, width)
        return await any_of(engine, mesh.fork("join"), beyond)

    made = computation.emit(
        "check range", [elements_of(x)], work, talks=True, form="bits", width=1, params=[str(low), str(high)]
    )
    computation.flags.append((made, x.node.text_here))


def look_at(beyond: SecretArray, made: SecretArray) -> None:
    """In checked mode: `beyond` is 1 where an element of `made` is out of range, which its integers do not show."""
    computation = beyond.computation
    if computation.checked and size_of(beyond.shape):
        found = computation.emit("check range", [beyond.node], any_of, talks=True, form="bits", width=1)
        computation.flags.append((found, made.node.text_here))


def flag_of(computation: Computation) -> Node | None:
    """An operation whose value is True at every party if anything so far was out of range; None without checks."""
    if not computation.checked:
        return None
    if computation.flags:
        found = [node for node, _ in computation.flags]
        computation.suspects = [*computation.suspects, *(text for _, text in computation.flags)]
        computation.flags = []
        earlier = [] if computation.flag is None else [computation.flag]

        async def join(engine: Engine, mesh: Mesh, *flags: BitShares) -> BitShares:
            words = np.concatenate([flag.words for flag in flags])
            return await any_of(engine, mesh, _one_row(BitShares(words, 1)))

        computation.flag = computation.emit("join checks", [*earlier, *found], join, talks=True, form="bits", width=1)
        parties = frozenset(range(computation.session.n_parties))

        async def look(engine: Engine, mesh: Mesh, flag: BitShares) -> bool:
            everybody = parties & {engine.party_id, *mesh.channels}
            words = await engine.boolean.open(mesh, flag, everybody)
            assert words is not None
            return bool(words[0, 0] & np.uint64(1))

        computation.looked = computation.emit("open checks", [computation.flag], look, talks=True)
    return computation.looked


async def any_of(engine: Engine, mesh: Mesh, shares: BitShares) -> BitShares:
    """One bit: whether one of the instances is 1."""
    level = 0
    while shares.count > 1:
        half = shares.count // 2
        left, right = gather(shares, np.arange(half)), gather(shares, np.arange(half, 2 * half))
        joined = await evaluate(engine, mesh.fork(str(level)), "or", [left, right], 0, bits=2)
        rest = gather(shares, np.arange(2 * half, shares.count))
        shares = joined if not rest.count else _behind(joined, rest)
        level += 1
    return shares


def _behind(one: BitShares, other: BitShares) -> BitShares:
    from mpcnet.array.packing import chain

    return chain([one, other])


def _one_row(shares: BitShares) -> BitShares:
    """Bits of one instance as instances of one bit."""
    from mpcnet.array.packing import join_words, unpack_words

    bits = unpack_words(shares.words, 1)  # (n_bits, pieces, 1)
    turned = np.ascontiguousarray(bits[:, :, 0].T)[None]
    words = join_words(turned)
    assert words.shape[-1] == n_words(shares.n_bits)
    return BitShares(words, shares.n_bits)
