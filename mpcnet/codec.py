"""Plain values and NumPy arrays as bytes, for handing arguments and results between the processes of one machine.

MessagePack with a short list of extensions; nothing is executed when it is read, and every length is checked against
what is there. None, bool, int of any size, float, str, bytes, list, tuple, dict, and arrays and scalars of the dtypes
in DTYPES; object arrays of such ints.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["DTYPES", "decode", "encode"]

DTYPES = frozenset(f"{kind}{n}" for kind, sizes in (("i", "1248"), ("u", "1248"), ("f", "248")) for n in sizes) | {"b1"}
MAX_DIMS = 32
_TUPLE, _BIG_INT, _ARRAY, _SCALAR, _OBJECTS = 1, 2, 3, 4, 5


def encode(value: Any) -> bytes:
    """The bytes of a value.

    Raises:
        TypeError: it holds something of a type that is not handed over; names the type.
    """
    import msgpack

    try:
        data: bytes = msgpack.packb(value, default=_default, strict_types=True)
    except (ValueError, RecursionError):
        raise TypeError("the value is nested too deeply, or too long, to be handed to another process") from None
    return data


def decode(data: bytes) -> Any:
    """The value of some bytes.

    Raises:
        ValueError: the bytes are not what `encode` writes.
    """
    import msgpack

    try:
        return msgpack.unpackb(data, ext_hook=_extension, strict_map_key=False)
    except Exception as error:
        raise ValueError(str(error) or f"not an encoded value: {type(error).__name__}") from None


def _default(value: Any) -> Any:
    import msgpack

    if type(value) is tuple:
        return msgpack.ExtType(_TUPLE, encode(list(value)))
    if type(value) is int:
        n_bytes = value.bit_length() // 8 + 1
        return msgpack.ExtType(_BIG_INT, value.to_bytes(n_bytes, "little", signed=True))
    if isinstance(value, np.ndarray) and value.dtype == object:
        return msgpack.ExtType(_OBJECTS, encode([list(value.shape), value.reshape(-1).tolist()]))
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        kind = array.dtype.str[1:]
        if kind in DTYPES:
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            code = _ARRAY if isinstance(value, np.ndarray) else _SCALAR
            return msgpack.ExtType(code, encode([kind, list(array.shape), little.tobytes()]))
        raise TypeError(f"an array of dtype {array.dtype} is not handed to another process")
    if isinstance(value, str | bytes | list | dict | bool | int | float):  # subclasses: enums, named tuples' kin
        raise TypeError(f"a {type(value).__name__} is not handed to another process; turn it into a plain value")
    raise TypeError(
        f"a {type(value).__name__} is not handed to another process; plain values and NumPy arrays of numbers are"
    )


def _extension(code: int, data: bytes) -> Any:
    if code == _BIG_INT:
        return int.from_bytes(data, "little", signed=True)
    content = decode(data)
    if not isinstance(content, list):
        raise ValueError("not an encoded value: an extension without a list")
    if code == _TUPLE:
        return tuple(content)
    if code == _OBJECTS and len(content) == 2 and isinstance(content[1], list):
        shape = _shape(content[0], len(content[1]))
        array = np.empty(len(content[1]), dtype=object)
        array[:] = content[1]
        return array.reshape(shape)
    if code in (_ARRAY, _SCALAR) and len(content) == 3 and content[0] in DTYPES and isinstance(content[2], bytes):
        dtype = np.dtype(f"<{content[0]}")
        if len(content[2]) % dtype.itemsize:
            raise ValueError("not an encoded value: an array of another length than its shape")
        shape = _shape(content[1], len(content[2]) // dtype.itemsize)
        array = np.frombuffer(bytearray(content[2]), dtype).reshape(shape)
        return array[()] if code == _SCALAR and not shape else array
    raise ValueError("not an encoded value: an unknown extension")


def _shape(shape: Any, count: int) -> tuple[int, ...]:
    if not isinstance(shape, list) or len(shape) > MAX_DIMS or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("not an encoded value: no shape")
    total = 1
    for n in shape:
        total *= n
    if total != count:
        raise ValueError("not an encoded value: an array of another length than its shape")
    return tuple(shape)
