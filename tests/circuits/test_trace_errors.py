"""Whatever would have to look into a secret fails at trace time, names the user's line and says what to write."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from circuits import (  # fmt: skip
    Bit,
    Fixed,
    Int,
    TraceError,
    UInt,
    Vec,
    WidthError,
    argmax,
    circuit,
    concat,
    lookup,
    minimum,
    select,
    sort,
)
from circuits import sum as sum_of

CASES: list[tuple[Callable[..., Any], str]] = []


def says(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The function's line marked HERE is the one that the error must name."""

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        CASES.append((function, text))
        return function

    return mark


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


@says("a UInt[8] is one number and has no length; .n_bits is 8")
def builtin_len(a: UInt[8]):
    return len(a)  # HERE


@says("a UInt[8] is one number; to go through its bits write `for bit in x.bits`")
def iteration(a: UInt[8]):
    return [bit for bit in a]  # HERE # noqa: C416


@says("a set, a dict or a cache needs to know a UInt[8]")
def in_a_set(a: UInt[8]):
    return {a}  # HERE


@says("the index is a UInt[8], which is secret; write lookup(v, index)")
def index_of_vector(a: UInt[8], v: Vec[Bit, 4]):
    return v[a]  # HERE


@says("the index is a UInt[8], which is secret; write (x >> index)[0]")
def index_of_bit(a: UInt[8], x: UInt[8]):
    return x[a]  # HERE


@says("a UInt[8] has bits 0 .. 7; there is no bit 8")
def bit_too_high(a: UInt[8]):
    return a[8]  # HERE


@says("a bit's index is a public integer or slice, not str")
def bit_by_name(a: UInt[8]):
    return a["top"]  # HERE


@says("the slice of a UInt[8] is empty")
def no_bits(a: UInt[8]):
    return a[3:3]  # HERE


@says("a Vec[Bit, 2] has elements 0 .. 1; there is no 2")
def element_too_high(a: Vec[Bit, 2]):
    return a[2]  # HERE


@says("an index is a public integer or slice, not float")
def element_by_float(a: Vec[Bit, 2]):
    return a[0.5]  # HERE


@says("the slice of a Vec[Bit, 2] is empty")
def no_elements(a: Vec[Bit, 2]):
    return a[2:]  # HERE


@says("/ between integers: // rounds down, and x.to(Fixed[n, f]) / y keeps f fractional bits")
def true_division(a: UInt[8]):
    return a / 2  # HERE


@says("// by the public number 0")
def divide_by_zero(a: UInt[8]):
    return a // 0  # HERE


@says("% by the public number 0")
def modulo_zero(a: Fixed[8, 2]):
    return a % 0.0  # HERE


@says("float beside a UInt[8]: integers stay exact")
def float_factor(a: UInt[8]):
    return a * 0.5  # HERE


@says("+ of a UInt[8] and a str is not possible; operands are secrets and public numbers")
def add_text(a: UInt[8]):
    return a + "x"  # HERE


@says("== of an Int[8] and a NoneType is not possible")
def equal_none(a: Int[8]):
    return a == None  # HERE # noqa: E711


@says("+ of a UInt[8] and an ndarray is not possible; work on its elements")
def add_array(a: UInt[8]):
    return np.array([1, 2]) + a  # HERE


@says("- of a UInt[8] and a Vec[Bit, 2] is not possible; work on its elements")
def minus_vector(a: UInt[8], v: Vec[Bit, 2]):
    return a - v  # HERE


@says("operators work on numbers, not on a Vec[Bit, 2]; write [a + b for a, b in zip(v, w)]")
def add_vectors(a: Vec[Bit, 2]):
    return a + a  # HERE


@says("a Vec[Bit, 2] is compared with as many elements")
def compare_lengths(a: Vec[Bit, 2]):
    return a == [1]  # HERE


@says("@ is not defined; write sum(a * b for a, b in zip(v, w))")
def matrix_product(a: UInt[8]):
    return a @ a  # HERE


@says("** takes a public integer exponent of at least 0")
def secret_exponent(a: UInt[8]):
    return a**a  # HERE


@says("** takes a public exponent; 2**x is 1 << x")
def secret_power(a: UInt[8]):
    return 2**a  # HERE


@says("<< by a negative number; shift the other way")
def shift_backwards(a: UInt[8]):
    return a << -1  # HERE


@says(">> by an Int[3]: the amount must be a UInt")
def shift_by_signed(a: UInt[8], s: Int[3]):
    return a >> s  # HERE


