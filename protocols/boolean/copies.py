"""Several copies of a small circuit as one: a stretch of instances for each copy, so that a tile has enough to do.

A tile of garbling costs some 0.2 ms of Python whatever the circuit, the time of some ten thousand AND gates; those of a
comparison of two numbers are 32, in 64 instances 2,048. So a batch of n_words words of 64 instances becomes `copies`
batches of as many words fewer, side by side in one circuit: copy r takes the r-th stretch of the words of each bit, and
no bit moves within its word.

Sizes follow from the circuit and the batch, so both parties cut alike.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from circuits.ir import FIRST_INPUT, Circuit, Port
from circuits.types import UInt
from protocols.boolean.contract import Words

__all__ = ["copies_of", "joined", "repeat", "stretches"]

INPUT_BITS = 512
"""Inputs that all copies have together, at most: a tile of so many labels stays within half a megabyte."""
GATES = 8192
"""Gates that all copies have together, at most: with so many a tile's own cost is small."""


def copies_of(circuit: Circuit, n_words: int) -> int:
    """How many copies suit a batch of so many words; 1 where the circuit is wide enough, or the batch small."""
    most = max(1, min(n_words, INPUT_BITS // max(1, circuit.n_inputs), GATES // max(1, circuit.n_gates)))
    length = -(-n_words // most) if n_words else 1
    return max(1, -(-n_words // length))


@lru_cache(maxsize=64)
def repeat(circuit: Circuit, copies: int) -> Circuit:
    """The copies in one circuit: ports of the same names, copy after copy in each; one output port, copy after copy."""
    n, first = circuit.n_inputs, FIRST_INPUT + copies * circuit.n_inputs
    number = np.arange(copies, dtype=np.int64)[:, None]
    wires = np.empty((copies, circuit.n_wires), np.int64)
    wires[:, :FIRST_INPUT] = np.arange(FIRST_INPUT)
    for port in circuit.inputs:
        own = circuit.input_slice(port.name)
        place = copies * own.start + number * port.n_bits + np.arange(port.n_bits)
        wires[:, FIRST_INPUT + own.start : FIRST_INPUT + own.stop] = FIRST_INPUT + place
    wires[:, FIRST_INPUT + n :] = first + number * circuit.n_gates + np.arange(circuit.n_gates)
    return Circuit(
        f"{circuit.name} x {copies}",
        tuple(Port(port.name, UInt[copies * port.n_bits]) for port in circuit.inputs),
        (Port("out", UInt[copies * circuit.n_outputs]),) if circuit.n_outputs else (),
        np.tile(circuit.op, copies),
        _all(wires, circuit.left),
        _all(wires, circuit.right),
        _all(wires, circuit.output_wires),
    )


def _all(wires: NDArray[np.int64], chosen: NDArray[np.int32]) -> NDArray[np.int32]:
    return wires[:, chosen].astype(np.int32).reshape(-1)


def stretches(rows: Words, copies: int) -> Words:
    """Rows of words, (n_bits, n_words), as those of the copies' port: (copies * n_bits, ceil(n_words / copies))."""
    n_bits, n_words = rows.shape
    length = -(-n_words // copies)
    if copies == 1:
        return rows
    padded = np.zeros((n_bits, copies * length), np.uint64)
    padded[:, :n_words] = rows
    return padded.reshape(n_bits, copies, length).swapaxes(0, 1).reshape(copies * n_bits, length)


def joined(rows: Words, copies: int, n_words: int) -> Words:
    """The inverse of `stretches`."""
    if copies == 1:
        return rows
    n_bits = len(rows) // copies
    whole = rows.reshape(copies, n_bits, rows.shape[1]).swapaxes(0, 1).reshape(n_bits, copies * rows.shape[1])
    return np.ascontiguousarray(whole[:, :n_words])
