"""`mpcnet record show|verify`: what this party has run, and whether anybody has changed that since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mpcnet.config import Config

__all__ = ["command"]

command = typer.Typer(no_args_is_help=True, help="Show and check what this party has run.")

File = Annotated[
    Path | None, typer.Argument(metavar="RECORD", help="The record. [default: that of party.toml]", show_default=False)
]
Config_ = Annotated[Path, typer.Option("--config", help="This party's party.toml, or its folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON object.")]
HERE = Path("party.toml")


@command.command(short_help="Show every run, and what was opened to whom.")
def show(file: File = None, config: Config_ = HERE, as_json: Json = False) -> None:
    """Show every run: when, under which job, with whom, what was opened to whom, and how it ended."""
    from mpcnet.config import Config
    from mpcnet.record.verify import read_entries

    path = file if file is not None else Config.load(config).record_path
    lines = list(read_entries(path))
    entries = [entry for _, entry in lines if not isinstance(entry, str)]
    if as_json:
        typer.echo(json.dumps({"record": str(path), "entries": entries}))
        return
    for line in lines_of(entries):
        typer.echo(line)
    for number, entry in lines:
        if isinstance(entry, str):
            typer.echo(f"line {number} {_plain(entry)}: see `mpcnet record verify`")


def lines_of(entries: list[dict[str, Any]]) -> Iterator[str]:
    """What `show` prints."""
    ends = {str(entry.get("started")): entry for entry in entries if entry["kind"] == "end"}
    for entry in entries:
        if entry["kind"] == "begin":
            yield f"record of {_plain(entry.get('party'))}"
        if entry["kind"] != "start":
            continue
        try:
            lines = list(_run(entry, ends.get(str(entry["n"]))))
        except (AttributeError, TypeError, KeyError, ValueError, OverflowError):  # of a form that no version writes
            lines = [f"{entry['n']:>5}  cannot be shown; see `mpcnet record verify`"]
        yield from lines


def _run(start: Mapping[str, Any], end: Mapping[str, Any] | None) -> Iterator[str]:
    """One run, from its first and last entry."""
    job = start.get("job_name") or "no signed job"
    yield (
        f"{start['n']:>5}  {_plain(start['at'])[:19]}  {_plain(job)}  with {_list(start.get('peers'))}  "
        f"session {_plain(start.get('session'))[:16]}"
    )
    if end is None:
        yield "       did not end: still going on, or killed"
        return
    yield f"       {_outcome(end)}"
    opened = end.get("opened") or {}
    for party, outputs in opened.items():
        yield f"       {_plain(party)} learned {', '.join(f'{_plain(k)}: {v:,}' for k, v in outputs.items())}"
    if not opened:
        yield "       nobody learned anything"
    if end.get("unfinished"):
        yield f"       {len(end['unfinished'])} evaluation broken off: outputs of it may have been opened"
    if end.get("countersigned"):
        yield f"       countersigned by {_list(end['countersigned'])}"
    for party, why in (end.get("not_countersigned") or {}).items():
        yield f"       not countersigned by {_plain(party)}: {_plain(why)}"


def _outcome(end: Mapping[str, Any]) -> str:
    sent = sum(counts["sent"] for counts in end.get("bytes", {}).values())
    received = sum(counts["received"] for counts in end.get("bytes", {}).values())
    amounts = f"{end.get('seconds', 0):g} s, {sent:,} bytes sent, {received:,} received"
    if end.get("outcome") == "done":
        return f"done, {amounts}"
    return f"{_plain(end.get('outcome'))} ({_plain(end.get('cause'))}: {_plain(end.get('reason'))}), {amounts}"


def _list(names: Any) -> str:
    return ", ".join(_plain(name) for name in names or ()) or "nobody"


def _plain(text: Any) -> str:
    """What a record says, fit for a terminal."""
    return "".join(c if c.isprintable() else " " for c in str(text))[:400]


@command.command(short_help="Check that no entry was altered, taken out or moved.")
def verify(
    file: File = None,
    config: Config_ = HERE,
    against: Annotated[
        list[Path] | None, typer.Option(metavar="RECORD", help="Another party's record, once for each.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that no entry was altered, taken out or moved, and that all signatures hold.

    With a party.toml the keys are those of its roster; without one, those that stand in the record are believed.
    """
    from mpcnet.cli.app import short
    from mpcnet.config import Config
    from mpcnet.errors import RecordError
    from mpcnet.record.verify import verify as check

    loaded = Config.load(config) if file is None or _is_there(config) else None
    path = file if file is not None or loaded is None else loaded.record_path
    assert path is not None
    found = check(path, keys=_keys(loaded) if loaded is not None else None, others=against or [])
    if as_json:
        facts = {"record": str(path), "ok": not found.faults, **vars(found)}
        typer.echo(json.dumps(facts))
    else:
        for fault in found.faults:
            typer.echo(f"WRONG {_plain(fault)}")
        for note in found.notes:
            typer.echo(f"note  {_plain(note)}")
    if found.faults:
        more = f", and {len(found.faults) - 1} more" if len(found.faults) > 1 else ""
        raise RecordError(f"{path}: does not hold: {_plain(found.faults[0])}{more}")
    if not as_json:
        runs = f"{found.runs} run{'' if found.runs == 1 else 's'}"
        typer.echo(f"{short(path)} holds: {found.entries} entries, {runs} of {_plain(found.party)}")


def _is_there(config: Path) -> bool:
    return config.is_file() or (config / "party.toml").is_file()


def _keys(config: Config) -> dict[str, bytes]:
    from mpcnet.roster import Roster

    roster = Roster.load(config.roster, check_time=False)
    return {party.name: party.certificates[0].key for party in roster.parties}
