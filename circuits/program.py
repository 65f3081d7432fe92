"""From a circuit to the list of steps that an executor runs: gates in a good order, wires in reused slots.

A circuit names each wire once. An executor that keeps a row of labels or shares for each wire wants few rows: a slot
is taken when a wire is driven and given back when nothing reads it any more, so a tile of instances stays in the
cache however long the circuit is. Gates that no output depends on are left out.

Orders
    memory   few live slots: each gate comes just before the first gate that needs it (depth-first from the outputs,
             in their order), or the circuit's own order where that keeps fewer wires alive
    depth    independent AND gates next to each other, so that one instance can hash several at once: the memory
             order, sorted within windows of WINDOW gates by AND level, XOR gates before AND gates
    rounds   all AND gates of one level in one run, over the whole circuit, for protocols that pay by the round: as
             many AND runs as the circuit is deep

Both parties of a protocol derive the program from the same circuit; the order of its AND gates is the order of the
garbled tables on the wire.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from circuits.ir import AND, FIRST_INPUT, Circuit
from circuits.passes import and_levels

__all__ = ["WINDOW", "Order", "Program", "schedule"]

Order = Literal["memory", "depth", "rounds"]
Ints = NDArray[np.int32]

WINDOW = 1 << 15  # gates sorted together: wide enough for AES-128 at once, small enough to keep the slots few
MAX_REORDERED = 1 << 24  # gates; a longer circuit keeps its own order, whose slots need no second copy of the gates
CACHED_GATES = 1 << 22
"""How many gates the programs kept for the next call may have together."""


@dataclass(frozen=True, eq=False)
class Program:
    """Gates in the order of execution, over slots instead of wires. All arrays are read-only.

    Attributes:
        op: uint8 of shape (n_gates,), XOR or AND.
        left, right, out: int32 of shape (n_gates,), slots. `out` may equal `left` or `right`: read, then write.
        n_slots: how many slots there are; slots 0 and 1 hold the constants and are never written.
        input_slots: int32 of shape (n_inputs,), all different; filled before the first gate.
        output_slots: int32 of shape (n_outputs,); read after the last gate.
        run_ends: int32 of shape (n_runs,), increasing; gates between two ends have the same operation, and AND
            gates of one run do not read each other's outputs.
    """

    op: NDArray[np.uint8]
    left: Ints
    right: Ints
    out: Ints
    n_slots: int
    input_slots: Ints
    output_slots: Ints
    run_ends: Ints

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def n_gates(self) -> int:
        return len(self.op)

    @cached_property
    def and_gates(self) -> NDArray[np.int64]:
        """Where the AND gates stand, int64 of shape (and_count,)."""
        gates = np.flatnonzero(self.op == AND)
        gates.setflags(write=False)
        return gates

    @property
    def and_count(self) -> int:
        """AND gates that are executed: those of the circuit, less the dead ones."""
        return len(self.and_gates)

    def __repr__(self) -> str:
        return f"<Program of {self.n_gates} gates, {self.and_count} AND, in {self.n_slots} slots>"


_cache: OrderedDict[tuple[bytes, Order], Program] = OrderedDict()
_lock = threading.Lock()


def schedule(circuit: Circuit, order: Order = "memory") -> Program:
    """The program of a circuit; kept for the next call with an equal circuit.

    Args:
        circuit: any circuit.
        order: see the top of this module.
    Raises:
        ValueError: there is no such order.
    Cost: about a microsecond for each gate, once.
    """
    if order not in ("memory", "depth", "rounds"):
        raise ValueError(f'the orders are "memory", "depth" and "rounds", not {order!r}')
    key = (circuit.digest, order)
    with _lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    program = _assign_slots(circuit, _order(circuit, order))
    with _lock:
        _cache[key] = program
        while len(_cache) > 1 and sum(kept.n_gates for kept in _cache.values()) > CACHED_GATES:
            _cache.popitem(last=False)
    return program


def _order(circuit: Circuit, order: Order) -> NDArray[np.int64]:
    """The gates to execute, by their number in the circuit."""
    if circuit.n_gates > MAX_REORDERED:
        gates = np.arange(circuit.n_gates)
    else:
        gates = _depth_first(circuit)
        own = np.sort(gates)
        if _most_alive(circuit, own) <= _most_alive(circuit, gates):
            gates = own
    if order == "rounds":
        return _by_round(circuit, gates)
    return gates if order == "memory" else _by_level(circuit, gates)


def _depth_first(circuit: Circuit) -> NDArray[np.int64]:
    """Gates in post-order from the outputs; those that no output depends on are missing."""
    first = circuit.first_gate
    left, right = [0] * first + circuit.left.tolist(), [0] * first + circuit.right.tolist()
    ahead = bytearray(first) + b"\x01" * circuit.n_gates  # still to be placed
    placed: list[int] = []
    place = placed.append
    stack = circuit.output_wires[::-1].tolist()
    pop, push = stack.pop, stack.append
    while stack:
        wire = pop()
        if wire < 0:  # all that it reads is placed
            place(~wire)
        elif ahead[wire]:
            ahead[wire] = 0
            a, b = left[wire], right[wire]
            if ahead[a]:
                push(~wire)
                if ahead[b]:
                    push(b)
                push(a)
            elif ahead[b]:
                push(~wire)
                push(b)
            else:
                place(wire)
    return np.array(placed, dtype=np.int64) - first


def _renumbered(circuit: Circuit, gates: NDArray[np.int64]) -> tuple[Ints, Ints, Ints]:
    """What each gate reads, and the outputs, when gate `gates[i]` drives wire first_gate + i."""
    first = circuit.first_gate
    number = np.zeros(circuit.n_wires, np.int32)
    number[:first] = np.arange(first)
    number[first + gates] = np.arange(first, first + len(gates), dtype=np.int32)
    return number[circuit.left[gates]], number[circuit.right[gates]], number[circuit.output_wires]


def _last_reads(circuit: Circuit, left: Ints, right: Ints, outputs: Ints) -> Ints:
    """For each wire the last gate that reads it; -1 where none does, n_gates where it must stay to the end."""
    n_gates, n_wires = len(left), circuit.first_gate + len(left)
    gates = np.arange(n_gates, dtype=np.int32)
    last, other = np.full(n_wires, -1, np.int32), np.full(n_wires, -1, np.int32)
    last[left], other[right] = gates, gates  # of equal indices the last assignment stands
    np.maximum(last, other, out=last)
    last[outputs] = n_gates
    last[:FIRST_INPUT] = n_gates
    return last


def _most_alive(circuit: Circuit, gates: NDArray[np.int64]) -> int:
    """How many wires are alive at the worst moment of an order."""
    left, right, outputs = _renumbered(circuit, gates)
    last = _last_reads(circuit, left, right, outputs)
    change = np.bincount(last + 1, minlength=len(gates) + 2)  # how many wires are free once a gate has read
    alive = circuit.first_gate + np.arange(len(gates) + 1) - np.cumsum(change)[: len(gates) + 1]
    return int(alive.max())


def _by_level(circuit: Circuit, gates: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same gates, sorted window by window: level of AND depth within the window, XOR before AND, as they stood."""
    left, right, _ = _renumbered(circuit, gates)
    op = circuit.op[gates]
    parts = []
    for start in range(0, len(gates), WINDOW):
        window = slice(start, start + WINDOW)
        base = circuit.first_gate + start
        level: list[int] = []  # AND gates of this window on the longest path to each of its wires
        key: list[int] = []
        for step, a, b in zip(op[window].tolist(), left[window].tolist(), right[window].tolist(), strict=True):
            x = level[a - base] if a >= base else 0
            y = level[b - base] if b >= base else 0
            deeper = x if x > y else y
            level.append(deeper + step)
            key.append(2 * deeper + step)
        parts.append(start + np.argsort(np.array(key, dtype=np.int32), kind="stable"))
    return gates[np.concatenate(parts)] if parts else gates


