"""What circuits.* and NumPy's functions refuse while a function is traced, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from circuits import Bit, Fixed, UInt, Vec, argmax, concat, lookup, minimum, select, sort
from circuits import sum as sum_of
from tests.kit.trace_errors import Cases, check

CASES = Cases()
says = CASES.says


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


@says("key= of sort() is a function of one element, not a list of 2; a list is a payload=")
def sort_by_list(v: Vec[Bit, 2]):
    return sort(v, key=[1, 2])  # HERE


@says("NumPy's sum() works on public numbers, not on a Vec[Bit, 2]; write circuits.sum")
def numpy_sum(v: Vec[Bit, 2]):
    return np.sum(v)  # HERE


@says("NumPy's minimum() works on public numbers, not on a UInt[8]; write circuits.minimum")
def numpy_minimum(a: UInt[8], b: UInt[8]):
    return np.minimum(a, b)  # HERE


@says("NumPy's sqrt() works on public numbers, not on a UInt[8]; write it with operators")
def numpy_sqrt(a: UInt[8]):
    return np.sqrt(a)  # HERE


@says("NumPy's add() works on public numbers, not on a UInt[8]; write circuits.sum, or + between numbers")
def numpy_reduce(a: UInt[8]):
    return np.add.reduce(a)  # HERE


@says("NumPy's add() works on public numbers, not on a UInt[8]")
def add_to_array(a: UInt[8]):
    total = np.array([1, 2])
    total += a  # HERE
    return total


@pytest.mark.parametrize(("function", "text"), CASES)
def test_error(function: Callable[..., Any], text: str) -> None:
    check(function, text)
