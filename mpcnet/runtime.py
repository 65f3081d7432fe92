"""From a configuration file to a session, and from a program to its exit.

`connect` joins the network from inside an application that has an event loop; `run` is for a program that is nothing
but one role: it makes the loop, and turns an interrupt or a SIGTERM into an end that the other parties hear of.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from mpcnet.agreement.agreement import Agreement
from mpcnet.agreement.job import job_digest
from mpcnet.config import Config
from mpcnet.errors import ConnectFailed, MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.eventloop import new_event_loop
from mpcnet.reasons import INTERRUPTED, TERMINATED
from mpcnet.record.keeper import Keeper
from mpcnet.roster import format_address
from mpcnet.session import Session
from mpcnet.stats import Stats
from mpcnet.trace.tracer import Tracer
from protocols.ot.work import watcher

__all__ = ["bind_address", "connect", "job_digest", "run", "run_until_done"]

T = TypeVar("T")
MOST_RETRIES = 2  # of one run, where no secret had moved


@contextlib.asynccontextmanager
async def connect(
    config: str | Path | Config,
    *,
    job: bytes | str | Agreement = b"",
    listen_socket: socket.socket | None = None,
    on_event: Callable[[Any], None] | None = None,
    trace: Tracer | None = None,
) -> AsyncIterator[Session]:
    """Join the network named in a configuration, and leave it when the body ends.

    Where a job was signed, or the configuration names a record, the start and the end of the session are written there;
    under a job all parties sign what was done when their bodies have ended.

    Parties may start in any order, as long as all are there before `deadlines.connect` has passed. When a peer fails
    in the meantime, the body is cancelled wherever it waits and this raises an error that names the peer; when the
    body raises, the others are told. The body must not block the event loop for longer than `deadlines.liveness`.

    Args:
        config: path of party.toml or of its folder, or a `Config`.
        job: what the parties are about to do, if they agreed on a name for it or signed a job; parties with another
            one are refused. An `Agreement` also holds the session to what the job allows.
        listen_socket: a bound TCP socket to listen on, instead of the address in the configuration; it is closed.
        on_event: called with the transport's events, for a display.
        trace: where the timeline of the session is collected.
    Raises:
        ConfigError: a file is wrong; nothing was sent.
        ConnectFailed, HandshakeFailed: a party was not there in time, or is not who it should be.
        RecordError: the record cannot be written: before the body, and nothing was sent; or after it, and what it did
            stands.
        MPCNetError: a peer failed, fell silent or ended the run; `peer` names the party at fault.
    """
    async with _connect(config, job=job, listen_socket=listen_socket, on_event=on_event, trace=trace) as session:
        yield session


@contextlib.asynccontextmanager
async def _connect(
    config: str | Path | Config,
    *,
    job: bytes | str | Agreement,
    listen_socket: socket.socket | None,
    on_event: Callable[[Any], None] | None,
    trace: Tracer | None,
    is_again: bool = False,
) -> AsyncIterator[Session]:
    """As `connect`; a further attempt waits for the others no longer than `deadlines.retry`."""
    try:
        loaded = config if isinstance(config, Config) else Config.load(config)
        identity = loaded.load_identity()
        roster = loaded.load_roster(identity)
        agreement = job if isinstance(job, Agreement) else None
        if agreement is not None:
            agreement.check(loaded)
        digest = job_digest(job) if not isinstance(job, Agreement) else job.digest
        keeper = None
        if agreement is not None or loaded.record is not None:
            name = agreement.job.name if agreement is not None else ""
            keeper = Keeper(loaded.record_path, identity, roster, digest, name)
        if listen_socket is None and loaded.listen is not None:
            listen_socket = bind_address(loaded.listen, loaded.source)
    except BaseException:
        if listen_socket is not None:
            listen_socket.close()
        raise
    from mpcnet.wire.transport import MeshEvent, connect_mesh  # takes a while: mistakes in the files come first

    times = loaded.deadlines
    if on_event is not None and not is_again:
        for party, warning in roster.expiry_warnings().items():
            on_event(MeshEvent("warning", party, warning))
    stats = Stats(on_phase=trace.phase if trace is not None else None)
    with stats.phase("connect"):
        try:
            links, session_id = await connect_mesh(
                identity,
                roster,
                digest,
                connect_seconds=min(times.connect, times.retry) if is_again else times.connect,
                liveness_seconds=times.liveness,
                listen_socket=listen_socket,
                on_event=on_event,
            )
        except (PeerAborted, PeerDisconnected) as error:
            raise ConnectFailed(str(error), peer=error.peer) from error
    session = Session(
        loaded.name,
        roster.names,
        links,
        session_id,
        total_seconds=_shorter(times.total, agreement.job.limits.seconds if agreement else 0),
        phase_seconds=times.phase,
        stats=stats,
        guard=agreement.guard() if agreement else None,
        tracer=trace,
    )
    token = None
    if trace is not None:
        trace.begin(session.name, session.parties, session_id)
        token = watcher.set(trace.worked)  # for this task and those that it starts
    failure: BaseException | None = None
    try:
        async with session:
            if keeper is not None:
                keeper.start(session)
            yield session
            if keeper is not None:
                await keeper.settle(session)
    except BaseException as error:
        failure = error
        raise
    finally:
        if token is not None:
            with contextlib.suppress(ValueError):  # left in another task than it was entered in
                watcher.reset(token)
        if keeper is not None:
            keeper.end(session, failure)


def _shorter(one: float, two: float) -> float:
    """The shorter of two times, where 0 means no limit."""
    return min(filter(None, (one, two)), default=0.0)


def run(
    config: str | Path | Config,
    main: Callable[[Session], Awaitable[T]],
    *,
    job: bytes | str | Agreement = b"",
    listen_socket: socket.socket | None = None,
    on_event: Callable[[Any], None] | None = None,
    trace: Tracer | None = None,
) -> T:
    """Run one party from start to end: connect, await `main(session)`, leave.

    Args:
        main: an async function of the session. Where a connection is lost before anything secret has moved, and
            `deadlines.retry` allows it, it is called again with a fresh session, at every party.
        config, job, listen_socket, on_event, trace: as for `connect`.
    Returns:
        what `main` returned.
    Raises:
        KeyboardInterrupt: interrupted; the other parties were told.
        SystemExit: code 143 when a SIGTERM came; the other parties were told.
        Exception: whatever `connect` or `main` raised.
    """

    again = _Again(config, listen_socket, on_event)

    async def role() -> T:
        while True:
            try:
                options: Any = {"job": job, "on_event": on_event, "trace": trace, "is_again": again.count > 0}
                async with _connect(config, listen_socket=again.socket(), **options) as session:
                    return await main(session)
            except MPCNetError as error:
                again.consider(error)

    return run_until_done(role)


class _Again:
    """Whether a run whose connection was lost begins again, and where it listens then."""

    def __init__(
        self, config: str | Path | Config, given: socket.socket | None, on_event: Callable[[Any], None] | None
    ) -> None:
        self._config, self._given, self._on_event = config, given, on_event
        self._where: tuple[str, int] | None = None
        self._cause: MPCNetError | None = None
        self.count = 0
        if given is not None:
            with contextlib.suppress(OSError):
                given.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self._where = given.getsockname()[:2]

    def socket(self) -> socket.socket | None:
        """The one that was given, and after that another one on its port; None for that of the configuration."""
        given, self._given = self._given, None
        if given is None and self._where is not None:
            return bind_address(self._where, "the port of this run")
        return given

    def consider(self, error: MPCNetError) -> None:
        """Return where the run may begin again, else raise."""
        if self._cause is not None and isinstance(error, ConnectFailed):
            self._cause.add_note(f"it did not come back: {error}")
            raise self._cause
        config = self._config if isinstance(self._config, Config) else Config.load(self._config)
        if not error.may_begin_again or not config.deadlines.retry or self.count == MOST_RETRIES:
            raise error
        self.count += 1
        self._cause = error
        if self._on_event is not None:
            from mpcnet.wire.transport import MeshEvent

            self._on_event(MeshEvent("again", error.peer, str(error)))


def run_until_done(role: Callable[[], Awaitable[T]]) -> T:
    """Await `role()` in a fresh event loop, where a SIGINT or a SIGTERM cancels it and becomes KeyboardInterrupt or
    SystemExit(143).
    """
    came: list[int] = []

    async def guarded() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop(number: int, reason: str) -> None:
            came.append(number)
            task.cancel(reason)

        reasons = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}
        with contextlib.ExitStack() as stack:
            for number, reason in reasons.items():
                with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):  # Windows, or another thread
                    loop.add_signal_handler(number, stop, number, reason)
                    stack.callback(loop.remove_signal_handler, number)
            return await role()

    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(guarded())
    except asyncio.CancelledError:
        if not came:
            raise
        if came[0] == signal.SIGTERM:
            raise SystemExit(143) from None
        raise KeyboardInterrupt from None


def bind_address(address: tuple[str, int], source: str) -> socket.socket:
    """A socket bound to the listen address, with a clear error."""
    text = format_address(*address)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            *address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConnectFailed(f"{source}: listen address {text}: {error.strerror}") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(where)
    except OSError as error:
        bound.close()
        hint = "; is another program using the port?" if error.errno == errno.EADDRINUSE else ""
        raise ConnectFailed(f"cannot listen on {text}: {error.strerror}{hint}") from None
    return bound
