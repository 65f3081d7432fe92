"""Oblivious transfer: the sender has pairs of 16-byte messages, the receiver chooses one of each, unseen.

await ot.send(channel, messages)            got = await ot.receive(channel, choices)

sender = await OtSender.setup(channel)      receiver = await OtReceiver.setup(channel)
await sender.random(count)                  choices, got = await receiver.random(count)
await sender.correlated(count, delta)       got = await receiver.correlated(choices)
await sender.chosen(messages)               got = await receiver.chosen(choices)
"""

from __future__ import annotations

from protocols.ot.extension import prepare
from protocols.ot.once import receive, send
from protocols.ot.roles import OtReceiver, OtSender

__all__ = ["OtReceiver", "OtSender", "prepare", "receive", "send"]
