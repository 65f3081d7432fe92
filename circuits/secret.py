"""What every secret of a trace refuses, and what to write instead.

Python asks an object for its truth, its index or its length in many places; a secret has none of them while the circuit
is made. Each of these raises TraceError with the user's file and line.
"""

from __future__ import annotations

from typing import Any, NoReturn

from circuits.builder import Builder
from circuits.errors import TraceError
from circuits.source import an, fail, fail_on_truth
from circuits.types import PortType

__all__ = ["Value"]


class Value:
    """A secret of a trace."""

    __slots__ = ("builder",)
    __array_ufunc__ = None  # NumPy's numbers leave operators to us
    builder: Builder

    @property
    def type(self) -> PortType:
        """What the wires mean."""
        raise NotImplementedError

    @property
    def wires(self) -> list[int]:
        """The wires in the builder, least significant bit first."""
        raise NotImplementedError

    @property
    def n_bits(self) -> int:
        return self.type.n_bits

    def check_trace(self, builder: Builder) -> None:
        """Raise TraceError unless this value belongs to `builder`, and that is still at work."""
        if builder is not self.builder:
            raise fail(
                TraceError,
                f"a value of {self.builder.name} is used in {builder.name}; a circuit knows only its own inputs: "
                "pass the value as one",
            )
        if builder.finished:
            raise fail(TraceError, f"a value of {builder.name} is used after that circuit was built")

    def _no(self, what: str, advice: str) -> TraceError:
        return fail(TraceError, f"{what} needs to know {an(self.type)}, which is secret; {advice}")

    def __bool__(self) -> bool:
        raise fail_on_truth(self.type)

    def __index__(self) -> int:
        raise self._no(
            "this place takes a public integer (range(), a list's index, a repetition) and",
            "loop over a public range with select() inside, or pick with lookup(table, index)",
        )

    def __int__(self) -> int:
        raise self._no("int()", "numbers of a circuit keep their type: .floor() of a Fixed is an Int, .wrap(n) narrows")

    def __float__(self) -> float:
        raise self._no("float()", "compute with Fixed: take a Fixed[n, f] port, or .to(Fixed[n, f])")

    def __complex__(self) -> complex:
        raise self._no("complex()", "circuits have no complex numbers")

    def __round__(self, digits: Any = None) -> NoReturn:
        raise self._no("round()", "write .nearest() on a Fixed, or .rescale(f, nearest=True)")

    def __trunc__(self) -> NoReturn:
        raise self._no("rounding", "write .floor() on a Fixed")

    __floor__ = __ceil__ = __trunc__

    def __hash__(self) -> int:
        raise self._no("a set, a dict or a cache", "use a list, or lookup(table, index)")

    def __contains__(self, item: Any) -> bool:
        raise self._no("`in`", "compare with each element and join the Bits with |")

    def __repr__(self) -> str:
        return f"<{self.type!r} in {self.builder.name}>"
