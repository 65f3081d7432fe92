"""Strings of bytes to ports and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.lib.octets import from_port, to_port


def test_orders() -> None:
    assert to_port(b"\x01\x02", "big") == 0x0102
    assert to_port(bytearray(b"\x01\x02"), "little") == 0x0201
    assert from_port(0x0102, 3, "big") == b"\x00\x01\x02"


@given(st.lists(st.binary(min_size=20, max_size=20)), st.sampled_from(("big", "little")))
def test_batches(rows: list[bytes], order: str) -> None:
    array = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), 20)
    numbers = to_port(array, order)  # type: ignore[call-overload]
    assert numbers.dtype == object
    assert numbers.tolist() == [to_port(row, order) for row in rows]  # type: ignore[call-overload]
    np.testing.assert_array_equal(from_port(numbers, 20, order), array)  # type: ignore[call-overload]


def test_other_arrays_are_refused() -> None:
    with pytest.raises(TypeError, match=r"uint8 array of shape \(batch, n_bytes\), got int64 of shape \(2, 2\)"):
        to_port(np.zeros((2, 2), dtype=np.int64), "big")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"got uint8 of shape \(4,\)"):
        to_port(np.zeros(4, dtype=np.uint8), "big")


def test_numbers_that_do_not_fit() -> None:
    with pytest.raises(OverflowError):
        from_port(256, 1, "big")
