"""What every secret of a trace refuses, and what to write instead.

Python asks an object for its truth, its index or its length in many places; a secret has none of them while the circuit
is made. Each of these raises TraceError with the user's file and line.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from circuits.builder import Builder
from circuits.errors import TraceError
from circuits.source import an, fail, fail_on_truth, location
from circuits.types import PortType

__all__ = ["Value"]


_BY_UFUNC = {  # the operators that NumPy's numbers and arrays take to a ufunc, ours the right operand
    "add": "__radd__",
    "subtract": "__rsub__",
    "multiply": "__rmul__",
    "floor_divide": "__rfloordiv__",
    "remainder": "__rmod__",
    "divmod": "__rdivmod__",
    "divide": "__rtruediv__",
    "power": "__rpow__",
    "matmul": "__rmatmul__",
    "equal": "__eq__",
    "not_equal": "__ne__",
    "less": "__gt__",
    "greater": "__lt__",
    "less_equal": "__ge__",
    "greater_equal": "__le__",
    "bitwise_and": "__rand__",
    "bitwise_or": "__ror__",
    "bitwise_xor": "__rxor__",
    "left_shift": "__rlshift__",
    "right_shift": "__rrshift__",
}
_FUNCTIONS = {  # of NumPy, and methods of its arrays or of lists: what to write
    "sum": "circuits.sum",
    "add": "circuits.sum, or + between numbers",
    "amin": "circuits.minimum(*v)",
    "amax": "circuits.maximum(*v)",
    "min": "circuits.minimum(*v)",
    "max": "circuits.maximum(*v)",
    "minimum": "circuits.minimum",
    "maximum": "circuits.maximum",
    "argmin": "circuits.argmin",
    "argmax": "circuits.argmax",
    "sort": "circuits.sort",
    "where": "circuits.select",
    "take": "circuits.lookup",
    "concatenate": "[*v, *w]",
    "dot": "circuits.sum([a * b for a, b in zip(v, w)])",
    "mean": "circuits.sum(v) // len(v)",
    "absolute": "abs(x)",
}
_UNCHANGED = "a value cannot be changed; build a new list"


class Value:
    """A secret of a trace."""

    __slots__ = ("builder",)
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

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        ours = _BY_UFUNC.get(ufunc.__name__)
        if ours and method == "__call__" and not options and not isinstance(operands[0], Value):
            left = operands[0]
            number = isinstance(left, np.ndarray) and left.ndim == 0  # what comparisons make of NumPy's numbers
            return getattr(self, ours)(left[()] if number else left)
        raise self._no_numpy(ufunc.__name__)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> NoReturn:
        raise self._no_numpy(function.__name__)

    def _no_numpy(self, name: str) -> TraceError:
        instead = f"write {_FUNCTIONS[name]}" if name in _FUNCTIONS else "write it with operators and circuits.*"
        return fail(TraceError, f"NumPy's {name}() works on public numbers, not on {an(self.type)}; {instead}")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise fail(TraceError, _UNCHANGED)

    def __delitem__(self, index: Any) -> NoReturn:
        raise fail(TraceError, _UNCHANGED)

    def __format__(self, spec: str) -> str:
        if spec:
            raise self._no(f"the format {spec!r}", "without a format its type is shown")
        return repr(self)

    if not TYPE_CHECKING:  # a type checker is to know which attributes there are

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(name)
            advice = ""
            if name in _FUNCTIONS:
                advice = f"; write {_FUNCTIONS[name]}"
            elif name in ("append", "extend", "insert", "pop", "remove", "reverse", "clear"):
                advice = f"; {_UNCHANGED}"
            elif close := difflib.get_close_matches(name, [known for known in dir(self) if known[0] != "_"], 1):
                advice = f"; did you mean .{close[0]}?"
            raise AttributeError(f"{location()}: {an(self.type)} has no .{name}{advice}")

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
