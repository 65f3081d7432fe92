"""How the cost of a garbled evaluation between two processes grows with instances and with gates, over TLS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from mpcnet.bench.crew import OnStep, Task, run_pair
from mpcnet.bench.workloads import GROWING

__all__ = ["GrowthRow", "measure_growth", "tasks_of"]

INSTANCES = (1, 8, 64, 512, 4096)
BLOCKS = (1, 4, 16, 64)


@dataclass(frozen=True)
class GrowthRow:
    """One size.

    Attributes:
        what: the circuit.
        instances, and_gates: how much was evaluated; gates over all instances.
        seconds: the median, in an open session with OT set up.
        bytes: of both parties.
        peak_bytes: the most memory that either party has taken so far; rows are measured from small to large.
    """

    what: str
    instances: int
    and_gates: int
    seconds: float
    bytes: int
    peak_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def tasks_of(*, quick: bool, repeats: int) -> list[Task]:
    """The sizes, from small to large."""
    instances, blocks = (INSTANCES[:2], BLOCKS[:2]) if quick else (INSTANCES, BLOCKS)
    aes = [Task("yao-aes", 0, repeats, n) for n in instances]
    compare = [Task("yao-compare", 0, repeats, 200 * n) for n in instances[1:]]
    return [*aes, *compare, *(Task(f"{GROWING}{n}", 0, repeats, 1) for n in blocks)]


def measure_growth(tasks: Sequence[Task], path: str, on_step: OnStep) -> list[GrowthRow]:
    """Measure them all between the same two processes.

    Raises:
        PartyFailed: one of the two failed.
    """
    rows = []
    for task, measured in zip(tasks, run_pair(tasks, "tls", path, on_step), strict=True):
        seconds = median(measured.walls)
        rows.append(
            GrowthRow(_say(task.name), task.instances, measured.count, seconds, measured.bytes, measured.peak_bytes)
        )
    return rows


def _say(name: str) -> str:
    if name.startswith(GROWING):
        return f"SHA-256 of {name.removeprefix(GROWING)} blocks"
    return "AES-128" if name == "yao-aes" else "32-bit comparison, fresh inputs"
