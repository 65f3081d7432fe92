"""What a session needs of a connection, and what it makes of connections to all: a mesh."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from protocols.channel import Channel

__all__ = ["LinkLike", "SessionMesh", "derive"]


class LinkLike(Protocol):
    """What a session needs of a live connection to one peer."""

    @property
    def peer(self) -> str: ...

    @property
    def failure(self) -> asyncio.Future[Any]: ...

    @property
    def bytes_sent(self) -> int: ...

    @property
    def bytes_received(self) -> int: ...

    def channel(self, label: str) -> Channel: ...

    async def abort(self, reason: str, *, culprit: str = "") -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class SessionMesh:
    """Channels of one label to all the other parties; a `protocols.channel.Mesh`."""

    party_id: int
    n_parties: int
    session_id: bytes
    channels: Mapping[int, Channel]

    def fork(self, label: str) -> SessionMesh:
        channels = {party_id: channel.fork(label) for party_id, channel in self.channels.items()}
        return SessionMesh(self.party_id, self.n_parties, derive(self.session_id, label), channels)


def derive(session_id: bytes, label: str) -> bytes:
    """The session id of a fork."""
    return hashlib.blake2b(label.encode(), key=session_id, digest_size=32, person=b"mpcnet-mesh").digest()
