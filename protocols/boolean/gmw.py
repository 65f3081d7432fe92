"""GMW over n parties: from XOR shares of a circuit's inputs to XOR shares of its outputs, a round for each AND level.

    every party, for each level of AND gates z = x & y, with a triple (a, b, c) for each gate and instance
    shares of d = x ^ a, e = y ^ b      <--->  the same, with every peer at once
    d, e: XOR of all shares
    share of z = c ^ d & b ^ e & a, and at party 0 ^ d & e

XOR gates are free: each party XORs its shares. A constant 1 is 1 at party 0 and 0 at the others. A wire is a row of
bits, one for each instance, packed into words: a level is a few operations of NumPy, and the XOR gates between two
levels are one call of a kernel. Instances are cut into blocks, one after the other, so that the rows and triples at
hand stay near BLOCK_BYTES whatever the batch; the triples of the next levels are made while a level is opened.

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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuits.ir import AND, ONE, ZERO, Circuit
from circuits.program import Program, schedule
from protocols import bits as packing
from protocols.boolean.triples import PART_TRIPLES, Triples, TripleSource
from protocols.channel import Mesh
from protocols.garbling.inputs import Bits, InputBits
from protocols.ot.work import run
from protocols.rng import Rng, system_rng
from protocols.tasks import all_of, swap

__all__ = ["BLOCK_BYTES", "evaluate_shares", "rounds_of", "warm_up"]

Words = NDArray[np.uint64]
Progress = Callable[[int, int], None]
BLOCK_BYTES = 1 << 26
"""About what the wires of one block of instances may take."""
MAX_BLOCK = 1 << 16  # instances
LONG_CIRCUIT = 20_000  # gates that take more than 10 ms to schedule
LONG_WORK = 1 << 21  # words that take some milliseconds to XOR
AHEAD = 2  # parts of triples that may wait to be used


@dataclass(frozen=True)
class Level:
    """The XOR gates up to the next AND level, then that level: slices of a program's gates; either may be empty."""

    xors: slice
    ands: slice

    @property
    def width(self) -> int:
        """AND gates."""
        return int(self.ands.stop - self.ands.start)


def levels_of(program: Program) -> list[Level]:
    """Cut a program of order "rounds" into levels; the last has no AND gates, where XOR gates are left."""
    levels, start = [], 0
    xors = slice(0, 0)
    for end in program.run_ends.tolist():
        gates = slice(start, end)
        if program.op[start] == AND:
            levels.append(Level(xors, gates))
            xors = slice(end, end)
        else:
            xors = gates
        start = end
    if xors.stop > xors.start:
        levels.append(Level(xors, slice(start, start)))
    return levels


def blocks_of(program: Program, batch: int) -> list[tuple[int, int]]:
    """(first instance, instances) of each block; all but the last a multiple of 64."""
    words = BLOCK_BYTES // 8 // max(program.n_slots, 1)
    step = max(64, min(MAX_BLOCK, 64 * words))
    return [(start, min(step, batch - start)) for start in range(0, batch, step)]


def rounds_of(circuit: Circuit, batch: int) -> int:
    """Messages of the openings to each peer: the depth of the circuit, once for each block of instances."""
    program = schedule(circuit, "rounds")
    return len(blocks_of(program, batch)) * len([level for level in levels_of(program) if level.width])


