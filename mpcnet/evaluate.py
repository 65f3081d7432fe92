"""One circuit, inputs of n owners, two parties that compute: garbled circuits over a session.

    owner of other inputs          garbler                          evaluator            who learns
    ---------------------------------------------------------------------------------------------------
    digest of the call      <--->  digest of the call        <--->  digest of the call   <---> ...
    seed                     --->  share = PRG(seed)
    bits ^ PRG(seed)         ------------------------------------>  share
                                   [ garble_shares    <--->    evaluate_shares ]
                                   share of the outputs      <--->  share of the outputs
                                   share ------------------------------------------->  share ^ share
    done                    <--->  done                      <--->  done                  <---> ...

Every party first checks its own arguments completely, then all compare what they were called with; only then the first
secret moves, masked. A batch is cut into pieces, so that memory does not grow with it; the OT extension between the
two that compute is set up once in a session and used on.

Security: semi-honest parties over private, authentic links. The garbler and the evaluator learn nothing of each
other's inputs but what the revealed outputs tell. The inputs of every other owner are XOR-shared between these two:
they stay private as long as both follow the protocol and do not collude. An output goes to the parties named for it
alone: the two that compute hold random shares of it. Everybody learns the circuit, the owners, the recipients and the
batch size; SECURITY.md says what a party that deviates can do.
Cost: messages of 200 bytes and of 1 byte to each other party; from each third owner 32 bytes to the garbler, and for
each instance n_bits / 8 bytes to the evaluator; the cost of `protocols.garbling` between the two; and 1/8 byte for each
revealed bit and share.
Source: XOR shares of further inputs for the two that run Yao's protocol are folklore; sound because the circuit's
first layer, free XOR gates, puts the shares together. Garbling and OT: see their modules.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from circuits.batch import decode_outputs
from circuits.ir import Circuit
from mpcnet import plan as planning
from mpcnet.bandwidth import AUTO, LARGE_BYTES, agree_on_scheme
from mpcnet.concurrency import together
from mpcnet.errors import AgreementError
from mpcnet.handout import SEED_BYTES, ShareStream, dense_rows, packed_rows, pieces
from mpcnet.plan import STATEMENT_BYTES, Plan
from mpcnet.stats import EvaluationRecord, Stats
from protocols.bits import pack, packed_bytes, unpack
from protocols.rng import Rng, system_rng

if TYPE_CHECKING:
    from mpcnet.room import Room

__all__ = ["Evaluator", "Progress", "Run", "assemble"]

Bits = NDArray[np.uint8]
DONE = b"\1"


@dataclass(frozen=True)
class Progress:
    """How far an evaluation is, at this party.

    Attributes:
        phase: "agree", "prepare", "ot", "inputs", "evaluate" or "outputs". "prepare" loads the kernels, and compiles
            them where this machine has not yet: some seconds, once.
        done, total: of the phase's own unit: parties that agreed, instances shared or revealed, AND gates.
        bytes_sent, bytes_received: of the session so far.
    """

    phase: str
    done: int
    total: int
    bytes_sent: int
    bytes_received: int


OnProgress = Callable[[Progress], None]


class Evaluator:
    """The evaluations of one session: one after the other, in the order of the calls, on OT that is set up once.

    Args:
        session: the session they run in.
        rng: where seeds and labels come from.
    """

    def __init__(self, session: Room, *, rng: Rng = system_rng) -> None:
        self._session = session
        self._rng = rng
        self._turn = asyncio.Lock()
        self._count = 0
        self._ot: dict[tuple[str, ...], Any] = {}
        self._measured: dict[tuple[str, str], str] = {}

    async def evaluate(
        self,
        circuit: Circuit,
        inputs: Mapping[str, Any],
        *,
        owners: Mapping[str, str],
        reveal_to: str | Sequence[str] | Mapping[str, str | Sequence[str]],
        compute: Sequence[str] | None = None,
        batch: int | None = None,
        scheme: str = planning.SCHEMES[0],
        protocol: str = planning.YAO,
        on_progress: OnProgress | None = None,
    ) -> Any:
        """As `Session.evaluate`."""
        session = self._session
        async with self._turn:
            try:
                plan = Plan.make(circuit, session.parties, owners, reveal_to, compute, scheme, protocol)
                if session.guard is not None:
                    session.guard.check(plan)
                own, known = planning.encode_own(plan, session.name, inputs, batch)
                self._count += 1
                label = f".evaluate/{self._count}"
                run = _kind_of(plan)(session, plan, label, self._ot, self._measured, self._rng, on_progress)
                agreed = await run.agree(known)
                if session.guard is not None:
                    session.guard.take(1 if agreed is None else agreed)
                record = run.record(agreed)
                session.agreed.append(record)
                with session.stats.evaluation(record):
                    return await run.compute(own, agreed)
            except AgreementError:  # the others find the same by themselves, and nothing is out of step
                raise
            except BaseException as error:
                await self._give_up(error)
                raise

    async def _give_up(self, error: BaseException) -> None:
        """The others wait for this party, and OT may be out of step: end the session for everybody."""
        from mpcnet.reasons import explain

        culprit, reason = explain(error, self._session.name, self._session.parties)
        await self._session.abort(reason, culprit=culprit)


def _kind_of(plan: Plan) -> type[Run]:
    if plan.protocol == planning.GMW:
        from mpcnet.gmw import GmwRun

        return GmwRun
    return Run


class Run:
    """One evaluation at one party."""

    def __init__(
        self,
        session: Room,
        plan: Plan,
        label: str,
        ot: dict[tuple[str, ...], Any],
        measured: dict[tuple[str, str], str],
        rng: Rng,
        on_progress: OnProgress | None,
    ) -> None:
        self.session, self.plan, self.me, self.rng = session, plan, session.name, rng
        self.stats, self.on_progress, self.ot, self.measured = session.stats, on_progress, ot, measured
        self.channels = {peer: session.open_channel(peer, label, secret=False) for peer in session.peers}
        self.started = time.time()

    def progress(self, phase: str, done: int, total: int) -> None:
        if self.on_progress is not None:
            self.on_progress(Progress(phase, done, total, self.stats.bytes_sent, self.stats.bytes_received))

    async def agree(self, known: int | None) -> int | None:
        """Compare the call with all other parties; the batch, or None."""
        mine = planning.state(self.plan, known)
        statements = {self.me: mine}
        with self.session.phase("agree"):

            async def hear(peer: str) -> None:
                statements[peer] = bytes(await self.channels[peer].receive(STATEMENT_BYTES))
                self.progress("agree", len(statements), len(self.plan.parties))

            saying = [self.channels[peer].send(mine) for peer in self.session.peers]
            await together(*saying, *(hear(peer) for peer in self.session.peers))
            return planning.settle(self.plan, self.me, statements)

    async def _finish(self) -> None:
        """Wait until all parties are this far: an evaluation succeeds at every party or at none."""
        saying = [channel.send(DONE) for channel in self.channels.values()]
        hearing = [channel.receive(len(DONE)) for channel in self.channels.values()]
        await together(*saying, *hearing)

    async def compute(self, own: Mapping[str, Bits], batch: int | None) -> Any:
        """Share, garble or evaluate, reveal; what this party learns."""
        plan, n = self.plan, 1 if batch is None else batch
        computing = plan.computing
        if not n:
            bits = np.empty((0, len(plan.columns(plan.learned_by(self.me), "output"))), np.uint8)
        elif self.me in computing:
            garbling = self.me == plan.garbler
            shares = await self._work(own, n, garbling=garbling)
            with self.session.phase("outputs"):
                bits = await self._reveal(shares, [computing[garbling]])
        else:
            hearing = [self._hear(side, n) for side in computing]
            _, one, other = await together(self._hand_out(own, n), *hearing)
            bits = one ^ other
        with self.session.phase("wait"):
            await self._finish()
        return assemble(plan, self.me, bits, batch)

    def record(self, batch: int | None) -> EvaluationRecord:
        """What is told about it afterwards."""
        plan, n = self.plan, 1 if batch is None else batch
        return EvaluationRecord(
            circuit=plan.circuit.name,
            circuit_digest=plan.circuit.digest.hex(),
            owners=plan.owners,
            reveal_to=plan.reveal_to,
            compute=plan.computing,
            instances=n,
            and_gates=n * plan.circuit.and_count,
            started=self.started,
            protocol=plan.protocol,
        )

    # inputs of owners that do not compute

    async def _hand_out(self, own: Mapping[str, Bits], n: int) -> None:
        """As a third owner: a seed to the garbler, the masked bits to the evaluator."""
        ports = self.plan.owned_by(self.me)
        if not ports:
            return
        self.session.secret_moved = True
        seed = self.rng(SEED_BYTES)
        stream = ShareStream(seed, self.session.session_id)
        channel = self.channels[self.plan.evaluator]
        with self.session.phase("inputs"):
            await self.channels[self.plan.garbler].send(seed)
            for piece in pieces(n, sum(port.n_bits for port in ports)):
                dense = dense_rows(ports, own, piece)
                await channel.send(dense ^ stream.take(len(dense)))
                self.progress("inputs", piece.stop, n)

    async def _take_shares(self, owner: str, n: int, *, garbling: bool) -> dict[str, Bits]:
        """As one of the two that compute: this side's shares of a third owner's inputs, packed port by port."""
        ports, channel = self.plan.owned_by(owner), self.channels[owner]
        width = sum(port.n_bits for port in ports)
        stream = ShareStream(bytes(await channel.receive(SEED_BYTES)), self.session.session_id) if garbling else None
        parts: list[list[Bits]] = []
        for piece in pieces(n, width):
            count = piece.stop - piece.start
            n_bytes = packed_bytes(count * width)
            if stream is None:
                dense = np.frombuffer(await channel.receive(n_bytes), np.uint8)
            else:
                dense = stream.take(n_bytes)
                await asyncio.sleep(0)  # nothing is waited for here: let the links live
            parts.append(packed_rows(ports, dense, count))
            self.progress("inputs", piece.stop, n)
        return {port.name: np.concatenate([part[i] for part in parts]) for i, port in enumerate(ports)}

    # the two that compute

    async def _work(self, own: Mapping[str, Bits], n: int, *, garbling: bool) -> Bits:
        """Garble or evaluate; this side's shares of all outputs, (n, n_outputs)."""
        from protocols.garbling import evaluate_shares, garble_shares

        plan = self.plan
        peer = plan.evaluator if garbling else plan.garbler
        scheme = await self._choose_scheme(peer, n, garbling=garbling)
        await self._prepare(scheme)
        ot = await self._set_up_ot(peer, garbling=garbling)
        bits = dict(own)
        self.session.secret_moved = True
        with self.session.phase("inputs"):
            taken = await together(*(self._take_shares(o, n, garbling=garbling) for o in plan.third_owners))
        for shares in taken:
            bits |= shares
        sides = {plan.garbler: "garbler", plan.evaluator: "evaluator"}
        roles: Any = {port: sides.get(owner, "shared") for port, owner in plan.owners.items()}
        core: Any = garble_shares if garbling else evaluate_shares
        with self.session.phase("evaluate"):
            result: Bits = await core(
                self.channels[peer].fork("garbling"),
                plan.circuit,
                bits,
                roles,
                ot=ot,
                batch=n,
                packed=True,
                scheme=scheme,
                progress=lambda done, total: self.progress("evaluate", done, total),
                rng=self.rng,
            )
        return result

    async def _choose_scheme(self, peer: str, n: int, *, garbling: bool) -> str:
        """The scheme of the call; where that is left to the link, it is measured once in a session."""
        plan = self.plan
        if plan.scheme != AUTO:
            return plan.scheme
        if 32 * plan.circuit.and_count * n < LARGE_BYTES:
            return planning.SCHEMES[0]
        pair = (plan.garbler, plan.evaluator)
        if pair not in self.measured:
            channel = self.session.open_channel(peer, f".bandwidth/{pair[0]}", secret=False)
            self.measured[pair] = await agree_on_scheme(channel, garbling=garbling)
        return self.measured[pair]

    async def _prepare(self, scheme: str) -> None:
        """Load the kernels, and compile them where this machine has not yet, in a thread."""
        from protocols import ot
        from protocols.garbling import warm_up

        def load() -> None:
            ot.prepare()
            warm_up(scheme)

        self.progress("prepare", 0, 1)
        with self.session.phase("prepare"):
            await asyncio.to_thread(load)
        self.progress("prepare", 1, 1)

    async def _set_up_ot(self, peer: str, *, garbling: bool) -> Any:
        """The OT extension with the other side, from an earlier evaluation or fresh."""
        from protocols.ot import OtReceiver, OtSender

        pair = (self.plan.garbler, self.plan.evaluator)
        if pair not in self.ot:
            self.progress("ot", 0, 1)
            with self.session.phase("ot"):
                label, kind = f".ot/{pair[0]}", OtSender if garbling else OtReceiver
                source = await self.session.set_up(
                    f"{label}/{pair[1]}",
                    lambda room: kind.setup(room.open_channel(peer, label, secret=False), rng=self.rng),
                    lambda made, room: made.fork(room.open_channel(peer, label, secret=False)),
                )
                self.ot[pair] = _Timed(source, self.stats)
            self.progress("ot", 1, 1)
        return self.ot[pair]

    # outputs

    async def _reveal(self, shares: Bits, sides: Sequence[str]) -> Bits:
        """Send this side's shares to all that learn something; the bits this party learns itself, with the shares of
        the other sides.
        """
        plan, n = self.plan, len(shares)
        own = plan.columns(plan.learned_by(self.me), "output")

        async def tell(party: str) -> None:
            columns = plan.columns(plan.learned_by(party), "output")
            for piece in pieces(n, len(columns)):
                await self.channels[party].send(pack(shares[piece][:, columns].reshape(-1)))

        others = [party for party in self.session.peers if plan.learned_by(party)]
        results = await together(*(self._hear(side, n) for side in sides), *(tell(party) for party in others))
        bits = shares[:, own]
        for heard in results[: len(sides)]:
            bits ^= heard
        return bits

    async def _hear(self, side: str, n: int) -> Bits:
        """The shares of one side for the outputs that this party learns, (n, their bits)."""
        width = len(self.plan.columns(self.plan.learned_by(self.me), "output"))
        bits = np.empty((n, width), np.uint8)
        for piece in pieces(n, width):
            count = (piece.stop - piece.start) * width
            packed = np.frombuffer(await self.channels[side].receive(packed_bytes(count)), np.uint8)
            bits[piece] = unpack(packed, count).reshape(-1, width)
            self.progress("outputs", piece.stop, n)
        return bits


class _Timed:
    """An OT role whose time is counted apart."""

    def __init__(self, role: Any, stats: Stats) -> None:
        self._role, self._stats = role, stats

    async def random(self, *args: Any, **kwargs: Any) -> Any:
        with self._stats.phase("ot"):
            return await self._role.random(*args, **kwargs)

    async def correlated(self, *args: Any, **kwargs: Any) -> Any:
        with self._stats.phase("ot"):
            return await self._role.correlated(*args, **kwargs)

    async def chosen(self, *args: Any, **kwargs: Any) -> Any:
        with self._stats.phase("ot"):
            return await self._role.chosen(*args, **kwargs)


def assemble(plan: Plan, me: str, bits: Bits, batch: int | None) -> Any:
    """What the circuit returns, with None in place of outputs that this party does not learn; None if it is all."""
    learned = plan.learned_by(me)
    if not learned:
        return None
    values: list[Any] = []
    start = 0
    for port in plan.circuit.outputs:
        if port not in learned:
            values.append(None)
            continue
        values.append(decode_outputs([port], bits[:, start : start + port.n_bits], batch))
        start += port.n_bits
    return values[0] if len(values) == 1 else tuple(values)
