from __future__ import annotations

import enum
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcnet.codec import DTYPES, decode, encode

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.integers(-5, 5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(plain)
@settings(max_examples=150, deadline=None)
def test_plain_values_come_back(value: Any) -> None:
    back = decode(encode(value))
    assert back == value
    assert repr(back) == repr(value)  # tuples stay tuples, True stays True


@pytest.mark.parametrize("kind", sorted(DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_arrays_come_back(kind: str, shape: tuple[int, ...]) -> None:
    array = (np.arange(int(np.prod(shape))) * 37 % 120).astype(kind).reshape(shape)
    back = decode(encode([array]))[0]
    assert (back.dtype, back.shape, type(back)) == (array.dtype, array.shape, np.ndarray)
    assert np.array_equal(back, array)
    assert back.flags.writeable


def test_other_layouts_and_byte_orders() -> None:
    array = np.arange(12, dtype=">u4").reshape(3, 4)
    for view in (array, array.T, array[::2], array[:, ::-1]):
        back = decode(encode(view))
        assert back.dtype == np.dtype("<u4")
        assert np.array_equal(back, view)


def test_numpy_scalars_stay_scalars() -> None:
    back = decode(encode((np.uint8(7), np.float32(1.5), np.bool_(True))))
    assert [(type(item), item) for item in back] == [(np.uint8, 7), (np.float32, 1.5), (np.bool_, True)]


def test_object_arrays_of_large_integers() -> None:
    array = np.array([[1 << 100, -1], [0, 5]], dtype=object)
    back = decode(encode(array))
    assert back.dtype == object
    assert back.tolist() == array.tolist()


class Color(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        object(),
        lambda: 0,
        1j,
        np.zeros(2, complex),
        np.array(["a"]),
        np.zeros(2, "M8[s]"),
        Color.RED,
        [object()],
    ],
)
def test_other_types_are_named(value: Any) -> None:
    with pytest.raises(TypeError, match="not handed to another process"):
        encode(value)


def test_nesting_is_bounded() -> None:
    value: Any = []
    for _ in range(2000):
        value = [value]
    with pytest.raises(TypeError, match="nested too deeply"):
        encode(value)


def array_bytes(kind: Any, shape: Any, data: Any, code: int = 3) -> bytes:
    return bytes(msgpack.packb(msgpack.ExtType(code, msgpack.packb([kind, shape, data]))))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x93\x01",
        encode([1, 2]) + b"\x00",
        encode(np.arange(5))[:-1],
        array_bytes("O8", [1], bytes(8)),
        array_bytes("V8", [1], bytes(8)),
        array_bytes("i8", [2], bytes(8)),
        array_bytes("i8", [1], bytes(9)),
        array_bytes("i8", [-1, -1], bytes(8)),
        array_bytes("i8", [1 << 62, 4], b""),
        array_bytes("i8", [1] * 40, bytes(8)),
        array_bytes("i8", "1", bytes(8)),
        array_bytes("i8", [1], "12345678"),
        array_bytes(7, [1], bytes(8)),
        array_bytes("i8", [1], bytes(8), code=9),
        bytes(msgpack.packb(msgpack.ExtType(1, msgpack.packb(5)))),
        bytes(msgpack.packb(msgpack.ExtType(5, msgpack.packb([[2], [1]])))),
    ],
)
def test_damaged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(data)
