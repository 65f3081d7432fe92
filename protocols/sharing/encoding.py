"""From numbers of Python and NumPy to words, and nothing that is not an integer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["integers_of"]


def integers_of(values: Any) -> NDArray[Any]:
    """One integer or an array of them, as an array of int64, uint64 or Python integers.

    Raises:
        TypeError: something else.
    """
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.dtype.kind == "f" and not isinstance(values, np.ndarray | np.generic):
        array = np.asarray(values, dtype=object)  # an empty list, or integers that no dtype of NumPy holds together
    if array.dtype.kind in "bi":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "u":
        return array.astype(np.uint64, copy=False)
    if array.dtype != object:
        raise TypeError(f"elements are made of integers, not of {array.dtype}: round, or scale to fixed point, first")
    members = array.reshape(-1).tolist()
    for kind in set(map(type, members)):
        if not issubclass(kind, int | np.integer | np.bool_):
            raise TypeError(f"elements are made of integers, not of {kind.__name__}")
    try:
        return array.astype(np.int64)  # several times faster than to reduce one Python integer after the other
    except OverflowError:
        out = np.empty(len(members), dtype=object)
        out[:] = [int(value) for value in members]
        return out.reshape(array.shape)
