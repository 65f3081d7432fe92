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
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from mpcnet.cause import Cause
from mpcnet.concurrency import Body, to_its_end
from mpcnet.ending import Ending, speak_as_all
from mpcnet.errors import AgreementError, Deadline, MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.links import LinkLike, SessionMesh
from mpcnet.reasons import explain, strip
from mpcnet.room import Room
from mpcnet.stats import Stats
from mpcnet.watch import StallWatch
from protocols.channel import Channel
from protocols.errors import StateError

if TYPE_CHECKING:
    from mpcnet.agreement.guard import Guard
    from mpcnet.evaluate import Progress
    from mpcnet.fork import Fork
    from mpcnet.trace.tracer import Tracer

__all__ = ["LinkLike", "Session", "SessionMesh", "explain"]

S = TypeVar("S")

FAREWELL_SECONDS = 5.0  # how long a dying or closing session waits for its last words to leave


class Session(Room):
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

    outlives = True

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
        super().__init__()
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
        self._shared: dict[str, asyncio.Task[Any]] = {}
        self._body: Body | None = None
        self._error: Exception | None = None
        self._watch = StallWatch(name, self.parties, self._links, phase_seconds, self._on_stall)
        self._ending = Ending(self.parties, self._links)
        self._timer: asyncio.TimerHandle | None = None
        self._state = "new"
        self._dropped: set[str] = set()
        self._has_forks = self._finished = False
        self.secret_moved = False

    @property
    def is_over(self) -> bool:
        """Whether its body has ended, well or not."""
        return self._state == "over"

    def open_channel(self, peer: str, label: str, *, secret: bool = True) -> Channel:
        """As `Room.open_channel`."""
        if self._state != "open":
            raise StateError(f"the session is {'not entered yet' if self._state == 'new' else 'over'}")
        if peer not in self._links:
            raise ValueError(f"no peer {peer!r}; there are {', '.join(self.peers)}")
        self.secret_moved = self.secret_moved or secret
        channel = self._links[peer].channel(label)
        return channel if self.tracer is None else self.tracer.watch(channel, label)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """As `Room.phase`."""
        with self.stats.phase(name), self._watch.phase(name):
            yield

    def fork(self, label: str) -> Fork:
        """A part of the session that runs beside others, in a task of its own: an async context manager.

        Every party enters the fork of that label, in any order; it has its own evaluations and secret arrays. What
        fails in it ends it at every party, and the session and its other forks go on.

        Args:
            label: the same at every party, once in a session; 1 to 64 letters, digits and signs, no slash.
        """
        from mpcnet.fork import Fork

        self._has_forks = True
        return Fork(self, label)

    async def set_up(self, key: str, make: Callable[[Room], Awaitable[S]], fork: Callable[[S, Room], S]) -> S:
        """As `Room.set_up`; here it is made, and not forked."""
        if key not in self._shared:  # a task of its own: it outlives the fork that needs it first
            self._shared[key] = asyncio.ensure_future(make(self))
        task, me = self._shared[key], asyncio.current_task()
        try:
            made: S = await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and me is not None and not me.cancelling():
                raise StateError("the session is over") from None  # it was closed beside this task
            raise
        return made

    async def abort(self, reason: str, *, culprit: str | None = None) -> None:
        """As `Room.abort`."""
        if self._is_live:
            failed = self._failed_link()
            if failed is not None:
                self._error, cause = failed
            else:
                cause = Cause(culprit or self.name, reason, self.name)
            self._ending.begin(cause)
        await to_its_end(self._leave())

    async def finish(self) -> None:
        """The body has done its work: wait until programs on secret arrays have ended at all parties.

        From then on the session has ended well, whatever happens to its links: what is still said on them is about what
        was done.
        """
        if self._program is not None and self._is_live:
            error = await self._program.finish()
            if error is not None:
                raise error
        self._finished = True

    async def close(self) -> None:
        """Say goodbye and close every link; what was sent before still arrives. Does nothing the second time."""
        await to_its_end(self._close())

    async def _leave(self) -> None:
        await self._ending.wait()
        await self.close()

    async def _close(self) -> None:
        if self._state == "over":
            return
        self._state = "over"
        self._stop_watching()
        if self._program is not None:
            await self._program.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await asyncio.gather(*(link.close() for link in self._links.values()), return_exceptions=True)
        for task in self._shared.values():  # what still waits has heard by now that its link is closed
            task.cancel()
        await asyncio.gather(*self._shared.values(), return_exceptions=True)

    async def __aenter__(self) -> Session:
        if self._state != "new":
            raise StateError("a session is entered once")
        self._body, self._state = Body("a session"), "open"
        for link in self._links.values():
            link.failure.add_done_callback(self._on_failure)
        if self._total_seconds:
            self._timer = asyncio.get_running_loop().call_later(self._total_seconds, self._on_deadline)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._body is not None
        late = None
        if error is None and self._is_live and self._program is not None:
            error = late = await self._program.finish()
        cancelled_by_others = await self._body.leave(error)
        failed = self._failed_link()
        if error is not None and failed is not None and not cancelled_by_others and self._is_live:
            self._error, cause = failed  # the body raised because of a link: take the link's word
            self._ending.begin(cause)
        if error is not None and not isinstance(error, AgreementError) and self._is_live:  # that one all find
            culprit, reason = explain(error, self.name, self.parties)
            self._ending.begin(Cause(culprit, reason, self.name))
        self._finished = True
        await to_its_end(self._leave())
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
        return self._state == "open" and self._error is None and not self._ending.has_begun and not self._finished

    def fail(self, error: Exception, *, where: str = "") -> None:
        """As `Room.fail`."""
        if not self._is_live:
            return
        failed = self._failed_link()
        if failed is not None:
            self._fail(*failed)
            return
        culprit, reason = explain(error, self.name, self.parties)
        cause = Cause(culprit, f"{reason} (in {where})" if where else reason, self.name)
        self._fail(error, None if isinstance(error, AgreementError) else cause)  # that one all find by themselves

    def drop(self, peer: str) -> None:
        """As `Room.drop`."""
        self._dropped.add(peer)
        self._links[peer].report(Cause(peer, "the others take it for lost", self.name))

    def _failed_link(self) -> tuple[MPCNetError, Cause] | None:
        """The cause, where a link has failed and the watcher was not called yet."""
        for peer, link in self._links.items():
            if link.failure.done() and not link.failure.cancelled() and peer not in self._dropped:
                error = link.failure.exception()
                if error is not None:
                    return self._cause(peer, error)
        return None

    def _on_failure(self, failure: asyncio.Future[Any]) -> None:
        error = None if failure.cancelled() else failure.exception()
        if error is None or not self._is_live:
            return
        peer = next(name for name, link in self._links.items() if link.failure is failure)
        program, why = self._program, strip(str(error), peer)
        may_go_on = type(error) is PeerDisconnected and program is not None and not self._has_forks
        outlived = may_go_on and program is not None and program.outlives(peer, why)
        if not outlived and peer not in self._dropped:
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
            again, culprit = isinstance(error, PeerDisconnected), getattr(error, "peer", "") or peer
            cause = Cause(culprit, strip(str(error), culprit), self.name, again)
            mine = error if isinstance(error, MPCNetError) else MPCNetError(cause.text, peer=peer)
            mine.peer = mine.peer or peer
        return mine, replace(cause, again=cause.again and not self.secret_moved)

    def _fail(self, error: Exception, cause: Cause | None) -> None:
        self._error = error
        if cause is not None:
            self._ending.begin(cause)
        if self._body is not None:
            self._body.cancel()

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
