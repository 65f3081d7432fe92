"""Counters of the sessions of a process, in Prometheus form; needs the extra `metrics` (prometheus-client).

    metrics = Metrics()
    async with mpcnet.connect("lender.toml") as session:
        metrics.watch(session)
        ...
    metrics.text()                          # for an HTTP answer, with `Metrics.content_type`
    metrics.write(Path("mpcnet.prom"))      # for the textfile collector of the node exporter

A `Metrics` has a registry of its own unless it is given one, so nothing is global. Nothing in it is secret: names of
parties, counts, bytes and seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpcnet.errors import ConfigError
from mpcnet.record.summary import opened_of

if TYPE_CHECKING:
    from mpcnet.session import Session

__all__ = ["Metrics"]


class Metrics:
    """What the watched sessions have done, those that are over included.

    Args:
        registry: a `prometheus_client.CollectorRegistry` to be part of; by default one of its own.
    Raises:
        ConfigError: prometheus-client is not installed.
    """

    def __init__(self, registry: Any = None) -> None:
        try:
            import prometheus_client
        except ImportError:
            raise ConfigError("counters need prometheus-client: pip install 'mpcnet[metrics]'") from None
        self.content_type: str = prometheus_client.CONTENT_TYPE_LATEST
        self.registry = registry if registry is not None else prometheus_client.CollectorRegistry()
        self._live: list[Session] = []
        self._totals: dict[tuple[str, tuple[str, ...]], float] = {}
        self.registry.register(self)

    def watch(self, session: Session) -> None:
        """Count a session from now on, what it has done already included."""
        self._settle()
        self._live.append(session)

    def ended(self, outcome: str) -> None:
        """Count the end of a run: "done", "failed" or "refused"."""
        key = ("runs", (outcome,))
        self._totals[key] = self._totals.get(key, 0.0) + 1

    def text(self) -> bytes:
        """All counters as text."""
        from prometheus_client import generate_latest

        return bytes(generate_latest(self.registry))

    def write(self, path: Path) -> None:
        """Write all counters to a file, which a reader sees whole or not at all."""
        from prometheus_client import write_to_textfile

        try:
            write_to_textfile(str(path), self.registry)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None

    def collect(self) -> Iterator[Any]:
        """For the registry."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        self._settle()
        found = dict(self._totals)
        for session in self._live:
            for key, value in _counts(session):
                found[key] = found.get(key, 0.0) + value
        for name, (text, labels) in FAMILIES.items():
            family = CounterMetricFamily(f"mpcnet_{name}", text, labels=labels)
            for (kind, values), count in sorted(found.items()):
                if kind == name:
                    family.add_metric(list(values), count)
            yield family
        yield GaugeMetricFamily("mpcnet_sessions_open", "Sessions that are going on.", value=len(self._live))

    def _settle(self) -> None:
        """Keep the numbers of sessions that are over, and let go of the sessions."""
        over = [session for session in self._live if session.is_over]
        for session in over:
            self._live.remove(session)
            for key, value in _counts(session):
                self._totals[key] = self._totals.get(key, 0.0) + value


FAMILIES: dict[str, tuple[str, list[str]]] = {
    "runs": ("Runs that ended, by how.", ["outcome"]),
    "sessions": ("Sessions that stood.", []),
    "bytes_sent": ("Bytes sent to each peer, TLS excluded.", ["peer"]),
    "bytes_received": ("Bytes received from each peer, TLS excluded.", ["peer"]),
    "evaluations": ("Circuits evaluated.", ["protocol"]),
    "instances": ("Instances of evaluated circuits.", ["protocol"]),
    "and_gates": ("AND gates evaluated.", ["protocol"]),
    "values_opened": ("Values that a party learned.", ["party"]),
    "phase_seconds": ("Seconds in each phase.", ["phase"]),
}


def _counts(session: Session) -> Iterator[tuple[tuple[str, tuple[str, ...]], float]]:
    stats = session.stats
    yield ("sessions", ()), 1
    for peer, (sent, received) in stats.traffic().items():
        yield ("bytes_sent", (peer,)), sent
        yield ("bytes_received", (peer,)), received
    for record in stats.evaluations:
        yield ("evaluations", (record.protocol,)), 1
        yield ("instances", (record.protocol,)), record.instances
        yield ("and_gates", (record.protocol,)), record.and_gates
    for party, outputs in opened_of(stats).items():
        yield ("values_opened", (party,)), sum(outputs.values())
    for phase, seconds in stats.seconds.items():
        yield ("phase_seconds", (phase,)), seconds
