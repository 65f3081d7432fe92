"""Lengths, indexes and attributes that a traced value does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from circuits import Bit, UInt, Vec
from tests.kit.trace_errors import Cases, check

CASES = Cases()
says = CASES.says


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


@says("a value cannot be changed; build a new list")
def set_element(v: Vec[UInt[8], 2]):
    v[0] = 3  # HERE
    return v


@says("a value cannot be changed; build a new list")
def set_bits(x: UInt[8]):
    x[0:3] = 3  # HERE
    return x


@says("a value cannot be changed; build a new list")
def delete_element(v: Vec[UInt[8], 2]):
    del v[0]  # HERE
    return v


@says("a UInt[8] has no .saturat; did you mean .saturate?")
def misspelt(a: UInt[8]):
    return a.saturat(3)  # HERE


@says("a Vec[Bit, 2] has no .append; a value cannot be changed; build a new list")
def append(v: Vec[Bit, 2]):
    v.append(1)  # HERE


@says("a Vec[Bit, 2] has no .sum; write circuits.sum")
def method_sum(v: Vec[Bit, 2]):
    return v.sum()  # HERE


@pytest.mark.parametrize(("function", "text"), CASES)
def test_error(function: Callable[..., Any], text: str) -> None:
    check(function, text)
