"""One round with all peers at once: a message to each, a message from each, in whatever order they come."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from protocols.channel import Buffer, Mesh

__all__ = ["all_of", "swap"]


async def all_of(work: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Run all until all are done; when one fails the others are cancelled, and its error is raised as it is."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        pending = set(tasks)
        while pending:  # FIRST_EXCEPTION would not count a child that was cancelled
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def swap(mesh: Mesh, message: Buffer, n_bytes: int) -> list[memoryview]:
    """Send the same message to every peer, and receive one of `n_bytes` of each; in order of the peers' numbers.

    Raises:
        MessageError: a peer's message has another length; names the peer.
    """
    peers = sorted(mesh.channels)
    results = await all_of(
        [
            *(mesh.channels[peer].receive(n_bytes) for peer in peers),
            *(mesh.channels[peer].send(message) for peer in peers),
        ]
    )
    return results[: len(peers)]
