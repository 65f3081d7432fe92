"""Follow one party of a run from outside, whatever its program is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from mpcnet.display import Reporter
from mpcnet.evaluate import Progress

if TYPE_CHECKING:
    from mpcnet.session import Session

__all__ = ["followed", "hears_kernels", "reports_events"]

POLL_SECONDS = 0.5


def reports_events(reporter: Reporter) -> Callable[[Any], None]:
    """For `on_event` of `mpcnet.connect`: what happens while the parties come together."""

    def hear(event: Any) -> None:
        texts = {
            "listening": f"listening on {event.detail}, waiting for the other parties",
            "warning": f"warning: {event.detail}",
            "connected": f"{event.peer} is here",
            "again": f"{event.detail}; no secret has moved, so the run begins again",
            "looked": f"{event.peer}'s doctor looked in",
        }
        if event.kind in ("lost", "strangers"):
            texts[event.kind] = " ".join(filter(None, (event.peer, event.detail)))
        if event.kind in texts:
            reporter.event(event.kind, texts[event.kind], peer=event.peer, detail=event.detail)

    return hear


@contextlib.contextmanager
def hears_kernels(reporter: Reporter) -> Iterator[None]:
    """While the body runs, what the kernels log goes to the reporter: that they are being compiled."""

    class Forward(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reporter.event("compiling", record.getMessage())

    handler, log = Forward(), logging.getLogger("protocols.kernels")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@contextlib.asynccontextmanager
async def followed(session: Session, reporter: Reporter) -> AsyncIterator[None]:
    """While the body runs, report the progress of the session's evaluations and of its secret arrays."""
    reporter.event(
        "connected-all",
        f"all parties are here: {', '.join(session.parties)}",
        parties=list(session.parties),
        session=session.session_id.hex(),
    )
    session.watchers.append(reporter.progress)
    polling = asyncio.create_task(_poll(session, reporter))
    try:
        yield
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        session.watchers.remove(reporter.progress)


async def _poll(session: Session, reporter: Reporter) -> None:
    """Secret arrays have no phases: say now and then how many operations there were."""
    before = 0
    while True:
        await asyncio.sleep(POLL_SECONDS)
        stats = session.stats
        done = sum(sum(record.operations.values()) for record in stats.computations)
        if done != before:
            before = done
            reporter.progress(Progress("arrays", done, 0, stats.bytes_sent, stats.bytes_received))
