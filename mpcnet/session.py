"""A session: this party, its live links to all the others, and what they do together.

A session is an async context manager. While its body runs it watches every link; when one fails, or the deadline for
the whole passes, it tells the other parties the first cause, cancels the body wherever it waits, and raises an error
that names the party at fault, with the same text at every party. When the body itself raises, it tells the others who
and why. Either way nothing of it is left when the body has ended: no task, no socket.

There is no state outside the object: a process may hold any number of sessions.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mpcnet.cause import Cause
from mpcnet.ending import Ending, speak_as_all
from mpcnet.errors import AgreementError, Deadline, MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.links import LinkLike, SessionMesh, derive
from mpcnet.reasons import explain, strip
from mpcnet.stats import Stats
from mpcnet.watch import StallWatch
from protocols.channel import Channel
from protocols.errors import StateError

if TYPE_CHECKING:
    from circuits import Circuit
    from mpcnet.agreement.guard import Guard
    from mpcnet.array import Computation
    from mpcnet.array.engines import EngineChoice
    from mpcnet.array.program import Program
    from mpcnet.evaluate import Evaluator, Progress
    from mpcnet.trace.tracer import Tracer

__all__ = ["LinkLike", "Session", "SessionMesh", "explain"]

FAREWELL_SECONDS = 5.0  # how long a dying or closing session waits for its last words to leave


class Session:
    """One party's end of a network of two to ten, from the handshake to the farewell.

    Made by `mpcnet.connect`; made directly, from links of any kind, by tests and embedders.

    Args:
        name: this party.
        parties: the names of all parties, in order of their party_id.
        links: a live link to each other party, by name.
        session_id: 32 bytes, the same at every party, different for every session.
        total_seconds: how long the body may take; 0 for no limit.
        phase_seconds: how long a phase may stand still; 0 for no limit.
        stats: counters to go on with.
        guard: what holds the session to its job, where it has one.
        tracer: where messages and phases are noted, if at all.

    Attributes:
        watchers: called with the `Progress` of every evaluation, beside the call's own `on_progress`.
        secret_moved: something that depends on a secret input may have been sent or received.
    """

    def __init__(
        self,
        name: str,
        parties: Sequence[str],
        links: Mapping[str, LinkLike],
        session_id: bytes,
        *,
        total_seconds: float = 0.0,
        phase_seconds: float = 0.0,
        stats: Stats | None = None,
        guard: Guard | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.name = name
        self.parties = tuple(parties)
        self.session_id = session_id
        self.guard = guard
        self.tracer = tracer
        self.watchers: list[Callable[[Progress], None]] = []
        self.stats = stats if stats is not None else Stats()
        if set(links) != set(self.parties) - {name} or len(self.parties) != len(links) + 1:
            raise ValueError(f"expected a link to each of {', '.join(p for p in self.parties if p != name)}")
        self._links = dict(links)
        self._total_seconds = total_seconds
        self.stats.traffic = self._traffic
        self._evaluator: Evaluator | None = None
        self._program: Program | None = None
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._cancelled = False
        self._error: Exception | None = None
        self._watch = StallWatch(name, self.parties, self._links, phase_seconds, self._on_stall)
        self._ending = Ending(self.parties, self._links)
        self._timer: asyncio.TimerHandle | None = None
        self._state = "new"
        self.secret_moved = False

    @property
    def party_id(self) -> int:
        """This party's number, 0..n_parties-1."""
        return self.parties.index(self.name)

    @property
    def n_parties(self) -> int:
        return len(self.parties)

    @property
    def is_over(self) -> bool:
        """Whether its body has ended, well or not."""
        return self._state == "over"

    @property
    def peers(self) -> tuple[str, ...]:
        """The other parties, in order."""
        return tuple(party for party in self.parties if party != self.name)

    def channel(self, peer: str, label: str, *, secret: bool = True) -> Channel:
        """A channel to one peer; both ends use the same label, each label once a session.

        Args:
            secret: whether anything that depends on a secret input may travel on it. While no such channel was opened,
                a run whose connection is lost may begin again.
        Raises:
            ValueError: no such peer, or a label that was used or is reserved (it begins with a dot).
            StateError: the session is over.
        """
        if label.startswith("."):
            raise ValueError(f"label {label!r} is reserved: labels with a leading dot belong to the session itself")
        return self.open_channel(peer, label, secret=secret)

    def mesh(self, label: str, *, secret: bool = True) -> SessionMesh:
        """Channels to all other parties, under one label; every party calls it with the same one."""
        return self.mesh_of(label, {peer: self.channel(peer, label, secret=secret) for peer in self.peers})

    def mesh_of(self, label: str, by_name: Mapping[str, Channel]) -> SessionMesh:
        """A mesh of channels that are open already, one to each peer, all of them of one label."""
        channels = {self.parties.index(peer): channel for peer, channel in by_name.items()}
        return SessionMesh(self.party_id, self.n_parties, derive(self.session_id, label), channels)

    def open_channel(self, peer: str, label: str, *, secret: bool = True) -> Channel:
        """As `channel`, for labels of the session's own protocols, which begin with a dot; those say when a secret is
        about to move on a channel that was opened without one: `secret_moved`.
        """
        if self._state != "open":
            raise StateError(f"the session is {'not entered yet' if self._state == 'new' else 'over'}")
        if peer not in self._links:
            raise ValueError(f"no peer {peer!r}; there are {', '.join(self.peers)}")
        self.secret_moved = self.secret_moved or secret
        channel = self._links[peer].channel(label)
        return channel if self.tracer is None else self.tracer.watch(channel, label)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time of a phase, and see to it that it does not stand still."""
        with self.stats.phase(name), self._watch.phase(name):
            yield

    async def evaluate(
        self,
        circuit: Circuit,
        inputs: Mapping[str, Any],
        *,
        owners: Mapping[str, str],
        reveal_to: str | Sequence[str] | Mapping[str, str | Sequence[str]],
        compute: Sequence[str] | None = None,
        batch: int | None = None,
        scheme: str = "half-gates",
        protocol: str = "yao",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Any:
        """Evaluate a circuit on inputs of several parties; every party makes the same call with its own inputs.

        With protocol "yao" two parties compute: one garbles, one evaluates. Any other owner hands XOR shares of its
        inputs to the two, so its inputs stay private as long as those two do not put their heads together. With "gmw"
        all parties compute, and all but one may put their heads together; it takes a round for each level of AND
        gates, and a circuit of `@circuit` is traced anew for few of them. Security: semi-honest; see
        `mpcnet.evaluate` and `mpcnet.gmw`.

        Args:
            circuit: the same at every party.
            inputs: this party's own ports: one value each, or a batch along the first axis; {} if it owns none.
            owners: which party gives each input port.
            reveal_to: who learns the outputs: the names for all of them, or for each output port the names.
            compute: (garbler, evaluator); by default the owner of most input bits garbles and the next evaluates.
            batch: how many instances, as a check, or where no input says so.
            scheme: "half-gates"; "three-halves", with 25 bytes for an AND gate instead of 32 and more work; or "auto",
                which measures the link of the two that compute, see `mpcnet.bandwidth`.
            protocol: "yao" or "gmw"; `compute` and `scheme` are for "yao".
            on_progress: called with a `Progress` now and then.
        Returns:
            What `circuit(...)` would return: a value, or a tuple of several, batched where an input was. None at a
            party that learns nothing, and None in place of an output it does not learn.
        Raises:
            ConfigError, WidthError, ValueError: this party's arguments are wrong; the others are told, nothing secret
                was sent, and the session is over.
            AgreementError: the parties did not make the same call; names the field and the parties.
            MPCNetError, ProtocolError: a peer failed; the session is over.
        """
        from mpcnet.evaluate import Evaluator

        if self._evaluator is None:
            self._evaluator = Evaluator(self)
        return await self._evaluator.evaluate(
            circuit,
            inputs,
            owners=owners,
            reveal_to=reveal_to,
            compute=compute,
            batch=batch,
            scheme=scheme,
            protocol=protocol,
            on_progress=self._watched(on_progress),
        )

    def _watched(self, on_progress: Callable[[Progress], None] | None) -> Callable[[Progress], None] | None:
        """Who hears of progress: the caller and the watchers; None where nobody does."""
        hearers = [*self.watchers, *([on_progress] if on_progress is not None else [])]
        if len(hearers) < 2:
            return hearers[0] if hearers else None

        def tell(progress: Progress) -> None:
            for hear in hearers:
                hear(progress)

        return tell

    def shamir(self, threshold: int = 1, *, checked: bool = False) -> Computation:
        """Secret arrays among three or more parties, of which at most `threshold` may put their heads together.

        Every party makes the same call, and then the same operations in the same order; see `mpcnet.array`. Shares are
        Shamir's, modulo 2**127 - 1. Security: semi-honest, an honest majority; see `protocols.arithmetic.shamir`.

        Args:
            threshold: t, at least 1 and below half of the parties.
            checked: look for overflow, at the cost of comparisons; see `mpcnet.array.checks`.
        Raises:
            ConfigError: there are too few parties for the threshold.
        """
        from mpcnet.array.engines import shamir

        return self._compute(shamir(self.n_parties, threshold), checked=checked)

    def additive(self, *, dealer: str | None = None, checked: bool = False) -> Computation:
        """Secret arrays among two or more parties, of which all but one may put their heads together.

        As `shamir`, with additive shares modulo 2**64 and oblivious transfer. Security: semi-honest, see
        `protocols.arithmetic.additive`.

        Args:
            dealer: a party that makes the products' randomness, and is trusted to collude with nobody: faster, and a
                much stronger assumption; see `protocols.arithmetic.dealer`. By default there is none.
            checked: as for `shamir`.
        Raises:
            ConfigError: there is no such party, or there are two parties and a dealer.
        """
        from mpcnet.array.engines import additive

        return self._compute(additive(self.parties, dealer), checked=checked)

    def _compute(self, choice: EngineChoice, *, checked: bool) -> Computation:
        if self._program is None:
            from mpcnet.array.program import Program

            self._program = Program(self)
        return self._program.compute(choice, checked=checked)

    async def abort(self, reason: str, *, culprit: str | None = None) -> None:
        """End the session at every party.

        Args:
            reason: what the others get to read: no secret, please.
            culprit: the party at fault; by default this one.
        """
        if self._is_live:
            failed = self._failed_link()
            if failed is not None:
                self._error, cause = failed
            else:
                cause = Cause(culprit or self.name, reason, self.name)
            self._ending.begin(cause)
        await self._ending.wait()
        await self.close()

    async def close(self) -> None:
        """Say goodbye and close every link; what was sent before still arrives. Does nothing the second time."""
        if self._state == "over":
            return
        self._state = "over"
        self._stop_watching()
        if self._program is not None:
            await self._program.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await asyncio.gather(*(link.close() for link in self._links.values()), return_exceptions=True)

    async def __aenter__(self) -> Session:
        if self._state != "new":
            raise StateError("a session is entered once")
        task = asyncio.current_task()
        if task is None:
            raise StateError("a session is entered inside a task")
        self._task, self._cancelling, self._state = task, task.cancelling(), "open"
        for link in self._links.values():
            link.failure.add_done_callback(self._on_failure)
        if self._total_seconds:
            self._timer = asyncio.get_running_loop().call_later(self._total_seconds, self._on_deadline)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        late = None
        if error is None and self._error is None and self._state == "open" and self._program is not None:
            error = late = await self._program.finish()
        others_cancel = self._task.uncancel() > self._cancelling if self._cancelled else True
        # a count without a CancelledError means nothing: TaskGroup leaves one behind before Python 3.13
        cancelled_by_others = others_cancel and isinstance(error, asyncio.CancelledError)
        failed = self._failed_link()
        if error is not None and failed is not None and not cancelled_by_others and self._is_live:
            self._error, cause = failed  # the body raised because of a link: take the link's word
            self._ending.begin(cause)
        if error is not None and not isinstance(error, AgreementError) and self._is_live:  # that one all find
            culprit, reason = explain(error, self.name, self.parties)
            self._ending.begin(Cause(culprit, reason, self.name))
        await self._ending.wait()
        await self.close()
        fatal = error is not None and not isinstance(error, Exception | asyncio.CancelledError)
        if self._ending.cause is not None:
            self._error = speak_as_all(self._error, error, self._ending.cause)
        if self._error is not None and self._error is not error and not cancelled_by_others and not fatal:
            raise self._error from error
        if late is not None:
            raise late

    @property
    def _is_live(self) -> bool:
        """Whether nothing has ended it yet."""
        return self._state == "open" and self._error is None and not self._ending.has_begun

    def fail(self, error: Exception, *, where: str = "") -> None:
        """End the session at every party because something that runs beside the body failed: the body is cancelled
        wherever it waits, and the session ends with this error. Does nothing once the session is ending.

        Args:
            error: what the body's caller gets.
            where: added to what the others get to read: no secret, please.
        """
        if not self._is_live:
            return
        failed = self._failed_link()
        if failed is not None:
            self._fail(*failed)
            return
        culprit, reason = explain(error, self.name, self.parties)
        cause = Cause(culprit, f"{reason} (in {where})" if where else reason, self.name)
        self._fail(error, None if isinstance(error, AgreementError) else cause)  # that one all find by themselves

    def _failed_link(self) -> tuple[MPCNetError, Cause] | None:
        """The cause, where a link has failed and the watcher was not called yet."""
        for peer, link in self._links.items():
            if link.failure.done() and not link.failure.cancelled():
                error = link.failure.exception()
                if error is not None:
                    return self._cause(peer, error)
        return None

    def _on_failure(self, failure: asyncio.Future[Any]) -> None:
        error = None if failure.cancelled() else failure.exception()
        if error is None or not self._is_live:
            return
        peer = next(name for name, link in self._links.items() if link.failure is failure)
        self._fail(*self._cause(peer, error))

    def _on_deadline(self) -> None:
        if self._is_live:
            limit = f"{self._total_seconds:g} s"
            error = Deadline("", peer=self.name)
            error.add_note("deadlines.total in party.toml sets the limit")
            self._fail(error, Cause(self.name, f"its limit of {limit} for the session passed", self.name))

    def _on_stall(self, culprit: str, reason: str) -> None:
        if self._is_live:
            error = Deadline("", peer=culprit)
            error.add_note("deadlines.phase in party.toml sets the limit")
            self._fail(error, Cause(culprit, reason, self.name))

    def _cause(self, peer: str, error: BaseException) -> tuple[MPCNetError, Cause]:
        """What a failed link means: the error to raise here, and the cause to pass on."""
        told = self._links[peer].told
        if isinstance(error, PeerAborted) and told is not None:
            cause = self._ending.heard(peer, told)
            mine: MPCNetError = PeerAborted(cause.text, peer=cause.culprit)
        else:
            again = isinstance(error, PeerDisconnected)
            cause = Cause(peer, strip(str(error), peer), self.name, again)
            mine = error if isinstance(error, MPCNetError) else MPCNetError(cause.text, peer=peer)
            mine.peer = mine.peer or peer
        return mine, replace(cause, again=cause.again and not self.secret_moved)

    def _fail(self, error: Exception, cause: Cause | None) -> None:
        self._error = error
        if cause is not None:
            self._ending.begin(cause)
        if self._task is not None and not self._task.done():
            self._cancelled = True
            self._task.cancel()

    def _stop_watching(self) -> None:
        self._watch.stop()
        if self._timer is not None:
            self._timer.cancel()
        for link in self._links.values():
            link.failure.remove_done_callback(self._on_failure)

    def _traffic(self) -> dict[str, tuple[int, int]]:
        return {peer: (link.bytes_sent, link.bytes_received) for peer, link in self._links.items()}

    def __repr__(self) -> str:
        return f"<Session of {self.name} with {', '.join(self.peers)}, {self._state}>"
