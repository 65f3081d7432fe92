"""What a source of random OT offers: the one primitive from which `OtSender` and `OtReceiver` derive the others.

SoftSpoken (`protocols.ot.extension`) and base OT (`protocols.ot.base`) are such sources; another extension takes its
place here by having the same two methods.
"""

from __future__ import annotations

from typing import Protocol

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

    async def extend(self, out: Blocks) -> None:
        """Write the next random pairs to `out`, C-contiguous uint8 of shape (n, 2, 16); 1 <= n <= max_count."""
        ...

    async def extend_bits(self, count: int, zeros: Packed, ones: Packed) -> None:
        """Write bit 0 of both messages of the next pairs, packed; as many OTs as a call of `extend`."""
        ...

    def fork(self, channel: Channel) -> RandomOtSender:
        """An independent source on another channel to the same peer, which forks alike; nothing is said.

        Raises:
            StateError: there was a fork for this session id.
        """
        ...


class RandomOtReceiver(Protocol):
    """The receiver's side.

    Where a call takes more than max_count OTs, `extend` runs again while the caller receives on the same channel. A
    source whose `extend` itself receives there names ONE_CALL as its max_count.
    """

    @property
    def max_count(self) -> int:
        """How many OTs one call gives at most; the same as the sender's."""
        ...

    async def extend(self, choices: NDArray[np.uint8], out: Blocks) -> None:
        """Write the chosen one of each of the next pairs to `out`.

        Args:
            choices: shape (n,), 0 or 1; 1 <= n <= max_count.
            out: C-contiguous uint8 of shape (n, 16).
        """
        ...

    async def extend_bits(self, count: int, choices: Packed, out: Packed) -> None:
        """Write bit 0 of the chosen ones of the next pairs, packed as the choices are."""
        ...

    def fork(self, channel: Channel) -> RandomOtReceiver:
        """As the sender's."""
        ...
