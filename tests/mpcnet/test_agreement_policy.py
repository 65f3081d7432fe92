"""The counter of a day's applicants: kept, shared by processes, not reset by a clock, and never silently wrong."""

from __future__ import annotations

import contextlib
import datetime
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcnet.agreement.job import JobFile, dumps
from mpcnet.agreement.policy import Policy, Usage, draft_policy
from mpcnet.agreement.signature import read_signature, sign, signature_path
from mpcnet.errors import JobRefused
from tests.kit.agreement import institutions


def noon(day: int) -> datetime.datetime:
    return datetime.datetime(2026, 3, day, 12, tzinfo=datetime.UTC)


def test_it_counts_through_the_day_and_begins_anew(tmp_path: Path) -> None:
    usage = Usage(tmp_path / "policy.usage")
    assert usage.today(lambda: noon(1)) == 0
    usage.take(300, 1000, lambda: noon(1))
    usage.take(700, 1000, lambda: noon(1))
    assert usage.path.read_bytes() == b"2026-03-01 000000001000\n"
    with pytest.raises(JobRefused) as caught:
        usage.take(1, 1000, lambda: noon(1))
    assert str(caught.value) == "more applicants than the policy of this party allows in a day"
    (note,) = caught.value.__notes__
    assert note.startswith(f"1 asked for, 0 left today of 1,000 (applicants_a_day in {tmp_path / 'policy.toml'}); ")
    assert note.endswith("ask for fewer, or wait until tomorrow, 00:00 UTC")
    usage.take(1, 1000, lambda: noon(2))
    assert usage.today(lambda: noon(2)) == 1
    assert usage.path.stat().st_mode & 0o077 == 0


def test_a_clock_that_goes_back_does_not_start_the_day_again(tmp_path: Path) -> None:
    usage = Usage(tmp_path / "policy.usage")
    usage.take(10, 10, lambda: noon(2))
    with pytest.raises(JobRefused):
        usage.take(1, 10, lambda: noon(1))


def test_a_clock_that_was_ahead_is_named(tmp_path: Path) -> None:
    usage = Usage(tmp_path / "policy.usage")
    usage.take(10, 10, lambda: datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC))
    with pytest.raises(JobRefused) as caught:
        usage.check(1, 10)
    assert "tomorrow" not in caught.value.__notes__[0]
    assert f"correct the day that stands in {usage.path}: 2999-01-01" in caught.value.__notes__[0]


def test_damage_is_said(tmp_path: Path) -> None:
    usage = Usage(tmp_path / "policy.usage")
    usage.path.write_bytes(b"lots")
    for action in (lambda: usage.take(1, 10), usage.today):
        with pytest.raises(JobRefused, match="is damaged; write today's date and number there"):
            action()
    assert usage.path.read_bytes() == b"lots"
    nowhere = Usage(tmp_path / "no" / "policy.usage")
    with pytest.raises(JobRefused, match="cannot be counted there: No such file"):
        nowhere.take(1, 10)


def test_processes_count_together(tmp_path: Path) -> None:
    path = tmp_path / "policy.usage"
    program = f"""
from pathlib import Path
from mpcnet.agreement.policy import Usage
usage = Usage(Path({str(path)!r}))
for _ in range(50):
    usage.take(1, 1000)
"""
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert Usage(path).today() == 100


def changed(data: st.DataObject, text: bytes) -> bytes:
    """The text with a few places overwritten."""
    found = bytearray(text)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(found)))
        end = data.draw(st.integers(start, min(len(found), start + 20)))
        found[start:end] = data.draw(st.binary(max_size=8) | st.sampled_from([b"[[", b"=", b'"', b"{", b"\n", b"nan"]))
    return bytes(found)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[JobFile, bytes]:
    three = institutions(tmp_path_factory.mktemp("three"))
    three.hand_out(dumps(three.job()))
    file = JobFile.load(three.path("bank"))
    return file, sign(file, three.configs["bank"].load_identity()).read_bytes()


@given(data=st.data())
def test_any_bytes_give_a_policy_or_our_own_error(signed: tuple[JobFile, bytes], data: st.DataObject) -> None:
    text = draft_policy(signed[0].job, "bank").encode()
    with contextlib.suppress(JobRefused):
        Policy.loads(changed(data, text), Path("policy.toml"))


@given(data=st.data())
def test_no_damaged_signature_holds(signed: tuple[JobFile, bytes], data: st.DataObject) -> None:
    file, good = signed
    text = changed(data, good)
    signature_path(file.path, "bank").write_bytes(text)
    try:
        found = read_signature(file, "bank")
    except JobRefused:
        return
    assert found.party == "bank"  # only what changes no entry gets through: spaces, comments, the order
