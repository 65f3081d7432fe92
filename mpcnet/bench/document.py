"""The tables of `docs/performance.md` that are made, not written: `scripts/performance_tables` puts them in.

A table stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. Those of measurements can be made again from what
they show, so that a test finds a figure that was changed and its ratio not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mpcnet.bench.rows import WORKS, Work
from mpcnet.bench.show import amount, seconds, times

if TYPE_CHECKING:
    from mpcnet.bench.costs import Table

__all__ = ["NAMES", "costs_table", "find", "members_table", "peers_table", "put", "read_members", "read_peers"]

MEMBERS: tuple[Work, ...] = tuple(work for work in WORKS if work.crew != "pair")
NAMES = frozenset(work.name for work in MEMBERS)
UNKNOWN = "not yet"
_UNITS = {"s": 1.0, "ms": 1e-3}


def find(text: str, name: str) -> str:
    """The table of that name.

    Raises:
        ValueError: there is none.
    """
    match = re.search(_pattern(name), text, re.S)
    if match is None:
        raise ValueError(f"there is no table {name!r}: no lines <!-- begin {name} --> and <!-- end {name} -->")
    return match[2]


def put(text: str, name: str, table: str) -> str:
    """The text with another table of that name."""
    find(text, name)
    return re.sub(_pattern(name), lambda match: f"{match[1]}{table}{match[3]}", text, flags=re.S)


def _pattern(name: str) -> str:
    return rf"(<!-- begin {re.escape(name)} -->\n)(.*?)(<!-- end {re.escape(name)} -->\n)"


def members_table(measured: Mapping[str, str]) -> str:
    """What the rows of equal parties took, by name as `seconds` says it, beside what others took and the target."""
    lines = []
    for work in MEMBERS:
        shown = measured.get(work.name, UNKNOWN)
        others = "; ".join(map(str, work.others))
        ratios = "" if shown == UNKNOWN else ", ".join(times(other.low / _value(shown)) for other in work.others)
        reach = seconds(work.count / work.target["tls"])
        lines.append([work.name, work.about, amount(work.count, work.unit), others, reach, shown, ratios])
    return _table(["row", "what", "of", "others", "reach", "measured", "ratio to each"], lines)


def read_members(table: str) -> dict[str, str]:
    """What `members_table` was given."""
    return {cells[0]: cells[5] for cells in _cells(table) if cells[5] != UNKNOWN}


def peers_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Ours beside MPyC, from the JSON of `mpcnet bench --peers`."""
    lines = []
    for row in rows:
        mine, theirs = seconds(row["seconds"]), seconds(row["peer_seconds"])
        lines.append([row["name"], f"{row['count']:,}", mine, f"{row['peer_count']:,}", theirs, *_bytes(row)])
    return _peers(lines)


def read_peers(table: str) -> str:
    """The same table, its computed columns made again."""
    return _peers([[*cells[:5], *cells[7:]] for cells in _cells(table)])


def _peers(lines: Sequence[Sequence[str]]) -> str:
    done = []
    for name, count, mine, peer_count, theirs, *n_bytes in lines:
        scaled = _value(theirs) * _count(count) / _count(peer_count)
        done.append([name, count, mine, peer_count, theirs, seconds(scaled), times(scaled / _value(mine)), *n_bytes])
    titles = ["row", "of", "ours", "MPyC did", "in", "for as much", "ratio", "our bytes each", "MPyC's"]
    return _table(titles, done)


def costs_table(costs: Table) -> str:
    """Rounds and bytes by operation and engine, see `mpcnet.bench.costs`."""
    columns = list(dict.fromkeys(title for row in costs.values() for title in row))
    return _table(["operation", *columns], [[name, *map(str, row.values())] for name, row in costs.items()])


def _bytes(row: Mapping[str, Any]) -> list[str]:
    each = (row["bytes"] / row["count"], row["peer_bytes"] / row["peer_count"])
    return [f"{value:,.1f}" if value else "" for value in each]


def _count(text: str) -> int:
    return int(text.replace(",", ""))


def _value(text: str) -> float:
    """The inverse of `seconds`."""
    number, unit = text.split()
    return float(number) * _UNITS[unit]


def _table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [titles, ["---"] * len(titles), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()[2:]]
