"""`mpcnet demo` and `mpcnet score`: mistakes on the command line end in one line, before anything is started."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mpcnet.cli.app import main
from mpcnet.config import Config
from mpcnet.credit import german
from mpcnet.credit import party as party_module
from mpcnet.credit.files import load_points, load_scheme
from mpcnet.credit.job import ScoreJob
from mpcnet.credit.metrics import auc
from mpcnet.credit.prepare import expected_scores, prepare
from mpcnet.errors import ConfigError


def test_prepare_says_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my credit"
    assert main(["demo", "--prepare", str(folder), "--applicants", "900"]) == 0
    shown = capsys.readouterr().out
    for party in german.HELD:
        assert f"mpcnet score --config '{folder / party / 'party.toml'}' --applicants 900\n" in shown


def test_prepare_for_five(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "credit"
    assert main(["demo", "--prepare", str(folder), "--parties", "5", "--protocol", "gmw"]) == 0
    shown = capsys.readouterr().out
    assert "the folders of five parties" in shown
    for party in ("lender", "bureau", "bank", "employer", "registry"):
        assert f"mpcnet score --config {folder / party / 'party.toml'} --protocol gmw\n" in shown
        assert (folder / party / "scheme.toml").read_bytes() == (folder / "lender" / "scheme.toml").read_bytes()
    assert sorted(path.name for path in folder.rglob("points.toml")) == ["points.toml"]


@pytest.mark.parametrize("n_parties", range(3, 8))
def test_the_scores_are_the_same_however_the_columns_are_split(tmp_path: Path, n_parties: int) -> None:
    configs = prepare(tmp_path, n_parties)
    assert list(configs) == list(german.held(n_parties))
    for name, config in configs.items():
        job = ScoreJob.load(Config.load(config))
        assert set(job.scheme.holders) == set(configs)
        assert {feature.name for feature in job.scheme.held_by(name)} == set(job.records.values)
    with german.installed("scheme.toml") as public, german.installed("points.toml") as secret:
        scheme = load_scheme(public)
        points = load_points(secret, scheme)
    scored = german.load("scored")
    bins = {f.name: np.array([f.bin_of(value) for value in scored.columns[f.name]]) for f in scheme.features}
    assert np.array_equal(expected_scores(tmp_path).scores.score, points.score(bins))
    if n_parties == 3:
        assert (tmp_path / "bank" / "scheme.toml").read_text(encoding="utf-8") == german.read_text("scheme.toml")
        assert (tmp_path / "lender" / "points.toml").read_text(encoding="utf-8") == german.read_text("points.toml")


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["demo", "--applicants", "0"], 2, "--applicants"),
        (["demo", "--applicants", "many"], 2, "--applicants"),
        (["demo", "--protocol", "magic"], 2, "--protocol"),
        (["demo", "--parties", "2"], 2, "--parties"),
        (["demo", "--model", "forest"], 2, "--model"),
        (["demo", "--model", "logistic", "--protocol", "yao"], 2, "take shamir or additive, not yao"),
        (["demo", "--model", "logistic", "--protocol", "gmw", "--prepare", "x"], 2, "take shamir or additive, not gmw"),
        (["demo", "--parties", "8"], 2, "--parties"),
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
    configs = prepare(tmp_path / "credit")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["score", "--config", str(configs[party]), *arguments]) == 2
    captured = capsys.readouterr()
    assert reason in captured.err
    assert captured.err.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_reading_a_large_file_is_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configs = prepare(tmp_path)

    def read_slowly(config: Config, *options: object) -> ScoreJob:
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
        prepare(tmp_path / "file" / "inside")


def test_ports_differ_and_are_loopback(tmp_path: Path) -> None:
    prepare(tmp_path)
    text = (tmp_path / "bank" / "roster.toml").read_text(encoding="utf-8")
    addresses = [line.split('"')[1] for line in text.splitlines() if line.startswith("address")]
    assert len(set(addresses)) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_expected_scores_separate(tmp_path: Path) -> None:
    prepare(tmp_path)
    truth = expected_scores(tmp_path)
    assert truth.records.ids == german.load("scored").ids
    assert auc(truth.scores.score, german.load("scored").good) == pytest.approx(0.7663, abs=1e-4)
