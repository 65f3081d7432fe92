"""Circuits that add shares up: every sign and every digit, from random summands and at the edges."""

from __future__ import annotations

import random
from typing import Any

import pytest

from circuits.builder import STYLES
from circuits.lib import shares

SIZES = [(2, "few_ands"), (2, "low_depth"), (3, "low_depth"), (4, "few_ands"), (1, "low_depth")]


def split(value: int, modulus: int, n_summands: int, rng: random.Random) -> list[int]:
    """Summands of a value, now and then at the ends of their range."""
    parts = [rng.choice([0, 1, modulus - 1, rng.randrange(modulus)]) for _ in range(n_summands - 1)]
    return [*parts, (value - sum(parts)) % modulus]


def edges(n_bits: int) -> list[int]:
    return [0, 1, -1, 2, -2, (1 << (n_bits - 1)) - 1, -(1 << (n_bits - 1)) + 1, 5, -77]


def run(made: Any, columns: list[list[int]]) -> list[int]:
    inputs = {f"a{i}": list(column) for i, column in enumerate(zip(*columns, strict=True))}
    return [int(value) for value in made(**inputs)]


@pytest.mark.parametrize(("n_summands", "style"), SIZES)
@pytest.mark.parametrize("n_bits", [5, 61])
def test_signs_modulo_a_mersenne_prime(n_summands: int, style: str, n_bits: int) -> None:
    p, rng = (1 << n_bits) - 1, random.Random(n_bits)
    values = [*edges(n_bits - 1), *(rng.randrange(-(p // 2), p // 2 + 1) for _ in range(20))]
    if n_bits == 5:
        values = list(range(-(p // 2), p // 2 + 1)) * 4
    rows = [split(2 * value, p, n_summands, rng) for value in values]
    assert run(shares.negative_of_double(n_bits, n_summands, style), rows) == [value < 0 for value in values]


@pytest.mark.parametrize(("n_summands", "style"), SIZES)
@pytest.mark.parametrize("mersenne", [True, False])
def test_zeros(n_summands: int, style: str, mersenne: bool) -> None:
    modulus, rng = (1 << 7) - mersenne, random.Random(7)
    values = [0, 0, 0, 0, 0, 1, modulus - 1, *(rng.randrange(modulus) for _ in range(30))]
    rows = [split(value, modulus, n_summands, rng) for value in values]
    if n_summands == 2:
        rows = [[a, -b % modulus] for a, b in rows]
    assert run(shares.zero_sum(7, n_summands, mersenne, style), rows) == [value == 0 for value in values]


@pytest.mark.parametrize(("n_summands", "style"), SIZES)
@pytest.mark.parametrize(("n_bits", "value_bits", "mersenne"), [(5, 5, True), (61, 34, True), (12, 12, False)])
def test_digits(n_summands: int, style: str, n_bits: int, value_bits: int, mersenne: bool) -> None:
    modulus, rng = (1 << n_bits) - mersenne, random.Random(n_bits)
    top = min(modulus, 1 << value_bits)
    values = [0, 1, top - 1, *(rng.randrange(top) for _ in range(40))]
    rows = [split(value, modulus, n_summands, rng) for value in values]
    made = shares.bits_of_sum(n_bits, value_bits, n_summands, mersenne, style)
    assert run(made, rows) == values


@pytest.mark.parametrize(("n_summands", "style"), SIZES)
@pytest.mark.parametrize("n_bits", [1, 2, 34])
def test_signs_modulo_a_power_of_two(n_summands: int, style: str, n_bits: int) -> None:
    rng = random.Random(n_bits)
    half = 1 << (n_bits - 1)
    values = [*(rng.randrange(-half, half) for _ in range(40)), 0, -half, half - 1]
    rows = [split(value, 1 << n_bits, n_summands, rng) for value in values]
    assert run(shares.top_bit_of_sum(n_bits, n_summands, style), rows) == [value < 0 for value in values]


@pytest.mark.parametrize("widens", [True, False])
@pytest.mark.parametrize("style", STYLES)
def test_masked_sums(widens: bool, style: str) -> None:
    rng = random.Random(3)
    made = shares.masked_sum(8, 20, 3, widens, style)
    rows = [[rng.randrange(1 << 8), *(rng.randrange(1 << 20) for _ in range(3))] for _ in range(30)]
    rows.append([255, *[(1 << 20) - 1] * 3])
    got = made(**dict(zip(["x", "r0", "r1", "r2"], map(list, zip(*rows, strict=True)), strict=True)))
    assert [int(value) for value in got] == [sum(row) % (1 << (22 if widens else 20)) for row in rows]


def test_two_summands_take_one_comparison() -> None:
    assert shares.negative_of_double(61, 2, "few_ands").and_count == 61
    assert shares.top_bit_of_sum(34, 2, "few_ands").and_count == 33
    assert shares.negative_of_double(61, 2, "low_depth").and_depth == 7
