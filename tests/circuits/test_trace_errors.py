"""Whatever would have to look into a secret fails at trace time, names the user's line and says what to write."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import pytest

from circuits import Bit, Fixed, TraceError, UInt, Vec, WidthError, circuit
from tests.kit.trace_errors import Cases, check

CASES = Cases()
says = CASES.says


@says("`if` needs to know a Bit, which is secret; compute both sides and write select(condition, then, otherwise)")
def if_statement(a: UInt[8]):
    if a > 3:  # HERE
        return 1
    return 0


@says("`if` needs to know a UInt[8]")
def if_not(a: UInt[8]):
    if not a:  # HERE
        return 1
    return 0


@says("`if` needs to know a Bit")
def elif_statement(a: UInt[8]):
    if 2 > 3:
        return 1
    elif a > 3:  # HERE # noqa: RET505
        return 2
    return 0


@says("`... if ... else ...` needs to know a Bit")
def if_expression(a: UInt[8]):
    return 1 if a > 3 else 0  # HERE


@says("`while` needs to know a Bit, which is secret; loop a public number of times")
def while_loop(a: UInt[8]):
    while a > 3:  # HERE
        a = a - 1
    return a


@says("`and` needs to know a Bit, which is secret; write a & b")
def and_operator(a: UInt[8]):
    return (
        a > 3 and  # HERE
        a < 5
    )  # fmt: skip


@says("`or` needs to know a Bit, which is secret; write a | b")
def or_operator(a: UInt[8]):
    return a > 3 or a < 5  # HERE


@says("`and` needs to know a Bit")
def and_in_if(a: UInt[8]):
    if a > 3 and a < 5:  # HERE
        return 1
    return 0


@says("`not` needs to know a UInt[8], which is secret; write ~a for a Bit, x == 0 for a number")
def not_operator(a: UInt[8]):
    return not a  # HERE


@says("a chain of comparisons needs to know a Bit, which is secret; write (a < b) & (b < c)")
def chain(a: UInt[8]):
    return 3 < a < 5  # HERE


@says("`in` needs to know a Bit, which is secret; compare with each element")
def in_tuple(a: UInt[8]):
    return a in (1, 2)  # HERE


@says("`in` needs to know a UInt[8]")
def in_secret(a: UInt[8]):
    return 3 in a  # HERE


@says("`in` needs to know a Vec[UInt[8], 2]")
def in_vector(a: Vec[UInt[8], 2]):
    return 3 in a  # HERE


@says("`assert` needs to know a Bit, which is secret; return the condition as an output")
def assert_statement(a: UInt[8]):
    assert a > 3  # HERE


@says("`if` in a comprehension needs to know a Bit, which is secret; keep every element")
def comprehension(a: Vec[UInt[8], 4]):
    return [x for x in a if x > 3]  # HERE


@says("`match` needs to know a Bit")
def match_statement(a: UInt[8]):
    match a:
        case 1:  # HERE
            return 1


@says("min() needs to know a Bit, which is secret; use circuits.minimum")
def builtin_min(a: UInt[8], b: UInt[8]):
    return min(a, b)  # HERE


@says("sorted() needs to know a Bit, which is secret; use circuits.sort")
def builtin_sorted(a: Vec[UInt[8], 4]):
    return sorted(a)  # HERE


@says("any() needs to know a Bit, which is secret; join the conditions with |")
def builtin_any(a: Vec[Bit, 4]):
    return any(a)  # HERE


@says("bool() needs to know a Bit")
def builtin_bool(a: Bit):
    return bool(a)  # HERE


@says("this line needs to know a Bit, which is secret; a secret has no truth in Python")
def hidden_truth(a: Bit):
    return operator.truth(a)  # HERE


@says("int() needs to know a UInt[8]")
def builtin_int(a: UInt[8]):
    return int(a)  # HERE


@says("float() needs to know a Fixed[8, 2], which is secret")
def builtin_float(a: Fixed[8, 2]):
    return float(a)  # HERE


@says("complex() needs to know a Bit")
def builtin_complex(a: Bit):
    return complex(a)  # HERE


@says("this place takes a public integer (range(), a list's index, a repetition) and needs to know a UInt[8]")
def builtin_range(a: UInt[8]):
    for _ in range(a):  # HERE
        pass


@says("or pick with lookup(table, index)")
def index_of_list(a: UInt[8]):
    return [1, 2, 3][a]  # HERE


@says("round() needs to know a Fixed[8, 2], which is secret; write .nearest()")
def builtin_round(a: Fixed[8, 2]):
    return round(a)  # HERE


@says("rounding needs to know a Fixed[8, 2], which is secret; write .floor()")
def math_floor(a: Fixed[8, 2]):
    return math.floor(a)  # HERE


@says("`if` needs to know a Bit")
def if_not_twice(a: Bit):
    if not (not a):  # HERE # noqa: SIM208
        return 1
    return 0


@says("`... if ... else ...` needs to know a Bit")
def if_expression_not(a: Bit):
    return 1 if not a else 0  # HERE


@says("`while` needs to know a Bit")
def while_not(a: Bit):
    while not a:  # HERE
        a = ~a
    return a


@says("`assert` needs to know a Bit")
def assert_not(a: Bit):
    assert not a  # HERE


@says("`if` in a comprehension needs to know a Bit")
def comprehension_not(a: Vec[Bit, 4]):
    return [x for x in a if not x]  # HERE


@says("`match` needs to know a Bit")
def match_guard_not(a: Bit):
    match 1:
        case 1 if not a:  # HERE
            return 1


@says("`not` needs to know a Bit")
def not_within_and(a: Bit, b: Bit):
    return True and not a  # HERE


@says("`and` needs to know a Bit")
def and_under_not(a: Bit, b: Bit):
    if not (a and b):  # HERE
        return 1
    return 0


@says("`or` needs to know a Bit")
def or_of_bits(a: Bit, b: Bit):
    if a or b:  # HERE
        return 1
    return 0


@says("the format '5' needs to know a UInt[8], which is secret; without a format its type is shown")
def formatted(a: UInt[8]):
    return f"{a:5}"  # HERE


@pytest.mark.parametrize(("function", "text"), CASES)
def test_error(function: Callable[..., Any], text: str) -> None:
    check(function, text)


def test_without_source_the_advice_is_general() -> None:
    scope: dict[str, Any] = {"UInt": UInt}
    exec(compile("def f(a: UInt[8]):\n    if a > 3:\n        return 1\n    return 0\n", "<made up>", "exec"), scope)
    with pytest.raises(TraceError, match="<made up>:2: this line needs to know a Bit"):
        circuit(scope["f"])


def test_a_value_shows_its_type_only() -> None:
    shown: list[str] = []

    def f(a: UInt[8], v: Vec[Bit, 2]) -> UInt[8]:
        shown.extend([repr(a), f"{v}"])
        return a

    circuit(f)
    assert shown == ["<UInt[8] in f>", "<Vec[Bit, 2] in f>"]


def test_a_circuit_that_calls_itself() -> None:
    with pytest.raises(TraceError, match=r": f calls itself, and there is no end a secret could choose"):

        @circuit
        def f(a: UInt[8]) -> UInt[8]:
            return f(a >> 1)


def test_another_unknown_name_stays_an_error_of_python() -> None:
    with pytest.raises(NameError, match="'g' is not defined"):

        @circuit
        def f(a: UInt[8]) -> UInt[8]:
            return g(a)  # noqa: F821


def test_a_result_too_wide_names_the_line_of_def() -> None:
    def made(a: UInt[8]) -> UInt[8]:
        return a + 1

    line = made.__code__.co_firstlineno
    with pytest.raises(WidthError) as caught:

        @circuit(
            name="sum",
        )
        def f(a: UInt[8]) -> UInt[8]:
            return a + 1

    assert str(caught.value).startswith(f"{__file__}:{line + 9}: f: the result is annotated UInt[8]; ")
