"""Evaluation in the clear: the reference that every protocol is compared with.

A wire holds one Python integer whose bit i is its value in instance i of the batch. One gate is then one `^` or `&` of
long integers, whatever the batch: the cheapest step Python offers for one instance (about 50 ns), and word-parallel
for many (32,768 instances take some 2 us, 0.06 ns each). Batches are cut so that the wires stay within MEMORY_BYTES.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.batch import decode_outputs, encode_inputs
from circuits.errors import CircuitError
from circuits.ir import Circuit
from circuits.secret import Value

__all__ = ["MEMORY_BYTES", "call", "evaluate_bits"]

MEMORY_BYTES = 1 << 26
"""About what the wires of one slice of a batch may take."""
_MAX_SLICE = 1 << 15


def evaluate_bits(circuit: Circuit, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Evaluate a circuit on a batch of input bits.

    Args:
        bits: uint8 or bool array of shape (batch, n_inputs), values 0 or 1, in the order of the input wires.
    Returns:
        uint8 array of shape (batch, n_outputs).
    Raises:
        TypeError: bits has another dtype.
        ValueError: bits has another shape or other values.
    Cost: n_gates steps for every slice of at most 32,768 instances (fewer for circuits of over 15,000 wires).
    """
    bits = np.asarray(bits)
    if bits.dtype == np.bool_:
        bits = bits.view(np.uint8)
    if bits.dtype != np.uint8:
        raise TypeError(f"{circuit.name}: expected bits as uint8 or bool, got {bits.dtype}")
    if bits.ndim != 2 or bits.shape[1] != circuit.n_inputs:
        raise ValueError(f"{circuit.name}: expected bits of shape (batch, {circuit.n_inputs}), got {bits.shape}")
    if bits.size and bits.max() > 1:
        raise ValueError(f"{circuit.name}: expected bits 0 and 1 only")
    gates = list(zip(circuit.op.tolist(), circuit.left.tolist(), circuit.right.tolist(), strict=True))
    outputs = np.empty((len(bits), circuit.n_outputs), dtype=np.uint8)
    step = min(_MAX_SLICE, max(64, 8 * MEMORY_BYTES // max(1, circuit.n_wires) & -64))
    for start in range(0, len(bits), step):
        part = bits[start : start + step]
        outputs[start : start + step] = _evaluate_slice(circuit, gates, part)
    return outputs


def _evaluate_slice(circuit: Circuit, gates: list[tuple[int, int, int]], bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    batch = len(bits)
    n_bytes = (batch + 7) // 8
    columns = np.packbits(bits, axis=0, bitorder="little").T.copy()
    wires = [0, (1 << batch) - 1]
    wires += [int.from_bytes(column, "little") for column in columns]
    add = wires.append
    for is_and, left, right in gates:
        add(wires[left] & wires[right] if is_and else wires[left] ^ wires[right])
    packed = b"".join(wires[wire].to_bytes(n_bytes, "little") for wire in circuit.output_wires.tolist())
    rows = np.frombuffer(packed, dtype=np.uint8).reshape(circuit.n_outputs, n_bytes)
    return np.unpackbits(rows, axis=1, count=batch, bitorder="little").T


def call(circuit: Circuit, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What `circuit(...)` does: evaluate in the clear, or become part of the circuit being traced.

    Args:
        args, kwargs: the inputs, by position or by the names of the ports; each one value, or a batch of them along
            the first axis. One value beside a batch counts in every instance.
    Returns:
        The value of the one output, or a tuple of several: bool, int or float for one instance (an array for a Vec),
        arrays whose first axis is the batch for a batch. Ports wider than 64 bits give Python integers.
    Raises:
        CircuitError: an input is missing, unknown or given twice; names it.
        WidthError: a value does not fit its port, or two batches differ in length.
    """
    values = _bind(circuit, args, kwargs)
    if any(_is_traced(value) for value in values.values()):
        from circuits.trace import inline

        return inline(circuit, args, kwargs)
    bits, batch = encode_inputs(circuit.inputs, values)
    return decode_outputs(circuit.outputs, evaluate_bits(circuit, bits), batch)


def _bind(circuit: Circuit, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    names = [port.name for port in circuit.inputs]
    listed = ", ".join(names) or "none"
    if len(args) > len(names):
        raise CircuitError(f"{circuit.name} takes {len(names)} inputs ({listed}), but {len(args)} are given")
    values = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names:
            raise CircuitError(f"{circuit.name} has no input {name!r}; its inputs are {listed}")
        if name in values:
            raise CircuitError(f"{circuit.name}: input {name!r} is given twice, by position and by name")
        values[name] = value
    missing = [name for name in names if name not in values]
    if missing:
        raise CircuitError(f"{circuit.name}: no value for input {', '.join(map(repr, missing))}")
    return values


def _is_traced(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_traced, value))
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(map(_is_traced, value.flat))
    return isinstance(value, Value)
