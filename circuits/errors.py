"""What can go wrong with a circuit.

CircuitError (ValueError)
  TraceError       a Python function cannot become a circuit; names the user's file and line
  WidthError       a value does not fit its port, or widths cannot be combined
  BristolError     a circuit file is malformed; names the line
  InvalidCircuit   gates, ports or wires contradict each other
"""

from __future__ import annotations

__all__ = ["BristolError", "CircuitError", "InvalidCircuit", "TraceError", "WidthError"]


class CircuitError(ValueError):
    """Root of all errors of this package."""


class TraceError(CircuitError):
    """A Python function cannot become a circuit."""


class WidthError(CircuitError):
    """A value does not fit its port, or two widths cannot be combined."""


class InvalidCircuit(CircuitError):
    """Gates, ports or wires contradict each other."""


class BristolError(CircuitError):
    """A circuit file is malformed.

    Args:
        message: what is wrong and what was expected.
        line: number of the line in the file, from 1; 0 when the file as a whole is meant.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line
