"""What a session needs of a connection, and what it makes of connections to all: a mesh."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mpcnet.cause import Cause
from protocols.channel import Channel

__all__ = ["LinkLike", "SessionMesh", "derive"]


class LinkLike(Protocol):
    """What a session needs of a live connection to one peer.

    Attributes:
        failure: gets as its exception why the link failed, or why the peer ended the run.
        told: the cause that the peer told last; None while it has told none.
        on_news: called when `told` changes, and when the connection is over.
        status, peer_status: 16 bits that each side tells the other with its heartbeats; see `mpcnet.watch`.
        awaits: whether anything here waits for the peer. moved: grows when anything moves on a channel.
    """

    on_news: Callable[[], None] | None
    status: int

    @property
    def peer(self) -> str: ...

    @property
    def failure(self) -> asyncio.Future[Any]: ...

    @property
    def bytes_sent(self) -> int: ...

    @property
    def bytes_received(self) -> int: ...

    @property
    def told(self) -> Cause | None: ...

    @property
    def is_over(self) -> bool: ...

    @property
    def peer_status(self) -> int: ...

    @property
    def awaits(self) -> bool: ...

    @property
    def moved(self) -> int: ...

    def channel(self, label: str) -> Channel: ...

    def report(self, cause: Cause) -> None:
        """Tell the peer that the run is over; again with another cause, where that comes first."""
        ...

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
