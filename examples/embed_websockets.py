"""One oblivious transfer and one garbled comparison inside an application of one's own, over its own websocket.

    python examples/embed_websockets.py               both processes, on this machine
    python examples/embed_websockets.py shop 8765     one of them, in a terminal of its own ...
    python examples/embed_websockets.py client 8765   ... and the other

Nothing of `mpcnet` is used. `protocols` asks for a channel with four members, and `WebsocketChannel` below is one. The
protocols assume a channel that is private and authentic, so a real application serves `wss://` and knows its peer; here
both ends are on one machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import subprocess
import sys

import numpy as np
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import serve

from circuits import Bit, UInt, circuit
from protocols import garbling, ot
from protocols.channel import Buffer
from protocols.errors import MessageError

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_CHANNELS = 64
MAX_WAITING = 64  # messages of one channel that nobody has asked for yet


class WebsocketLink:
    """One websocket, shared by channels: every frame starts with the label of the channel that it belongs to."""

    def __init__(self, websocket: Connection) -> None:
        self.websocket = websocket
        self.waiting: dict[str, asyncio.Queue[bytearray]] = {}
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for frame in self.websocket:
            label, _, message = bytes(frame).partition(b"\0")
            await self.queue(label.decode()).put(bytearray(message))
        raise ConnectionError("the peer closed the websocket in the middle of a protocol")

    def queue(self, label: str) -> asyncio.Queue[bytearray]:
        if label not in self.waiting and len(self.waiting) >= MAX_CHANNELS:
            raise MessageError(f"more than {MAX_CHANNELS} channels on one websocket")
        return self.waiting.setdefault(label, asyncio.Queue(MAX_WAITING))

    async def next_message(self, label: str) -> bytearray:
        message = asyncio.ensure_future(self.queue(label).get())
        await asyncio.wait({message, self.reader}, return_when=asyncio.FIRST_COMPLETED)
        if not message.done():
            message.cancel()
            self.reader.result()  # raises what ended the reader
        return message.result()

    async def close(self) -> None:
        self.reader.cancel()
        await asyncio.gather(self.reader, return_exceptions=True)


class WebsocketChannel:
    """A `protocols.Channel`: this is all that it takes."""

    def __init__(self, link: WebsocketLink, peer: str, session_id: bytes, label: str) -> None:
        self.link, self.peer, self.session_id, self.label = link, peer, session_id, label

    async def send(self, *parts: Buffer) -> None:
        await self.link.websocket.send(
            b"".join([self.label.encode(), b"\0", *(memoryview(p).cast("B") for p in parts)])
        )

    async def receive(self, n_bytes: int) -> memoryview:
        message = await self.link.next_message(self.label)
        if len(message) != n_bytes:
            raise MessageError(f"expected {n_bytes} bytes, got {len(message)}", peer=self.peer)
        return memoryview(message)

    def fork(self, label: str) -> WebsocketChannel:
        session_id = hashlib.blake2b(label.encode(), key=self.session_id, digest_size=32).digest()
        return WebsocketChannel(self.link, self.peer, session_id, f"{self.label}/{label}")


async def open_channel(websocket: Connection, peer: str) -> WebsocketChannel:
    """Agree on a fresh session id, a hash of a nonce of each side, and make the first channel."""
    mine = os.urandom(32)
    await websocket.send(mine)
    theirs = await websocket.recv()
    if not isinstance(theirs, bytes) or len(theirs) != 32 or theirs == mine:
        raise MessageError("the peer's first frame is not a nonce of 32 bytes of its own", peer=peer)
    session_id = hashlib.sha256(b"".join(sorted([mine, theirs]))).digest()
    return WebsocketChannel(WebsocketLink(websocket), peer, session_id, "app")


# What the two applications compute.

REPORTS = [b"late payments: 2", b"late payments: 0", b"late payments: 7", b"late payments: 1"]


@circuit
def affordable(budget: UInt[32], price: UInt[32]) -> Bit:
    return budget >= price


async def shop(websocket: Connection) -> None:
    """Sells one report of two without learning which, then compares its price with a budget that it never sees."""
    channel = await open_channel(websocket, "client")
    messages = np.frombuffer(b"".join(REPORTS), np.uint8).reshape(2, 2, 16)
    await ot.send(channel.fork("reports"), messages)
    enough = await garbling.garble(channel.fork("price"), affordable, {"price": 1_200})
    print(f"shop: sold two reports, does not know which; the budget is enough: {enough}", flush=True)
    await channel.link.close()


async def client(websocket: Connection) -> None:
    """Buys one report of each pair, then learns whether its budget covers a price that it never sees."""
    channel = await open_channel(websocket, "shop")
    reports = await ot.receive(channel.fork("reports"), np.array([1, 0], np.uint8))
    enough = await garbling.evaluate(channel.fork("price"), affordable, {"budget": 1_500})
    texts = [bytes(row).decode() for row in reports]
    print(f"client: chose {texts}; the budget is enough: {enough}", flush=True)
    assert texts == ["late payments: 0", "late payments: 7"]
    assert enough
    await channel.link.close()


async def run_shop(port: int) -> None:
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def serve_one(websocket: Connection) -> None:
        try:
            await shop(websocket)
            finished.set_result(None)
        except Exception as error:
            finished.set_exception(error)

    async with serve(serve_one, "127.0.0.1", port, max_size=MAX_MESSAGE_BYTES):
        await finished


async def run_client(port: int) -> None:
    for attempt in range(200):
        try:
            async with connect(f"ws://127.0.0.1:{port}", max_size=MAX_MESSAGE_BYTES, open_timeout=60) as websocket:
                await client(websocket)
                return
        except ConnectionRefusedError:
            if attempt == 199:
                raise
            await asyncio.sleep(0.1)  # the shop is not up yet


def main(arguments: list[str]) -> int:
    if arguments:
        role, port = arguments
        asyncio.run({"shop": run_shop, "client": run_client}[role](int(port)))
        return 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [subprocess.Popen([sys.executable, __file__, role, str(port)]) for role in ("shop", "client")]
    try:
        return max(process.wait(timeout=180) for process in processes)
    finally:
        for process in processes:
            process.kill()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
