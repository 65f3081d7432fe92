"""How a call of OT is cut into parts, and how far the two sides may go before they hear of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from protocols import bits
from protocols.errors import StateError
from protocols.ot.contract import Packed

__all__ = ["TOGETHER", "Once", "bytes_of", "checked_count", "groups_of", "make_all", "nothing", "packed", "size_of"]

T = TypeVar("T")
TOGETHER = 4
"""Parts of a call that one trip to a thread makes."""


class Once:
    """One call at a time, and none after a call that failed: the two sides would no longer count alike."""

    def __init__(self) -> None:
        self._state = "ready"

    @contextmanager
    def call(self) -> Iterator[None]:
        if self._state == "busy":
            raise StateError("an OT call on this object has not ended; await them in turn, or use a fork of it")
        if self._state == "broken":
            raise StateError("an earlier OT call on this object failed; set up anew")
        self._state = "busy"
        try:
            yield
        except BaseException:
            self._state = "broken"
            raise
        self._state = "ready"


def groups_of(count: int, largest: int) -> list[list[slice]]:
    """Parts of at most `largest`, TOGETHER in a group; the two sides have the same groups, or one would wait for parts
    that the other sends when it has had its answer."""
    parts = [slice(start, min(start + largest, count)) for start in range(0, count, largest)]
    return [parts[i : i + TOGETHER] for i in range(0, len(parts), TOGETHER)]


async def nothing(_: Any) -> None:
    return None


def checked_count(count: Any) -> int:
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
        raise ValueError(f"count must be an integer of at least 0, not {count!r}")
    return int(count)


def packed(choices: NDArray[np.uint8]) -> Callable[[slice], Packed]:
    return lambda part: bits.pack(choices[part])


def bytes_of(part: slice) -> slice:
    """Where the bits of a part stand among packed ones."""
    return slice(part.start // 8, bits.packed_bytes(part.stop))


def make_all(make: Callable[[slice, Any], T], group: list[slice], begun: list[Any]) -> list[T]:
    return [make(part, one) for part, one in zip(group, begun, strict=True)]


def size_of(group: list[slice]) -> int:
    return int(group[-1].stop - group[0].start)
