"""In checked mode conversions and functions whose results their dtype does not hold are found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mpcnet import array as xp
from tests.kit.arrays import compute

CASTS: dict[str, tuple[list[float], Callable[[Any, Any], Any]]] = {
    "fixed to fewer bits": ([3.5, 300.0], lambda sh, x: x.astype(sh.fixed(8, n_bits=16))),
    "fixed to int": ([3.5, -300.0], lambda sh, x: x.astype(sh.int(8))),
    "fixed to more fractional bits": ([3.5, 300.0], lambda sh, x: x.astype(sh.fixed(20, n_bits=28))),
}


@pytest.mark.parametrize("name", CASTS)
def test_a_number_that_the_new_dtype_does_not_hold(name: str) -> None:
    values, cast = CASTS[name]

    def program(sh: Any, x: Any) -> Any:
        return cast(sh, x)

    found = compute(program, {"x": (values[:1], "fixed16")}, engine="ideal 127", checked=True)
    assert abs(found[0] - values[0]) <= 0.5
    with pytest.raises(OverflowError, match="out of range"):
        compute(program, {"x": (values, "fixed16")}, engine="ideal 127", checked=True)


FUNCTIONS = {
    "exp": (3.0, 30.0, lambda x: xp.exp(x), 20.0855),
    "reciprocal": (0.5, 0.01, lambda x: xp.reciprocal(x), 2.0),
    "quotient": (0.5, 0.01, lambda x: (x - x + 1) / x, 2.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_whose_result_is_out_of_range(name: str) -> None:
    small, large, function, expected = FUNCTIONS[name]

    def program(sh: Any, x: Any) -> Any:
        return function(x if name == "exp" else x.astype(sh.fixed(16, n_bits=20)))

    found = compute(program, {"x": ([small], "fixed16")}, engine="ideal 127", checked=True)
    assert abs(found[0] - expected) < 2**-8
    with pytest.raises(OverflowError, match="out of range in one of"):
        compute(program, {"x": ([small, large], "fixed16")}, engine="ideal 127", checked=True)
