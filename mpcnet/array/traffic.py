"""A mesh for one operation: counts what is said on it, and gives all its channels back when the operation is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from protocols.channel import Buffer, Channel, Mesh

__all__ = ["Conversation", "Traffic"]


@dataclass
class Traffic:
    """What was said: payload, without frames."""

    messages_sent: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


@dataclass
class _Ledger:
    traffic: Traffic
    channels: list[Any] = field(default_factory=list)


class _Counted:
    """A channel of a conversation."""

    __slots__ = ("_channel", "_ledger", "peer", "session_id")

    def __init__(self, channel: Channel, ledger: _Ledger) -> None:
        self.peer, self.session_id = channel.peer, channel.session_id
        self._channel, self._ledger = channel, ledger
        ledger.channels.append(channel)

    async def send(self, *parts: Buffer) -> None:
        traffic = self._ledger.traffic
        traffic.messages_sent += 1
        traffic.bytes_sent += sum(
            part.nbytes if isinstance(part, np.ndarray | memoryview) else len(part) for part in parts
        )
        await self._channel.send(*parts)

    async def receive(self, n_bytes: int) -> memoryview:
        message = await self._channel.receive(n_bytes)
        self._ledger.traffic.bytes_received += n_bytes
        return message

    def fork(self, label: str) -> _Counted:
        return _Counted(self._channel.fork(label), self._ledger)


class Conversation:
    """A `protocols.channel.Mesh`.

    Args:
        mesh: a fork for this operation alone.
        traffic: where to count.
    """

    def __init__(self, mesh: Mesh, traffic: Traffic, ledger: _Ledger | None = None) -> None:
        self._mesh, self._ledger = mesh, ledger or _Ledger(traffic)
        self.party_id, self.n_parties, self.session_id = mesh.party_id, mesh.n_parties, mesh.session_id
        self.channels: Mapping[int, Channel] = {
            party: _Counted(channel, self._ledger) for party, channel in mesh.channels.items()
        }

    def fork(self, label: str) -> Conversation:
        return Conversation(self._mesh.fork(label), self._ledger.traffic, self._ledger)

    def close(self) -> None:
        """Nothing more is to be said or heard: what was sent still leaves."""
        for channel in self._ledger.channels:
            close = getattr(channel, "close", None)
            if close is not None:
                close()
        self._ledger.channels.clear()
