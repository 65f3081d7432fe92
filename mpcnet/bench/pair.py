"""Rows of two processes: starts the two, passes on how far they are, and collects what they measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from mpcnet import local
from mpcnet.bench.roles import EVALUATOR, GARBLER
from mpcnet.bench.timing import Sample

__all__ = ["Measured", "OnStep", "Task", "run_pair"]

SECONDS = 3600.0

OnStep = Callable[[str, int, int], None]
"""Called with the name of a task, the repetitions done and those there are."""


@dataclass(frozen=True)
class Task:
    """What the two are to do.

    Attributes:
        name: of a row, or of a workload.
        count: units of a repetition, about.
        repeats: repetitions, after one to warm up.
        instances: of a workload; 0 for as many as make up `count`.
    """

    name: str
    count: int
    repeats: int
    instances: int = 0


@dataclass(frozen=True)
class Measured:
    """What came of a task.

    Attributes:
        count: units of a repetition.
        bytes: that both parties sent in one, with frames, without TLS.
        peak_bytes: the most memory that either process has held so far.
        samples: of each party.
    """

    count: int
    bytes: int
    peak_bytes: int
    samples: Mapping[str, Sequence[Sample]]

    @property
    def walls(self) -> list[float]:
        """Seconds of each repetition: the slower party's."""
        return [max(each) for each in zip(*([s.seconds for s in mine] for mine in self.samples.values()), strict=True)]


def run_pair(tasks: Sequence[Task], link: str, path: str, on_step: OnStep) -> list[Measured]:
    """Run tasks between two processes of this machine, which have fresh identities and a session over TLS.

    Args:
        tasks: one after the other.
        link: "tls" for the session's own link, "tcp" for a link of its own without TLS.
        path: the AES kernels to use.
        on_step: see `OnStep`.
    Raises:
        PartyFailed: one of the two failed.
    """

    def on_line(party: str, stream: str, line: str) -> None:
        if party == GARBLER and stream == "stdout" and line.startswith("{"):
            step = json.loads(line)
            on_step(step["name"], step["done"], step["of"])

    results = local.run(
        "mpcnet.bench.roles:main",
        names=[EVALUATOR, GARBLER],
        kwargs={"tasks": [asdict(task) for task in tasks], "link": link, "path": path},
        seconds=SECONDS,
        check=True,
        on_line=on_line,
    )
    found = []
    for number in range(len(tasks)):
        parts = {result.name: result.value[number] for result in results}
        found.append(
            Measured(
                parts[GARBLER]["count"],
                sum(part["bytes"] for part in parts.values()),
                max(part["peak_bytes"] for part in parts.values()),
                {name: [Sample(*sample) for sample in part["samples"]] for name, part in parts.items()},
            )
        )
    return found
