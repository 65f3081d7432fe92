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
from protocols.ot.contract import Blocks

__all__ = ["correlate", "mask_messages", "unmask_chosen", "unmask_correlated"]


def _words(blocks: Blocks) -> NDArray[np.uint64]:
    return np.ascontiguousarray(blocks).view(np.uint64)


def mask_messages(pads: Blocks, messages: Blocks) -> Blocks:
    """What the sender of chosen OT sends: (n, 2, 16) from random pairs and messages of that shape."""
    return (_words(pads) ^ _words(messages)).view(np.uint8)


def unmask_chosen(pads: Blocks, choices: NDArray[np.uint8], masked: Blocks) -> Blocks:
    """What the receiver of chosen OT learns.

    Args:
        pads: its random OT, uint8 of shape (n, 16).
        choices: uint8 of shape (n,).
        masked: the sender's message, uint8 of shape (n, 2, 16).
    Returns:
        uint8 of shape (n, 16); row i is messages[i, choices[i]].
    """
    pairs, select = _words(masked), bits.masks(choices)[:, None]
    return (_words(pads) ^ pairs[:, 0] ^ (select & (pairs[:, 0] ^ pairs[:, 1]))).view(np.uint8)


def correlate(pads: Blocks, delta: bytes) -> tuple[Blocks, Blocks]:
    """The sender's side of correlated OT.

    Args:
        pads: its random pairs, uint8 of shape (n, 2, 16).
        delta: 16 bytes.
    Returns:
        the keys and the corrections to send, both uint8 of shape (n, 16).
    """
    pairs = _words(pads)
    keys = pairs[:, 0].copy()
    return keys.view(np.uint8), (keys ^ pairs[:, 1] ^ np.frombuffer(delta, np.uint64)).view(np.uint8)


def unmask_correlated(pads: Blocks, choices: NDArray[np.uint8], corrections: Blocks) -> Blocks:
    """The receiver's macs, mac = key ^ choice * delta: uint8 of shape (n, 16)."""
    return (_words(pads) ^ (bits.masks(choices)[:, None] & _words(corrections))).view(np.uint8)
