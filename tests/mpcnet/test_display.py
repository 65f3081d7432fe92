"""What a party says while it runs: rates, time left, plain lines, JSON lines, a live line."""

from __future__ import annotations

import io
import json
import logging

import pytest
from rich.console import Console

from mpcnet.display import JsonLog, LiveLine, PlainLines, Silent, Speed, reporter_for
from mpcnet.evaluate import Progress
from mpcnet.follow import followed, hears_kernels, reports_events
from mpcnet.session import Session
from mpcnet.wire.transport import MeshEvent
from tests.kit.agreement import MINE, NAMES, OWNERS, approve
from tests.kit.links import plain_sessions, run_sessions


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def gates(done: int, sent: int = 0) -> Progress:
    return Progress("evaluate", done, 1000, sent, 0)


def test_speed_and_time_left() -> None:
    clock = Clock()
    speed = Speed(clock)
    assert speed.take(gates(0)).seconds_left is None
    for second in range(1, 6):
        clock.now = 100.0 + second
        rate = speed.take(gates(100 * second, 2_000_000 * second))
    assert rate.bytes_a_second == pytest.approx(2e6)
    assert rate.seconds_left == pytest.approx(5.0)
    clock.now += 4
    assert speed.take(gates(600, 10_000_000)).bytes_a_second < 0.6e6  # what was long ago counts no more
    clock.now += 1
    assert speed.take(Progress("outputs", 1, 10, 0, 0)).seconds_left is None  # a new phase


def test_plain_lines_come_now_and_then() -> None:
    clock, stream = Clock(), io.StringIO()
    with PlainLines(stream, clock) as lines:
        lines.event("connected", "bank is here", peer="bank")
        for tick in range(50):
            clock.now = 100.0 + tick / 10
            lines.progress(Progress("agree", 2, 3, 0, 0) if tick < 5 else gates(10 * tick, 300_000 * tick))
    said = stream.getvalue().splitlines()
    assert said[0] == "mpcnet: bank is here"
    assert said[1] == "mpcnet: evaluating: 50 of 1,000 AND gates, 1.5 MB sent, 3.0 MB/s"
    assert len(said) == 4
    assert said[-1].endswith(" s left")


def test_json_lines() -> None:
    clock, stream = Clock(), io.StringIO()
    with JsonLog("bank", stream, clock) as log:
        log.event("connected", "lender is here", peer="lender")
        for done in (0, 10, 20, 1000):
            log.progress(gates(done, 5000))
    first, *rest = map(json.loads, stream.getvalue().splitlines())
    assert first["event"] == "connected"
    assert (first["party"], first["peer"]) == ("bank", "lender")
    assert first["at"].endswith("Z")
    assert [line["done"] for line in rest] == [0, 1000]  # and not each of them
    assert rest[1]["phase"] == "evaluate"
    assert (rest[1]["total"], rest[1]["bytes_sent"], rest[1]["seconds_left"]) == (1000, 5000, None)


def test_a_live_line_on_a_terminal() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    reporter = reporter_for("bank", console, log_json=False)
    assert isinstance(reporter, LiveLine)
    with reporter:
        reporter.event("connected", "lender is [here]")
        reporter.progress(gates(500, 2_000_000))
        reporter.progress(Progress("arrays", 12, 0, 0, 0))
    assert "lender is [here]" in stream.getvalue()
    assert "secret arrays: 12 operations" in stream.getvalue()


def test_which_one_is_chosen() -> None:
    console = Console(file=io.StringIO())
    assert isinstance(reporter_for("bank", console, log_json=True, quiet=True), JsonLog)
    assert isinstance(reporter_for("bank", console, log_json=False), PlainLines)
    with reporter_for("bank", console, log_json=False, quiet=True) as silent:
        assert type(silent) is Silent
        silent.event("x", "y")
        silent.progress(gates(1))
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (MeshEvent("listening", "", "1.2.3.4:5"), "listening on 1.2.3.4:5, waiting for the other parties"),
        (MeshEvent("connected", "bank", ""), "bank is here"),
        (MeshEvent("lost", "bank", "connection lost"), "bank connection lost"),
        (MeshEvent("warning", "bank", "old"), "warning: old"),
    ],
)
def test_events_of_the_mesh(event: MeshEvent, text: str) -> None:
    stream = io.StringIO()
    reports_events(PlainLines(stream))(event)
    assert stream.getvalue() == f"mpcnet: {text}\n"
    reports_events(PlainLines(stream))(MeshEvent("waiting", "bank", "x"))
    assert stream.getvalue() == f"mpcnet: {text}\n"


def test_what_kernels_say_is_a_line_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON where that is asked for, and nothing beside it."""
    log, stream = logging.getLogger("protocols.kernels"), io.StringIO()
    with hears_kernels(JsonLog("bank", stream)):
        log.warning("compiling")
    assert [json.loads(line)["text"] for line in stream.getvalue().splitlines()] == ["compiling"]
    assert capsys.readouterr().err == ""
    assert log.handlers == []


async def test_a_session_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpcnet.follow.POLL_SECONDS", 0.001)
    streams = {name: io.StringIO() for name in NAMES}
    heard: list[Progress] = []

    async def role(session: Session) -> None:
        async with followed(session, JsonLog(session.name, streams[session.name])):
            await session.evaluate(
                approve, MINE[session.name], owners=OWNERS, reveal_to=["lender"], on_progress=heard.append
            )
            mine = [1, 2] if session.name == "bank" else None
            await session.shamir(threshold=1).input(mine, owner="bank", shape=2).reveal()
        assert session.watchers == []

    results = await run_sessions(plain_sessions(NAMES), role, seconds=100)
    assert set(results.values()) == {None}, results
    for name in NAMES:
        lines = [json.loads(line) for line in streams[name].getvalue().splitlines()]
        assert lines[0]["event"] == "connected-all"
        phases = [line["phase"] for line in lines if line["event"] == "progress"]
        assert phases[0] == "agree"
        assert "arrays" in phases
    assert {"agree", "evaluate"} <= {progress.phase for progress in heard}
