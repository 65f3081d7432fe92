"""Tables of measurements for people, and how far they are while they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mpcnet.bench.rows import WORKS, Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mpcnet.bench.growth import GrowthRow
    from mpcnet.bench.peers import PeerRow
    from mpcnet.bench.wan import WanRow

__all__ = [
    "Display",
    "amount",
    "print_growth",
    "print_machine",
    "print_peers",
    "print_rows",
    "print_wan",
    "rate",
    "seconds",
    "times",
]

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_WORKS = {work.name: work for work in WORKS}


def rate(value: float, unit: str) -> str:
    """Units a second: "12.3 M AND/s", "1.2 GB/s"."""
    factor, prefix = next(((f, p) for f, p in _PREFIXES if value >= f), _PREFIXES[-1])
    number = f"{value / factor:.3g}"
    return f"{number} {prefix}B/s" if unit == "byte" else f"{number} {prefix}{' ' if prefix else ''}{unit}/s"


def seconds(value: float) -> str:
    """A time with three digits."""
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def times(ratio: float) -> str:
    """How many times as long something took."""
    return f"{ratio:.2f}x" if ratio < 1 else f"{ratio:.1f}x" if ratio < 10 else f"{ratio:,.0f}x"


def amount(count: int, unit: str) -> str:
    """A number of units: "1 program", "1,000 scores", "1,000 AES"."""
    return f"{count:,} {unit}{'s' if count > 1 and unit.islower() else ''}"


def print_machine(console: Console, facts: Mapping[str, str]) -> None:
    """What is measured on."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in facts.items():
        table.add_row(key, value)
    console.print(table, highlight=False)


def print_rows(console: Console, rows: Sequence[Row], *, quick: bool) -> None:
    """The rows, beside their targets unless the counts were too small for that."""
    single = [row for row in rows if _WORKS[row.name].crew == "pair"]
    if single:
        _print_rates(console, single, quick=quick)
    if len(single) < len(rows):
        _print_times(console, [row for row in rows if row not in single], quick=quick)


def _print_rates(console: Console, rows: Sequence[Row], *, quick: bool) -> None:
    table = _table(("row", "link"), ("a second", "target", "median", "fastest", "slowest", "processor alone", "bytes"))
    for row in rows:
        target = None if quick else row.target
        met = "" if target is None else "met" if row.per_second >= target else f"{row.per_second / target:.0%}"
        table.add_row(
            row.name,
            row.link,
            rate(row.per_second, row.unit),
            "" if target is None else f"{rate(target, row.unit)}, {met}",
            *map(seconds, (row.seconds, row.low, row.high)),
            rate(row.cpu_bound, row.unit),
            _bytes(row),
        )
    console.print(table)
    for text in (
        "a second: by the median. processor alone: what the busiest party's processor time would allow on a free core.",
        "bytes: for each unit, of both parties, with frames, without TLS; within one process what went in or came out.",
    ):
        console.print(text, soft_wrap=True)


def _print_times(console: Console, rows: Sequence[Row], *, quick: bool) -> None:
    """Rows whose targets are seconds for a given amount of work, beside what others took for as much."""
    table = _table(("row", "of"), ("median", "target", "fastest", "slowest", "setup", "bytes"), ("others",))
    for row in rows:
        target = None if quick or row.target is None else row.count / row.target
        met = "" if target is None else "met" if row.seconds <= target else f"{target / row.seconds:.0%}"
        table.add_row(
            row.name,
            amount(row.count, row.unit),
            seconds(row.seconds),
            "" if target is None else f"{seconds(target)}, {met}",
            *map(seconds, (row.low, row.high)),
            seconds(row.setup_seconds) if row.setup_seconds else "",
            _bytes(row),
            "" if quick else "; ".join(f"{other.figure}: {times(other.low / row.seconds)}" for other in row.others),
        )
    console.print(table)
    for text in (
        "median: from shared inputs to shared outputs at all parties, over TLS. setup: engine and inputs, before that.",
        "bytes: for each unit, of all parties, with frames, without TLS. others: what they took on EPYC (Zen 3) with",
        "2 cores, and how many times our median that is; `make bench-peers` measures MPyC here.",
    ):
        console.print(text, soft_wrap=True)


