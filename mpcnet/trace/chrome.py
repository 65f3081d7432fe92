"""A timeline as a file in Chrome's trace format, which chrome://tracing and Perfetto show too, and back.

One process for the party; threads for its phases, its work, and for each peer what it waited for and what it sent.
Intervals of one kind that overlap get further threads, because those of one thread must nest. `otherData` says whose
timeline it is and when the session stood, so that several of them can be laid over each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpcnet.errors import ConfigError
from mpcnet.files import read_bytes, replace_text
from mpcnet.roster import MAX_PARTIES
from mpcnet.trace.tracer import Event, Tracer

__all__ = ["Trace", "dump", "load", "trace_of", "write_trace"]

FORMAT = "mpcnet trace 1"
MAX_FILE_BYTES = 512 * 1024 * 1024
MAX_EPOCH = 253_402_300_800  # the end of the year 9999
MAX_COUNT = 1 << 63
KINDS = ("phase", "work", "wait", "send")


@dataclass(frozen=True)
class Trace:
    """One party's timeline.

    Attributes:
        party, parties: whose, and all of the session.
        session: its id, hexadecimal.
        epoch: seconds since the epoch at time 0, by the party's clock.
        stands: when the session stood, in seconds from time 0.
        events: with times in seconds from time 0.
        dropped: events that were left out.
    """

    party: str
    parties: tuple[str, ...]
    session: str
    epoch: float
    stands: float
    events: tuple[Event, ...]
    dropped: int = 0


def trace_of(tracer: Tracer) -> Trace:
    """What a tracer has collected."""
    zero = tracer.started
    events = tuple(event._replace(start=event.start - zero, end=event.end - zero) for event in tracer.events)
    return Trace(
        tracer.party,
        tracer.parties,
        tracer.session_id.hex(),
        tracer.epoch,
        tracer.stands - zero,
        events,
        tracer.dropped,
    )


def write_trace(tracer: Tracer, path: Path) -> None:
    """Write a timeline, whatever became of the run; one that never stood has none.

    Raises:
        ConfigError: the file cannot be written.
    """
    if tracer.party:
        dump(trace_of(tracer), path)


def dump(trace: Trace, path: Path) -> None:
    """Write a timeline.

    Raises:
        ConfigError: the file cannot be written.
    """
    pid = trace.parties.index(trace.party) if trace.party in trace.parties else 0
    lanes = _Lanes(pid)
    rows = [lanes.row(event) for event in sorted(trace.events, key=lambda event: event.start)]
    names = [{"ph": "M", "pid": pid, "tid": 0, "name": "process_name", "args": {"name": trace.party}}]
    facts = {
        "format": FORMAT,
        "party": trace.party,
        "parties": list(trace.parties),
        "session": trace.session,
        "epoch": trace.epoch,
        "stands": trace.stands,
        "dropped": trace.dropped,
    }
    document = {"displayTimeUnit": "ms", "otherData": facts, "traceEvents": [*names, *lanes.names(), *rows]}
    replace_text(path, json.dumps(document, separators=(",", ":")))


class _Lanes:
    """Threads for the events of a process: as few as hold intervals that do not overlap."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._tids: dict[str, list[int]] = {}
        self._free_at: dict[int, float] = {}

    def row(self, event: Event) -> dict[str, Any]:
        start, length = round(event.start * 1e6, 1), max(round((event.end - event.start) * 1e6, 1), 0.1)
        row: dict[str, Any] = {
            "ph": "X", "pid": self._pid, "tid": self._lane(_title(event), event), "ts": start, "dur": length,
            "name": event.name, "cat": event.kind,
        }  # fmt: skip
        if event.peer:
            row["args"] = {"peer": event.peer, "number": event.number, "bytes": event.n_bytes}
        return row

    def _lane(self, title: str, event: Event) -> int:
        lanes = self._tids.setdefault(title, [])
        for tid in lanes:
            if self._free_at[tid] <= event.start:
                break
        else:
            tid = len(self._free_at) + 1
            lanes.append(tid)
        self._free_at[tid] = event.end
        return tid

    def names(self) -> list[dict[str, Any]]:
        return [
            {"ph": "M", "pid": self._pid, "tid": tid, "name": "thread_name", "args": {"name": title}}
            for title, tids in self._tids.items()
            for tid in tids
        ]


def _title(event: Event) -> str:
    return {"wait": f"waiting for {event.peer}", "send": f"sending to {event.peer}"}.get(event.kind, event.kind)


def load(path: Path) -> Trace:
    """Read a timeline that `dump` wrote.

    Raises:
        ConfigError: it is none; names the file.
    """
    data = read_bytes(path, "a trace", MAX_FILE_BYTES)
    try:
        document = json.loads(data)
        facts = document["otherData"]
        if facts["format"] != FORMAT:
            raise ValueError
        parties = tuple(map(_text, facts["parties"]))
        if len(parties) > MAX_PARTIES:
            raise ValueError
        events = tuple(_events(document["traceEvents"], {"", *parties}))
        numbers = _moment(facts["epoch"]), _finite(facts["stands"])
        names = _text(facts["party"]), parties, _text(facts["session"])
        return Trace(*names, *numbers, events, _count(facts["dropped"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise ConfigError(f"{path}: this is no trace of `mpcnet run --trace`") from None


def _events(rows: Iterable[Mapping[str, Any]], peers: Collection[str]) -> Iterable[Event]:
    for row in rows:
        if row["ph"] != "X":
            continue
        args = row.get("args", {})
        peer = _text(args.get("peer", ""))
        if row["cat"] not in KINDS or peer not in peers:
            raise ValueError
        start, length = _finite(row["ts"]) / 1e6, _finite(row["dur"]) / 1e6
        counts = _count(args.get("number", 0)), _count(args.get("bytes", 0))
        yield Event(row["cat"], _text(row["name"]), start, start + length, peer, *counts)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number) or abs(number) > 1e15:
        raise ValueError
    return number


def _moment(value: Any) -> float:
    seconds = _finite(value)
    if not 0 <= seconds < MAX_EPOCH:
        raise ValueError
    return seconds


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < MAX_COUNT:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 400:
        raise ValueError
    return value
