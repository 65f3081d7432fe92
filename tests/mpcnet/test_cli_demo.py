"""`mpcnet demo` and `mpcnet score`: mistakes on the command line end in one line, before anything is started."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from rich.console import Console

from mpcnet.cli.app import main
from mpcnet.config import Config
from mpcnet.credit import demo
from mpcnet.credit import party as party_module
from mpcnet.credit.job import ScoreJob
from mpcnet.credit.metrics import auc
from mpcnet.errors import ConfigError


def test_prepare_says_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my credit"
    assert main(["demo", "--prepare", str(folder), "--applicants", "900"]) == 0
    shown = capsys.readouterr().out
    for party in demo.PARTIES:
        assert f"mpcnet score --config '{folder / party / 'party.toml'}' --applicants 900\n" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["demo", "--applicants", "0"], 2, "--applicants"),
        (["demo", "--applicants", "many"], 2, "--applicants"),
        (["demo", "--protocol", "magic"], 2, "--protocol"),
        (["demo", "--applicants", "1000000000"], 2, "applicants can be scored in one run"),
        (["demo", "--json", "nowhere/outcome.json"], 2, "nowhere/outcome.json: cannot be written there"),
        (["demo", "--prepare", "x", "--json", "y.json"], 2, "--json belongs to a run"),
        (["score", "--config", "nowhere"], 2, "nowhere"),
        (["score", "--applicants", "-5"], 2, "--applicants"),
    ],
)
def test_mistakes(
    arguments: list[str],
    code: int,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert reason in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("party", "arguments", "reason"),
    [
        ("bank", ["--output", "scores.csv"], "--output is for lender: bank learns no score"),
        ("lender", ["--output", "nowhere/scores.csv"], "nowhere/scores.csv: cannot be written there"),
        ("lender", ["--output", "-"], "this is not written to stdout; give a file"),
        ("lender", ["--output", "credit/lender/lender.csv"], "the scores would replace a file that this run reads"),
        ("lender", ["--output", "credit/lender/../lender/points.toml"], "would replace a file that this run reads"),
        ("lender", ["--json", "."], "cannot be written there"),
        ("lender", ["--json", "-", "--progress-json"], "both need stdout"),
        ("bureau", ["--listen-fd", "987"], "--listen-fd 987"),
    ],
)
def test_mistakes_of_one_party(
    party: str,
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    configs = demo.prepare(tmp_path / "credit")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["score", "--config", str(configs[party]), *arguments]) == 2
    captured = capsys.readouterr()
    assert reason in captured.err
    assert captured.err.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_reading_a_large_file_is_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configs = demo.prepare(tmp_path)

    def read_slowly(config: Config, applicants: int | None = None) -> ScoreJob:
        assert announced.wait(10)
        raise ConfigError("enough read")

    announced = threading.Event()
    show = Console.print

    def print_and_note(console: Console, *texts: object, **options: object) -> None:
        show(console, *texts, **options)  # type: ignore[arg-type]
        announced.set()

    monkeypatch.setattr(party_module, "READING_SECONDS", 0.0)
    monkeypatch.setattr(ScoreJob, "load", read_slowly)
    monkeypatch.setattr(Console, "print", print_and_note)
    assert main(["score", "--config", str(configs["lender"])]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "reading lender.csv ...\nmpcnet: enough read\n"


def test_prepare_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        demo.prepare(tmp_path / "file" / "inside")


def test_ports_differ_and_are_loopback(tmp_path: Path) -> None:
    demo.prepare(tmp_path)
    text = (tmp_path / "bank" / "roster.toml").read_text(encoding="utf-8")
    addresses = [line.split('"')[1] for line in text.splitlines() if line.startswith("address")]
    assert len(set(addresses)) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_expected_scores_separate(tmp_path: Path) -> None:
    from mpcnet.credit import german

    demo.prepare(tmp_path)
    records, scores = demo.expected_scores(tmp_path)
    assert records.ids == german.load("scored").ids
    assert auc(scores.score, german.load("scored").good) == pytest.approx(0.7663, abs=1e-4)
