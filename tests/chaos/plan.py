"""Which fault in which phase at which party, and what may come of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["BEGINNING", "FAULTS", "PARTIES", "PHASES", "Cell", "Fault", "cells"]

PARTIES = ("lender", "bureau", "bank")
PHASES = ("connect", "hello", "ot", "inputs", "garbling", "opening", "signing", "goodbye")
BEGINNING = ("connect", "hello")


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        name: for people.
        where: "process", "line", "start" (the party begins wrong) or "party" (a hook in its process).
        phases: in which phases it means something.
    """

    name: str
    where: str
    phases: tuple[str, ...] = PHASES

    @property
    def is_refused(self) -> bool:
        """Whether the others know the victim for a party of the roster that means something else."""
        return self.name in ("other version", "other job")


FAULTS = (
    Fault("kill -9", "process"),
    Fault("SIGSTOP", "process"),
    Fault("closed socket", "line"),
    Fault("reset", "line"),
    Fault("half-open link", "line"),
    Fault("one byte a second", "line"),
    Fault("30 s of silence", "line"),
    Fault("flipped byte", "line"),
    Fault("wrong certificate", "start", BEGINNING),
    Fault("other version", "start", BEGINNING),
    Fault("other job", "start", BEGINNING),
    Fault("doubled frame", "party", PHASES[2:]),
    Fault("replayed frame", "party", PHASES[2:]),
    Fault("full disk at the record", "party"),
    Fault("clock jump", "party"),
    Fault("memory limit", "party"),
)


@dataclass(frozen=True)
class Cell:
    """One run."""

    phase: str
    fault: Fault
    victim: str


def cells(
    phases: Sequence[str] = PHASES, faults: Sequence[str] | None = None, victims: Sequence[str] = PARTIES
) -> Iterator[Cell]:
    """All runs of the matrix, or of a part of it."""
    for fault in FAULTS:
        if faults is not None and fault.name not in faults:
            continue
        for phase in phases:
            if phase in fault.phases:
                for victim in victims:
                    yield Cell(phase, fault, victim)
