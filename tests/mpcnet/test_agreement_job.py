"""Job files: what is in them, their digest, and that nothing wrong gets past the reader."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from mpcnet.agreement.job import JobFile, Opening, Work, dumps, job_digest
from mpcnet.errors import JobRefused
from tests.kit.agreement import Institutions, approval, institutions


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Institutions:
    return institutions(tmp_path_factory.mktemp("three"))


def test_what_is_written_is_read(three: Institutions) -> None:
    job = three.job(purpose="Decide on the applications of March")
    text = dumps(job).encode()
    file = JobFile.loads(text)
    assert file.job == job
    assert file.digest == job_digest(text)
    assert job.names == ("bank", "bureau", "lender")
    assert job.owned_by("bank") == ("income", "debt")
    assert job.learned_by("lender") == ("out0",)
    assert job.learned_by("bank") == ()


def test_every_byte_counts(three: Institutions) -> None:
    text = dumps(three.job()).encode()
    assert JobFile.loads(text).digest != JobFile.loads(text + b"\n").digest


def test_a_certificate_renewal_leaves_the_key_of_a_job(three: Institutions) -> None:
    key = three.configs["bank"].load_identity().certificate.key
    assert three.job().parties[0].key == f"ed25519:{key.hex()}"


def changed(three: Institutions, place: str, value: Any) -> bytes:
    """A job with one entry replaced."""
    found = msgspec.toml.decode(dumps(three.job()))
    inner: Any = found
    *way, last = (int(part) if part.isdigit() else part for part in place.split("."))
    for part in way:
        inner = inner[part]
    inner[last] = value
    return tomli_w.dumps(found).encode()


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        ("format", 2, "format 2 is unknown"),
        ("name", "../x", "name: use 1 to 64"),
        ("name", 7, "name: "),
        ("purpose", "a\x1b[31m", "purpose: up to 400 printable"),
        ("purpose", "x" * 401, "purpose: up to 400"),
        ("created", "2026-03-01", "created: "),
        ("limits.applicants", 0, "limits.applicants goes from 1"),
        ("limits.seconds", float("nan"), "limits.seconds goes up to"),
        ("limits.seconds", float("inf"), "limits.seconds goes up to"),
        ("limits.days", 3, "unknown key 'days'"),
        ("party.0.name", "ba nk", "is no name for a party"),
        ("party.0.name", "zoo", "in the order of the names"),
        ("party.0.key", "ed25519:00", "the key of bank is not"),
        ("party", [], "2 to 10 parties"),
        ("work.kind", "shell", "work.kind is one of"),
        ("work.digest", "program:00", "work.digest is 'circuit:'"),
        ("work.files", {"a.py": "sha256:" + "0" * 64}, "only of a program"),
        ("evaluation", [], "has one evaluation, not 0"),
        ("evaluation.0.digest", "x", "evaluation 1: digest is 'circuit:'"),
        ("evaluation.0.protocol", "bgw", "protocol is one of yao, gmw, shamir, additive"),
        ("evaluation.0.protocol", "gmw", "with 'gmw' all parties compute"),
        ("evaluation.0.compute", ["bank"], "two parties compute"),
        ("evaluation.0.compute", ["bank", "bank"], "named twice"),
        ("evaluation.0.input.0.owner", "shop", "'shop' is no party of this job; there are bank, bureau, lender"),
        ("evaluation.0.input.0.type", "\x1b", "has no type such as"),
        ("evaluation.0.input.1.name", "income", "an input is listed twice"),
        ("evaluation.0.output.0.to", [], "nobody learns an output"),
        ("evaluation.0.output.0.to", ["lender", "lender"], "named twice"),
    ],
)
def test_what_is_wrong_is_named(three: Institutions, place: str, value: Any, says: str) -> None:
    with pytest.raises(JobRefused, match=re.escape(says)) as caught:
        JobFile.loads(changed(three, place, value), "march.toml")
    assert str(caught.value).startswith("march.toml: ")


def test_expiry_is_after_making(three: Institutions) -> None:
    with pytest.raises(JobRefused, match="expires is not after created"):
        three.job(days=0)


@pytest.mark.parametrize("entry", ["created", "expires"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "2027-03-31T00:00:00+14:00", "9999-12-31T23:59:59Z"])
def test_times_are_shown_as_they_are_written(three: Institutions, entry: str, moment: str) -> None:
    text = re.sub(rf"(?m)^{entry} = .*$", f"{entry} = {moment}", dumps(three.job()))
    with pytest.raises(JobRefused, match=f"{entry}: write a time in UTC, as in 2026-03-01T09:00:00Z"):
        JobFile.loads(text.encode())


def test_a_signature_of_a_time_that_nobody_means(three: Institutions) -> None:
    three.agree()
    path = three.folder / "bank" / "march.lender.sig"
    text = re.sub(r"(?m)^signed = .*$", "signed = 0001-01-01T00:00:00+14:00", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    with pytest.raises(JobRefused, match=r"march\.lender\.sig: signed: write a time in UTC"):
        three.load("bank")


def test_openings_have_words_of_their_own(three: Institutions) -> None:
    work = Work("program", "program:" + "0" * 64, "p.py", {"p.py": "sha256:" + "0" * 64})
    openings = [Opening("sum", ("lender",), 1), Opening("sum", ("bank",), 1000)]
    with pytest.raises(JobRefused, match="two openings have the same words"):
        three.job(work=work, evaluations=[], openings=openings)


def test_openings_are_for_programs(three: Institutions) -> None:
    with pytest.raises(JobRefused, match="no openings beside its evaluation"):
        three.job(openings=[Opening("weights", ("lender",), 20)])


@pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "a\\b.py", "a\x07.py"])
def test_files_of_a_program_stay_in_its_folder(three: Institutions, name: str) -> None:
    text = changed(three, "work.kind", "program")
    found = msgspec.toml.decode(text)
    found["work"] |= {"digest": "program:" + "0" * 64, "files": {name: "sha256:" + "0" * 64}}
    with pytest.raises(JobRefused, match=r"leaves the folder|printable"):
        JobFile.loads(tomli_w.dumps(found).encode())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff", "not UTF-8"),
        (b"format = ", "not valid TOML"),
        (b"format = " + b"[" * 5000, "not valid TOML"),
        (b"format = " + b"9" * 5000, "not valid TOML"),
        (b"format = 1e999999", "job.toml"),
        (b"", "misses"),
    ],
)
def test_garbage_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(JobRefused, match=says):
        JobFile.loads(data)


def test_a_file_that_is_missing_or_too_long(tmp_path: Path) -> None:
    with pytest.raises(JobRefused, match=r"march\.toml: cannot be read: No such file"):
        JobFile.load(tmp_path / "march.toml")
    (tmp_path / "long.toml").write_bytes(b"#" * 300_000)
    with pytest.raises(JobRefused, match="longer than 262,144 bytes"):
        JobFile.load(tmp_path / "long.toml")


@given(data=st.data())
def test_any_bytes_give_a_job_or_our_own_error(three: Institutions, data: st.DataObject) -> None:
    text = bytearray(dumps(three.job()).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        text[start:end] = data.draw(st.binary(max_size=8) | st.sampled_from([b"[[", b"=", b'"', b"{", b"\n", b"nan"]))
    with contextlib.suppress(JobRefused):
        assert JobFile.loads(bytes(text)).data == bytes(text)


def test_gmw_names_the_circuit_as_it_is_evaluated() -> None:
    assert approval("gmw").digest != approval("yao").digest
    assert approval("gmw").compute == ("bank", "bureau", "lender")
