"""GMW over n parties: from XOR shares of a circuit's inputs to XOR shares of its outputs, a round for each AND level.

    every party, for each level of AND gates z = x & y, with a triple (a, b, c) for each gate and instance
    shares of d = x ^ a, e = y ^ b      <--->  the same, with every peer at once
    d, e: XOR of all shares
    share of z = c ^ d & b ^ e & a, and at party 0 ^ d & e

XOR gates are free: each party XORs its shares. A constant 1 is 1 at party 0 and 0 at the others. Levels and blocks of
instances are those of `protocols.boolean.levels`; the triples of the next levels are made while a level is opened.
`protocols.boolean.gmw_engine` is the same behind the contract of all Boolean engines.

Security: semi-honest, information-theoretic given the triples; all parties but one may collude. What is opened, d and
e, is masked by a triple that is used once. Output shares that are all sent to a party tell it the output and, besides
what it knew, nothing, where the input shares were uniform: whoever owns an input shares it with fresh randomness
among *all* parties. Deviating parties can make outputs wrong. Leaks the circuit and the batch.
Cost: for each block and each AND level of it one message of each party to each other one: 2 bits for each gate and
instance, in whole bytes; with a triple for each gate and instance, for each level rounded up to eight, see
`protocols.boolean.triples`.
Source: Goldreich, Micali and Wigderson, "How to play any mental game", STOC 1987; with the triples of Beaver, CRYPTO
1991, as in Schneider and Zohner, "GMW vs. Yao?", FC 2013, which also evaluates level by level on packed bits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from circuits.ir import Circuit
from circuits.program import Program
from protocols import bits as packing
from protocols.boolean import levels
from protocols.boolean.contract import Words, n_words
from protocols.boolean.levels import Progress, from_wire, rounds_of, string_bytes, to_wire, xor_wire
from protocols.boolean.triples import PART_TRIPLES, Triples, TripleSource
from protocols.channel import Mesh
from protocols.garbling.inputs import Bits, InputBits
from protocols.ot.work import run
from protocols.rng import Rng, system_rng
from protocols.tasks import all_of, swap

__all__ = ["Source", "evaluate_shares", "evaluate_words", "n_triples", "rounds_of", "warm_up"]

AHEAD = 2  # parts of triples that may wait to be used
TILE = 1 << 13  # instances that are turned from rows into columns at a time: a multiple of 64
LONG_STRING = 1 << 17  # words that take some milliseconds to open
LONG_TURN = 1 << 20  # bits that take some milliseconds to turn


class Source(Protocol):
    """What is needed of a source of triples."""

    async def make(self, count: int) -> Triples: ...


async def evaluate_shares(
    mesh: Mesh,
    circuit: Circuit,
    bits: Mapping[str, Bits],
    *,
    batch: int = 1,
    packed: bool = False,
    triples: Source | None = None,
    progress: Progress | None = None,
    rng: Rng = system_rng,
) -> Bits:
    """Evaluate a circuit on XOR shares; every party makes the same call with its own shares.

    Args:
        mesh: to all the others, for this call alone.
        circuit: the same at every party.
        bits: this party's share of each input port, uint8 of shape (batch, n_bits), or (1, n_bits) for the same in
            every instance; the shares of all parties XOR to the input.
        batch: instances, the same at every party.
        packed: whether the arrays are packed along their last axis, as `protocols.bits.pack` does.
        triples: from an earlier setup among the same parties; set up here by default.
        progress: called with the AND gates done and all there are, in all instances.
        rng: the source of randomness.
    Returns:
        this party's share of each output bit, uint8 of shape (batch, n_outputs).
    Raises:
        TypeError, ValueError: wrong arguments; nothing was sent.
        StateError: `triples` is at work elsewhere, or failed.
        MessageError: a peer's message has a wrong length; names the peer.
    Cost: see the module.
    """
    if type(batch) is not int or batch < 0:
        raise ValueError(f"batch is a number of instances, from 0 on, not {batch!r}")
    own = InputBits(circuit.inputs, bits, batch, packed=packed)
    program = await levels.program_of(circuit)
    if triples is None and n_triples(program, batch):
        triples = await TripleSource.setup(mesh.fork("triples"), rng=rng)
    inputs = await run(_columns, own, batch, long=batch * own.n_bits > LONG_TURN)
    words = await evaluate_words(mesh.fork("open"), program, inputs, batch, triples, progress)
    return await run(_rows, words, batch, long=batch * len(words) > LONG_TURN)


def n_triples(program: Program, count: int) -> int:
    """Triples that a program takes: those of each level rounded up to eight."""
    return 8 * sum(string_bytes(n_bits) for n_bits in levels.strings_of(program, count))


async def evaluate_words(
    mesh: Mesh, program: Program, inputs: Words, count: int, triples: Source | None, progress: Progress | None = None
) -> Words:
    """Run a program on XOR shares.

    Args:
        mesh: for the openings, and nothing else.
        inputs: this party's shares, uint64 of shape (n_inputs, n_words(count)).
        triples: may be None where none are needed.
    Returns:
        its shares of the outputs, uint64 of shape (n_outputs, n_words(count)).
    """
    supply = _Supply(triples, n_triples(program, count) // 8)
    step = _Multiplication(mesh, supply)
    one = np.array([0xFFFFFFFFFFFFFFFF if mesh.party_id == 0 else 0], np.uint64)
    _, outputs = await all_of([supply.produce(), levels.evaluate(program, inputs[:, None], one, count, step, progress)])
    result: Words = outputs[:, 0]
    return result


class _Multiplication:
    """The AND gates of one evaluation, level after level (`levels.Multiply`)."""

    def __init__(self, mesh: Mesh, supply: _Supply) -> None:
        self._mesh, self._supply = mesh, supply

    async def __call__(self, x: Words, y: Words, n_bits: int) -> Words:
        spent, long = await self._supply.take(string_bytes(n_bits)), x.shape[1] > LONG_STRING

        def mask() -> tuple[Words, Words, Words, Words]:
            a, b, c = (from_wire(part) for part in spent)
            return levels.gather_rows(np.concatenate([x ^ a, y ^ b]), n_bits), a, b, c

        opened, a, b, z = await run(mask, long=long)
        message = to_wire(opened, 2 * n_bits)
        got = await swap(self._mesh, message, len(message))

        def finish() -> None:
            from protocols.kernels.boolean import finish_products

            for data in got:
                xor_wire(opened, data)
            d, e = levels.scatter_rows(opened, 2, n_bits)
            finish_products(d, e, a, b, z, both=self._mesh.party_id == 0)

        await run(finish, long=long)
        return z[None]


class _Supply:
    """Triples, made some parts ahead of where they are spent, so many bytes in all."""

    def __init__(self, source: Source | None, n_bytes: int) -> None:
        self._source, self._n_bytes = source, n_bytes
        self._ready: asyncio.Queue[Triples] = asyncio.Queue(AHEAD)
        self._present: Triples | None = None

    async def produce(self) -> None:
        for n_bytes in self._parts():
            assert self._source is not None
            await self._ready.put(await self._source.make(8 * n_bytes))

    def _parts(self) -> Iterator[int]:
        for start in range(0, self._n_bytes, PART_TRIPLES // 8):
            yield min(PART_TRIPLES // 8, self._n_bytes - start)

    async def take(self, n_bytes: int) -> tuple[Bits, Bits, Bits]:
        """The next triples, of as many parts as it takes."""
        pieces = []
        while n_bytes:
            if self._present is None or not self._present.left:
                self._present = await self._ready.get()
            piece = self._present.take(min(n_bytes, self._present.left))
            pieces.append(piece)
            n_bytes -= len(piece[0])
        if len(pieces) == 1:
            return pieces[0]
        a, b, c = (np.concatenate(part) for part in zip(*pieces, strict=True))
        return a, b, c


def _columns(own: InputBits, batch: int) -> Words:
    """All input bits, an instance in each column: uint64 of shape (n_inputs, n_words(batch))."""
    words = np.zeros((own.n_bits, n_words(batch)), np.uint64)
    for first in range(0, batch, TILE):
        some = packing.pack(own.of_tile(first, min(TILE, batch - first)))
        words.view(np.uint8)[:, first // 8 : first // 8 + some.shape[1]] = some
    return words


def _rows(words: Words, batch: int) -> Bits:
    """The inverse: uint8 of shape (batch, n)."""
    rows: NDArray[np.uint8] = np.empty((batch, len(words)), np.uint8)
    for first in range(0, batch, TILE):
        count = min(TILE, batch - first)
        some = words.view(np.uint8)[:, first // 8 : first // 8 + packing.packed_bytes(count)]
        rows[first : first + count] = packing.unpack(some, count).T
    return rows


def warm_up() -> None:
    """Load the kernels, OT included; compile them where this machine has not yet: some seconds, once."""
    from protocols import ot

    ot.prepare()
    levels.warm_up()
