"""The circuits that two parties evaluate, who gives which port, and how many instances make a repetition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.garbling import InputRole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from circuits import Circuit

__all__ = ["FIPS_BLOCK", "FIPS_KEY", "FIPS_RESULT", "GROWING", "Workload", "check", "find_workload"]

FIPS_KEY, FIPS_BLOCK = 0x000102030405060708090A0B0C0D0E0F, 0x00112233445566778899AABBCCDDEEFF
FIPS_RESULT = 0x69C4E0D86A7B0430D8CDB78070B4C55A
"""AES-128 of that block under that key: FIPS-197, appendix C.1."""

GROWING = "yao-sha256-blocks-"
"""Names workloads of SHA-256 over so many blocks; the number follows."""

PAIRS = 16  # numbers a side; every one of one side is compared with every one of the other


@dataclass(frozen=True)
class Workload:
    """A circuit and who gives its ports.

    The inputs are fixed, so that each party can check the outputs in the clear.
    """

    circuit: Circuit
    roles: Mapping[str, InputRole]

    def batch(self, and_gates: int) -> int:
        """Instances that have about so many AND gates together, at least two: one alone is another case."""
        return max(2, round(and_gates / self.circuit.and_count))

    def all_bits(self, batch: int) -> dict[str, NDArray[np.uint8]]:
        """Bits of every port, (batch, n_bits); the same at both parties."""
        import numpy as np

        random = np.random.default_rng(20260101)
        return {port.name: random.integers(0, 2, (batch, port.n_bits), dtype=np.uint8) for port in self.circuit.inputs}

    def bits_of(self, role: str, batch: int) -> dict[str, NDArray[np.uint8]]:
        """Bits of one party's ports."""
        return {name: bits for name, bits in self.all_bits(batch).items() if self.roles[name] == role}

    def expected(self, batch: int) -> NDArray[np.uint8]:
        """The outputs in the clear, (batch, n_outputs)."""
        import numpy as np

        from circuits.plain import evaluate_bits

        return evaluate_bits(self.circuit, np.concatenate(list(self.all_bits(batch).values()), axis=1))


def find_workload(name: str) -> Workload:
    """The workload of a row."""
    from circuits import Bit, UInt, Vec, circuit
    from circuits.lib.aes import aes_128
    from circuits.lib.sha256 import compress, sha256

    if name in ("yao-aes", "yao-aes-once"):
        return Workload(aes_128, {"key": "garbler", "block": "evaluator"})
    if name == "yao-sha256":
        return Workload(compress, {"state": "garbler", "block": "evaluator"})
    roles: dict[str, InputRole] = {"a": "garbler", "b": "evaluator"}
    if name == "yao-mul32":

        @circuit
        def multiply(a: UInt[32], b: UInt[32]) -> UInt[32]:
            return (a * b).wrap(32)

        return Workload(multiply, roles)
    if name == "yao-cmp32":

        @circuit
        def compare(a: Vec[UInt[32], PAIRS], b: Vec[UInt[32], PAIRS]) -> Vec[Bit, PAIRS * PAIRS]:
            return [x >= y for x in a for y in b]

        return Workload(compare, roles)
    if name == "yao-compare":  # with inputs of its own for each comparison: as many OTs as AND gates

        @circuit
        def compare_two(a: UInt[32], b: UInt[32]) -> Bit:
            return a >= b

        return Workload(compare_two, roles)
    if name.startswith(GROWING):
        return Workload(sha256(64 * int(name.removeprefix(GROWING)) - 9), {"message": "garbler"})
    raise ValueError(f"no workload {name!r}")


def check(right: bool) -> None:
    """Raise RuntimeError unless an evaluation came out right."""
    if not right:
        raise RuntimeError("an evaluation gave a wrong result; nothing measured here means anything")
