"""The way through a circuit that all engines on shares of bits have in common: XOR gates alone, AND gates together.

A program of order "rounds" is cut into levels: XOR gates, which every party runs by itself on all pieces of its shares,
then all AND gates that read nothing of each other. Their inputs are gathered into two bit strings, an engine multiplies
these in one round, whatever they are made of, and the product is scattered again. Instances are cut into blocks, one
after the other, so that the rows at hand stay near BLOCK_BYTES whatever the batch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuits.ir import AND, ONE, ZERO, Circuit
from circuits.program import Program, schedule
from protocols.boolean.contract import BitShares, Words, n_words
from protocols.ot.work import run

__all__ = [
    "BLOCK_BYTES",
    "MAX_BLOCK",
    "Level",
    "Multiply",
    "Progress",
    "blocks_of",
    "evaluate",
    "from_wire",
    "gather_rows",
    "joined_inputs",
    "levels_of",
    "program_of",
    "rounds_of",
    "scatter_rows",
    "string_bytes",
    "strings_of",
    "to_wire",
    "warm_up",
    "xor_wire",
]

Multiply = Callable[[Words, Words, int], Awaitable[Words]]
"""x, y, n_bits -> x & y: shares of bit strings, uint64 of shape (pieces, ceil(n_bits / 64)), in one round. What stands
behind n_bits means nothing."""
Progress = Callable[[int, int], None]
BLOCK_BYTES = 1 << 26
"""About what the wires of one block of instances may take."""
MAX_BLOCK = 1 << 20  # instances
LONG_CIRCUIT = 20_000  # gates that take more than 10 ms to schedule
LONG_WORK = 1 << 20  # words that take a millisecond to XOR


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


def blocks_of(program: Program, batch: int, pieces: int = 1) -> list[tuple[int, int]]:
    """(first instance, instances) of each block; all but the last a multiple of 64."""
    words = BLOCK_BYTES // 8 // max(program.n_slots * pieces, 1)
    step = max(64, min(MAX_BLOCK, 64 * words))
    return [(start, min(step, batch - start)) for start in range(0, batch, step)]


def rounds_of(circuit: Circuit, batch: int, pieces: int = 1) -> int:
    """AND rounds: the depth of the circuit, once for each block of instances."""
    return len(strings_of(schedule(circuit, "rounds"), batch, pieces))


def strings_of(program: Program, batch: int, pieces: int = 1) -> list[int]:
    """The bits of all strings that are multiplied, in order: AND gates of a level times instances of a block."""
    widths = [level.width for level in levels_of(program) if level.width]
    return [width * count for _, count in blocks_of(program, batch, pieces) for width in widths]


def string_bytes(n_bits: int) -> int:
    """Bytes of a bit string on the wire."""
    return (n_bits + 7) // 8


def to_wire(string: Words, n_bits: int) -> NDArray[np.uint8]:
    """The bytes of a bit string, uint64 of shape (ceil(n_bits / 64),), as they travel."""
    return string.view(np.uint8)[: string_bytes(n_bits)]


def from_wire(message: memoryview | NDArray[np.uint8]) -> Words:
    """A bit string of its bytes, in whole words."""
    words = np.zeros(-(-len(message) // 8), np.uint64)
    words.view(np.uint8)[: len(message)] = np.frombuffer(message, np.uint8)
    return words


def xor_wire(string: Words, message: memoryview) -> None:
    """XOR what a peer sent into a bit string, in place."""
    mine = string.view(np.uint8)[: len(message)]
    np.bitwise_xor(mine, np.frombuffer(message, np.uint8), out=mine)


def gather_rows(rows: Words, count: int) -> Words:
    """Rows of `count` bits, uint64 of shape (n, n_words(count)), as one bit string."""
    from protocols.kernels.boolean import gather

    string: Words = gather(np.ascontiguousarray(rows)[:, None], _all(len(rows)), count)[0]
    return string


def scatter_rows(string: Words, n: int, count: int) -> Words:
    """The inverse of `gather_rows`, with 0 behind `count`."""
    from protocols.kernels.boolean import scatter

    rows = np.zeros((n, 1, n_words(count)), np.uint64)
    scatter(string[None], _all(n), count, rows)
    if count % 64:
        rows[..., -1] &= np.uint64((1 << count % 64) - 1)
    result: Words = rows[:, 0]
    return result


def _all(n: int) -> NDArray[np.int32]:
    slots = np.arange(n, dtype=np.int32)
    slots.setflags(write=False)  # as a program's are: Numba compiles another version for those that can be written
    return slots


async def program_of(circuit: Circuit) -> Program:
    """The circuit's program, and the kernels loaded that it takes."""
    await run(warm_up, long=not _warm)
    return await run(schedule, circuit, "rounds", long=circuit.n_gates > LONG_CIRCUIT)


