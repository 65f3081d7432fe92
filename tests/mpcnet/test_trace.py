"""Timelines: what a session notes, the file and back, clocks brought in step, and who waited for whom."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcnet.cli import app
from mpcnet.errors import ConfigError
from mpcnet.session import Session
from mpcnet.trace.chrome import Trace, dump, load, trace_of
from mpcnet.trace.page import page
from mpcnet.trace.together import intersect, join, length, merged, subtract
from mpcnet.trace.tracer import Event, Tracer
from protocols.ot.work import watcher
from tests.kit.agreement import MINE, NAMES, OWNERS, approve
from tests.kit.links import plain_sessions, run_sessions

SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10)).map(lambda s: (float(s[0]), float(s[0] + s[1]))))


def seconds_of(spans: list[tuple[float, float]]) -> set[int]:
    return {second for start, end in spans for second in range(int(start), int(end))}


@given(one=SPANS, two=SPANS)
def test_unions_of_spans(one: list[tuple[float, float]], two: list[tuple[float, float]]) -> None:
    left, right = merged(one), merged(two)
    assert seconds_of(left) == seconds_of(one)
    assert length(left) == len(seconds_of(one))
    assert seconds_of(intersect(left, right)) == seconds_of(one) & seconds_of(two)
    assert seconds_of(subtract(left, right)) == seconds_of(one) - seconds_of(two)
    assert length(subtract(left, right)) == len(seconds_of(one) - seconds_of(two))


def timeline(party: str, events: list[Event], *, skew: float = 0.0, stands: float = 0.0) -> Trace:
    """A timeline by a clock that is `skew` seconds ahead."""
    moved = tuple(event._replace(start=event.start + skew, end=event.end + skew) for event in events)
    return Trace(party, ("bank", "lender"), "aa" * 32, 1_700_000_000.0, stands + skew, moved)


def example(skew: float) -> list[Trace]:
    """bank works for 3 s and then sends; lender waits for it from second 1 on; the line takes 0.5 s each way."""
    bank = [
        Event("work", "garbler.fill", 0.0, 3.0),
        Event("send", "x", 3.0, 3.0, "lender", 0, 1000),
        Event("wait", "x", 3.0, 5.0, "lender", 0, 10),
    ]
    lender = [
        Event("wait", "x", 1.0, 3.5, "bank", 0, 1000),
        Event("work", "evaluator.read", 3.5, 4.5),
        Event("send", "x", 4.5, 4.5, "bank", 0, 10),
    ]
    return [timeline("lender", lender, skew=skew), timeline("bank", bank)]


@pytest.mark.parametrize("skew", [0.0, 1000.0, -77.25])
def test_clocks_are_brought_in_step_and_waiting_is_explained(skew: float) -> None:
    joint = join(example(skew))
    assert [part.trace.party for part in joint.parts] == ["bank", "lender"]
    assert joint.seconds == pytest.approx(5.0)
    assert joint.parts[1].offset == pytest.approx(-skew)
    found = {(row.party, row.peer): row for row in joint.waiting}
    lender = found["lender", "bank"]
    assert (lender.total, lender.peer_worked, lender.peer_waited) == pytest.approx((2.5, 2.0, 0.5))
    bank = found["bank", "lender"]
    assert (bank.total, bank.peer_worked, bank.peer_waited) == pytest.approx((2.0, 1.0, 0.5))
    (row,) = [row for row in joint.channels if row.party == "bank"]
    assert (row.messages_sent, row.bytes_sent, row.bytes_received, row.rounds) == (1, 1000, 10, 1)


def test_without_messages_the_moment_of_standing_counts() -> None:
    one = timeline("bank", [Event("work", "a", 1.0, 2.0)], stands=0.5)
    two = timeline("lender", [Event("work", "a", 1.0, 2.0)], stands=0.5, skew=100.0)
    parts = join([one, two]).parts
    assert parts[1].offset - parts[0].offset == pytest.approx(-100.0)


def test_waiting_beside_work_is_no_waiting_and_listening_neither() -> None:
    events = [
        Event("work", "a", 0.0, 4.0),
        Event("phase", "prepare", 4.0, 5.0),
        Event("wait", "x", 1.0, 6.0, "lender"),
        *(Event("wait", label, 0.0, 9.0, "lender") for label in (".program/places", ".fork/a", ".fork/a/.program/x")),
        Event("wait", ".fork/a/.evaluate/1", 1.5, 2.5, "lender"),
    ]
    (row,) = join([timeline("bank", events)]).waiting
    assert row.total == pytest.approx(1.0)
    assert not row.peer_traced


@pytest.mark.parametrize(
    ("traces", "says"),
    [
        ([], "there is no trace to show"),
        ([example(0)[0], example(0)[0]], "two of these traces are of the same party"),
        ([example(0)[0], Trace("bank", ("bank",), "bb", 0.0, 0.0, ())], "of different sessions"),
    ],
)
def test_what_does_not_belong_together(traces: list[Trace], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        join(traces)


async def traced(role: Any) -> dict[str, Trace]:
    tracers = {name: Tracer() for name in NAMES}
    sessions = plain_sessions(NAMES)
    for name, session in sessions.items():
        session.tracer, session.stats.on_phase = tracers[name], tracers[name].phase
        tracers[name].begin(name, session.parties, session.session_id)

    async def watched(session: Session) -> Any:
        watcher.set(tracers[session.name].worked)
        return await role(session)

    results = await run_sessions(sessions, watched, seconds=100)
    assert not [result for result in results.values() if isinstance(result, Exception)]
    return {name: trace_of(tracer) for name, tracer in tracers.items()}


async def ask(session: Session) -> None:
    await session.evaluate(approve, MINE[session.name], owners=OWNERS, reveal_to=["lender"])
    numbers = session.shamir(threshold=1).input([1, 2] if session.name == "bank" else None, owner="bank", shape=2)
    await (numbers * 2).reveal(to="lender")


async def test_a_session_is_noted_and_comes_back_from_the_file(tmp_path: Path) -> None:
    traces = await traced(ask)
    for name, trace in traces.items():
        kinds = {event.kind for event in trace.events}
        assert kinds >= {"phase", "send", "wait"}, name
        dump(trace, tmp_path / f"{name}.trace.json")
        back = load(tmp_path / f"{name}.trace.json")
        assert (back.party, back.parties, back.session) == (name, ("bank", "bureau", "lender"), trace.session)
        assert len(back.events) == len(trace.events)
        sent = sum(event.n_bytes for event in trace.events if event.kind == "send" and event.peer == "lender")
        assert sent == sum(event.n_bytes for event in back.events if event.kind == "send" and event.peer == "lender")
    assert {event.kind for event in traces["bank"].events} == {"phase", "send", "wait", "work"}
    assert any("garbling/tables" in event.name for event in traces["bank"].events)
    joint = join([load(path) for path in [tmp_path / f"{name}.trace.json" for name in NAMES]])
    for row in joint.channels:
        mirror = next(r for r in joint.channels if (r.party, r.peer, r.label) == (row.peer, row.party, row.label))
        assert mirror.bytes_received == row.bytes_sent
        assert mirror.messages_received == row.messages_sent


def test_intervals_of_a_thread_nest_for_other_readers(tmp_path: Path) -> None:
    events = [Event("wait", f"c{i}", 0.1 * i, 0.1 * i + 0.25, "lender") for i in range(10)]
    dump(timeline("bank", events), tmp_path / "t.json")
    document = json.loads((tmp_path / "t.json").read_bytes())
    lanes: dict[int, float] = {}
    for row in document["traceEvents"]:
        if row["ph"] == "X":
            assert row["ts"] >= lanes.get(row["tid"], 0.0) - 0.2
            lanes[row["tid"]] = row["ts"] + row["dur"]
    assert len(lanes) == 3
    titles = {row["args"]["name"] for row in document["traceEvents"] if row["name"] == "thread_name"}
    assert titles == {"waiting for lender"}


def test_a_tracer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpcnet.trace.tracer.MAX_EVENTS", 3)
    tracer = Tracer()
    tracer.begin("bank", ("bank", "lender"), bytes(32))
    for _ in range(5):
        tracer.phase("ot", 0.0, 1.0)
    assert (len(tracer.events), tracer.dropped) == (3, 2)
    text = page(join([trace_of(tracer)]))
    assert "bank: 2 events more than a timeline holds are left out." in text
    assert "There is no timeline of lender" in text


def test_the_page_is_one_file_that_loads_nothing() -> None:
    evil = timeline("bank", [Event("phase", "</script><script>alert(1)</script>", 0.0, 1.0)])
    text = page(join([evil]))
    assert "<script>alert" not in text
    assert not re.search(r"""(src|href)\s*=|url\(|@import|https?:""", text)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    assert data["parts"][0]["phases"][0][0] == "</script><script>alert(1)</script>"
    assert "default-src 'none'" in text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"otherData": {"format": "mpcnet trace 1"}}', "[" * 100_000, "\x00"])
def test_what_is_no_trace(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="this is no trace"):
        load(tmp_path / "x.json")


@given(data=st.data())
def test_any_damage_gives_a_trace_or_our_own_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    if not path.exists():
        dump(example(0)[0], path)
    text = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=4))
    other = path.with_name("changed.json")
    other.write_bytes(bytes(text))
    try:
        page(join([load(other)]))
    except ConfigError:
        return


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for trace in example(3.0):
        dump(trace, tmp_path / f"{trace.party}.trace.json")
    target = tmp_path / "run.html"
    assert app.main(["trace", str(target)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("lender waited 2.500 s for bank (2.000 s while it worked, 0.000 s while it did neither)\n")
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert app.main(["trace", str(target), str(tmp_path / "bank.trace.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting"][0]["peer_traced"] is False
    assert app.main(["trace", str(tmp_path / "bank.trace.json")]) == 2
    assert "name the page first" in capsys.readouterr().err
    assert app.main(["trace", str(tmp_path / "none" / "x.html")]) == 2
    assert "there is no *.trace.json beside" in capsys.readouterr().err
