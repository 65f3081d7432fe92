"""Towards another party: one attempt to reach it, over all its addresses, to the end of the handshake."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Final

from mpcnet.wire.greeting import Greeter, Guest, NotReached
from mpcnet.wire.lobby import HANDSHAKE_SECONDS, resolve
from mpcnet.wire.tls import describe, refusal

if TYPE_CHECKING:
    from mpcnet.roster import Party

__all__ = ["dial", "hurry"]

DIAL_SECONDS: Final = 5.0


async def dial(greeter: Greeter, party: Party) -> Guest:
    """Reach a party, and greet it.

    Raises:
        NotReached: trying again may help.
        HandshakeFailed, FrameError: it will not.
    """
    try:
        addresses = await resolve(party.host, party.port)
    except OSError as error:
        raise NotReached(f"is a name that cannot be resolved ({describe(error).lower()})") from None
    reason = "nobody lives"
    for family, where in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                await asyncio.get_running_loop().sock_connect(sock, where)
        except OSError as error:  # TimeoutError is one
            sock.close()
            reason = refusal(error)
            continue
        except BaseException:
            sock.close()
            raise
        hurry(sock)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                return await greeter.greet(sock, party, where=party.address)
        except TimeoutError:
            reason = f"does not finish the handshake within {HANDSHAKE_SECONDS:g} s"
    raise NotReached(reason)


def hurry(sock: socket.socket) -> None:
    """Small messages do not wait for larger ones."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
