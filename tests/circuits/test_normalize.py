"""Mantissas and powers of two, against plain integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from circuits import Int, UInt, circuit
from circuits.builder import STYLES
from circuits.lib.normalize import combine_places, mantissa, power_of_two, top_place

VALUES = [0, 1, 2, 3, 5, 127, 128, 255, 256, 1000, 65535, 65536, (1 << 20) - 1, 1 << 19]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("n_bits", [1, 7, 20, 33])
def test_mantissa_and_place(style: str, n_bits: int) -> None:
    @circuit(style=style)
    def made(x: UInt[20]) -> (UInt[20], UInt[5], UInt[n_bits]):  # type: ignore[valid-type]
        place = top_place(x)
        return place, combine_places(place, lambda k: k + 1), mantissa(x, place, n_bits)

    place, length, top = made(x=np.array(VALUES))
    assert place.tolist() == [1 << (v.bit_length() - 1) if v else 0 for v in VALUES]
    assert length.tolist() == [v.bit_length() for v in VALUES]
    expected = [(v << 40 >> (v.bit_length() + 40 - n_bits)) if v else 0 for v in VALUES]
    assert [int(v) for v in top] == expected


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("n_bits", [1, 16, 49])
def test_powers_of_two(style: str, n_bits: int) -> None:
    @circuit(style=style)
    def made(e: Int[8]) -> UInt[n_bits]:  # type: ignore[valid-type]
        return power_of_two(e, n_bits)

    exponents = list(range(-128, 128))
    found: Any = made(e=np.array(exponents))
    assert [int(v) for v in found] == [1 << e if 0 <= e < n_bits else 0 for e in exponents]


def test_places_cost_nothing_but_the_place() -> None:
    @circuit
    def alone(x: UInt[32]) -> UInt[32]:
        return top_place(x)

    @circuit
    def combined(x: UInt[32]) -> UInt[40]:
        return combine_places(top_place(x), lambda k: (7 * k) ** 3).wrap(40)

    assert combined.and_count <= alone.and_count
