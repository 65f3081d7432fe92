"""`python -m tests.chaos`: run the fault matrix and print the table; see `scripts/chaos --help`."""

from __future__ import annotations

import argparse
import itertools
import os
import queue
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.chaos.arena import Arena, Outcome
from tests.chaos.plan import FAULTS, PARTIES, PHASES, Cell, cells
from tests.chaos.strangers import measure
from tests.chaos.table import markdown


def main() -> int:
    """Run what is asked for; 1 where a run did not come to what it must."""
    parser = argparse.ArgumentParser(prog="scripts/chaos", description="Run the fault matrix and print its table.")
    parser.add_argument("--phase", action="append", choices=PHASES, help="this phase alone; may be given again")
    parser.add_argument("--fault", action="append", choices=[fault.name for fault in FAULTS], help="this fault alone")
    parser.add_argument("--victim", action="append", choices=PARTIES, help="this party alone")
    parser.add_argument("--repeat", type=int, default=1, help="how often each run is made")
    parser.add_argument("--jobs", type=int, default=1, help="how many runs at the same time; most of a run is waiting")
    parser.add_argument("--output", type=Path, help="write the table there as well")
    parser.add_argument("--strangers", action="store_true", help="instead: what 1,000 strangers cost a running job")
    options = parser.parse_args()
    if options.strangers:
        print(*measure(), f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", sep="\n")
        return 0
    chosen = list(cells(options.phase or PHASES, options.fault, options.victim or PARTIES)) * options.repeat
    with tempfile.TemporaryDirectory(prefix="mpcnet-chaos-") as folder:
        outcomes = run_all(chosen, Path(folder), options.jobs)
    table = markdown(outcomes)
    print(table)
    print(f"load at the end: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    if options.output is not None:
        options.output.write_text(table + "\n", encoding="utf-8")
    return int(not all(outcome.is_good for outcome in outcomes))


def run_all(chosen: list[Cell], folder: Path, jobs: int) -> list[Outcome]:
    """Run all, some at the same time, each of those in an arena of its own."""
    arenas: queue.SimpleQueue[Arena] = queue.SimpleQueue()
    made = [Arena(folder / f"arena{i}") for i in range(jobs)]
    for arena in made:
        arenas.put(arena)
    count = itertools.count(1)

    def run(cell: Cell) -> Outcome:
        arena = arenas.get()
        try:
            outcome = arena.run(cell)
        finally:
            arenas.put(arena)
        what = f"{cell.phase}, {cell.fault.name}, {cell.victim}"
        print(f"{next(count)}/{len(chosen)} {what}: {describe(outcome)}", file=sys.stderr, flush=True)
        return outcome

    try:
        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(run, chosen))
    finally:
        for arena in made:
            arena.close()


def describe(outcome: Outcome) -> str:
    """One line for one run."""
    found = []
    for label in ("hangs", "unclean", "unnamed", "leaks", "wrong"):
        if getattr(outcome, label):
            found.append(f"{label.upper()} {getattr(outcome, label)}")
    if found:
        ends = {name: (end["code"], end["text"]) for name, end in outcome.ends.items()}
        return f"{'; '.join(found)} after {outcome.seconds:.1f} s: {ends}"
    texts = sorted({outcome.ends[name]["text"] for name in outcome.failed})
    text = "ended well" if outcome.ended_well else "; ".join(texts) or "the others ended well"
    return f"{outcome.seconds:.1f} s: {text}"


if __name__ == "__main__":
    sys.exit(main())
