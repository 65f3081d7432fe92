"""In checked mode a conversion to a dtype that does not hold a number is found out, whichever two kinds these are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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
