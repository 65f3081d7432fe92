"""Garble and evaluate a stretch of a program with three halves: the door to their kernels.

As `protocols.kernels.garble`, with tables of 25 bytes and one more secret: an AES key, from which the garbler draws two
random bits for each gate of each instance.
"""

from __future__ import annotations

import numpy as np

from protocols.kernels import aes, cpu
from protocols.kernels.garble import TILE, Bytes, Steps, Words, new_wires, smallest_program, tables_of, to_words
from protocols.kernels.garble_three_halves_portable import evaluate_portable, garble_portable
from protocols.kernels.garble_three_halves_single import evaluate_single, garble_single
from protocols.kernels.garble_three_halves_tile import TABLE_BYTES, evaluate_tile, garble_tile
from protocols.kernels.garble_tile import PAD

__all__ = [
    "KEYS_PER_AND",
    "SECRET_BYTES",
    "SLACK",
    "TABLE_BYTES",
    "TILE",
    "evaluate_gates",
    "garble_gates",
    "new_wires",
    "prepare",
]

KEYS_PER_AND = 3

SECRET_BYTES = 16
"""Bytes of the key for random bits."""

SLACK = TABLE_BYTES * PAD
"""Bytes behind the tables that `garble_gates` may write as it likes."""


def garble_gates(
    program: Steps,
    first: int,
    last: int,
    wires: Words,
    n_instances: int,
    secrets: tuple[int, int, int, int],
    start: tuple[int, int],
    counter: int,
    tables: Bytes,
) -> None:
    """Garble gates first, ..., last - 1 of a program.

    Args:
        program: gates over slots.
        wires: from `new_wires`, zero labels; those of the gates are written.
        n_instances: 1 to TILE.
        secrets: low and high 64 bits of delta and of the key for random bits, for this garbling alone.
        start: low and high 64 bits of the key's start.
        counter: number of the first key; the next call goes on at counter + KEYS_PER_AND * AND gates.
        tables: uint8, written from the front: for each AND gate G_0 and G_1 for each instance, then G_2 for each,
            then a byte of control bits for each. It has at least SLACK bytes more than that, of which nothing may
            be read.
    Raises:
        ValueError: an array is too short.
        RuntimeError: the AES in use does not reproduce FIPS-197.
    """
    n_bytes = tables_of(program, first, last, wires, n_instances, TABLE_BYTES)
    if len(tables) < n_bytes + SLACK:
        raise ValueError(f"these tables take {n_bytes} bytes and {SLACK} of slack, and there are {len(tables)}")
    run = int(np.searchsorted(program.run_ends, first, side="right"))
    if cpu.path() == "portable":
        room = tables[:n_bytes].reshape(-1, TABLE_BYTES * n_instances)
        delta, secret = secrets[:2], secrets[2:]
        garble_portable(program, run, first, last, wires, n_instances, delta, secret, start, counter, room)
        return
    numbers = to_words(*secrets, *start, counter)
    gates = (program.op, program.left, program.right, program.out)
    if wires.shape[1] == 1:
        garble_single(cpu.lanes(), *gates, program.run_ends, run, first, last, wires, *numbers, tables.ctypes.data)
    else:
        garble_tile(cpu.lanes(), *gates, first, last, wires, n_instances, *numbers, tables.ctypes.data)


def evaluate_gates(
    program: Steps,
    first: int,
    last: int,
    wires: Words,
    n_instances: int,
    start: tuple[int, int],
    counter: int,
    tables: Bytes,
) -> None:
    """Evaluate gates first, ..., last - 1 of a program; as `garble_gates`, over active labels.

    Args:
        tables: uint8, what `garble_gates` wrote; no slack is needed.
    Raises:
        ValueError: an array is too short.
        RuntimeError: the AES in use does not reproduce FIPS-197.
    """
    n_bytes = tables_of(program, first, last, wires, n_instances, TABLE_BYTES)
    if len(tables) < n_bytes:
        raise ValueError(f"these tables take {n_bytes} bytes, and there are {len(tables)}")
    run = int(np.searchsorted(program.run_ends, first, side="right"))
    if cpu.path() == "portable":
        room = tables[:n_bytes].reshape(-1, TABLE_BYTES * n_instances)
        evaluate_portable(program, run, first, last, wires, n_instances, start, counter, room)
        return
    numbers = to_words(*start, counter)
    gates = (program.op, program.left, program.right, program.out)
    if wires.shape[1] == 1:
        evaluate_single(cpu.lanes(), *gates, program.run_ends, run, first, last, wires, *numbers, tables.ctypes.data)
        return
    if n_instances % PAD and len(tables) < n_bytes + SLACK:  # the last group of a gate reads past its table
        tables = np.concatenate([tables[:n_bytes], np.zeros(SLACK, np.uint8)])
    evaluate_tile(cpu.lanes(), *gates, first, last, wires, n_instances, *numbers, tables.ctypes.data)


def prepare() -> None:
    """Compile the kernels of the path in use, or load them from the cache.

    Raises:
        RuntimeError: the AES in use does not reproduce FIPS-197.
    """
    program = smallest_program()
    for n_instances in (1, 2):
        tables = np.empty(TABLE_BYTES * n_instances + SLACK, np.uint8)
        wires = new_wires(3, n_instances)
        garble_gates(program, 0, 2, wires, n_instances, (1, 0, 0, 0), (0, 0), 0, tables)
        evaluate_gates(program, 0, 2, wires, n_instances, (0, 0), 0, tables)
    aes.keystream(np.zeros((1, 16), np.uint8), 0, 1)
