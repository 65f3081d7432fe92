"""Values of a circuit's ports, to bits and back.

One value and a batch may be mixed freely: a port given one value has that value in every instance of the batch. Which
of the two was meant is read from the number of axes, never guessed from a length: `UInt[8]` takes a number or an array
of shape (batch,), `Vec[UInt[8], 4]` an array of shape (4,) or (batch, 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitError, WidthError

if TYPE_CHECKING:
    from circuits.ir import Port

__all__ = ["batch_size", "decode_outputs", "encode_batch", "encode_inputs"]


def encode_batch(ports: Sequence[Port], values: Mapping[str, Any]) -> dict[str, tuple[NDArray[np.uint8], int | None]]:
    """The bits of each port's value, not yet broadcast: for a party that holds some of a circuit's inputs.

    Args:
        ports: the ports that `values` must cover, no more and no fewer.
        values: for each port's name one value, or a batch of them along the first axis.
    Returns:
        for each name, in the order of `ports`, the bits, uint8 of shape (batch, n_bits), and the batch; for one value
        the bits have shape (1, n_bits) and the batch is None.
    Raises:
        WidthError: a value does not fit its port, or two batches differ in length.
        CircuitError: a value is missing, or no port has that name.
    """
    names = [port.name for port in ports]
    unknown = [name for name in values if name not in names]
    if unknown:
        raise CircuitError(f"no input is called {unknown[0]!r}; there are {', '.join(names) or 'none'}")
    missing = [name for name in names if name not in values]
    if missing:
        raise CircuitError(f"no value for {', '.join(missing)}")
    encoded = {}
    for port in ports:
        try:
            encoded[port.name] = port.type.encode_as(values[port.name])
        except WidthError as error:
            named = WidthError(f"input {port.name!r}: {error}")
            for note in getattr(error, "__notes__", ()):
                named.add_note(note)
            raise named from None
    batch_size(encoded)
    return encoded


def batch_size(encoded: Mapping[str, tuple[Any, int | None]]) -> int | None:
    """The batch all ports share; None if each has one value.

    Raises:
        WidthError: two ports have batches of different lengths.
    """
    found: tuple[str, int] | None = None
    for name, (_, batch) in encoded.items():
        if batch is None:
            continue
        if found is not None and batch != found[1]:
            raise WidthError(f"input {found[0]!r} is a batch of {found[1]}, input {name!r} one of {batch}")
        found = (name, batch)
    return None if found is None else found[1]


def encode_inputs(ports: Sequence[Port], values: Mapping[str, Any]) -> tuple[NDArray[np.uint8], int | None]:
    """All input bits of a circuit, one row for each instance; single values repeated over the batch.

    Returns:
        uint8 array of shape (batch, bits of all ports), and the batch; (1, ...) and None if there is none.
    Raises:
        As `encode_batch`.
    """
    encoded = encode_batch(ports, values)
    batch = batch_size(encoded)
    bits = np.empty((1 if batch is None else batch, sum(port.n_bits for port in ports)), np.uint8)
    start = 0
    for port in ports:
        bits[:, start : start + port.n_bits] = encoded[port.name][0]
        start += port.n_bits
    return bits, batch


def decode_outputs(ports: Sequence[Port], bits: NDArray[np.uint8], batch: int | None) -> Any:
    """What a circuit returns: the value of its one output, or a tuple of several.

    Args:
        bits: uint8 array of shape (batch, bits of all ports); (1, ...) if `batch` is None.
        batch: None for one instance, whose values come back as bool, int or float (arrays for a Vec); else each output
            is an array whose first axis is the batch.
    """
    values = []
    start = 0
    for port in ports:
        part = bits[:, start : start + port.n_bits]
        values.append(port.type.decode_one(part[0]) if batch is None else port.type.decode(part))
        start += port.n_bits
    return values[0] if len(values) == 1 else tuple(values)