def _by_round(circuit: Circuit, gates: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same gates by their AND level in the circuit, AND before XOR, as they stood within both."""
    level = and_levels(circuit)[circuit.first_gate + gates]
    return gates[np.argsort(2 * level + (circuit.op[gates] != AND), kind="stable")]


def _assign_slots(circuit: Circuit, chosen: NDArray[np.int64]) -> Program:
    """Linear scan with a stack of free slots: the slot freed last is taken next, while it is still in the cache."""
    first, n_gates = circuit.first_gate, len(chosen)
    op = circuit.op[chosen]
    left, right, outputs = _renumbered(circuit, chosen)
    last = _last_reads(circuit, left, right, outputs)
    gates = np.arange(n_gates, dtype=np.int32)
    drops = last[left] == gates, (last[right] == gates) & (left != right), last[first:] < 0
    free = [wire for wire in range(first - 1, FIRST_INPUT - 1, -1) if last[wire] < 0]  # inputs that nothing reads
    slot = list(range(first)) + [0] * n_gates
    n_slots = first
    columns: list[Ints] = [np.empty(n_gates, np.int32) for _ in range(3)]
    run_ends: list[int] = []
    operation, fence = -1, 0  # of the present run, and the first wire that it drives
    pop, push = free.pop, free.append
    wire = first
    for start in range(0, n_gates, WINDOW):  # so that only the slots are ever one long list
        window = slice(start, start + WINDOW)
        rows: tuple[list[int], ...] = ([], [], [])
        read_left, read_right, write = (row.append for row in rows)
        steps = (column[window].tolist() for column in (op, left, right, *drops))
        for step, a, b, drop_left, drop_right, drop_out in zip(*steps, strict=True):
            if step != operation or (step and (a >= fence or b >= fence)):
                run_ends.append(wire - first)
                operation, fence = step, wire
            x, y = slot[a], slot[b]
            read_left(x)
            read_right(y)
            if drop_left:
                push(x)
            if drop_right:
                push(y)
            if free:
                target = pop()
            else:
                target = n_slots
                n_slots += 1
            slot[wire] = target
            write(target)
            if drop_out:
                push(target)
            wire += 1
        for column, row in zip(columns, rows, strict=True):
            column[window] = row
    return Program(
        op=op,
        left=columns[0],
        right=columns[1],
        out=columns[2],
        n_slots=n_slots,
        input_slots=np.arange(FIRST_INPUT, first, dtype=np.int32),
        output_slots=np.array([slot[w] for w in outputs.tolist()], dtype=np.int32),
        run_ends=np.array([*run_ends[1:], n_gates] if run_ends else [], dtype=np.int32),
    )
