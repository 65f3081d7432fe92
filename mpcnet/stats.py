"""What a session has done: seconds for each phase, gates, bytes, and who learned what.

Nothing here is secret: names of ports and parties, counts, times and sizes that every party knows.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ComputationRecord", "EvaluationRecord", "RevealRecord", "Stats"]

PHASES = ("connect", "agree", "prepare", "inputs", "ot", "evaluate", "outputs", "wait")


@dataclass(frozen=True)
class EvaluationRecord:
    """One evaluation as the parties agreed on it: what an auditor asks for.

    Attributes:
        circuit: its name at this party; no meaning.
        circuit_digest: hexadecimal, the same at every party.
        owners: input port -> the party that gave it.
        reveal_to: output port -> the parties that learned it.
        compute: the garbler and the evaluator; with GMW all parties.
        instances: how many times the circuit was evaluated.
        and_gates: AND gates of all instances together.
        started: seconds since the epoch, by this party's clock.
        protocol: "yao" or "gmw".
    """

    circuit: str
    circuit_digest: str
    owners: Mapping[str, str]
    reveal_to: Mapping[str, tuple[str, ...]]
    compute: tuple[str, ...]
    instances: int
    and_gates: int
    started: float
    protocol: str = "yao"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "circuit": self.circuit,
            "circuit_digest": self.circuit_digest,
            "owners": dict(self.owners),
            "reveal_to": {port: list(names) for port, names in self.reveal_to.items()},
            "compute": list(self.compute),
            "instances": self.instances,
            "and_gates": self.and_gates,
            "started": self.started,
            "protocol": self.protocol,
        }


@dataclass(frozen=True)
class RevealRecord:
    """One array that was shown, as the parties agreed on it: what an auditor asks for.

    Attributes:
        operation: its number in the computation, the same at every party.
        where: the line of this party's program.
        shape, dtype: of the array.
        to: the parties that learned it.
        time: seconds since the epoch, by this party's clock.
    """

    operation: int
    where: str
    shape: tuple[int, ...]
    dtype: str
    to: tuple[str, ...]
    time: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "operation": self.operation,
            "where": self.where,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "to": list(self.to),
            "time": self.time,
        }


@dataclass
class ComputationRecord:
    """One computation on secret arrays; grows while it runs.

    Attributes:
        engine: such as "shamir(threshold=1)".
        traffic: counts messages and their bytes: `messages_sent`, `bytes_sent`, `bytes_received`.
        started: seconds since the epoch, by this party's clock.
        operations: how many there were of each kind.
        inputs: for each party how many numbers it gave.
        reveals: what was shown to whom.
        lost: parties without whom it went on.
    """

    engine: str
    traffic: Any
    started: float
    operations: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    reveals: list[RevealRecord] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def opened(self) -> dict[tuple[str, ...], int]:
        """How many numbers were shown, by the parties that learned them."""
        found: dict[tuple[str, ...], int] = {}
        for record in self.reveals:
            found[record.to] = found.get(record.to, 0) + math.prod(record.shape)
        return found

    def count(self, name: str) -> None:
        """One more operation."""
        self.operations[name] = self.operations.get(name, 0) + 1

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "engine": self.engine,
            "started": self.started,
            "operations": dict(self.operations),
            "inputs": dict(self.inputs),
            "messages_sent": self.traffic.messages_sent,
            "bytes_sent": self.traffic.bytes_sent,
            "bytes_received": self.traffic.bytes_received,
            "reveals": [record.as_dict() for record in self.reveals],
            "lost": list(self.lost),
        }


@dataclass
class Stats:
    """Counters of one session; grows while the session runs.

    Attributes:
        seconds: time by phase. connect, agree, prepare (loading and compiling kernels), inputs (of third owners), ot
            (setup and extension), evaluate (garbling or evaluation; the OT extension runs beside it), outputs, wait
            (for the other parties to finish an evaluation).
        evaluations: one record for each evaluation that all parties finished.
        unfinished: those that were agreed on and not finished: under way, or broken off, perhaps after some outputs.
        computations: one record for each computation on secret arrays.
        broken_off: those of forks that did not end well, perhaps after some numbers were opened.
        on_phase: called with each phase that is over, and when it began and ended by `time.perf_counter`.
        traffic: reads the bytes sent to and received from each peer, TLS excluded.
    """

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    evaluations: list[EvaluationRecord] = field(default_factory=list)
    unfinished: list[EvaluationRecord] = field(default_factory=list)
    computations: list[ComputationRecord] = field(default_factory=list)
    broken_off: list[ComputationRecord] = field(default_factory=list)
    on_phase: Callable[[str, float, float], None] | None = field(default=None, repr=False)
    traffic: Callable[[], Mapping[str, tuple[int, int]]] = field(default=dict, repr=False)
    started: float = field(default_factory=time.perf_counter, repr=False)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time spent inside to a phase."""
        start = time.perf_counter()
        try:
            yield
        finally:
            end = time.perf_counter()
            self.seconds[name] = self.seconds.get(name, 0.0) + end - start
            if self.on_phase is not None:
                self.on_phase(name, start, end)

    @contextlib.contextmanager
    def evaluation(self, record: EvaluationRecord) -> Iterator[None]:
        """The body is an evaluation: it counts as finished when the body ends well."""
        self.unfinished.append(record)
        yield
        self.unfinished.remove(record)
        self.evaluations.append(record)

    def break_off(self, evaluations: Sequence[EvaluationRecord], computations: Sequence[ComputationRecord]) -> None:
        """Some that were finished here belong to a fork that did not end well: others may have seen less of it."""
        for record in evaluations:
            if record in self.evaluations:
                self.evaluations.remove(record)
                self.unfinished.append(record)
        for computation in computations:
            self.computations = [other for other in self.computations if other is not computation]
            self.broken_off.append(computation)

    @property
    def bytes_sent(self) -> int:
        """Bytes sent to all peers."""
        return sum(sent for sent, _ in self.traffic().values())

    @property
    def bytes_received(self) -> int:
        """Bytes received from all peers."""
        return sum(received for _, received in self.traffic().values())

    @property
    def and_gates(self) -> int:
        """AND gates of all evaluations and instances."""
        return sum(record.and_gates for record in self.evaluations)

    @property
    def instances(self) -> int:
        """Instances of all evaluations."""
        return sum(record.instances for record in self.evaluations)

    @property
    def total_seconds(self) -> float:
        """Since the session began to connect."""
        return time.perf_counter() - self.started

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "bytes_sent": self.bytes_sent,
            "bytes_received": self.bytes_received,
            "bytes_by_peer": {peer: {"sent": s, "received": r} for peer, (s, r) in self.traffic().items()},
            "and_gates": self.and_gates,
            "instances": self.instances,
            "seconds": {**{k: round(v, 6) for k, v in self.seconds.items()}, "total": round(self.total_seconds, 6)},
            "evaluations": [record.as_dict() for record in self.evaluations],
            "computations": [record.as_dict() for record in (*self.computations, *self.broken_off)],
        }
