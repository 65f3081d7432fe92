"""The circuit language: write a function over secrets in Python, get a Boolean circuit.

from circuits import Bit, UInt, circuit, select

@circuit
def approve(income: UInt[32], debt: UInt[32], late: UInt[8], cutoff: UInt[16]) -> Bit:
    ratio = debt * 100 // income
    points = select(ratio < 40, 55, 20) + select(late == 0, 60, 10)
    return points >= cutoff

approve.and_count
approve(income=4000, debt=900, late=0, cutoff=100)
"""

from __future__ import annotations

from circuits import bristol
from circuits.builder import Builder
from circuits.errors import BristolError, CircuitError, InvalidCircuit, TraceError, WidthError
from circuits.functions import argmax, argmin, concat, lookup, maximum, minimum, select, sort, sum
from circuits.ir import Circuit, Port
from circuits.trace import circuit, with_style
from circuits.types import Bit, Fixed, Int, PortType, UInt, Vec
from circuits.values import Scalar, Value, VecValue

__all__ = [
    "Bit",
    "BristolError",
    "Builder",
    "Circuit",
    "CircuitError",
    "Fixed",
    "Int",
    "InvalidCircuit",
    "Port",
    "PortType",
    "Scalar",
    "TraceError",
    "UInt",
    "Value",
    "Vec",
    "VecValue",
    "WidthError",
    "argmax",
    "argmin",
    "bristol",
    "circuit",
    "concat",
    "lookup",
    "maximum",
    "minimum",
    "select",
    "sort",
    "sum",
    "with_style",
]
