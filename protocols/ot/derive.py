"""Chosen and correlated OT from random OT: pure functions over arrays.

The sender holds random pairs (r_0, r_1), the receiver r_c for its choices c.

    chosen        the sender sends m_0 ^ r_0 and m_1 ^ r_1                receiver: m_c
    correlated    key = r_0; the sender sends r_0 ^ r_1 ^ delta           receiver: mac = key ^ c * delta

Either message hides all but what the receiver is to have, because the other one of its pair is random to it.
The receiver selects with masks: no branch and no index depends on a choice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols import bits
from protocols.ot.contract import Blocks, Packed

__all__ = ["correlate", "first_bits", "mask_messages", "unmask_chosen", "unmask_correlated"]


def _words(blocks: Blocks) -> NDArray[np.uint64]:
    return np.ascontiguousarray(blocks).view(np.uint64)


def first_bits(messages: Blocks) -> Packed:
    """The lowest bit of each message of 16 bytes, packed: (n, 16) to (ceil(n / 8),)."""
    return bits.pack(messages[:, 0] & np.uint8(1))


def mask_messages(pads: Blocks, messages: Blocks) -> Blocks:
    """Turn the random pairs, uint8 of shape (n, 2, 16), into what the sender of chosen OT sends; in place."""
    pads ^= messages
    return pads


def unmask_chosen(pads: Blocks, choices: NDArray[np.uint8], masked: Blocks) -> None:
    """Turn the receiver's random OT into the messages it chose, in place.

    Args:
        pads: C-contiguous uint8 of shape (n, 16); row i becomes messages[i, choices[i]].
        choices: uint8 of shape (n,).
        masked: the sender's message, uint8 of shape (n, 2, 16).
    """
    pairs, got = _words(masked), pads.view(np.uint64)
    selected = pairs[:, 0] ^ pairs[:, 1]
    selected &= bits.masks(choices)[:, None]
    selected ^= pairs[:, 0]
    got ^= selected


def correlate(pads: Blocks, delta: bytes, keys: Blocks) -> Blocks:
    """The sender's side of correlated OT.

    Args:
        pads: its random pairs, uint8 of shape (n, 2, 16).
        delta: 16 bytes.
        keys: where to write the keys, C-contiguous uint8 of shape (n, 16).
    Returns:
        the corrections to send, uint8 of shape (n, 16).
    """
    from protocols.kernels.correlated import correct_all

    pairs = _words(pads).reshape(len(pads), 4)
    return correct_all(pairs, np.frombuffer(delta, np.uint64), keys.view(np.uint64)).view(np.uint8)


def unmask_correlated(pads: Blocks, choices: NDArray[np.uint8], corrections: Blocks) -> None:
    """Turn the receiver's random OT, uint8 of shape (n, 16), into its macs, key ^ choice * delta, in place."""
    from protocols.kernels.correlated import select_all

    select_all(pads.view(np.uint64), choices, _words(corrections))
