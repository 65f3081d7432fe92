"""What a party says while it runs: who is here, which phase, how much of how much, how fast, how long still.

Three ways: a line that is redrawn, on a terminal; plain lines, elsewhere; one JSON object a line, for a log. They all
write to a stream that is handed to them, and know nothing of `logging`.

    {"at": "2026-03-01T09:00:00.000Z", "party": "bank", "event": "progress", "phase": "evaluate", "done": 52000, ...}
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol, Self

from mpcnet.evaluate import Progress

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["JsonLog", "LiveLine", "PlainLines", "Reporter", "Speed", "amount", "reporter_for"]

PLAIN_SECONDS = 2.0
WINDOW_SECONDS = 3.0
WORDS = {
    "agree": "checking that all mean the same",
    "prepare": "preparing kernels",
    "inputs": "inputs",
    "ot": "oblivious transfer",
    "evaluate": "evaluating",
    "outputs": "outputs",
    "arrays": "secret arrays",
}
UNITS = {"evaluate": "AND gates", "inputs": "instances", "outputs": "instances", "arrays": "operations"}
QUICK = ("agree", "prepare", "outputs")
"""Phases that are over too soon to deserve a plain line."""


class Reporter(Protocol):
    """Shows what one party does, while it is entered."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def event(self, name: str, text: str, **facts: Any) -> None:
        """Something has happened: a name for programs, a text for people."""
        ...

    def progress(self, progress: Progress) -> None:
        """An evaluation or a computation is this far."""
        ...


def reporter_for(party: str, console: Console, *, log_json: bool, quiet: bool = False) -> Reporter:
    """JSON where it is asked for, a live line on a terminal, plain lines elsewhere, nothing where quiet."""
    if log_json:
        return JsonLog(party, console.file)
    if quiet:
        return Silent()
    return LiveLine(console) if console.is_terminal else PlainLines(console.file)


@dataclass(frozen=True)
class Rate:
    """How fast it goes.

    Attributes:
        bytes_a_second: sent and received together, over the last seconds.
        seconds_left: of this phase; None where it cannot be told.
    """

    bytes_a_second: float
    seconds_left: float | None


class Speed:
    """Measures how fast it goes, from one report to the next."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bytes: deque[tuple[float, int]] = deque()
        self._phase, self._began, self._first = "", 0.0, 0

    def take(self, progress: Progress) -> Rate:
        """A report; how fast it goes by now."""
        return self.measure(
            progress.phase, progress.done, progress.total, progress.bytes_sent + progress.bytes_received
        )

    def measure(self, phase: str, done: int, total: int, n_bytes: int) -> Rate:
        """A report in numbers; how fast it goes by now."""
        now = self._clock()
        if phase != self._phase or done < self._first:
            self._phase, self._began, self._first = phase, now, done
        self._bytes.append((now, n_bytes))
        while len(self._bytes) > 2 and now - self._bytes[1][0] >= WINDOW_SECONDS:
            self._bytes.popleft()
        then, before = self._bytes[0]
        rate = (n_bytes - before) / (now - then) if now > then else 0.0
        done_here = done - self._first
        known = done_here > 0 and total > 0 and now - self._began > 0.5
        left = (total - done) * (now - self._began) / done_here if known else None
        return Rate(rate, left)


def describe(progress: Progress, rate: Rate) -> str:
    """A report for people."""
    words = WORDS.get(progress.phase, progress.phase)
    parts = [words]
    if progress.total > 1 and progress.phase in UNITS:
        parts = [f"{words}: {progress.done:,} of {progress.total:,} {UNITS[progress.phase]}"]
    elif progress.phase == "arrays":
        parts = [f"{words}: {progress.done:,} operations"]
    elif progress.phase == "agree":
        parts = [f"{words} ({progress.done} of {progress.total} parties)"]
    if progress.bytes_sent:
        parts.append(f"{amount(progress.bytes_sent)} sent")
    if rate.bytes_a_second >= 1e4:
        parts.append(f"{amount(rate.bytes_a_second)}/s")
    if rate.seconds_left is not None and rate.seconds_left >= 1:
        parts.append(f"{rate.seconds_left:,.0f} s left")
    return ", ".join(parts)


def amount(n_bytes: float) -> str:
    """So many bytes, for people."""
    if n_bytes >= 1e9:
        return f"{n_bytes / 1e9:,.2f} GB"
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:,.1f} kB"


class Silent:
    """Says nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def event(self, name: str, text: str, **facts: Any) -> None:
        """Nothing."""

    def progress(self, progress: Progress) -> None:
        """Nothing."""


class PlainLines(Silent):
    """A line for each event and each phase that takes a while, and one now and then while it goes on."""

    def __init__(self, stream: IO[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._speed = Speed(clock)
        self._phase, self._at = "", clock()

    def event(self, name: str, text: str, **facts: Any) -> None:
        """One line."""
        self._stream.write(f"mpcnet: {text}\n")
        self._stream.flush()

    def progress(self, progress: Progress) -> None:
        """One line, if it is time for one."""
        rate, now = self._speed.take(progress), self._clock()
        is_new = progress.phase != self._phase and progress.phase not in QUICK
        if is_new or now - self._at >= PLAIN_SECONDS:
            self._phase, self._at = progress.phase, now
            self.event("progress", describe(progress, rate))


class JsonLog(Silent):
    """One JSON object a line: events at once, progress at most twice a second and at the end of a phase."""

    def __init__(self, party: str, stream: IO[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._party, self._stream, self._clock = party, stream, clock
        self._speed = Speed(clock)
        self._phase, self._at = "", 0.0

    def event(self, name: str, text: str, **facts: Any) -> None:
        """One object."""
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"at": at, "party": self._party, "event": name, "text": text, **facts}
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()

    def progress(self, progress: Progress) -> None:
        """One object, if it is time for one."""
        rate, now = self._speed.take(progress), self._clock()
        is_over = 0 < progress.total <= progress.done
        if progress.phase == self._phase and now - self._at < 0.5 and not is_over:
            return
        self._phase, self._at = progress.phase, now
        left = None if rate.seconds_left is None else round(rate.seconds_left, 1)
        self.event(
            "progress",
            describe(progress, rate),
            phase=progress.phase,
            done=progress.done,
            total=progress.total,
            bytes_sent=progress.bytes_sent,
            bytes_received=progress.bytes_received,
            bytes_a_second=round(rate.bytes_a_second),
            seconds_left=left,
        )


class LiveLine(Silent):
    """One line at the bottom of a terminal that is redrawn; events scroll by above it."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._console = console
        self._speed = Speed()
        self._bars = Bars(
            TextColumn("[bold]mpcnet"), BarColumn(bar_width=24), TimeElapsedColumn(), TextColumn("{task.fields[text]}"),
            console=console, transient=True, redirect_stdout=sys.stdout.isatty(),
        )  # fmt: skip
        self._task = self._bars.add_task("", total=1, text="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def event(self, name: str, text: str, **facts: Any) -> None:
        """A line above."""
        self._console.print(f"mpcnet: {text}", markup=False, highlight=False, soft_wrap=True)

    def progress(self, progress: Progress) -> None:
        """The line anew."""
        text = describe(progress, self._speed.take(progress))
        self._bars.update(self._task, total=max(progress.total, 1), completed=progress.done, text=text)
