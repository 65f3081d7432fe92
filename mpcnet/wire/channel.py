"""One labelled channel of a link; what protocols talk over. It satisfies `protocols.channel.Channel` by shape."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from protocols.channel import Buffer

if TYPE_CHECKING:
    from mpcnet.wire.connection import Link

__all__ = ["LinkChannel"]


class LinkChannel:
    """One channel of a link; `protocols.channel.Channel`."""

    def __init__(self, link: Link, parent_id: bytes, parent_path: str, label: str, used: set[str]) -> None:
        if not label:
            raise ValueError("a label is not empty")
        path = f"{parent_path}/{label}" if parent_path else label
        if label in used:
            raise ValueError(f"label {path!r} was used before on this link")
        self.peer = link.peer
        self.session_id = hashlib.blake2b(
            label.encode(), key=parent_id, digest_size=32, person=b"mpcnet-channel"
        ).digest()
        self._link, self._path = link, path
        self._labels: set[str] = set()
        self._stream = link.claim(self.session_id, path)
        used.add(label)

    async def send(self, *parts: Buffer) -> None:
        """Send one message, the concatenation of the parts; waits while the peer is slow.

        Raises:
            MPCNetError: the link failed; names the peer and the reason.
        """
        await self._link.send(self._stream, [view for part in parts if (view := _view(part))])

    async def receive(self, n_bytes: int) -> memoryview:
        """Receive one message of exactly `n_bytes`, into memory of its own.

        Where it is cancelled, nothing is lost: the next receive gets the message.

        Raises:
            MessageError: the next message has another length; the channel is of no more use then.
            MPCNetError: the link failed; names the peer and the reason.
        """
        if n_bytes < 0:
            raise ValueError(f"cannot receive {n_bytes} bytes")
        return await self._link.receive(self._stream, n_bytes)

    def fork(self, label: str) -> LinkChannel:
        """A channel for a sub-protocol that may run beside this one; both ends use the label, once."""
        return LinkChannel(self._link, self.session_id, self._path, label, self._labels)

    def close(self) -> None:
        """This end is done with the channel: what was sent still leaves. Frees its place; needed only where a session
        opens very many channels."""
        self._link.release(self._stream)

    def __repr__(self) -> str:
        return f"<LinkChannel {self._path!r} to {self.peer}>"


def _view(part: Buffer) -> memoryview:
    """The bytes of a part, without a copy where it is contiguous."""
    if isinstance(part, np.ndarray):
        return np.ascontiguousarray(part).reshape(-1).view(np.uint8).data if part.size else memoryview(b"")
    view = memoryview(part)
    if not view.nbytes:
        return memoryview(b"")
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())
