"""Go through a record and name every entry that is not what it was: altered, missing, moved, or not its owner's.

The chain and the owner's signatures are in the file itself. What its owner signed for other parties is in theirs: given
their records too, a record that was rewritten by its owner, or cut at its end, is found as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mpcnet.errors import RecordError
from mpcnet.record.entry import FIRST_PREVIOUS, MAX_LINE_BYTES, digest_of, holds, unpack
from mpcnet.record.log import head_path, read_head
from mpcnet.record.summary import MAX_GROUPS, opened_from, signature_holds, statement_of, summary_digest

__all__ = ["Findings", "read_entries", "verify"]


@dataclass
class Findings:
    """What was found in a record.

    Attributes:
        party: whose record it is; "" where that cannot be told.
        entries, runs: how many.
        faults: what does not hold, in words that name the entry.
        notes: what is no fault, and worth knowing.
    """

    party: str = ""
    entries: int = 0
    runs: int = 0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_entries(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """(line number, entry) one after the other; in place of an entry why the line is none.

    Raises:
        RecordError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if not line.endswith(b"\n"):
                    yield number, "is cut off: a crash or a full disk, or not all of the file is here"
                    return
                try:
                    yield number, unpack(line)
                except ValueError as error:
                    yield number, str(error)
    except OSError as error:
        raise RecordError(f"{path}: the record cannot be read: {error.strerror}") from None


def verify(path: Path, *, keys: Mapping[str, bytes] | None = None, others: Sequence[Path] = ()) -> Findings:
    """Check a record.

    Args:
        path: the file.
        keys: the keys of the parties, from a roster; without it those in the record are believed.
        others: records of other parties.
    Raises:
        RecordError: a file cannot be read.
    """
    found = Findings()
    entries: list[dict[str, Any]] = []
    for number, entry in read_entries(path):
        if isinstance(entry, str):
            found.faults.append(f"line {number} {entry}")
        else:
            entries.append(entry)
    found.entries = len(entries)
    key = _owner(entries, keys, found)
    _check_chain(entries, key, found)
    _check_runs(entries, keys, found)
    _check_head(path, entries, found)
    for other in others:
        _check_against(entries, other, key, found)
    return found


def _owner(entries: list[dict[str, Any]], keys: Mapping[str, bytes] | None, found: Findings) -> bytes:
    """The key of the party whose record it is."""
    first = entries[0] if entries else {}
    try:
        found.party, key = str(first["party"])[:64], bytes.fromhex(first["key"])
    except (KeyError, ValueError, TypeError):
        found.faults.append("entry 0, which says whose record it is, is missing" if entries else "there is no entry")
        return b""
    if keys is not None and keys.get(found.party) != key:
        found.faults.append(f"entry 0 names another key than {found.party} has in the roster")
    return key


def _check_chain(entries: list[dict[str, Any]], key: bytes, found: Findings) -> None:
    expected, previous = 0, FIRST_PREVIOUS
    numbers = {entry["n"] for entry in entries}
    seen: set[int] = set()
    for entry in entries:
        n = entry["n"]
        if n in seen:
            found.faults.append(f"entry {n} is there twice")
        elif n > expected:
            gone = [i for i in range(expected, min(n, expected + 1000)) if i not in numbers]
            for i in gone[:20]:
                found.faults.append(f"entry {i} is missing")
            if not gone:
                found.faults.append(f"entry {n} stands where entry {expected} should: they were moved")
        elif n < expected:
            found.faults.append(f"entry {n} stands after entry {expected - 1}: they were moved")
        intact = digest_of(entry).hex() == entry["hash"]
        if not intact:
            found.faults.append(f"entry {n} was altered: its hash does not fit what it says")
        elif key and not holds(entry, key):
            found.faults.append(f"entry {n} was altered: it is not signed with the key of {found.party}")
        elif n == expected and entry["previous"] != previous:
            found.faults.append(f"entry {n} does not follow from the entry before it, which was replaced")
        seen.add(n)
        expected, previous = max(expected, n + 1), entry["hash"]


