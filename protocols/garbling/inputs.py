"""The input bits of one party, port by port, and who gives each bit.

Roles of a port: "garbler" and "evaluator" give it alone; "shared" means that its bits are XOR of two shares, one at
each of the two, as when a third party owns it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from circuits.ir import Circuit, Port
from protocols.bits import packed_bytes, unpack

__all__ = ["Bits", "InputBits", "InputRole", "Roles"]

InputRole = Literal["garbler", "evaluator", "shared"]
Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class Roles:
    """Which input bits of a circuit come from whom.

    Attributes:
        public: the bits whose active label comes from the public seed: those of "garbler" and of "shared" ports.
        transferred: the bits whose label comes from OT: those of "evaluator" and of "shared" ports. Both are
            positions among all input bits, intp, increasing.
        of_garbler, of_evaluator: the ports that these bits make up.
    """

    public: NDArray[np.intp]
    transferred: NDArray[np.intp]
    of_garbler: tuple[Port, ...]
    of_evaluator: tuple[Port, ...]

    @classmethod
    def of(cls, circuit: Circuit, roles: Mapping[str, InputRole]) -> Roles:
        """Read the roles of a circuit's ports.

        Raises:
            ValueError: a port has no role or an unknown one, or a role is for no port.
        """
        names = [port.name for port in circuit.inputs]
        for name, role in roles.items():
            if name not in names:
                raise ValueError(f"there is no input port {name!r}; there are {', '.join(names) or 'none'}")
            if role not in get_args(InputRole):
                raise ValueError(f"input port {name!r}: no role {role!r}; there are {', '.join(get_args(InputRole))}")
        missing = [name for name in names if name not in roles]
        if missing:
            raise ValueError(f"no role for input port {', '.join(missing)}")
        of_garbler = tuple(port for port in circuit.inputs if roles[port.name] != "evaluator")
        of_evaluator = tuple(port for port in circuit.inputs if roles[port.name] != "garbler")
        return cls(_positions(circuit, of_garbler), _positions(circuit, of_evaluator), of_garbler, of_evaluator)


def _positions(circuit: Circuit, ports: Sequence[Port]) -> NDArray[np.intp]:
    slices = [circuit.input_slice(port.name) for port in ports]
    return np.concatenate([np.arange(s.start, s.stop) for s in slices] or [np.empty(0, np.intp)])


class InputBits:
    """One party's bits of some ports, cut into tiles as they are needed.

    Args:
        ports: the ports, in the order of the circuit.
        values: for each of them and no other, uint8 of shape (batch, n_bits), or (1, n_bits) for the same in every
            instance; or packed along the last axis as `protocols.bits.pack` does.
        batch: instances.
        packed: whether the arrays are packed.
    Raises:
        TypeError, ValueError: a port is missing or superfluous, a shape, dtype or value is wrong; shows no value.
    """

    def __init__(self, ports: Sequence[Port], values: Mapping[str, Any], batch: int, *, packed: bool) -> None:
        names = [port.name for port in ports]
        for name in values:
            if name not in names:
                raise ValueError(f"this side gives {', '.join(names) or 'no input'}, not {name!r}")
        self._ports, self._packed = tuple(ports), packed
        self._rows: list[Bits] = []
        for port in ports:
            if port.name not in values:
                raise ValueError(f"the bits of input port {port.name!r} are missing")
            self._rows.append(_checked(port, values[port.name], batch, packed))

    @property
    def n_bits(self) -> int:
        """Bits of one instance."""
        return sum(port.n_bits for port in self._ports)

    def of_tile(self, first: int, count: int) -> Bits:
        """The bits of some instances: uint8 of shape (n_bits, count)."""
        result = np.empty((self.n_bits, count), np.uint8)
        start = 0
        for port, rows in zip(self._ports, self._rows, strict=True):
            some = rows if len(rows) == 1 else rows[first : first + count]
            bits = unpack(some, port.n_bits) if self._packed else some
            result[start : start + port.n_bits] = bits.T
            start += port.n_bits
        return result


def _checked(port: Port, value: Any, batch: int, packed: bool) -> Bits:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"the bits of input port {port.name!r} are a NumPy array, not {type(value).__name__}")
    width = packed_bytes(port.n_bits) if packed else port.n_bits
    if value.dtype != np.uint8 or value.ndim != 2 or value.shape[1] != width or value.shape[0] not in (1, batch):
        raise ValueError(
            f"the bits of input port {port.name!r} are uint8 of shape ({batch}, {width}) or (1, {width}), "
            f"not {value.dtype} {value.shape}"
        )
    if not packed and value.size and value.max() > 1:
        raise ValueError(f"the bits of input port {port.name!r} must all be 0 or 1")
    return value
