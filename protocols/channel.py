"""What a protocol needs of a network: a `Channel` to one peer, or a `Mesh` of them.

Both are `typing.Protocol`: anything of this shape will do, a TLS connection of `mpcnet`, a queue in a test, or the
websocket of somebody's application. A channel carries whole messages in order; it is private and authentic; one
sub-protocol uses it at a time. The receiver always says how long the next message is, so nothing is allocated on a
peer's word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Buffer", "Channel", "Mesh", "exchange", "receive_array"]

Buffer = bytes | bytearray | memoryview | NDArray[Any]


@runtime_checkable
class Channel(Protocol):
    """Ordered, private and authentic messages to one peer, for one sub-protocol.

    Attributes:
        peer: the peer's name, for errors.
        session_id: 32 bytes, the same at both ends, different for every session and every fork; it goes into every
            hash of the protocol.
    """

    @property
    def peer(self) -> str: ...

    @property
    def session_id(self) -> bytes: ...

    async def send(self, *parts: Buffer) -> None:
        """Send one message, the concatenation of the parts; each part is C-contiguous.

        Waits while the peer is slow to read. The parts are copied or gone when it returns: the caller may reuse them.
        """
        ...

    async def receive(self, n_bytes: int) -> memoryview:
        """Receive one message of exactly `n_bytes`.

        The memory belongs to the caller alone.

        Raises:
            MessageError: the next message has another length.
        """
        ...

    def fork(self, label: str) -> Channel:
        """A channel to the same peer for a sub-protocol that may run beside this one.

        Both ends fork with the same label; a label is used once for each parent channel.
        """
        ...


@runtime_checkable
class Mesh(Protocol):
    """Channels to all the other parties of a session.

    Attributes:
        party_id: this party's number, 0..n_parties-1.
        n_parties: how many take part.
        session_id: 32 bytes, the same at every party.
        channels: a channel to each other party, by its party_id.
    """

    @property
    def party_id(self) -> int: ...

    @property
    def n_parties(self) -> int: ...

    @property
    def session_id(self) -> bytes: ...

    @property
    def channels(self) -> Mapping[int, Channel]: ...

    def fork(self, label: str) -> Mesh: ...


async def exchange(channel: Channel, *parts: Buffer, n_bytes: int) -> memoryview:
    """Send one message and receive one of `n_bytes`, at once, so that two large sends cannot block each other."""
    sending = asyncio.ensure_future(channel.send(*parts))
    receiving = asyncio.ensure_future(channel.receive(n_bytes))
    try:
        done, _ = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
        return receiving.result()
    finally:
        sending.cancel()
        receiving.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)


async def receive_array(channel: Channel, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Receive one message as a little-endian array of a known dtype and shape.

    Every bit pattern of the dtype must be a valid element; where it is not, the type's own decoder checks it.
    """
    kind = np.dtype(dtype).newbyteorder("<")
    count = int(np.prod(shape, dtype=np.int64))
    message = await channel.receive(count * kind.itemsize)
    return np.frombuffer(message, dtype=kind).reshape(shape)