def _check_runs(entries: list[dict[str, Any]], keys: Mapping[str, bytes] | None, found: Findings) -> None:
    open_runs: dict[str, dict[str, Any]] = {}
    for entry in entries:
        session = str(entry.get("session", ""))[:64]
        if entry.get("cut_off"):
            found.notes.append(f"before entry {entry['n']} a part of an entry was cut off: a crash or a full disk")
        if entry["kind"] == "start":
            found.runs += 1
            open_runs[session] = entry
        elif entry["kind"] == "end":
            start = open_runs.pop(session, None)
            if start is None:
                found.faults.append(f"entry {entry['n']} ends a run whose start is missing")
            else:
                _check_end(entry, start, found)
                _check_signatures(entry, start, keys or {}, found)
    for start in open_runs.values():
        found.notes.append(f"the run of entry {start['n']} did not end: it is still going on, or was killed")


def _check_end(end: Mapping[str, Any], start: Mapping[str, Any], found: Findings) -> None:
    """What an end says must be the same in all its parts, and be what was signed."""
    evaluations, computations = end.get("evaluations", []), end.get("computations", [])
    if max(len(evaluations), len(computations)) >= MAX_GROUPS:
        return  # there were more than stand here
    if opened_from(evaluations, computations) != end.get("opened", {}):
        found.faults.append(f"entry {end['n']}: what was opened does not follow from the evaluations in it")
    parties = sorted([*start.get("peers", {}), found.party])
    summary = summary_digest(end.get("session", ""), end.get("job", ""), parties, evaluations, computations).hex()
    if end.get("summary", summary) != summary:
        found.faults.append(f"entry {end['n']}: the summary that was signed is not of what the entry says")


def _check_signatures(
    end: Mapping[str, Any], start: Mapping[str, Any], keys: Mapping[str, bytes], found: Findings
) -> None:
    """What other parties signed at the end of a run, with the keys that they had in the roster at its start."""
    countersigned = end.get("countersigned", {})
    for party in countersigned if isinstance(countersigned, dict) else ():
        if party == found.party:
            continue
        try:
            key, signed = bytes.fromhex(start["peers"][party]["key"]), countersigned[party]
            good = signature_holds(key, _statement(end, signed), bytes.fromhex(signed["signature"]))
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
            key, good = b"", False
        if not good:
            found.faults.append(f"entry {end['n']}: the signature of {party[:64]} does not hold")
        elif keys.get(party, key) != key:
            found.notes.append(f"entry {end['n']}: {party} had another key then than it has in the roster")


def _statement(end: Mapping[str, Any], signed: Mapping[str, Any]) -> bytes:
    session, digest = bytes.fromhex(end["session"]), bytes.fromhex(end["summary"])
    return statement_of(session, digest, signed["n"], bytes.fromhex(signed["entry"]))


def _check_head(path: Path, entries: list[dict[str, Any]], found: Findings) -> None:
    try:
        head = read_head(path)
    except RecordError as error:
        found.faults.append(str(error))
        return
    if head is None:
        found.notes.append(f"{head_path(path).name} is not there: whether the last entries are all here cannot be told")
        return
    last = max((entry["n"] for entry in entries), default=-1)
    for i in range(last + 1, min(head[0], last + 20) + 1):
        found.faults.append(f"entry {i} is missing at the end")
    known = {entry["n"]: entry["hash"] for entry in entries}
    if head[0] in known and known[head[0]] != head[1]:
        found.faults.append(f"entry {head[0]} is not the one that was written")


def _check_against(entries: list[dict[str, Any]], other: Path, key: bytes, found: Findings) -> None:
    """What the owner signed for another party must be in its own record."""
    own = {entry["n"]: entry["hash"] for entry in entries}
    sessions = {str(entry.get("session")): entry for entry in entries if entry["kind"] == "end"}
    for _, entry in read_entries(other):
        if isinstance(entry, str) or entry["kind"] != "end":
            continue
        try:
            signed = entry["countersigned"][found.party]
            n, digest, session = signed["n"], signed["entry"], str(entry["session"])[:16]
            if not signature_holds(key, _statement(entry, signed), bytes.fromhex(signed["signature"])):
                raise ValueError
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
            continue  # says nothing about the owner: not signed by it
        if n not in own:
            found.faults.append(f"entry {n} is missing: {found.party} signed it in {other.name} (session {session})")
        elif own[n] != digest:
            found.faults.append(f"entry {n} is not the one that {found.party} signed in {other.name}")
        mine = sessions.get(str(entry["session"]))
        if mine is None:
            found.notes.append(f"{other.name} has the end of session {session} with the signature of {found.party}")
        elif "summary" not in mine:
            found.faults.append(f"entry {mine['n']} misses the summary that {found.party} signed in {other.name}")
        elif mine["summary"] != entry["summary"]:
            found.faults.append(f"entry {mine['n']} has another summary of session {session} than {other.name}")
