"""A man in the middle of every connection: TCP in, TCP out, and what the network could do in between.

Each party is reached through a port of this proxy. It sees nothing but bytes; whose connection it is it finds out from
the tables of the operating system, because all parties run on this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Line", "Network"]

ONCE = ("closed socket", "reset", "flipped byte")  # a line that was cut can be dialled again
SILENCE_SECONDS = 30.0
READ_BYTES = 64 * 1024


class Line:
    """One connection between two parties, both ways."""

    def __init__(self, dialler: str, acceptor: str, socks: tuple[socket.socket, socket.socket]) -> None:
        self.ends = (dialler, acceptor)
        self._socks = socks
        self.fault = ""
        self.victim = ""
        self.is_open = True
        self._flipped = False
        self.over = asyncio.Event()

    def break_(self, fault: str, victim: str) -> None:
        """Let the fault begin."""
        self.fault, self.victim = fault, victim
        if fault in ("closed socket", "reset"):
            self.close(hard=fault == "reset")

    def close(self, *, hard: bool = False) -> None:
        """End both connections, with a FIN or an RST."""
        self.is_open = False
        for sock in self._socks if hard else ():
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.over.set()

    async def run(self) -> None:
        """Carry bytes until both sides have ended."""
        here, there = self._socks
        ways = [self._carry(here, there, self.ends[0]), self._carry(there, here, self.ends[1])]
        carrying = asyncio.gather(*ways)
        ending = asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait({carrying, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.is_open = False
            for task in (carrying, ending):
                task.cancel()
            await asyncio.gather(carrying, ending, return_exceptions=True)
            for sock in self._socks:  # only now, when nothing waits on it any more
                sock.close()

    async def _carry(self, source: socket.socket, target: socket.socket, sender: str) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(source, READ_BYTES):
                await self._pass_on(data, target, sender, loop)
            target.shutdown(socket.SHUT_WR)

    async def _pass_on(self, data: bytes, target: socket.socket, sender: str, loop: asyncio.AbstractEventLoop) -> None:
        if self.fault == "30 s of silence":
            await asyncio.sleep(SILENCE_SECONDS)
        elif self.fault == "half-open link" and sender == self.victim:
            return
        elif self.fault == "flipped byte" and sender == self.victim and not self._flipped:
            self._flipped = True
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        elif self.fault == "one byte a second":
            for i in range(len(data)):
                await loop.sock_sendall(target, data[i : i + 1])
                await asyncio.sleep(1.0)
            return
        await loop.sock_sendall(target, data)


class Network:
    """The proxies of all parties, in a thread of their own.

    Args:
        public: the port where the others look for each party.
        private: the port where it listens.
    """

    def __init__(self, public: Mapping[str, int], private: Mapping[str, int]) -> None:
        self._public, self._private = public, private
        self._lines: list[Line] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._pids: dict[int, str] = {}
        self._coming: tuple[str, str] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._servers = [self._do(self._listen(name)) for name in public]

    def begin(self, pids: Mapping[int, str]) -> None:
        """A run of these processes begins: no fault, no line."""
        self._do(self._begin(dict(pids)))

    def break_(self, fault: str, victim: str) -> None:
        """Let a fault begin on all lines of a party, and on those that it will have."""
        self._do(self._break(fault, victim))

    @property
    def open_lines(self) -> int:
        """How many lines are open at the moment."""
        return sum(line.is_open for line in self._lines)

    def close(self) -> None:
        """End everything."""
        self._do(self._begin({}))
        for server in self._servers:
            self._loop.call_soon_threadsafe(server.cancel)
        self._do(asyncio.sleep(0.05))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Awaitable[Any]) -> Any:
        async def run() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=10)

    async def _begin(self, pids: dict[int, str]) -> None:
        self._pids, self._coming = pids, None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._lines.clear()

    async def _break(self, fault: str, victim: str) -> None:
        lines = [line for line in self._lines if victim in line.ends and line.is_open]
        for line in lines:
            line.break_(fault, victim)
        if not lines or fault not in ONCE:
            self._coming = (fault, victim)

    async def _listen(self, name: str) -> asyncio.Task[None]:
        sock = socket.create_server(("127.0.0.1", self._public[name]), backlog=64)
        sock.setblocking(False)
        return self._loop.create_task(self._accept(sock, name))

    async def _accept(self, sock: socket.socket, name: str) -> None:
        with sock:
            while True:
                here, (_, port) = await self._loop.sock_accept(sock)
                here.setblocking(False)
                task = self._loop.create_task(self._join(here, port, name))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                task.add_done_callback(lambda _, ours=here: ours.close())  # also where it never began

    async def _join(self, here: socket.socket, port: int, name: str) -> None:
        there = socket.socket()
        there.setblocking(False)
        try:
            dialler = await asyncio.to_thread(_owner, port, self._pids)
            await self._loop.sock_connect(there, ("127.0.0.1", self._private[name]))
            for sock in (here, there):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            there.close()
            return
        except asyncio.CancelledError:
            there.close()
            raise
        line = Line(dialler, name, (here, there))
        self._lines.append(line)
        if self._coming is not None and self._coming[1] in line.ends:
            line.break_(*self._coming)
            if self._coming[0] in ONCE:
                self._coming = None
        await line.run()


def _owner(port: int, pids: Mapping[int, str]) -> str:
    """Which of these processes has a connection from that port."""
    found = ""
    for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = row.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[1].startswith("0100007F"):
            found = f"socket:[{fields[9]}]"
            for pid, name in pids.items():
                with contextlib.suppress(OSError):
                    for entry in Path(f"/proc/{pid}/fd").iterdir():
                        with contextlib.suppress(OSError):
                            if str(entry.readlink()) == found:
                                return name
    return "?"
