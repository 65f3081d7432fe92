"""Makers for the contract of OT: each source of random OT over channels in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocols.ot import OtReceiver, OtSender
from protocols.ot.base import BaseOtReceiver, BaseOtSender
from protocols.rng import system_rng
from tests.kit.channels import MemoryChannel, Tamper, Temper, channel_pair, run_pair
from tests.kit.rng import seeded_rng

Made = tuple[Any, Any, Callable[[], int]]


def channels(temper: Temper = "buffered", tamper: Tamper | None = None) -> tuple[MemoryChannel, MemoryChannel]:
    return channel_pair(temper, tamper, ("sender", "receiver"))


async def softspoken(
    k: int = 2, temper: Temper = "buffered", tamper: Tamper | None = None, seed: int | None = None
) -> tuple[OtSender, OtReceiver, MemoryChannel]:
    """Both sides after their setup, and the sender's channel; with a seed both take their randomness from it."""
    left, right = channels(temper, tamper)
    rngs = [system_rng] * 2 if seed is None else [seeded_rng(f"{seed}/{side}") for side in ("sender", "receiver")]
    sender, receiver = await run_pair(OtSender.setup(left, k=k, rng=rngs[0]), OtReceiver.setup(right, k=k, rng=rngs[1]))
    return sender, receiver, left


async def make_softspoken(k: int = 2, temper: Temper = "buffered") -> Made:
    sender, receiver, channel = await softspoken(k, temper)
    return sender, receiver, lambda: len(channel.wire.messages)


async def make_base(temper: Temper = "buffered") -> Made:
    left, right = channels(temper)
    return (
        OtSender(left, BaseOtSender(left)),
        OtReceiver(right, BaseOtReceiver(right)),
        lambda: len(left.wire.messages),
    )
