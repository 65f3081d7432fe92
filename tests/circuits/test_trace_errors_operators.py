"""Operators and conversions without a meaning, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from circuits import Bit, Fixed, Int, UInt, Vec
from tests.kit.trace_errors import Cases, check

CASES = Cases()
says = CASES.says


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


@pytest.mark.parametrize(("function", "text"), CASES)
def test_error(function: Callable[..., Any], text: str) -> None:
    check(function, text)
