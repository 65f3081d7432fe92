"""What came of all runs, as a table for docs/reliability.md."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.arena import Outcome
from tests.chaos.plan import FAULTS, PHASES

__all__ = ["markdown", "sums"]

COLUMNS = ("runs", "clean ends", "ended well", "victim named", "one text", "seconds to end", "leaks", "wrong", "hangs")


def markdown(outcomes: Sequence[Outcome]) -> str:
    """One row for each fault, one for each phase, and the whole."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "| --- |" + " --- |" * len(COLUMNS)]
    for fault in FAULTS:
        lines += _row(fault.name, [one for one in outcomes if one.cell.fault == fault])
    for phase in PHASES:
        lines += _row(f"phase {phase}", [one for one in outcomes if one.cell.phase == phase])
    return "\n".join([*lines, *_row("**all**", outcomes)])


def _row(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    return [f"| {name} | " + " | ".join(sums(outcomes)) + " |"] if outcomes else []


def sums(outcomes: Sequence[Outcome]) -> list[str]:
    """The figures of some runs, in the order of the columns."""
    failed = [one for one in outcomes if one.failed]
    stood = [one for one in outcomes if one.texts]
    named = sum(not one.unnamed for one in failed)
    times = sorted(one.seconds for one in outcomes)
    return [
        str(len(outcomes)),
        str(sum(not one.unclean and not one.hangs for one in outcomes)),
        str(sum(one.ended_well for one in outcomes)),
        f"{named} of {len(failed)}",
        f"{sum(len(one.texts) == 1 for one in stood)} of {len(stood)}",
        f"{times[len(times) // 2]:.1f}, at most {times[-1]:.1f}",
        str(sum(bool(one.leaks) for one in outcomes)),
        str(sum(bool(one.wrong) for one in outcomes)),
        str(sum(len(one.hangs) for one in outcomes)),
    ]
