"""The record of a party: a chain that shows each kind of change, a disk that is full, a process that died."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcnet.cli import app
from mpcnet.errors import RecordError
from mpcnet.identity import Identity
from mpcnet.record.entry import seal, unpack
from mpcnet.record.log import Record, head_path
from mpcnet.record.verify import read_entries, verify


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity.create("bank", tmp_path_factory.mktemp("bank"))


@pytest.fixture
def record(tmp_path: Path, bank: Identity) -> Record:
    made = Record(tmp_path / "record.jsonl", bank)
    for i in range(3):
        session = f"{i:064x}"
        peers = {"lender": {"key": "00" * 32, "certificates": []}}
        start = made.add("start", {"session": session, "job": "00", "peers": peers})
        made.add("end", {"session": session, "outcome": "done", "started": start[0]})
    return made


def faults(record: Record) -> list[str]:
    return verify(record.path).faults


def lines(record: Record) -> list[bytes]:
    return record.path.read_bytes().splitlines(keepends=True)


def test_what_was_written_holds(record: Record) -> None:
    found = verify(record.path)
    assert (found.party, found.entries, found.runs, found.faults, found.notes) == ("bank", 7, 3, [], [])
    assert record.path.stat().st_mode & 0o077 == 0
    assert [json.loads(line)["kind"] for line in lines(record)] == ["begin", *["start", "end"] * 3]
    record.check()


Change = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: [*rows[:3], *rows[4:]], ["entry 3 is missing"]),
        (lambda rows: [*rows[:2], *rows[5:]], ["entry 2 is missing", "entry 3 is missing", "entry 4 is missing"]),
        (lambda rows: rows[1:], ["entry 0, which says whose record it is, is missing", "entry 0 is missing"]),
        (lambda rows: rows[:-1], ["entry 6 is missing at the end"]),
        (lambda rows: rows[:-2], ["entry 5 is missing at the end", "entry 6 is missing at the end"]),
        (lambda rows: [*rows[:4], rows[3], *rows[4:]], ["entry 3 is there twice"]),
        (
            lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]],
            ["entry 4 stands where entry 3 should", "entry 3 stands after entry 4"],
        ),
        (
            lambda rows: [*rows[:4], rows[4].replace(b"done", b"gone"), *rows[5:]],
            ["entry 4 was altered: its hash does not fit what it says"],
        ),
        (lambda rows: [*rows[:4], b"{}\n", *rows[5:]], ["line 5 misses 'n'", "entry 4 is missing"]),
        (lambda rows: [*rows[:4], rows[4][:50]], ["line 5 is cut off", "entry 4 is missing at the end"]),
        (lambda _: [], ["there is no entry"]),
    ],
)
def test_a_change_is_found_and_named(record: Record, change: Change, expected: list[str]) -> None:
    record.path.write_bytes(b"".join(change(lines(record))))
    found = faults(record)
    for text in expected:
        assert any(fault.startswith(text) for fault in found), found


def rewritten(record: Record, identity: Identity, place: int, **changes: Any) -> list[bytes]:
    """The record from one entry on as somebody with a key would write it."""
    rows = [json.loads(line) for line in lines(record)]
    previous = rows[place - 1]["hash"]
    for i in range(place, len(rows)):
        body = {key: value for key, value in rows[i].items() if key not in ("hash", "signature")}
        rows[i] = seal({**body, **(changes if i == place else {}), "previous": previous}, identity)
        previous = rows[i]["hash"]
    return [json.dumps(row).encode() + b"\n" for row in rows]


def test_nobody_without_the_key_can_mend_the_chain(record: Record, tmp_path: Path) -> None:
    stranger = Identity.create("bank", tmp_path / "stranger")
    record.path.write_bytes(b"".join(rewritten(record, stranger, 4, outcome="failed")))
    assert "entry 4 was altered: it is not signed with the key of bank" in faults(record)
    with pytest.raises(RecordError, match="entry 6 is not signed with the key of bank"):
        record.check()


def test_an_owner_that_rewrites_it_does_not_fit_the_head(record: Record, bank: Identity) -> None:
    record.path.write_bytes(b"".join(rewritten(record, bank, 4, outcome="failed")))
    assert faults(record) == ["entry 6 is not the one that was written"]


def test_one_entry_replaced_with_the_key(record: Record, bank: Identity) -> None:
    rows = rewritten(record, bank, 4, outcome="failed")
    record.path.write_bytes(b"".join([*lines(record)[:4], rows[4], *lines(record)[5:]]))
    assert faults(record) == ["entry 5 does not follow from the entry before it, which was replaced"]


def test_another_key_than_in_the_roster(record: Record) -> None:
    assert verify(record.path, keys={"bank": bytes(32)}).faults == [
        "entry 0 names another key than bank has in the roster"
    ]


@pytest.mark.parametrize("kept", [-1, -2])
def test_a_run_does_not_start_on_a_record_that_was_cut(record: Record, kept: int) -> None:
    record.path.write_bytes(b"".join(lines(record)[:kept]))
    with pytest.raises(RecordError, match=r"does not hold: it ends with entry \d, but 6 was written") as caught:
        record.check()
    assert "see `mpcnet record verify`; move it and its .head aside" in caught.value.__notes__[0]


def test_without_its_head_the_end_cannot_be_told(record: Record) -> None:
    head_path(record.path).unlink()
    found = verify(record.path)
    assert found.faults == []
    assert "whether the last entries are all here cannot be told" in found.notes[0]
    record.add("start", {"session": "x"})
    assert head_path(record.path).exists()


@pytest.mark.parametrize("text", ["", "[]", '{"n": "x"}', '{"n": Infinity, "hash": ""}', "\xff"])
def test_a_head_that_is_damaged(record: Record, text: str) -> None:
    head_path(record.path).write_text(text, encoding="latin-1")
    assert any("is damaged; remove it" in fault for fault in faults(record))
    with pytest.raises(RecordError, match="is damaged"):
        record.check()


def test_a_process_that_died_while_it_wrote(record: Record) -> None:
    with record.path.open("ab") as file:
        file.write(b'{"at": "2026')
    record.check()
    record.add("start", {"session": "aa"})
    found = verify(record.path)
    assert found.faults == []
    assert "before entry 7 a part of an entry was cut off" in found.notes[0]
    assert "the run of entry 7 did not end: it is still going on, or was killed" in found.notes[1]


def test_a_process_that_died_before_the_head_was_written(record: Record) -> None:
    old = head_path(record.path).read_bytes()
    record.add("start", {"session": "aa"})
    head_path(record.path).write_bytes(old)
    record.check()
    assert faults(record) == []


def test_a_full_disk_takes_the_entry_back(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    before = record.path.read_bytes()
    real = os.pwrite
    calls = iter([True, False])

    def full(handle: int, data: bytes, offset: int) -> int:
        if next(calls):
            return real(handle, data[:10], offset)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(RecordError) as caught:
        record.add("start", {"session": "aa"})
    monkeypatch.undo()
    assert str(caught.value) == "the record of bank cannot be written: No space left on device"
    assert record.path.read_bytes() == before
    assert faults(record) == []


def test_a_head_that_cannot_be_written_takes_the_entry_back(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    before = record.path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RecordError) as caught:
        record.add("start", {"session": "aa"})
    monkeypatch.undo()
    assert str(caught.value) == "the record of bank cannot be written: No space left on device"  # and no folder
    assert record.path.read_bytes() == before
    assert faults(record) == []
    record.add("start", {"session": "aa"})
    assert faults(record) == []


@pytest.mark.parametrize(
    ("place", "changes", "says"),
    [
        (4, {"seconds": float("nan")}, "line 5 is no JSON"),
        (4, {"opened": {"lender": 3}}, "line 5 opened"),
        (4, {"opened": {"lender": {"score": -1}}}, "line 5 opened"),
        (4, {"bytes": {"lender": 3}}, "line 5 bytes"),
        (4, {"started": [1]}, "line 5 started"),
        (3, {"peers": [1]}, "line 4 peers"),
        (4, {"n": 1 << 70}, "line 5 "),
    ],
)
def test_values_of_a_wrong_kind_are_damage(
    record: Record, capsys: pytest.CaptureFixture[str], place: int, changes: dict[str, Any], says: str
) -> None:
    rows = lines(record)
    rows[place] = json.dumps(json.loads(rows[place]) | changes).encode() + b"\n"
    record.path.write_bytes(b"".join(rows))
    assert any(fault.startswith(says) for fault in faults(record)), faults(record)
    assert app.main(["record", "show", str(record.path)]) == 0
    assert f"line {place + 1} " in capsys.readouterr().out


def test_places_that_cannot_be_written(tmp_path: Path, bank: Identity) -> None:
    with pytest.raises(RecordError, match="cannot be written: No such file"):
        Record(tmp_path / "none" / "record.jsonl", bank).check()
    with pytest.raises(RecordError, match="cannot be written: Is a directory"):
        Record(tmp_path, bank).check()
    (tmp_path / "other.jsonl").write_text("hello\n", encoding="utf-8")
    with pytest.raises(RecordError, match="its last line is no JSON"):
        Record(tmp_path / "other.jsonl", bank).check()


def test_little_room(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpcnet.record.log.FREE_BYTES", 1 << 62)
    with pytest.raises(RecordError, match="cannot be written: No space left on device"):
        record.check()


def test_entries_are_limited(record: Record) -> None:
    with pytest.raises(RecordError, match="longer than the record takes"):
        record.add("end", {"text": "x" * 2_000_000})
    assert faults(record) == []


def test_processes_write_one_chain(tmp_path: Path, bank: Identity) -> None:
    program = f"""
from pathlib import Path
from mpcnet.identity import Identity
from mpcnet.record.log import Record
record = Record(Path({str(tmp_path / "record.jsonl")!r}), Identity.load(Path({str(bank.key_path)!r}),
                Path({str(bank.certificate_path)!r})))
for i in range(20):
    record.add("start", {{"session": str(i)}})
"""
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    found = verify(tmp_path / "record.jsonl")
    assert (found.faults, found.entries) == ([], 41)


@given(data=st.binary(max_size=200) | st.text(max_size=50).map(str.encode))
def test_any_line_is_an_entry_or_none(data: bytes) -> None:
    try:
        entry = unpack(data)
    except ValueError:
        return
    assert isinstance(entry["n"], int)


@pytest.fixture(scope="module")
def short_record(tmp_path_factory: pytest.TempPathFactory, bank: Identity) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("damage") / "record.jsonl"
    Record(path, bank).add("start", {"session": "aa"})
    return path, path.read_bytes()


@given(data=st.data())
def test_any_damage_is_found(short_record: tuple[Path, bytes], data: st.DataObject) -> None:
    path, text = short_record[0], bytearray(short_record[1])
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(text))
    assert verify(path).faults
    assert list(read_entries(path))
