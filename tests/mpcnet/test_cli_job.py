"""`mpcnet job`: made, shown, signed, checked and compared on the command line; what does not start."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mpcnet.cli import app
from mpcnet.credit import german
from mpcnet.provision import create_network
from tests.kit.agreement import APPROVE, NAMES

CALL = "approve.py:approve(income=bank, debt=bank, late=bureau, cutoff=lender) -> lender"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    create_network(tmp_path, {name: f"127.0.0.1:{7001 + i}" for i, name in enumerate(NAMES)})
    (tmp_path / "approve.py").write_text(APPROVE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *__import__("sys").path])
    return tmp_path


def new(*arguments: str, config: str = "lender") -> int:
    return app.main(["job", "new", "march", "--config", config, *arguments])


def sign_all() -> None:
    for name in NAMES:
        assert app.main(["job", "sign", "march.toml", "--config", name, "--yes"]) == 0


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_a_circuit_in_plain_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--evaluate", CALL, "--applicants", "500", "--purpose", "Decide on March") == 0
    out, _ = said(capsys)
    assert out.startswith("job march: Decide on March\n")
    for line in (
        "lender learns: out0 of each applicant; and the number of applicants.",
        "bureau learns: nothing but the number of applicants.",
        "bank gives: income and debt.",
        "bank and lender compute; together these two could open the inputs of bureau.",
        "limits: 500 applicants and 3,600 seconds in a run; as many runs as all policies allow until it expires",
        "  approve(income: UInt[32], debt: UInt[32], late: UInt[8], cutoff: UInt[16]) -> out0: Bit",
    ):
        assert line in out
    assert app.main(["job", "show", "march.toml"]) == 0
    assert said(capsys)[0] in out
    assert app.main(["job", "show", "march.toml", "--json"]) == 0
    facts = json.loads(said(capsys)[0])
    assert facts["learns"] == {"bank": [], "bureau": [], "lender": ["out0"]}
    assert facts["gives"]["bank"] == ["income", "debt"]
    assert facts["digest"] in out
    assert new("--evaluate", CALL) == 2
    assert "march.toml is there already and is not overwritten" in said(capsys)[1]


def test_a_scorecard_in_plain_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("scheme.toml").write_text(german.read_text("scheme.toml"), encoding="utf-8")
    assert new("--score", "scheme.toml", "--protocol", "gmw") == 0
    out, _ = said(capsys)
    assert "lender learns: score and decision of each applicant; and the number of applicants." in out
    assert "all parties compute; inputs stay private even if all other parties put notes together." in out
    assert "bureau gives: credit_history" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give one of --score SCHEME, --program FILE.py, or a single --evaluate"),
        (("--evaluate", CALL, "--evaluate", CALL), "a circuit by itself is evaluated once"),
        (("--evaluate", CALL, "--with", "x.py"), "--with and --open are for a --program"),
        (("--evaluate", "approve"), "'approve' is no evaluation; write CIRCUIT(INPUT=OWNER, ...) -> WHO"),
        (("--evaluate", CALL.replace("late=bureau, ", "")), "does not say anything of input port 'late'"),
        (("--evaluate", CALL.replace("late=bureau", "late")), "'late' in"),
        (("--evaluate", CALL.replace("-> lender", "-> shop")), "reveal_to: there is no party 'shop'"),
        (("--evaluate", CALL.replace(":approve", ":deny")), "approve.py has no 'deny'"),
        (("--program", "none.py"), "none.py: cannot be read: No such file"),
        (("--program", "approve.py", "--open", "weights"), "'weights' is no opening; write WHAT -> WHO: NUMBERS"),
        (("--evaluate", CALL, "--seconds", "0"), "limits.seconds"),
    ],
)
def test_mistakes_when_making_one(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert new(*arguments) == 2
    assert says in said(capsys)[1]
    assert not Path("march.toml").exists()


def test_outputs_may_go_to_different_parties(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--evaluate", CALL.replace("-> lender", "-> out0: lender+bank")) == 0
    assert "bank learns: out0 of each applicant" in said(capsys)[0]


def test_a_program_and_what_it_opens(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("main.py").write_text("import approve\nasync def main(session): ...\n", encoding="utf-8")
    call = ("--evaluate", CALL.replace("-> lender", "-> out0: nobody+bank"))
    assert new("--program", "main.py", "--with", "approve.py", *call, "--open", "weights -> lender+bank: 20") == 0
    out, _ = said(capsys)
    assert "lender learns: weights: at most 20 numbers; and the number of applicants." in out
    assert "  approve.py  sha256:" in out
    assert "A program can do more than evaluate: read these files before you sign." in out


def test_signing_asks_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--evaluate", CALL) == 0
    assert app.main(["job", "sign", "march.toml", "--config", "bank"]) == 2
    out, err = said(capsys)
    assert "lender learns: out0 of each applicant" in out
    assert "read the job above, then sign it with --yes, or from a terminal" in err
    assert not Path("march.bank.sig").exists()
    assert app.main(["job", "sign", "march.toml", "--config", "bank", "--yes"]) == 0
    out, _ = said(capsys)
    assert "signed by bank: march.bank.sig; send that file to bureau, lender" in out
    assert "no job runs here without a policy" in out


def test_signing_keeps_to_the_policy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--evaluate", CALL) == 0
    assert app.main(["job", "policy", "march.toml", "--config", "bank"]) == 0
    policy = Path("bank/policy.toml")
    assert said(capsys)[0].endswith(f"written to {policy}: read it, and change it to what bank means to allow\n")
    before = policy.read_text(encoding="utf-8")
    assert app.main(["job", "policy", "march.toml", "--config", "bank"]) == 0
    assert said(capsys)[0] == f"{policy} is there, and allows this job; nothing was changed\n"
    policy.write_text(before.replace('    "debt",\n', ""), encoding="utf-8")
    assert app.main(["job", "sign", "march.toml", "--config", "bank", "--yes"]) == 2
    assert "it asks for 'debt' of bank" in said(capsys)[1]
    assert app.main(["job", "policy", "march.toml", "--config", "bank"]) == 2
    assert "it asks for 'debt' of bank; add to `columns`" in said(capsys)[1]


def test_verify_lists_everything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--evaluate", CALL) == 0
    sign_all()
    Path("march.bureau.sig").unlink()
    capsys.readouterr()
    assert app.main(["job", "verify", "march.toml", "--config", "bank"]) == 2
    out, err = said(capsys)
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "ok", "ok", "WRONG", "ok", "WRONG", "digest"]
    assert "bureau has not signed it" in lines[3]
    assert "2 of 6 checks failed" in err
    assert app.main(["job", "sign", "march.toml", "--config", "bureau", "--yes"]) == 0
    assert app.main(["job", "policy", "march.toml", "--config", "bank"]) == 0
    capsys.readouterr()
    assert app.main(["job", "verify", "march.toml", "--config", "bank", "--json"]) == 0
    facts = json.loads(said(capsys)[0])
    assert facts["ok"] is True
    assert len(facts["checks"]) == 6


def test_diff_says_who_learns_more_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--evaluate", CALL) == 0
    assert new("--evaluate", CALL.replace("-> lender", "-> lender, bank"), "--applicants", "9", "-o", "april.toml") == 0
    shutil.copy("march.toml", "same.toml")
    text = Path("march.toml").read_text(encoding="utf-8")
    Path("space.toml").write_text(text + "\n", encoding="utf-8")
    capsys.readouterr()
    assert app.main(["job", "diff", "march.toml", "april.toml"]) == 1
    lines = said(capsys)[0].splitlines()
    assert lines[0] == (
        "bank learns: nothing but the number of applicants -> out0 of each applicant; and the number of applicants"
    )
    assert "limits.applicants: 1000 -> 9" in lines
    assert "evaluation.approve.output.out0.to: lender -> bank, lender" in lines
    assert app.main(["job", "diff", "march.toml", "same.toml"]) == 0
    assert said(capsys)[0] == "the same, byte for byte\n"
    assert app.main(["job", "diff", "march.toml", "space.toml", "--json"]) == 1
    assert json.loads(said(capsys)[0])["differences"] == [
        "the same entries, written differently: the bytes differ, so the signatures of one do not fit the other"
    ]


def prepare(*arguments: str) -> None:
    assert new(*arguments) == 0
    sign_all()
    for name in NAMES:
        assert app.main(["job", "policy", "march.toml", "--config", name]) == 0


@pytest.mark.parametrize(
    ("party", "arguments", "says"),
    [
        ("bank", (), "give --inputs CSV with the columns income, debt"),
        ("bank", ("--inputs", "none.csv"), "none.csv: cannot be read"),
        ("bank", ("--inputs", "bad.csv"), "bad.csv: line 3, column 'debt': expected a number for UInt[32]"),
        ("bank", ("--inputs", "short.csv"), "short.csv: there is no column 'debt'"),
        ("bank", ("--inputs", "empty.csv"), "empty.csv: there is no line of values"),
        ("bank", ("--inputs", "many.csv"), "the job allows 2 applicants in a run, and these are 3"),
        ("bank", ("--inputs", "good.csv", "--output", "x.csv"), "bank learns nothing from this job"),
        ("bank", ("other.py:approve", "--inputs", "good.csv"), "is another circuit than the one that was signed"),
        ("bank", ("renamed.py:approve", "--inputs", "good.csv"), "is another circuit than the one that was signed"),
        ("bank", ("--name", "x"), "a job has its own name"),
    ],
)
def test_a_circuit_job_that_does_not_start(
    folder: Path, capsys: pytest.CaptureFixture[str], party: str, arguments: tuple[str, ...], says: str
) -> None:
    prepare("--evaluate", CALL, "--applicants", "2")
    files = {
        "good.csv": "income,debt\n1,2\n",
        "bad.csv": "income,debt\n1,2\n3,4711x\n",
        "short.csv": "income\n1\n",
        "empty.csv": "income,debt\n",
        "many.csv": "income,debt\n1,2\n3,4\n5,6\n",
        "other.py": APPROVE.replace("100 //", "99 //"),
        "renamed.py": APPROVE.replace("late", "tardy"),
    }
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")
    assert app.main(["run", "--job", "march.toml", "--config", party, *arguments]) == 2
    err = said(capsys)[1]
    assert says in err
    assert "4711" not in err


def test_each_command_says_which_one_is_meant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("scheme.toml").write_text(german.read_text("scheme.toml"), encoding="utf-8")
    prepare("--score", "scheme.toml")
    assert app.main(["run", "--job", "march.toml", "--config", "bank"]) == 2
    assert "start it with `mpcnet score --job march.toml`" in said(capsys)[1]
    assert app.main(["run", "--config", "bank"]) == 2
    assert "name a program, or a job with --job FILE" in said(capsys)[1]
    assert app.main(["run", "approve.py", "--config", "bank", "--inputs", "x.csv"]) == 2
    assert "--inputs and --output are for a job that is a circuit" in said(capsys)[1]
