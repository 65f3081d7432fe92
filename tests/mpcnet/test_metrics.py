"""Counters in Prometheus form: of live sessions, of those that are over, and as a file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from mpcnet.errors import ConfigError
from mpcnet.metrics import Metrics
from mpcnet.session import Session
from tests.kit.agreement import MINE, NAMES, OWNERS, approve
from tests.kit.links import plain_sessions, run_sessions


def samples(metrics: Metrics) -> dict[str, float]:
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


async def test_sessions_are_counted_while_they_live_and_after(tmp_path: Path) -> None:
    metrics = Metrics()
    during: dict[str, float] = {}

    async def role(session: Session) -> None:
        if session.name == "bank":
            metrics.watch(session)
        await session.evaluate(approve, MINE[session.name], owners=OWNERS, reveal_to=["lender"])
        if session.name == "bank":
            during.update(samples(metrics))

    for _ in range(2):
        await run_sessions(plain_sessions(NAMES), role)
        metrics.ended("done")
    assert during["mpcnet_sessions_open"] == 1
    after = samples(metrics)
    assert after["mpcnet_sessions_open"] == 0
    assert after["mpcnet_sessions_total"] == 2
    assert after["mpcnet_runs_total done"] == 2
    assert after["mpcnet_evaluations_total yao"] == 2
    assert after["mpcnet_instances_total yao"] == 6
    assert after["mpcnet_and_gates_total yao"] == 6 * approve.and_count
    assert after["mpcnet_values_opened_total lender"] == 6
    assert after["mpcnet_bytes_sent_total lender"] > 6 * 32 * approve.and_count
    assert after["mpcnet_phase_seconds_total evaluate"] > 0
    metrics.write(tmp_path / "m.prom")
    assert (tmp_path / "m.prom").read_bytes().startswith(b"# HELP mpcnet_runs_total")
    with pytest.raises(ConfigError, match="cannot be written"):
        metrics.write(tmp_path / "none" / "m.prom")


def test_nothing_is_global() -> None:
    own = CollectorRegistry()
    assert Metrics(own).registry is own
    assert Metrics().registry is not Metrics().registry
    assert not [family for family in REGISTRY.collect() if family.name.startswith("mpcnet")]


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match=r"pip install 'mpcnet\[metrics\]'"):
        Metrics()
