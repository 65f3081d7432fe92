"""Measure the rows that were asked for, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

from mpcnet.bench.compiling import measure_load, measure_trace
from mpcnet.bench.crew import Measured, OnStep, Task, run_pair, run_parties
from mpcnet.bench.fresh import measure_fresh
from mpcnet.bench.kernels import measure_aes, measure_garbling
from mpcnet.bench.rows import Link, Row, Work, make_row

if TYPE_CHECKING:
    from protocols.kernels.cpu import Path

__all__ = ["REPEATS", "Watcher", "measure"]

REPEATS = 5
LINKS: tuple[Literal["tls", "tcp"], ...] = ("tls", "tcp")
_LOCAL: dict[str, Callable[[Work, int, int, Callable[[int], None]], Row]] = {
    "aes-ecb-blocks": measure_aes,
    "bristol-load": measure_load,
    "trace": measure_trace,
}


class Watcher(Protocol):
    """Is told how far the measurements are."""

    def step(self, name: str, link: str, done: int, total: int) -> None: ...

    def finish(self, row: Row) -> None: ...


def measure(works: Sequence[Work], *, quick: bool, repeats: int, path: Path, watcher: Watcher) -> list[Row]:
    """All rows of some works, in their order, those of one link after each other.

    Args:
        works: see `mpcnet.bench.rows.choose`.
        quick: small counts: shows that all of it runs, and nothing else.
        repeats: repetitions of each, after one to warm up.
        path: the AES kernels to use.
        watcher: see `Watcher`.
    Raises:
        PartyFailed: a process of a row failed.
        RuntimeError: a result was wrong.
    """
    from protocols.kernels import cpu

    rows: list[Row] = []
    with cpu.use(path):
        for work in works:
            if "local" in work.links:
                rows.append(_measure_local(work, quick, repeats, watcher))
                watcher.finish(rows[-1])
    for link in LINKS:
        asked = [work for work in works if link in work.links and work.crew == "pair"]
        rows += _measure_crew(asked, link, quick, repeats, path, watcher, partial(_pair, link, path))
    for n_parties in sorted({work.parties for work in works}):
        asked = [work for work in works if work.parties == n_parties and work.crew == "members"]
        rows += _measure_crew(asked, "tls", quick, repeats, path, watcher, partial(_members, n_parties, path))
    for work in (work for work in works if work.crew == "fresh"):
        rows.append(measure_fresh(work, repeats, partial(watcher.step, work.name, "tls", total=repeats)))
        watcher.finish(rows[-1])
    order = [work.name for work in works]
    return sorted(rows, key=lambda row: order.index(row.name))


def _measure_local(work: Work, quick: bool, repeats: int, watcher: Watcher) -> Row:
    def on_done(done: int) -> None:
        watcher.step(work.name, "local", done, repeats)

    watcher.step(work.name, "local", 0, repeats)
    return _LOCAL.get(work.name, measure_garbling)(work, _count(work, quick), repeats, on_done)


def _measure_crew(
    works: Sequence[Work],
    link: Link,
    quick: bool,
    repeats: int,
    path: Path,
    watcher: Watcher,
    run: Callable[[Sequence[Task], OnStep], list[Measured]],
) -> list[Row]:
    """Rows of the same processes, one after the other."""
    if not works:
        return []
    tasks = [Task(work.name, _count(work, quick), repeats * work.pieces) for work in works]
    rows = []
    for work, found in zip(works, run(tasks, partial(_step, watcher, link)), strict=True):
        setup = found.setup_seconds
        rows.append(make_row(work, link, found.count, found.bytes, found.samples, path, setup_seconds=setup))
        watcher.finish(rows[-1])
    return rows


def _pair(link: Link, path: Path, tasks: Sequence[Task], on_step: OnStep) -> list[Measured]:
    return run_pair(tasks, link, path, on_step)


def _members(n_parties: int, path: Path, tasks: Sequence[Task], on_step: OnStep) -> list[Measured]:
    return run_parties(tasks, n_parties, path, on_step)


def _step(watcher: Watcher, link: str, name: str, done: int, total: int) -> None:
    watcher.step(name, link, done, total)


def _count(work: Work, quick: bool) -> int:
    return work.quick_count if quick else work.count
