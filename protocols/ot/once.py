"""Oblivious transfer in one call, with a setup of its own: by base OT for few pairs, by extension for many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols import bits
from protocols.channel import Channel
from protocols.ot.base import BaseOtReceiver, BaseOtSender
from protocols.ot.contract import Blocks
from protocols.ot.extension import KAPPA, tree_depths
from protocols.ot.roles import OtReceiver, OtSender, messages_of
from protocols.rng import Rng, system_rng

__all__ = ["receive", "send"]

BLOCK_BYTES = 16


async def send(channel: Channel, messages: Blocks, *, k: int = 2, rng: Rng = system_rng) -> None:
    """Send one of each pair of messages, without learning which; with a setup of its own.

    Up to 128 pairs go by base OT directly, more by SoftSpokenOT; with none, nothing is said.

    Security: semi-honest, random-oracle model, computational Diffie-Hellman. Leaks the count.

    Args:
        channel: ordered channel to the receiver.
        messages: uint8 of shape (n, 2, 16).
        k: 1 to 8, the same at both sides.
        rng: the source of randomness.
    Raises:
        ValueError: messages has a wrong shape or dtype, or k is not between 1 and 8; nothing was sent.
        MessageError: the receiver's message has a wrong length or holds an invalid group element.
    Cost: n <= 128: 3 messages, sender 32 + 32 * n bytes, receiver 64 * n. Else those of `OtSender.setup` and `chosen`.
    """
    messages = messages_of(messages)
    tree_depths(k)
    if len(messages) > KAPPA:
        await (await OtSender.setup(channel, k=k, rng=rng)).chosen(messages)
    elif len(messages):
        await OtSender(channel, BaseOtSender(channel, rng=rng)).chosen(messages)


async def receive(channel: Channel, choices: NDArray[np.uint8], *, k: int = 2, rng: Rng = system_rng) -> Blocks:
    """Obtain one message of each pair, without telling the sender which; with a setup of its own.

    Security: semi-honest, random-oracle model, computational Diffie-Hellman. Leaks the count.

    Args:
        channel: ordered channel to the sender.
        choices: shape (n,), values 0 or 1.
        k: 1 to 8, the same at both sides.
        rng: the source of randomness.
    Returns:
        uint8 of shape (n, 16); row i is messages[i, choices[i]].
    Raises:
        ValueError: choices has a wrong shape or value, or k is not between 1 and 8; nothing was sent.
        MessageError: the sender's message has a wrong length or holds an invalid group element.
    Cost: that of `send`.
    """
    choices = bits.as_bits(choices, "choices")
    tree_depths(k)
    if len(choices) > KAPPA:
        return await (await OtReceiver.setup(channel, k=k, rng=rng)).chosen(choices)
    if len(choices):
        return await OtReceiver(channel, BaseOtReceiver(channel, rng=rng)).chosen(choices)
    return np.empty((0, BLOCK_BYTES), np.uint8)
