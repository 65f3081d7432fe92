"""The open port of a party, until its mesh stands: who comes in is a stranger, and strangers cost little.

At most MAX_STRANGERS handshakes are under way; one more, and the oldest has to go. A party needs a few milliseconds
for its handshake and is not the oldest then, unless thousands come every second; and it tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from mpcnet.errors import ConnectFailed
from mpcnet.wire.greeting import NotReached
from mpcnet.wire.tls import describe

if TYPE_CHECKING:
    from mpcnet.roster import Party

__all__ = ["BACKLOG", "HANDSHAKE_SECONDS", "MAX_STRANGERS", "Lobby", "listen", "open_port", "resolve"]

MAX_STRANGERS: Final = 64
HANDSHAKE_SECONDS: Final = 10.0
BACKLOG: Final = 256
_BURST: Final = 16
_PAUSE_SECONDS: Final = 0.1


async def resolve(host: str, port: int) -> list[tuple[int, Any]]:
    """The addresses of a host: (family, address), the preferred one first. Raises OSError."""
    with contextlib.suppress(ValueError):
        version = ipaddress.ip_address(host).version
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, port))]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, where) for family, _, _, _, where in found]


async def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on the first address of `host`. Raises OSError."""
    family, where = (await resolve(host, port))[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


async def open_port(me: Party, sock: socket.socket | None) -> socket.socket:
    """A socket that listens: the given one, or else one on the party's own address.

    Raises:
        ConnectFailed: that cannot be; with what to do.
    """
    try:
        if sock is None:
            return await listen(me.host, me.port)
        sock.listen(BACKLOG)
    except OSError as error:
        where = me.address if sock is None else "the socket it was given"
        text = f"{me.name}: cannot listen on {where}: {describe(error).lower()}"
        raise ConnectFailed(f"{text}; {_listening_hint(error)}", peer=me.name) from None
    return sock


def _listening_hint(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "is the address in the roster right? Else set `listen` in party.toml to an address of this machine"
    if error.errno == errno.EADDRINUSE:
        return "is another program, or another run of this party, using the port? Else set `listen` in party.toml"
    if error.errno == errno.EACCES:
        return "this user may not open the port; set `listen` in party.toml to one above 1023"
    return "set `listen` in party.toml to an address of this machine"


class Lobby:
    """Accepts connections, and has each one greeted.

    Args:
        sock: listening; it belongs to the lobby.
        admit: greets one connection and takes care of it; raises NotReached for strangers. It owns the socket.

    Attributes:
        strangers: how many connections led to nothing. last_stranger: why the last one did.
    """

    def __init__(self, sock: socket.socket, admit: Callable[[socket.socket], Awaitable[None]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock, self._admit = sock, admit
        self._tasks: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._pause: asyncio.TimerHandle | None = None
        self._open = True
        self.strangers = 0
        self.last_stranger = ""
        sock.setblocking(False)
        self._loop.add_reader(sock, self._on_readable)

    async def close(self) -> None:
        """Close the port and drop who is in the lobby."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._sock)
            self._sock.close()
        if self._pause is not None:
            self._pause.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _on_readable(self) -> None:
        for _ in range(_BURST):
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no more file descriptors, or no memory: give others time to end
                self._loop.remove_reader(self._sock)
                self._pause = self._loop.call_later(_PAUSE_SECONDS, self._resume)
                return
            self._seat(sock)

    def _resume(self) -> None:
        if self._open:
            self._loop.add_reader(self._sock, self._on_readable)

    def _seat(self, sock: socket.socket) -> None:
        if len(self._tasks) >= MAX_STRANGERS:
            oldest = next(iter(self._tasks))
            del self._tasks[oldest]
            oldest.cancel()
        sock.setblocking(False)
        task = self._loop.create_task(self._host(sock))
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._leave(done, sock))

    async def _host(self, sock: socket.socket) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self._admit(sock)
        except NotReached as error:
            self._count(str(error))
        except TimeoutError:
            self._count(f"did not finish the handshake within {HANDSHAKE_SECONDS:g} s")
        except asyncio.CancelledError:
            self._count("was still in the handshake when others came")
            raise

    def _count(self, reason: str) -> None:
        self.strangers += 1
        self.last_stranger = reason

    def _leave(self, task: asyncio.Task[None], sock: socket.socket) -> None:
        self._tasks.pop(task, None)
        if task.cancelled():
            sock.close()  # it may not even have begun
        else:
            task.result()