def joined_inputs(circuit: Circuit, inputs: Sequence[BitShares], count: int, pieces: int) -> Words:
    """The shares of all input bits, uint64 of shape (n_inputs, pieces, n_words(count)).

    Raises:
        ValueError: a port is missing or superfluous, or its shares have another shape than the circuit's port.
    """
    if type(count) is not int or count < 0:
        raise ValueError(f"count is a number of instances, from 0 on, not {count!r}")
    if len(inputs) != len(circuit.inputs):
        raise ValueError(f"the circuit has {len(circuit.inputs)} input ports, not {len(inputs)}")
    for port, shares in zip(circuit.inputs, inputs, strict=True):
        expected = (port.n_bits, pieces, n_words(count))
        if shares.words.shape != expected or shares.words.dtype != np.uint64 or shares.count != count:
            raise ValueError(
                f"the shares of input port {port.name!r} are uint64 of shape {expected} for {count} instances, "
                f"not {shares.words.dtype} {shares.words.shape} for {shares.count}"
            )
    return np.concatenate([np.empty((0, pieces, n_words(count)), np.uint64), *(shares.words for shares in inputs)])


async def evaluate(
    program: Program,
    inputs: Words,
    one: NDArray[np.uint64],
    count: int,
    multiply: Multiply,
    progress: Progress | None = None,
) -> Words:
    """Run a program.

    Args:
        program: of order "rounds".
        inputs: uint64 of shape (n_inputs, pieces, n_words(count)).
        one: this party's pieces of the constant 1: uint64 of shape (pieces,), each all zeros or all ones.
        count: instances.
        multiply: called once for each level and block, in order, with all other parties.
        progress: called with the AND gates done and all there are, in all instances.
    Returns:
        uint64 of shape (n_outputs, pieces, n_words(count)).
    """
    pieces, total, done = inputs.shape[1], program.and_count * count, 0
    outputs = np.empty((len(program.output_slots), pieces, n_words(count)), np.uint64)
    levels = levels_of(program)
    for first, some in blocks_of(program, count, pieces):
        columns = slice(first // 64, first // 64 + n_words(some))
        size = pieces * n_words(some)
        wires = await run(_load, program, inputs[:, :, columns], one, long=program.n_slots * size > LONG_WORK)
        for level in levels:
            if n_xors := level.xors.stop - level.xors.start:
                await run(_xor, program, wires, level.xors, long=size * n_xors > LONG_WORK)
            if level.width:
                long = size * level.width > LONG_WORK
                x, y = await run(_gather, program, wires, level.ands, some, long=long)
                z = await multiply(x, y, level.width * some)
                await run(_scatter, program, wires, level.ands, some, z, long=long)
                done += level.width * some
                if progress is not None:
                    progress(done, total)
        outputs[:, :, columns] = wires[program.output_slots]
    return outputs


def _load(program: Program, inputs: Words, one: NDArray[np.uint64]) -> Words:
    """The wires of a block, with the inputs and the constants; the others hold anything."""
    wires = np.empty((program.n_slots, *inputs.shape[1:]), np.uint64)
    wires[program.input_slots] = inputs
    wires[ZERO] = 0
    wires[ONE] = one[:, None]
    return wires


def _xor(program: Program, wires: Words, gates: slice) -> None:
    from protocols.kernels.boolean import xor_gates

    xor_gates(wires, program.left[gates], program.right[gates], program.out[gates])


def _gather(program: Program, wires: Words, gates: slice, count: int) -> tuple[Words, Words]:
    from protocols.kernels.boolean import gather

    return gather(wires, program.left[gates], count), gather(wires, program.right[gates], count)


def _scatter(program: Program, wires: Words, gates: slice, count: int, product: Words) -> None:
    from protocols.kernels.boolean import scatter

    scatter(product, program.out[gates], count, wires)


_warm: set[bool] = set()


def warm_up() -> None:
    """Load the kernels; compile them where this machine has not yet: some seconds, once."""
    from protocols.kernels.boolean import add_products, finish_products, gather, scatter, xor_gates

    slots = _all(1)
    wires, index = np.zeros((1, 1, 1), np.uint64), np.zeros(1, np.int64)
    xor_gates(wires, slots, slots, slots)
    strings = gather(wires, slots, 1)
    scatter(strings, slots, 1, wires)
    add_products(strings, strings, (index, index + 1, index, index + 1), strings[0])
    finish_products(strings[0], strings[0], strings[0], strings[0], strings[0], both=False)
    _warm.add(True)
