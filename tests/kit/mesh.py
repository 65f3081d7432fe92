"""Meshes in memory: channels between each two of n parties, in the three tempers, with the transcript of each pair."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.kit.channels import MemoryChannel, Tamper, Temper, channel_pair


@dataclass(frozen=True)
class MemoryMesh:
    """One party's end of a mesh."""

    party_id: int
    n_parties: int
    session_id: bytes
    channels: Mapping[int, MemoryChannel]

    def fork(self, label: str) -> MemoryMesh:
        channels = {peer: channel.fork(label) for peer, channel in self.channels.items()}
        session_id = hashlib.blake2b(label.encode(), key=self.session_id, digest_size=32).digest()
        return MemoryMesh(self.party_id, self.n_parties, session_id, channels)

    def n_bytes(self) -> dict[int, int]:
        """Bytes sent to each peer."""
        return {peer: channel.wire.n_bytes(f"p{self.party_id}") for peer, channel in self.channels.items()}

    def messages(self, prefix: str = "") -> dict[int, list[bytes]]:
        """What was sent to each peer on paths that begin so."""
        me = f"p{self.party_id}"
        return {
            peer: [data for who, path, data in channel.wire.messages if who == me and path.startswith(prefix)]
            for peer, channel in self.channels.items()
        }

    def hash(self) -> str:
        """A hash of all that this party and its peers said to each other."""
        whole = "".join(self.channels[peer].wire.hash() for peer in sorted(self.channels))
        return hashlib.sha256(whole.encode()).hexdigest()


def make_meshes(n_parties: int, temper: Temper = "buffered", tamper: Tamper | None = None) -> list[MemoryMesh]:
    """The ends of all parties; party i is called "pi". `tamper` acts on every pair alike."""
    channels: list[dict[int, MemoryChannel]] = [{} for _ in range(n_parties)]
    for i in range(n_parties):
        for j in range(i + 1, n_parties):
            channels[i][j], channels[j][i] = channel_pair(temper, tamper, (f"p{i}", f"p{j}"))
    return [MemoryMesh(i, n_parties, bytes(range(32)), channels[i]) for i in range(n_parties)]


async def run_all(roles: Sequence[Awaitable[Any]], *, seconds: float = 60) -> list[Any]:
    """Run all roles; the first error ends them all and is raised as it is."""
    tasks = [asyncio.ensure_future(role) for role in roles]
    try:
        done, pending = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task in done:
                task.result()
        if pending:
            raise TimeoutError(f"a role did not finish in {seconds} s")
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