def _bytes(row: Row) -> str:
    each = row.bytes / row.count
    return f"{each:.2f}" if each < 1e4 else f"{each:,.0f}"


def print_wan(console: Console, rows: Sequence[WanRow], trips: Mapping[str, float]) -> None:
    """The table of slow networks, and the round trips of each scheme."""
    table = _table(
        ("what", "round trip, bandwidth", "scheme"),
        ("k", "instances", "seconds", "garbler sends", "evaluator sends", "bytes/AND"),
    )
    for row in rows:
        n_bytes = row.garbler_bytes + row.evaluator_bytes
        sent = (f"{each / 1e3:,.1f} kB" for each in (row.garbler_bytes, row.evaluator_bytes))
        facts = (row.what, row.network, row.scheme, str(row.k), f"{row.instances:,}", f"{row.seconds:.3f}")
        table.add_row(*facts, *sent, f"{n_bytes / row.and_gates:.2f}")
    console.print(table)
    for scheme, count in trips.items():
        text = f"{scheme}: {count:g} round trips from the open connection to the outputs, setup of OT included"
        console.print(text, soft_wrap=True, highlight=False)


def print_growth(console: Console, rows: Sequence[GrowthRow]) -> None:
    """How the cost grows."""
    table = _table(("what",), ("instances", "AND gates", "median", "a second", "bytes/AND", "peak memory"))
    for row in rows:
        table.add_row(
            row.what,
            f"{row.instances:,}",
            f"{row.and_gates:,}",
            seconds(row.seconds),
            rate(row.and_gates / row.seconds, "AND"),
            f"{row.bytes / row.and_gates:.2f}",
            f"{row.peak_bytes / 1e6:.0f} MB",
        )
    console.print(table)


def print_peers(console: Console, rows: Sequence[PeerRow], version: str) -> None:
    """Ours beside MPyC."""
    right = ("of", "ours", "spread", "MPyC did", "in", "spread", "for as much", "ratio", "bytes", "MPyC's")
    table = _table(("row",), right)
    for row in rows:
        table.add_row(
            row.name,
            f"{row.count:,}",
            seconds(row.ours),
            _spread(row.seconds),
            f"{row.peer_count:,}",
            seconds(median(row.peer_seconds)),
            _spread(row.peer_seconds),
            seconds(row.theirs),
            times(row.ratio),
            f"{row.n_bytes / row.count:,.1f}" if row.n_bytes else "",
            f"{row.peer_bytes / row.peer_count:,.1f}" if row.peer_bytes else "",
        )
    console.print(table)
    for text in (
        f"Medians of three processes of ours, over TLS, and of three of MPyC {version}, over TCP, in turn.",
        "From shared inputs to shared outputs; trivial3 from the start of the first process to the end of the last.",
        "bytes: for each unit, of all parties, with frames, without TLS.",
    ):
        console.print(text, soft_wrap=True, highlight=False)


def _spread(samples: Sequence[float]) -> str:
    return f"{seconds(min(samples))} to {seconds(max(samples))}" if len(samples) > 1 else ""


def _table(left: Sequence[str], right: Sequence[str], last: Sequence[str] = ()) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in left:
        table.add_column(title, no_wrap=True)
    for title in right:
        table.add_column(title, justify="right")
    for title in last:
        table.add_column(title)
    return table


class Display:
    """A bar on a terminal, a line for each finished row elsewhere; a `mpcnet.bench.run.Watcher`."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task_id = self._progress.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def step(self, name: str, link: str, done: int, total: int) -> None:
        """`Watcher`."""
        self._progress.update(self._task_id, description=f"{name} {link}", completed=done, total=total)

    def finish(self, row: Row) -> None:
        """`Watcher`."""
        self.say(f"{row.name:<16}{row.link:<6}{rate(row.per_second, row.unit)}")

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, markup=False, highlight=False)