async def evaluate_shares(
    mesh: Mesh,
    circuit: Circuit,
    bits: Mapping[str, Bits],
    *,
    batch: int = 1,
    packed: bool = False,
    triples: TripleSource | None = None,
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
    program = await run(schedule, circuit, "rounds", long=circuit.n_gates > LONG_CIRCUIT)
    await run(warm_up, long=not _warm)
    levels = levels_of(program)
    blocks = blocks_of(program, batch)
    n_bytes = sum(-(-level.width * count // 8) for _, count in blocks for level in levels)
    outputs = [np.empty((0, circuit.n_outputs), np.uint8)]
    if triples is None and n_bytes:
        triples = await TripleSource.setup(mesh.fork("triples"), rng=rng)
    supply = _Supply(triples, n_bytes)
    opening = mesh.fork("open")
    done, total = 0, program.and_count * batch

    async def evaluate() -> None:
        nonlocal done
        for first, count in blocks:
            wires = await run(
                _load, program, own, first, count, mesh.party_id == 0, long=program.n_slots * count > 64 * LONG_WORK
            )
            for level in levels:
                await run(_xor, program, wires, level.xors, long=_size(level.xors, wires) > LONG_WORK)
                if level.width:
                    spent = await supply.take(-(-level.width * count // 8))
                    await _and(opening, program, wires, level.ands, count, spent)
                    done += level.width * count
                    if progress is not None:
                        progress(done, total)
            rows = wires[program.output_slots].view(np.uint8)[:, : packing.packed_bytes(count)]
            outputs.append(np.ascontiguousarray(packing.unpack(rows, count).T))

    await all_of([supply.produce(), evaluate()])
    return np.concatenate(outputs)


async def _and(
    mesh: Mesh, program: Program, wires: Words, gates: slice, count: int, spent: tuple[Bits, Bits, Bits]
) -> None:
    """One level of AND gates in one round."""
    n, long = gates.stop - gates.start, _size(gates, wires) > LONG_WORK
    a, b, c = (_rows(part, n, count) for part in spent)

    def mask() -> tuple[Words, Bits]:
        mine = np.concatenate([wires[program.left[gates]] ^ a, wires[program.right[gates]] ^ b])
        return mine, _dense(mine, count)

    def finish(messages: list[memoryview]) -> None:
        for message in messages:
            np.bitwise_xor(mine, _rows(np.frombuffer(message, np.uint8), 2 * n, count), out=mine)
        d, e = mine[:n], mine[n:]
        z = c ^ (d & b) ^ (e & a)
        if mesh.party_id == 0:
            z ^= d & e
        wires[program.out[gates]] = z

    mine, message = await run(mask, long=long)
    await run(finish, await swap(mesh, message, len(message)), long=long)


class _Supply:
    """Triples, made some parts ahead of where they are spent, so many bytes in all."""

    def __init__(self, source: TripleSource | None, n_bytes: int) -> None:
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


def _load(program: Program, own: InputBits, first: int, count: int, holds_one: bool) -> Words:
    """The wires of a block with this party's shares of the inputs, and of the constants."""
    wires = np.zeros((program.n_slots, -(-count // 64)), np.uint64)
    packed = packing.pack(own.of_tile(first, count))
    wires.view(np.uint8)[program.input_slots, : packed.shape[1]] = packed
    wires[ZERO] = 0
    wires[ONE] = np.uint64(0xFFFFFFFFFFFFFFFF) if holds_one else 0
    return wires


def _xor(program: Program, wires: Words, gates: slice) -> None:
    from protocols.kernels.boolean import xor_gates

    xor_gates(wires, program.left[gates], program.right[gates], program.out[gates])


def _size(gates: slice, wires: Words) -> int:
    return int((gates.stop - gates.start) * wires.shape[1])


def _dense(rows: Words, count: int) -> Bits:
    """Rows of `count` bits without what pads them: uint8 of shape (ceil(rows * count / 8),)."""
    some = rows.view(np.uint8)[:, : packing.packed_bytes(count)]
    if count % 8:
        return packing.pack(packing.unpack(some, count).reshape(-1))
    return np.ascontiguousarray(some).reshape(-1)


def _rows(dense: Bits, n_rows: int, count: int) -> Words:
    """The inverse of `_dense`: uint64 of shape (n_rows, ceil(count / 64)), padded with zeros."""
    rows = np.zeros((n_rows, -(-count // 64) * 8), np.uint8)
    n_bytes = packing.packed_bytes(count)
    if count % 8:
        rows[:, :n_bytes] = packing.pack(packing.unpack(dense, n_rows * count).reshape(n_rows, count))
    else:
        rows[:, :n_bytes] = dense.reshape(n_rows, n_bytes)
    return rows.view(np.uint64)


_warm: set[bool] = set()


def warm_up() -> None:
    """Load the kernels, OT included; compile them where this machine has not yet: some seconds, once."""
    from protocols import ot
    from protocols.kernels.boolean import xor_gates

    ot.prepare()
    slots = np.zeros(1, np.int32)
    slots.setflags(write=False)  # as a program's are: Numba compiles another version for those that can be written
    xor_gates(np.zeros((1, 1), np.uint64), slots, slots, slots)
    _warm.add(True)
