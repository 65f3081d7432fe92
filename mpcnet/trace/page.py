"""One page that shows the timelines of all parties and who waited for whom: a single file that loads nothing."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mpcnet.files import replace_text
from mpcnet.trace.chrome import load
from mpcnet.trace.together import Joint, Span, join, length

__all__ = ["page", "write_page"]

RESOLUTION = 16_000  # spans closer than this part of the whole are drawn as one
MAX_CHANNELS = 200


def page(joint: Joint) -> str:
    """The text of the page."""
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    text = json.dumps(_data(joint), separators=(",", ":"), allow_nan=False)
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escaped)
    return template.replace("__DATA__", text)


def write_page(traces: Sequence[Path], target: Path) -> Joint | None:
    """Write the page of some timelines; None, and no page, where there are none: the session never stood.

    Raises:
        ConfigError: a timeline is damaged, or the page cannot be written.
    """
    if not traces:
        return None
    joint = join([load(path) for path in traces])
    replace_text(target, page(joint))
    return joint


def _data(joint: Joint) -> dict[str, Any]:
    least = joint.seconds / RESOLUTION
    first = joint.parts[0].trace
    parties = list(dict.fromkeys([*first.parties, *(part.trace.party for part in joint.parts)]))
    begun = datetime.datetime.fromtimestamp(first.epoch, datetime.UTC)
    parts = []
    for part in joint.parts:
        events = part.trace.events
        parts.append(
            {
                "party": part.trace.party,
                "start": min((event.start for event in events), default=0.0) + part.offset,
                "end": max((event.end for event in events), default=1e-6) + part.offset,
                "phases": [[name, *_rounded(start, end)] for name, start, end in _coarse_phases(part.phases, least)],
                "work": [_rounded(*span) for span in _coarse(part.work, least)],
                "waits": {peer: [_rounded(*s) for s in _coarse(spans, least)] for peer, spans in part.waits.items()},
                "worked": length(part.work),
                "waited": length(part.waiting),
            }
        )
    return {
        "session": joint.session,
        "seconds": joint.seconds,
        "begun": f"{begun:%Y-%m-%d %H:%M:%S} UTC",
        "parties": parties,
        "parts": parts,
        "waiting": [asdict(row) for row in sorted(joint.waiting, key=lambda row: -row.total)],
        "channels": [asdict(row) for row in joint.channels[:MAX_CHANNELS]],
        "notes": list(_notes(joint, parties)),
    }


def _notes(joint: Joint, parties: Sequence[str]) -> Iterable[str]:
    missing = [party for party in parties if party not in {part.trace.party for part in joint.parts}]
    if missing:
        yield f"There is no timeline of {', '.join(missing)}: what they did is not known here."
    for part in joint.parts:
        if part.trace.dropped:
            yield f"{part.trace.party}: {part.trace.dropped:,} events more than a timeline holds are left out."
    if len(joint.channels) > MAX_CHANNELS:
        yield f"Of {len(joint.channels):,} channels the {MAX_CHANNELS} largest are listed."


def _coarse(spans: Iterable[Span], least: float) -> list[Span]:
    """Spans with the gaps closed that nobody would see."""
    found: list[Span] = []
    for start, end in spans:
        if found and start - found[-1][1] < least:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _coarse_phases(phases: Iterable[tuple[str, float, float]], least: float) -> list[tuple[str, float, float]]:
    found: list[tuple[str, float, float]] = []
    for name, start, end in phases:
        if found and found[-1][0] == name and start - found[-1][2] < least:
            found[-1] = (name, found[-1][1], max(found[-1][2], end))
        else:
            found.append((name, start, end))
    return found


def _rounded(start: float, end: float) -> list[float]:
    return [round(start, 6), round(end, 6)]
