"""One circuit, inputs of n owners, all parties compute: GMW over a session.

    every owner                                     every other party
    ------------------------------------------------------------------
    digest of the call                       <--->  digest of the call
    a fresh seed for each other party         --->  share = PRG(seed)
    share = bits ^ all PRG(seed)
    [ boolean.evaluate_shares among all, a round for each AND level ]
    share of the outputs                      --->  who learns them: XOR of all shares
    done                                     <--->  done

Agreement, errors and the end are those of `mpcnet.evaluate`. Every party takes part, also one that owns no input and
learns nothing: the inputs of one party stay private even if all others put their heads together.

Security: semi-honest, all parties but one may collude; AES-256 as a PRG for input shares, and OT, see
`protocols.boolean`. Whoever learns an output sees the shares of it, which tell no more than the output itself.
Cost: 32 bytes of each owner to each other party, whatever its inputs; the shares of an output, one bit each, of every
party to every one that learns it; GMW itself, see `protocols.boolean.gmw`.
Source: Goldreich, Micali and Wigderson, 1987, see `protocols.boolean`. Deviation: shares come from seeds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.concurrency import together
from mpcnet.evaluate import Run, assemble
from mpcnet.handout import SEED_BYTES, ShareStream, dense_rows, packed_rows, pieces
from mpcnet.links import SessionMesh
from mpcnet.room import Room
from mpcnet.stats import Stats
from protocols.bits import packed_bytes

__all__ = ["GmwRun"]

Bits = NDArray[np.uint8]


class GmwRun(Run):
    """One evaluation at one party."""

    async def compute(self, own: Mapping[str, Bits], batch: int | None) -> Any:
        """Share, evaluate, reveal; what this party learns."""
        from protocols.boolean import evaluate_shares

        plan, n = self.plan, 1 if batch is None else batch
        if not n:
            bits = np.empty((0, len(plan.columns(plan.learned_by(self.me), "output"))), np.uint8)
        else:
            await self._load_kernels()
            triples = await self._set_up_triples() if plan.circuit.and_count else None
            self.session.secret_moved = True
            with self.session.phase("inputs"):
                inputs = await self._share_inputs(own, n)
            with self.session.phase("evaluate"):
                shares = await evaluate_shares(
                    self.session.mesh_of("gmw", {peer: channel.fork("gmw") for peer, channel in self.channels.items()}),
                    plan.circuit,
                    inputs,
                    batch=n,
                    packed=True,
                    triples=triples,
                    progress=lambda done, total: self.progress("evaluate", done, total),
                    rng=self.rng,
                )
            with self.session.phase("outputs"):
                bits = await self._reveal(shares, self.session.peers)
        with self.session.phase("wait"):
            await self._finish()
        return assemble(plan, self.me, bits, batch)

    async def _load_kernels(self) -> None:
        """Load the kernels, and compile them where this machine has not yet, in a thread."""
        from protocols.boolean import warm_up

        self.progress("prepare", 0, 1)
        with self.session.phase("prepare"):
            await asyncio.to_thread(warm_up)
        self.progress("prepare", 1, 1)

    async def _set_up_triples(self) -> Any:
        """OT with every other party, from an earlier evaluation or fresh."""
        from protocols.boolean import TripleSource

        key = ("gmw", *self.plan.computing)
        if key not in self.ot:
            self.progress("ot", 0, 1)
            with self.session.phase("ot"):
                source = await self.session.set_up(
                    ".triples",
                    lambda room: TripleSource.setup(_mesh(room), rng=self.rng),
                    lambda made, room: made.fork(_mesh(room)),
                )
                self.ot[key] = _Timed(source, self.stats)
            self.progress("ot", 1, 1)
        return self.ot[key]

    async def _share_inputs(self, own: Mapping[str, Bits], n: int) -> dict[str, Bits]:
        """This party's shares of all inputs, packed port by port: of its own and, from seeds, of the others'."""
        plan, session = self.plan, self.session
        given = {party: plan.owned_by(party) for party in plan.parties}
        seeds = {peer: self.rng(SEED_BYTES) for peer in session.peers} if given[self.me] else {}
        owners = [peer for peer in session.peers if given[peer]]
        got = await together(
            *(self.channels[owner].receive(SEED_BYTES) for owner in owners),
            *(self.channels[peer].send(seed) for peer, seed in seeds.items()),
        )
        shares: dict[str, Bits] = {}
        for owner, seed in zip(owners, got, strict=False):
            shares |= await self._expand(owner, [bytes(seed)], None, n)
        if given[self.me]:
            shares |= await self._expand(self.me, list(seeds.values()), own, n)
        return {port.name: shares[port.name] for port in plan.circuit.inputs}

    async def _expand(self, owner: str, seeds: list[bytes], own: Mapping[str, Bits] | None, n: int) -> dict[str, Bits]:
        """What some seeds stand for, XORed, and with this party's own bits on top if it is the owner."""
        ports = self.plan.owned_by(owner)
        width = sum(port.n_bits for port in ports)
        streams = [ShareStream(seed, self.session.session_id) for seed in seeds]
        parts: list[list[Bits]] = []
        for piece in pieces(n, width):
            count = piece.stop - piece.start
            n_bytes = packed_bytes(count * width)
            dense = np.zeros(n_bytes, np.uint8) if own is None else dense_rows(ports, own, piece)
            for stream in streams:
                dense = dense ^ stream.take(n_bytes)
            parts.append(packed_rows(ports, dense, count))
            self.progress("inputs", piece.stop, n)
            await asyncio.sleep(0)  # nothing is waited for here: let the links live
        return {port.name: np.concatenate([part[i] for part in parts]) for i, port in enumerate(ports)}


def _mesh(room: Room) -> SessionMesh:
    label = ".triples"
    return room.mesh_of(label, {peer: room.open_channel(peer, label, secret=False) for peer in room.peers})


class _Timed:
    """A source of triples whose time is counted apart."""

    def __init__(self, source: Any, stats: Stats) -> None:
        self._source, self._stats = source, stats

    async def make(self, count: int) -> Any:
        with self._stats.phase("ot"):
            return await self._source.make(count)
