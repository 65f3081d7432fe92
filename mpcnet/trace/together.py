"""Timelines of several parties laid over each other: clocks brought in step, and who waited for whom.

The clocks of two machines differ. A message arrives after it was sent, in both directions: the smallest differences
that occur bound the offset from both sides, and the middle is taken, as NTP does. Parties without messages between them
are put in step by the moment at which the session stood, which is the same for all up to a round trip.

A party waits for a peer while it has asked for a message that is not there yet and does no work of its own. What the
peer did in the meantime tells why: it worked, it waited itself, or neither, and then the message was on the line, or
between steps that are too short to note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from mpcnet.errors import ConfigError
from mpcnet.trace.chrome import Trace
from mpcnet.trace.tracer import Event

__all__ = ["ChannelRow", "Joint", "Part", "Waiting", "intersect", "join", "length", "merged", "subtract"]

Span = tuple[float, float]
LISTENING = re.compile(r"(\.fork/[^/]+(/|$))?(\.program(/.*)?)?")
"""Labels of channels that are listened to all the time: nobody waits there. Those of evaluations go on behind it."""


@dataclass(frozen=True)
class Waiting:
    """How long one party waited for another, in seconds.

    Attributes:
        party, peer: who waited for whom.
        total: altogether.
        peer_worked, peer_waited: what the peer did in the meantime; the rest is the line, and steps too short to note.
        peer_traced: whether the peer's timeline is here.
    """

    party: str
    peer: str
    total: float
    peer_worked: float
    peer_waited: float
    peer_traced: bool


@dataclass(frozen=True)
class ChannelRow:
    """What one party said and heard on one channel.

    Attributes:
        messages_sent, bytes_sent, messages_received, bytes_received: payload.
        rounds: how often it heard after it had spoken.
        waited: seconds of waiting there, work beside it included.
    """

    party: str
    peer: str
    label: str
    messages_sent: int
    bytes_sent: int
    messages_received: int
    bytes_received: int
    rounds: int
    waited: float


@dataclass
class Part:
    """One party's timeline on the common clock, 0 at the start of the first.

    Attributes:
        offset: seconds to add to its own times.
        phases: by name, in order.
        work: when it worked, the loading of kernels included, merged.
        waits: by peer, when it waited for it and did not work, merged.
    """

    trace: Trace
    offset: float = 0.0
    phases: list[tuple[str, float, float]] = field(default_factory=list)
    work: list[Span] = field(default_factory=list)
    waits: dict[str, list[Span]] = field(default_factory=dict)

    @property
    def waiting(self) -> list[Span]:
        """When it waited for anybody."""
        return merged(span for spans in self.waits.values() for span in spans)


@dataclass(frozen=True)
class Joint:
    """All of it.

    Attributes:
        parts: in the order of the parties.
        seconds: from the start of the first to the end of the last.
        waiting: for each ordered pair that has any.
        channels: one row for each channel and party, the largest first.
    """

    parts: tuple[Part, ...]
    seconds: float
    waiting: tuple[Waiting, ...]
    channels: tuple[ChannelRow, ...]

    @property
    def session(self) -> str:
        return self.parts[0].trace.session


def join(traces: Sequence[Trace]) -> Joint:
    """Lay timelines over each other.

    Raises:
        ConfigError: there are none, two are of one party, or they are of different sessions.
    """
    if not traces:
        raise ConfigError("there is no trace to show")
    if len({trace.session for trace in traces}) > 1:
        raise ConfigError("these traces are of different sessions; give those of one run")
    if len({trace.party for trace in traces}) < len(traces):
        raise ConfigError("two of these traces are of the same party")
    parts = [Part(trace) for trace in sorted(traces, key=lambda trace: trace.party)]
    for part in parts:
        part.offset = _offset(parts[0].trace, part.trace)
    first = min((event.start + part.offset for part in parts for event in part.trace.events), default=0.0)
    for part in parts:
        part.offset -= first
        _lay_out(part)
    last = max((event.end + part.offset for part in parts for event in part.trace.events), default=0.0)
    waiting = [row for part in parts for row in _waiting_of(part, parts)]
    channels = sorted(
        (row for part in parts for row in _channels_of(part.trace)),
        key=lambda row: -row.bytes_sent - row.bytes_received,
    )
    return Joint(tuple(parts), max(last, 1e-6), tuple(waiting), tuple(channels))


def _offset(one: Trace, two: Trace) -> float:
    """Seconds to add to the times of the second to put it on the clock of the first."""
    if one is two:
        return 0.0
    there = _least(one, two)  # second's arrival - first's departure: way and offset
    back = _least(two, one)
    if there is None or back is None:
        return one.stands - two.stands
    return (back - there) / 2


def _least(sender: Trace, receiver: Trace) -> float | None:
    """The smallest difference of arrival and departure of a message, each by its own clock."""
    left = {
        (event.name, event.number): event.start
        for event in sender.events
        if event.kind == "send" and event.peer == receiver.party
    }
    found = [
        event.end - left[event.name, event.number]
        for event in receiver.events
        if event.kind == "wait" and event.peer == sender.party and (event.name, event.number) in left
    ]
    return min(found, default=None)


def _lay_out(part: Part) -> None:
    def spans(kind: str, peer: str = "") -> Iterable[Span]:
        for event in part.trace.events:
            if event.kind == kind and event.peer == peer and not _is_listening(event):
                yield event.start + part.offset, event.end + part.offset

    events = sorted(part.trace.events, key=lambda event: event.start)
    part.phases = [(e.name, e.start + part.offset, e.end + part.offset) for e in events if e.kind == "phase"]
    loading = ((start, end) for name, start, end in part.phases if name == "prepare")
    part.work = merged([*spans("work"), *loading])
    peers = dict.fromkeys(event.peer for event in part.trace.events if event.kind == "wait")
    part.waits = {peer: subtract(merged(spans("wait", peer)), part.work) for peer in sorted(peers)}


def _is_listening(event: Event) -> bool:
    return LISTENING.fullmatch(event.name) is not None


def _waiting_of(part: Part, parts: Sequence[Part]) -> Iterable[Waiting]:
    others = {other.trace.party: other for other in parts}
    for peer, spans in part.waits.items():
        other = others.get(peer)
        worked = length(intersect(spans, other.work)) if other else 0.0
        waited = length(intersect(spans, other.waiting)) if other else 0.0
        if spans:
            yield Waiting(part.trace.party, peer, length(spans), worked, waited, other is not None)


def _channels_of(trace: Trace) -> Iterable[ChannelRow]:
    rows: dict[tuple[str, str], list[Event]] = {}
    for event in trace.events:
        if event.kind in ("send", "wait"):
            rows.setdefault((event.peer, event.name), []).append(event)
    for (peer, label), events in rows.items():
        sent = [event for event in events if event.kind == "send"]
        heard = [event for event in events if event.kind == "wait"]
        order = sorted(events, key=lambda event: event.end)
        rounds = sum(a.kind == "send" and b.kind == "wait" for a, b in pairwise(order))
        yield ChannelRow(
            trace.party, peer, label, len(sent), sum(event.n_bytes for event in sent), len(heard),
            sum(event.n_bytes for event in heard), rounds, length(merged((e.start, e.end) for e in heard)),
        )  # fmt: skip


def merged(spans: Iterable[Span]) -> list[Span]:
    """The union, as spans that do not touch, in order."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def intersect(one: Sequence[Span], two: Sequence[Span]) -> list[Span]:
    """What two unions have in common."""
    found: list[Span] = []
    i = j = 0
    while i < len(one) and j < len(two):
        start, end = max(one[i][0], two[j][0]), min(one[i][1], two[j][1])
        if start < end:
            found.append((start, end))
        if one[i][1] < two[j][1]:
            i += 1
        else:
            j += 1
    return found


def subtract(one: Sequence[Span], two: Sequence[Span]) -> list[Span]:
    """What of the first union is not in the second."""
    found: list[Span] = []
    j = 0
    for start, end in one:
        while j < len(two) and two[j][1] <= start:
            j += 1
        k, at = j, start
        while k < len(two) and two[k][0] < end:
            if two[k][0] > at:
                found.append((at, two[k][0]))
            at = max(at, two[k][1])
            k += 1
        if at < end:
            found.append((at, end))
    return found


def length(spans: Iterable[Span]) -> float:
    """Seconds in all."""
    return sum(end - start for start, end in spans)
