"""Rows of several processes: starts them, passes on how far they are, and collects what they measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mpcnet import local
from mpcnet.bench.roles import EVALUATOR, GARBLER
from mpcnet.bench.timing import Sample

__all__ = ["Measured", "OnStep", "Task", "run_pair", "run_parties"]

SECONDS = 3600.0

OnStep = Callable[[str, int, int], None]
"""Called with the name of a task, the repetitions done and those there are."""


@dataclass(frozen=True)
class Task:
    """What the parties are to do.

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
        bytes: that all parties sent in one, with frames, without TLS.
        peak_bytes: the most memory that a process has held so far.
        samples: of each party.
        setup_seconds: before the first repetition, of the slowest party; 0 where nobody asks.
    """

    count: int
    bytes: int
    peak_bytes: int
    samples: Mapping[str, Sequence[Sample]]
    setup_seconds: float = 0.0

    @property
    def walls(self) -> list[float]:
        """Seconds of each repetition: the slowest party's."""
        return [max(each) for each in zip(*([s.seconds for s in mine] for mine in self.samples.values()), strict=True)]


def run_pair(tasks: Sequence[Task], link: str, path: str, on_step: OnStep) -> list[Measured]:
    """Run tasks between a garbler and an evaluator, which have fresh identities and a session over TLS.

    Args:
        tasks: one after the other.
        link: "tls" for the session's own link, "tcp" for a link of its own without TLS.
        path: the AES kernels to use.
        on_step: see `OnStep`.
    Raises:
        PartyFailed: one of the two failed.
    """
    kwargs = {"link": link, "path": path}
    return _run("mpcnet.bench.roles:main", [EVALUATOR, GARBLER], GARBLER, tasks, kwargs, on_step)


def run_parties(tasks: Sequence[Task], n_parties: int, path: str, on_step: OnStep) -> list[Measured]:
    """Run tasks among equal parties, which have fresh identities and a session over TLS.

    Raises:
        PartyFailed: a party failed.
    """
    names = local.default_names(n_parties)
    return _run("mpcnet.bench.members:main", names, names[0], tasks, {"path": path}, on_step)


def _run(
    program: str,
    names: Sequence[str],
    leader: str,
    tasks: Sequence[Task],
    kwargs: Mapping[str, Any],
    on_step: OnStep,
) -> list[Measured]:
    """Start a process for each name; the leader tells how far they are."""

    def on_line(party: str, stream: str, line: str) -> None:
        if party == leader and stream == "stdout" and line.startswith("{"):
            step = json.loads(line)
            on_step(step["name"], step["done"], step["of"])

    results = local.run(
        program,
        names=names,
        kwargs={"tasks": [asdict(task) for task in tasks], **kwargs},
        seconds=SECONDS,
        check=True,
        on_line=on_line,
    )
    found = []
    for number in range(len(tasks)):
        parts = {result.name: result.value[number] for result in results}
        found.append(
            Measured(
                parts[leader]["count"],
                sum(part["bytes"] for part in parts.values()),
                max(part["peak_bytes"] for part in parts.values()),
                {name: [Sample(*sample) for sample in part["samples"]] for name, part in parts.items()},
                max(part.get("setup_seconds", 0.0) for part in parts.values()),
            )
        )
    return found
