"""Phases that stand still: a party that is alive, and of which nothing comes.

Heartbeats tell that a peer lives; they go on beside long computations, so they do not tell that it gets anywhere.
While a phase of an evaluation is on, the watch looks a few times in its limit whether anything has moved on any
channel. When nothing has, and this party waits for somebody, the phase has stood still, and somebody is named: with
each heartbeat every party says for whom it waits, so the blame goes along that chain to the party that waits for
nobody, not to the innocent neighbour. A party that compiles its kernels, once on a machine, says so, and is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from mpcnet.links import LinkLike

__all__ = ["StallWatch", "follow"]

LOOKS = 8  # in the time that a phase may stand still
LONGEST_SECONDS = 2.0  # between two looks
PREPARING = 1 << 10  # of the 16 bits of a status; the lower ten are the parties waited for


class StallWatch:
    """Watches the phases of one session at one party.

    Args:
        me, parties: this party and all, in order.
        links: to the others.
        seconds: how long a phase may stand still; 0 for no limit.
        stalled: called once with the culprit and the reason.
    """

    def __init__(
        self,
        me: str,
        parties: Sequence[str],
        links: Mapping[str, LinkLike],
        seconds: float,
        stalled: Callable[[str, str], None],
    ) -> None:
        self._me, self._parties, self._links, self._seconds, self._stalled = me, parties, links, seconds, stalled
        self._phases: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._moved = self._still = 0
        self._between = min(seconds / LOOKS, LONGEST_SECONDS) if seconds else LONGEST_SECONDS

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Watch while the body runs; phases may be inside each other, or beside."""
        self._phases.append(name)
        self._still = 0
        if self._timer is None:
            self._look()
        try:
            yield
        finally:
            self._phases.remove(name)
            self._still = 0
            if not self._phases:
                self.stop()

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        awaited = [peer for peer, link in self._links.items() if link.awaits]
        status = sum(1 << self._parties.index(peer) for peer in awaited) | PREPARING * ("prepare" in self._phases)
        for link in self._links.values():
            link.status = status
        moved = sum(link.moved for link in self._links.values())
        told = {peer: link.peer_status for peer, link in self._links.items()}
        culprits = {follow(peer, self._me, self._parties, told) for peer in awaited}
        prepares = status & PREPARING or any(told.get(peer, 0) & PREPARING for peer in culprits)
        if moved != self._moved or not awaited or prepares:
            self._moved, self._still = moved, 0
        else:
            self._still += 1  # looks are counted, not seconds: a loop that was held up blames nobody for it
        if self._seconds and self._still >= max(2, round(self._seconds / self._between)):
            self._timer = None
            phase = self._phases[-1]
            self._stalled(min(culprits), f"nothing has come from it for {self._seconds:g} s (phase {phase!r})")
            return
        self._timer = asyncio.get_running_loop().call_later(self._between, self._look)


def follow(peer: str, me: str, parties: Sequence[str], told: Mapping[str, int]) -> str:
    """The party at the end of the chain of those that wait for each other.

    Args:
        peer: whom this party, `me`, waits for.
        told: for each peer the bits of the parties it said it waits for.
    """
    seen = {me}
    while peer not in seen:
        seen.add(peer)
        others = [name for i, name in enumerate(parties) if told.get(peer, 0) >> i & 1 and name not in seen]
        if not others:
            break
        peer = others[0]
    return peer
