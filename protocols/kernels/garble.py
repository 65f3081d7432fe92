"""Garble and evaluate a stretch of a program, for a tile of instances: the door to the kernels.

The path is chosen by `protocols.kernels.cpu`; every path, and the kernels for one instance and for many, give the
same tables and labels bit for bit. Work can stop after any gate and go on in another call: the state is the array of
wires and the number of the next key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.kernels import aes, cpu
from protocols.kernels.garble_portable import evaluate_portable, garble_portable
from protocols.kernels.garble_single import evaluate_single, garble_single
from protocols.kernels.garble_tile import PAD, evaluate_tile, garble_tile

__all__ = [
    "KEYS_PER_AND",
    "SLACK",
    "TABLE_BYTES",
    "TILE",
    "Bytes",
    "Steps",
    "Words",
    "evaluate_gates",
    "garble_gates",
    "new_wires",
    "prepare",
    "smallest_program",
    "tables_of",
    "to_words",
]

TILE = 64
"""Instances that share the keys of a gate, at most: mu in the bound of `protocols.kernels.mitccrh`."""

TABLE_BYTES = 32
"""Bytes of an AND gate of one instance."""

KEYS_PER_AND = 2

SLACK = TABLE_BYTES * PAD
"""Bytes behind the tables that `garble_gates` may write as it likes."""

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]


class Steps(Protocol):
    """What a program is here; `circuits.program.Program` has it."""

    @property
    def op(self) -> NDArray[np.uint8]: ...
    @property
    def left(self) -> NDArray[np.int32]: ...
    @property
    def right(self) -> NDArray[np.int32]: ...
    @property
    def out(self) -> NDArray[np.int32]: ...
    @property
    def run_ends(self) -> NDArray[np.int32]: ...


def new_wires(n_slots: int, n_instances: int) -> Words:
    """Labels of a tile, all zero.

    Returns:
        uint64 of shape (n_slots, n_instances or a few more, 2), low half of a label first, on a cache line.
    """
    row = 1 if n_instances == 1 else -(-n_instances // PAD) * PAD
    words = np.zeros(n_slots * row * 2 + 8, np.uint64)
    skip = -words.ctypes.data % 64 // 8
    return words[skip : skip + n_slots * row * 2].reshape(n_slots, row, 2)


def garble_gates(
    program: Steps,
    first: int,
    last: int,
    wires: Words,
    n_instances: int,
    delta: tuple[int, int],
    start: tuple[int, int],
    counter: int,
    tables: Bytes,
) -> None:
    """Garble gates first, ..., last - 1 of a program.

    Args:
        program: gates over slots.
        wires: from `new_wires`, zero labels; those of the gates are written.
        n_instances: 1 to TILE.
        delta, start: low and high 64 bits of the offset and of the key's start.
        counter: number of the first key; the next call goes on at counter + KEYS_PER_AND * AND gates.
        tables: uint8, written from the front: for each AND gate, for each instance, T_G and T_E. It has at least
            SLACK bytes more than that, of which nothing may be read.
    Raises:
        ValueError: an array is too short.
        RuntimeError: the AES in use does not reproduce FIPS-197.
    """
    n_bytes = tables_of(program, first, last, wires, n_instances, TABLE_BYTES)
    if len(tables) < n_bytes + SLACK:
        raise ValueError(f"these tables take {n_bytes} bytes and {SLACK} of slack, and there are {len(tables)}")
    run = int(np.searchsorted(program.run_ends, first, side="right"))
    if cpu.path() == "portable":
        room = _shaped(tables[:n_bytes], n_instances)
        garble_portable(program, run, first, last, wires, n_instances, delta, start, counter, room)
        return
    numbers = to_words(*delta, *start, counter)
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
        room = _shaped(tables[:n_bytes], n_instances)
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


def tables_of(program: Steps, first: int, last: int, wires: Words, n_instances: int, table_bytes: int) -> int:
    """Bytes of the tables of a stretch of gates, after a check of everything that a kernel takes for granted.

    Raises:
        ValueError: the gates, the instances or the wires are not what a kernel can work on.
        RuntimeError: the AES in use does not reproduce FIPS-197.
    """
    aes.self_check()
    if not 0 <= first <= last <= len(program.op):
        raise ValueError(f"no gates {first} to {last} in a program of {len(program.op)}")
    if not 1 <= n_instances <= min(TILE, wires.shape[1]):
        raise ValueError(f"{n_instances} instances in rows of {wires.shape[1]}, of which at most {TILE} are used")
    slots = (program.left[first:last], program.right[first:last], program.out[first:last])
    if first < last and max(int(row.max()) for row in slots) >= len(wires):
        raise ValueError(f"these gates use more slots than the {len(wires)} there are")
    return int(np.count_nonzero(program.op[first:last])) * table_bytes * n_instances


def _shaped(tables: Bytes, n_instances: int) -> Words:
    return tables.view(np.uint64).reshape(-1, n_instances, 2, 2)


def to_words(*numbers: int) -> tuple[Any, ...]:
    """Numbers as the kernels take them."""
    return tuple(np.uint64(number) for number in numbers)


@dataclass(frozen=True)
class _Smallest:
    """One XOR and one AND gate."""

    op: NDArray[np.uint8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    out: NDArray[np.int32]
    run_ends: NDArray[np.int32]


def smallest_program() -> Steps:
    """A program that makes every kernel compile, or load from the cache: one XOR and one AND gate, on 3 slots."""
    op, slots = np.array([0, 1], np.uint8), np.array([[0, 0], [1, 2], [2, 2], [1, 2]], np.int32)
    for array in (op, slots):
        array.setflags(write=False)  # as the arrays of a program: Numba compiles for one kind
    return _Smallest(op, *slots)


def prepare() -> None:
    """Compile the kernels of the path in use, also that of the labels' stream, or load them from the cache.

    Raises:
        RuntimeError: the AES in use does not reproduce FIPS-197.
    """
    program = smallest_program()
    for n_instances in (1, 2):
        tables = np.empty(TABLE_BYTES * n_instances + SLACK, np.uint8)
        wires = new_wires(3, n_instances)
        garble_gates(program, 0, 2, wires, n_instances, (1, 0), (0, 0), 0, tables)
        evaluate_gates(program, 0, 2, wires, n_instances, (0, 0), 0, tables)
    aes.keystream(np.zeros((1, 16), np.uint8), 0, 1)
