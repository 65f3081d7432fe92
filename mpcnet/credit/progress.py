"""Where a scoring run is: the steps of a party, and three ways to show them.

A party reports `Step`s. On a terminal they become a line for each party that is redrawn, elsewhere plain lines, and
between the processes of the demo one JSON object a line.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from rich.console import Console

    from mpcnet.evaluate import Progress

__all__ = ["Display", "Step", "StepLog", "StepWriter", "counted", "display_for", "megabytes", "read_step", "step_of"]

WORDS: Mapping[str, str] = {
    "start": "starting",
    "read": "reading",
    "compile": "compiling kernels, first run only ...",
    "connect": "waiting for",
    "connected": "connected",
    "agree": "checking that all mean the same",
    "prepare": "kernels ready",
    "inputs": "inputs in",
    "ot": "oblivious transfer",
    "evaluate": "evaluating",
    "score": "scoring",
    "outputs": "outputs",
    "done": "done",
    "failed": "failed",
}
"""The steps in order, and how they are called."""
PASSING = ("agree", "prepare", "outputs")
"""Steps that are over too soon to deserve a line."""
COUNTED = {"evaluate": "AND gates", "score": "applicants"}
"""The steps that take long, and what is counted in them."""
PLAIN_SECONDS = 2.0
WRITE_SECONDS = 0.1


@dataclass(frozen=True)
class Step:
    """How far one party is.

    Args:
        name: one of WORDS.
        done, total: of the unit of the step: AND gates while evaluating, applicants while scoring on shares. 0 of
            0 where nothing is counted.
        bytes_sent: to all peers so far.
        detail: the parties that are waited for.
    """

    name: str
    done: int = 0
    total: int = 0
    bytes_sent: int = 0
    detail: str = ""

    @property
    def text(self) -> str:
        """The step in words."""
        words = WORDS[self.name]
        if self.name in COUNTED and self.total:
            return f"{self.done:,} of {self.total:,} {COUNTED[self.name]}"
        return f"{words} {self.detail}" if self.detail else words


def step_of(progress: Progress) -> Step:
    """The step that an evaluation's own progress means."""
    return Step(
        progress.phase if progress.phase in WORDS else "agree", progress.done, progress.total, progress.bytes_sent
    )


class Display(Protocol):
    """Shows the steps of one or more parties while it is entered."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, party: str, step: Step) -> None: ...


def display_for(console: Console, parties: Sequence[str]) -> Display:
    """Redrawn lines on a terminal, plain lines elsewhere."""
    return TerminalDisplay(console, parties) if console.is_terminal else PlainDisplay(console, parties)


class PlainDisplay:
    """A line for each new step, and one now and then while a step goes on."""

    def __init__(self, console: Console, parties: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._width = max(map(len, parties))
        self._shown: dict[str, tuple[Step, float]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, party: str, step: Step) -> None:
        """Take a step of a party."""
        last, at = self._shown.get(party, (Step("start"), 0.0))
        now = self._clock()
        finished = step.name in COUNTED and last.done < step.done == step.total
        if step.name in PASSING and not (step.name == last.name and now - at >= PLAIN_SECONDS):
            return
        same = (step.name, step.detail) == (last.name, last.detail)
        if same and now - at < PLAIN_SECONDS and not finished:
            return
        self._shown[party] = (step, now)
        sent = f", {megabytes(step.bytes_sent)} sent" if step.bytes_sent else ""
        self._console.print(f"{party:<{self._width}}  {step.text}{sent}", markup=False, highlight=False)


class TerminalDisplay:
    """A line for each party: its step, a bar for its AND gates or applicants, and what it has sent."""

    def __init__(self, console: Console, parties: Sequence[str]) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        from mpcnet.display import Speed

        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[sent]:>10} sent"),
            TextColumn("{task.fields[speed]:>10}/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[step]}"),
            console=console,
        )
        width = max(map(len, parties))
        self._tasks = {
            # a total of 1, not none: an indeterminate bar looks like a full one where there are no colours
            party: self._progress.add_task(
                f"{party:<{width}}", total=1, sent=megabytes(0), speed=megabytes(0), step=WORDS["start"]
            )
            for party in parties
        }
        self._speeds = {party: Speed() for party in parties}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, party: str, step: Step) -> None:
        """Take a step of a party."""
        changes: dict[str, Any] = {"step": step.text}
        if step.bytes_sent:
            changes["sent"] = megabytes(step.bytes_sent)
            rate = self._speeds[party].measure(step.name, step.done, step.total, step.bytes_sent)
            changes["speed"] = megabytes(round(rate.bytes_a_second))
        if step.name in COUNTED and step.total:
            changes |= {"total": step.total, "completed": step.done}
        elif step.name == "done":
            changes |= {"total": 1, "completed": 1}
        self._progress.update(self._tasks[party], **changes)
        if step.name in ("done", "failed"):
            self._progress.stop_task(self._tasks[party])


class StepWriter:
    """Writes steps for the process that started this one: a JSON object a line, not more often than it is worth."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._last: tuple[Step | None, float] = (None, 0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, party: str, step: Step) -> None:
        """Take a step of a party."""
        if not self._is_due(step):
            return
        self._stream.write(json.dumps({"party": party, **asdict(step)}) + "\n")
        self._stream.flush()

    def _is_due(self, step: Step) -> bool:
        last, at = self._last
        now = time.monotonic()
        same = last is not None and (step.name, step.detail) == (last.name, last.detail)
        if same and now - at < WRITE_SECONDS and not 0 < step.total <= step.done:
            return False
        self._last = (step, now)
        return True


class StepLog(StepWriter):
    """Writes steps for a log: a JSON object a line, with the time and the step in words."""

    def show(self, party: str, step: Step) -> None:
        """Take a step of a party."""
        if not self._is_due(step):
            return
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        facts = {"at": at, "party": party, "event": step.name, "text": step.text, **asdict(step)}
        self._stream.write(json.dumps({key: value for key, value in facts.items() if key != "name"}) + "\n")
        self._stream.flush()


def read_step(line: str) -> tuple[str, Step] | None:
    """The inverse of `StepWriter`; None for a line that is something else."""
    try:
        found = json.loads(line)
        done, total, bytes_sent = (int(found[key]) for key in ("done", "total", "bytes_sent"))
        step = Step(str(found["name"]), done, total, bytes_sent, str(found["detail"]))
        return (str(found["party"]), step) if step.name in WORDS else None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def megabytes(n_bytes: int) -> str:
    """A number of bytes for people."""
    if n_bytes >= 999_950_000:  # what would be shown as 1,000.0 MB
        return f"{n_bytes / 1e9:,.1f} GB"
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 999_950 else f"{n_bytes / 1e3:,.1f} kB"


def counted(number: int, thing: str) -> str:
    """`1 applicant`, `2 applicants`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
