"""What cannot be done in secret, and what to write instead.

Python asks an object for its truth, its value or its hash in many places. A secret has none of them here: each raises
TypeError with advice that fits the construct on the user's line.
"""

from __future__ import annotations

from typing import Any, NoReturn

from circuits.source import construct
from mpcnet.array.base import Base, is_secret
from mpcnet.array.position import user_frame

__all__ = ["Refusals"]

_WHERE = "compute both sides and keep one with xp.where(condition, x, y), or reveal the condition first"
_ADVICE = {
    "": ("this", "a secret has no truth in Python: use xp.where, and & | ~ between conditions"),
    "if": ("`if`", _WHERE),
    "ifexp": ("`... if ... else ...`", _WHERE),
    "while": ("`while`", "loop a public number of times with xp.where inside, or reveal the condition"),
    "assert": ("`assert`", "reveal the condition, and assert what is revealed"),
    "and": ("`and`", "write x & y, with comparisons in parentheses"),
    "or": ("`or`", "write x | y, with comparisons in parentheses"),
    "not": ("`not`", "write ~x for bits, x == 0 for numbers"),
    "chain": ("a chain of comparisons", "write (a < b) & (b < c)"),
    "in": ("`in`", "write xp.any(x == item)"),
    "filter": ("`if` in a comprehension", "keep every element, and put something neutral with xp.where"),
    "match": ("`match`", _WHERE),
    "min": ("min()", "use xp.min, or xp.minimum of two arrays"),
    "max": ("max()", "use xp.max, or xp.maximum of two arrays"),
    "sorted": ("sorted()", "use xp.sort"),
    "sort": (".sort()", "use xp.sort"),
    "any": ("any()", "use xp.any"),
    "all": ("all()", "use xp.all"),
    "bool": ("bool()", "compare with 0: x != 0 is an array of bits; reveal it to know it"),
}
_REVEAL = "numbers stay secret until they are revealed: await x.reveal(to=...)"
_UFUNCS = {  # the operators that NumPy's arrays and numbers take to a ufunc, ours the right operand
    "add": "__radd__",
    "subtract": "__rsub__",
    "multiply": "__rmul__",
    "matmul": "__rmatmul__",
    "floor_divide": "__rfloordiv__",
    "remainder": "__rmod__",
    "divide": "__rtruediv__",
    "power": "__rpow__",
    "equal": "__eq__",
    "not_equal": "__ne__",
    "less": "__gt__",
    "greater": "__lt__",
    "less_equal": "__ge__",
    "greater_equal": "__le__",
    "bitwise_and": "__rand__",
    "bitwise_or": "__ror__",
    "bitwise_xor": "__rxor__",
}


class Refusals(Base):
    """The part of a secret array that says no."""

    __slots__ = ()

    def _no(self, what: str, advice: str) -> TypeError:
        return TypeError(f"{what} needs to know a secret array; {advice}")

    def __bool__(self) -> bool:
        frame = user_frame()
        asked, advice = _ADVICE.get(construct(frame) if frame else "", _ADVICE[""])
        raise self._no(asked, advice)

    def __index__(self) -> int:
        raise self._no(
            "this place takes a public integer (an index, range(), a repetition) and",
            "to read a public list at a secret place write xp.sum(xp.where(x == np.arange(len(table)), table, 0))",
        )

    def __int__(self) -> int:
        raise self._no("int()", f"x.astype(sh.int()) keeps it secret; {_REVEAL}")

    def __float__(self) -> float:
        raise self._no("float()", f"x.astype(sh.fixed(16)) keeps it secret; {_REVEAL}")

    def __complex__(self) -> complex:
        raise self._no("complex()", _REVEAL)

    def __round__(self, digits: Any = None) -> NoReturn:
        raise self._no("round()", "write (x + 0.5).astype(sh.int()) for numbers from 0 on, which stays secret")

    def __trunc__(self) -> NoReturn:
        raise self._no("rounding", "x.astype(sh.int()) cuts towards 0, and stays secret")

    __floor__ = __ceil__ = __trunc__

    def __hash__(self) -> int:
        raise self._no("a set, a dict or a cache", "arrays are kept in lists, or in a dict by a name of yours")

    def __contains__(self, item: Any) -> bool:
        raise self._no(*_ADVICE["in"])

    def __array__(self, *args: Any, **options: Any) -> NoReturn:
        raise self._no("a NumPy array", f"mpcnet.array has functions of the same names; {_REVEAL}")

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise TypeError("a secret array cannot be changed; write xp.where(mask, value, x), or xp.concat the parts")

    def __delitem__(self, key: Any) -> NoReturn:
        raise TypeError("a secret array cannot be changed; take the elements that stay: xp.take, or x[...]")

    def __format__(self, spec: str) -> str:
        if spec:
            raise self._no(f"the format {spec!r}", _REVEAL)
        return repr(self)

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        ours = _UFUNCS.get(ufunc.__name__)
        if ours and method == "__call__" and not options and not is_secret(operands[0]):
            return getattr(self, ours)(operands[0])
        raise self._not_numpy(ufunc.__name__)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> NoReturn:
        raise self._not_numpy(function.__name__)

    def _not_numpy(self, name: str) -> TypeError:
        import mpcnet.array

        ours = {"concatenate": "concat", "transpose": "permute_dims", "amin": "min", "amax": "max"}.get(name, name)
        known = f"write xp.{ours}" if hasattr(mpcnet.array, ours) else "there is no such function for secret arrays"
        return TypeError(f"NumPy's {name}() works on public numbers; {known}, with `from mpcnet import array as xp`")
