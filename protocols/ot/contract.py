"""What a source of random OT offers: the one primitive from which `OtSender` and `OtReceiver` derive the others.

SoftSpoken (`protocols.ot.extension`) and base OT (`protocols.ot.base`) are such sources; another extension takes its
place here by having the same methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.channel import Channel

__all__ = ["ONE_CALL", "Blocks", "Packed", "RandomOtReceiver", "RandomOtSender"]

ONE_CALL = 1 << 62  # a max_count that no call exceeds

Blocks = NDArray[np.uint8]
"""uint8, the last axis of 16 bytes."""
Packed = NDArray[np.uint8]
"""uint8 of shape (ceil(n / 8),): n bits, packed."""


class RandomOtSender(Protocol):
    """The sender's side of a source of random OT."""

    @property
    def max_count(self) -> int:
        """How many OTs one call gives at most, a multiple of 8."""
        ...

    async def begin(self, count: int) -> Any:
        """Hear what the next OTs need of the receiver, 1 <= count <= max_count.

        Returns:
            what `blocks` or `low_bits` takes, one of them, once; in any thread, one call after the other.
        """
        ...

    def blocks(self, begun: Any, out: Blocks) -> None:
        """Write their pairs to `out`, C-contiguous uint8 of shape (count, 2, 16)."""
        ...

    def low_bits(self, begun: Any, zeros: Packed, ones: Packed) -> None:
        """In place of `blocks`: write bit 0 of both messages of each pair, packed."""
        ...

    def is_long(self, count: int) -> bool:
        """Whether that takes long enough for a thread."""
        ...

    def fork(self, channel: Channel) -> RandomOtSender:
        """An independent source on another channel to the same peer, which forks alike; nothing is said.

        Raises:
            StateError: there was a fork for this session id.
        """
        ...


class RandomOtReceiver(Protocol):
    """The receiver's side."""

    @property
    def max_count(self) -> int:
        """How many OTs one call gives at most; the same as the sender's."""
        ...

    async def begin(self, count: int, choose: Callable[[], Packed]) -> Any:
        """As the sender's.

        Args:
            count: how many.
            choose: gives the choices, where they are needed; what stands behind the last means nothing.
        """
        ...

    def blocks(self, begun: Any, out: Blocks) -> Packed:
        """Write the chosen one of each pair to `out`, C-contiguous uint8 of shape (count, 16).

        Returns:
            a message for the sender, which the caller sends; empty where there is none.
        """
        ...

    def low_bits(self, begun: Any, out: Packed) -> Packed:
        """In place of `blocks`: write bit 0 of each, packed as the choices are."""
        ...

    def is_long(self, count: int) -> bool:
        """As the sender's."""
        ...

    def fork(self, channel: Channel) -> RandomOtReceiver:
        """As the sender's."""
        ...