@says("UInt[8] << a secret UInt[32] needs 8 + 2**32 - 1 bits, above the 16384 allowed")
def shift_far(a: UInt[8], s: UInt[32]):
    return a << s  # HERE


@says("~ of a Fixed has no meaning; .as_int() gives its bits as an integer")
def invert_fixed(a: Fixed[8, 2]):
    return ~a  # HERE


@says("& of a Fixed has no meaning")
def mask_fixed(a: Fixed[8, 2]):
    return a & 3  # HERE


@says("an Int[8] is rotated as .as_uint().rotate_left(k)")
def rotate_signed(a: Int[8]):
    return a.rotate_left(1)  # HERE


@says(".wrap(0): at least 1 bit")
def wrap_to_nothing(a: UInt[8]):
    return a.wrap(0)  # HERE


@says(".wrap() takes a public number of bits or a type such as UInt[8], not Scalar")
def wrap_to_secret(a: UInt[8]):
    return a.wrap(a)  # HERE


@says(".saturate(UInt[4]) of a Fixed[8, 2] would move the point; .rescale(0) does that first")
def saturate_fixed(a: Fixed[8, 2]):
    return a.saturate(UInt[4])  # HERE


@says("a UInt[8] does not always fit UInt[7]; narrow it with .wrap(7) or .saturate(7)")
def to_narrower(a: UInt[8]):
    return a.to(UInt[7])  # HERE


@says("a UInt[8] is no Vec[Bit, 8]")
def to_vector(a: UInt[8]):
    return a.to(Vec[Bit, 8])  # HERE


@says("the condition of select() is a Bit, not a UInt[8]; compare it, as in x != 0")
def select_by_number(a: UInt[8]):
    return select(a, 1, 2)  # HERE


@says("the condition of select() is a Bit, not a list of 1")
def select_by_list(a: UInt[8]):
    return select([a], 1, 2)  # HERE


@says("a Vec[Bit, 3] and an int have no common type; shapes must agree")
def select_shapes(a: Bit, v: Vec[Bit, 3]):
    return select(a, v, 2)  # HERE


@says("float beside a Bit: integers stay exact")
def select_fractions(a: Bit):
    return select(a, 0.5, 2)  # HERE


@says("sum() takes a list or Vec, not a UInt[8]")
def sum_of_one(a: UInt[8]):
    return sum_of(a)  # HERE


@says("sum() of no elements")
def sum_of_none(a: UInt[8]):
    return sum_of([])  # HERE


@says("sum() takes numbers, not a list of 1")
def sum_of_lists(a: UInt[8]):
    return sum_of([a, [a]])  # HERE


@says("minimum() takes numbers, not a Vec[Bit, 2]")
def minimum_of_vectors(v: Vec[Bit, 2]):
    return minimum(v, v)  # HERE


@says("argmax() of no elements")
def argmax_of_none(a: UInt[8]):
    return argmax([])  # HERE


@says("sort() takes a list or Vec, not a UInt[8]")
def sort_one(a: UInt[8]):
    return sort(a)  # HERE


@says("sort() needs numbers to sort by, not a Vec[Bit, 2]; give a key=")
def sort_rows(a: Vec[Vec[Bit, 2], 3]):
    return sort(a)  # HERE


@says("sort() of 2 elements with 1 payloads")
def sort_payload(a: Vec[Bit, 2]):
    return sort(a, payload=[1])  # HERE


@says("lookup() takes a table of at least one element, not a list of 0")
def lookup_nothing(a: UInt[8]):
    return lookup([], a)  # HERE


@says("the index of lookup() is a UInt, not a Fixed[8, 2]")
def lookup_fixed(a: Fixed[8, 2]):
    return lookup([1, 2], a)  # HERE


@says("concat() takes secrets, not an int; write (high << n) | low for public bits")
def concat_public(a: UInt[8]):
    return concat(a, 1)  # HERE


@pytest.mark.parametrize(("function", "text"), CASES, ids=[case[0].__name__ for case in CASES])
def test_error(function: Callable[..., Any], text: str) -> None:
    with pytest.raises((TraceError, WidthError)) as caught:
        circuit(function)
    code = function.__code__
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123
        lines = file.read().splitlines()
    here = next(n for n in range(code.co_firstlineno, len(lines)) if "# HERE" in lines[n - 1])
    place, message = str(caught.value).split(": ", 1)
    assert place == f"{__file__}:{here}"
    assert text in message


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
