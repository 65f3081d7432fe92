"""What has to be right before a job runs: signatures, expiry, roster, policy; each mistake with its exact text."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mpcnet.agreement.agreement import examine
from mpcnet.agreement.draft import program_work
from mpcnet.agreement.job import JobFile, dumps
from mpcnet.agreement.signature import read_signature, sign, signature_path
from mpcnet.errors import ConfigError, JobRefused
from mpcnet.provision import build_roster, renew_party
from tests.kit.agreement import NAMES, Institutions, approval, days_ago, institutions


@pytest.fixture
def three(tmp_path: Path) -> Institutions:
    return institutions(tmp_path)


def refused(three: Institutions, name: str = "bank") -> JobRefused:
    with pytest.raises(JobRefused) as caught:
        three.load(name)
    return caught.value


def test_a_job_that_all_signed_runs_everywhere(three: Institutions) -> None:
    agreements = three.agree()
    assert len({agreement.digest for agreement in agreements.values()}) == 1
    checks = list(examine(agreements["bank"].file, three.configs["bank"]))
    assert [check.what for check in checks] == [
        "parties and keys are those of the roster",
        "not expired",
        "signed by bank",
        "signed by bureau",
        "signed by lender",
        "within the policy of bank",
    ]
    assert not any(check.error for check in checks)


def test_unsigned(three: Institutions) -> None:
    three.agree()
    (three.folder / "bank" / "march.lender.sig").unlink()
    error = refused(three)
    assert error.peer == "lender"
    assert str(error).endswith(
        "march.toml: lender has not signed it: there is no march.lender.sig beside it; "
        "lender runs `mpcnet job sign march.toml` and sends that file"
    )
    three.load("bureau")


def test_altered_in_a_byte(three: Institutions) -> None:
    three.agree()
    path = three.path("bank")
    path.write_bytes(path.read_bytes().replace(b"applicants = 10", b"applicants = 11"))
    assert "differs from what bank signed on " in str(refused(three))
    path.write_bytes(path.read_bytes() + b" ")
    assert "take back the file that was signed, or have all parties sign this one" in str(refused(three))


def test_expired_and_from_the_future(three: Institutions) -> None:
    three.prepare(three.job(now=days_ago(31)))
    assert re.search(r"expired on .* UTC; make a new one with `mpcnet job new`", str(refused(three)))
    three.prepare(three.job(now=days_ago(-3)))
    assert "which is yet to come; check this machine's clock" in str(refused(three))


def test_signature_of_somebody_else(three: Institutions) -> None:
    three.agree()
    folder = three.folder / "bank"
    shutil.copy(folder / "march.bureau.sig", folder / "march.lender.sig")
    assert "is the signature of 'bureau', not of lender" in str(refused(three))
    text = (folder / "march.bureau.sig").read_text(encoding="utf-8")
    (folder / "march.lender.sig").write_text(text.replace("bureau", "lender"), encoding="utf-8")
    assert "does not hold with the key of lender" in str(refused(three))


@pytest.mark.parametrize("damage", ["", "signature = 3", "x = 1", 'signature = "zz"', "signed = 2001-01-01T00:00:00Z"])
def test_damaged_signature(three: Institutions, damage: str) -> None:
    three.agree()
    path = signature_path(three.path("bank"), "lender")
    key = damage.partition(" ")[0]
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not key or not line.startswith(key)]
    path.write_text("\n".join([*kept, damage]) if damage else "", encoding="utf-8")
    assert str(refused(three)).startswith(str(path))


def test_only_the_party_itself_can_sign(three: Institutions, tmp_path: Path) -> None:
    three.hand_out(dumps(three.job()))
    other = institutions(tmp_path / "others")
    file = JobFile.load(three.path("bank"))
    with pytest.raises(JobRefused, match="the job names another key for bank than"):
        sign(file, other.configs["bank"].load_identity())
    with pytest.raises(JobRefused, match="bank has not signed it"):
        read_signature(file, "bank")


def test_a_renewed_certificate_keeps_the_job(three: Institutions) -> None:
    three.agree()
    renew_party("lender", three.folder / "lender")
    publics = [three.folder / name / f"{name}.public.toml" for name in NAMES]
    for name in NAMES:
        build_roster(publics, three.folder / name / "roster.toml", force=True)
    assert len(three.configs["bank"].load_roster().party("lender").certificates) == 2
    three.load("bank")


def test_another_roster(three: Institutions, tmp_path: Path) -> None:
    three.agree()
    other = institutions(tmp_path / "others")
    shutil.copy(other.folder / "bank" / "roster.toml", three.folder / "bank" / "roster.toml")
    assert "names another key for bank than the roster" in str(refused(three))


def test_a_party_that_is_not_in_it(three: Institutions) -> None:
    three.agree()
    three.configs["bank"] = replace(three.configs["bank"], name="shop")
    assert "shop is no party of this job; it is for bank, bureau, lender" in str(refused(three))


def test_without_a_policy(three: Institutions) -> None:
    three.hand_out(dumps(three.job()))
    three.sign()
    assert "this party has no policy, and without one no job runs; `mpcnet job policy JOB` drafts one" in str(
        refused(three)
    )


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"programs": []}, 'it runs approve.py:approve, which is not among the programs; once you have read it, add "'),
        ({"columns": ["income"]}, "it asks for 'debt' of bank; add to `columns`"),
        ({"recipients": ["bank"]}, "lender learns 'out0'; add it to `recipients`"),
        ({"outputs": ["score"]}, "it opens 'out0'; add to `outputs`"),
    ],
)
def test_beyond_the_policy(three: Institutions, change: dict[str, object], note: str) -> None:
    three.agree()
    three.allow("bank", **change)
    error = refused(three)
    assert error.peer == "bank"
    assert str(error).endswith("march.toml: the policy of bank does not allow this job")  # what others may read
    assert len(error.__notes__) == 1
    assert note in error.__notes__[0]
    three.load("bureau")


@pytest.mark.parametrize(
    "text", ["", "format = 2\nprograms=[]\ncolumns=[]\nrecipients=[]", "format = 1\nx = 1", "\x00"]
)
def test_a_policy_that_cannot_be_read(three: Institutions, text: str) -> None:
    three.agree()
    path = three.configs["bank"].policy_path
    path.write_text(text, encoding="utf-8")
    assert str(refused(three)).startswith(f"{path}: ")


def test_a_policy_may_leave_outputs_and_numbers_open(three: Institutions) -> None:
    three.agree()
    three.allow("bank", outputs=None, applicants_a_day=None)
    three.load("bank").check_count(10)


def program(three: Institutions, text: str, *others: str) -> Path:
    folder = three.folder / "bank"
    path = folder / "prog.py"
    path.write_text(text, encoding="utf-8")
    for other in others:
        (folder / other).write_text("value = 1\n", encoding="utf-8")
    work = program_work(str(path), [folder / other for other in others])
    three.agree(three.job(work=work, evaluations=[approval()]))
    return path


def test_the_program_is_the_one_that_was_signed(three: Institutions) -> None:
    path = program(three, "async def main(session): return 1\n")
    agreement = three.load("bank")
    assert agreement.find() == f"{path}"
    assert agreement.load_program(agreement.find()).__name__ == "main"
    path.write_text("print('run')\nasync def main(session): return 2\n", encoding="utf-8")
    with pytest.raises(JobRefused, match=r"prog\.py: differs from what was signed \(sha256:"):
        agreement.load_program(agreement.find())
    with pytest.raises(JobRefused, match=r"is for the program prog\.py, not for other\.py"):
        agreement.load_program("other.py")


def test_a_program_brings_no_file_that_nobody_signed(three: Institutions) -> None:
    program(three, "import signed_helper\nasync def main(session): return 1\n", "signed_helper.py")
    three.load("bank").load_program(three.load("bank").find())
    program(three, "import other_helper\nasync def main(session): return 1\n")
    (three.folder / "bank" / "other_helper.py").write_text("", encoding="utf-8")
    with pytest.raises(JobRefused, match=r"imports other_helper\.py, which the job does not list; .* --with"):
        three.load("bank").load_program(three.load("bank").find())


def test_files_of_a_program_are_together(three: Institutions, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for place in ("a/prog.py", "b.py"):
        (tmp_path / place).write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"b\.py: is not in the folder of"):
        program_work(str(tmp_path / "a" / "prog.py"), [tmp_path / "b.py"])
    with pytest.raises(ConfigError, match=r"name the program as FILE\.py"):
        program_work("module:main")
