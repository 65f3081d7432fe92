"""The committed data and the committed scorecard: what was published, and what the fit makes of it."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mpcnet.credit import german
from mpcnet.credit.files import load_points, load_scheme
from mpcnet.credit.metrics import auc, ks
from mpcnet.credit.records import read_records

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "mpcnet" / "credit" / "data"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Loads a script; what scripts share lies beside them."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return load_script


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_the_data_are_the_published_ones() -> None:
    everyone = german.load()
    assert len(everyone) == 1000
    assert int(everyone.good.sum()) == 700
    # counts of the published attribute list (german.doc and the tables drawn from it)
    assert Counter(everyone.columns["checking_account"])["none"] == 394
    assert Counter(everyone.columns["credit_history"])["critical or credits elsewhere"] == 293
    assert Counter(everyone.columns["foreign_worker"])["no"] == 37
    amounts = [int(value) for value in everyone.columns["amount_dm"]]
    assert (min(amounts), max(amounts), sum(amounts)) == (250, 18424, 3271258)


def test_turning_the_table_back_into_codes_gives_the_published_file(script: Callable[[str], ModuleType]) -> None:
    """Every value is compared with the original, without carrying the original: by its SHA-256."""
    convert = script("convert_german_credit")
    everyone = german.load()
    outcome = {word: code for code, word in convert.OUTCOME.items()}
    lines = []
    for i in range(len(everyone)):
        row = []
        for name, words in convert.COLUMNS.items():
            codes = {word: code for code, word in words.items()}
            value = everyone.columns[name][i]
            row.append(codes[value] if codes else value)
        lines.append(" ".join([*row, outcome["good" if everyone.good[i] else "bad"]]) + "\n")
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == convert.ORIGINAL_SHA256


def test_the_split_follows_from_its_rule(script: Callable[[str], ModuleType]) -> None:
    convert = script("convert_german_credit")
    everyone, scored, development = german.load(), german.load("scored"), german.load("development")
    parts = convert.split(["good" if good else "bad" for good in everyone.good])
    assert [i for i, part in zip(everyone.ids, parts, strict=True) if part == "scored"] == list(scored.ids)
    assert (len(scored), int(scored.good.sum()), len(development)) == (300, 210, 700)
    assert not set(scored.ids) & set(development.ids)


def test_every_column_has_one_place() -> None:
    held = [name for names in german.HELD.values() for name in names]
    assert sorted([*held, *german.LEFT_OUT]) == sorted(german.load().columns)
    assert len(german.HELD["lender"]) == 6


@pytest.mark.parametrize("n_parties", range(3, 8))
def test_every_split_gives_each_column_to_one_institution(n_parties: int) -> None:
    split = german.held(n_parties)
    assert len(split) == n_parties
    columns = [name for names in split.values() for name in names]
    assert sorted([*columns, *german.LEFT_OUT]) == sorted(german.load().columns)
    assert (split["lender"], split["bureau"]) == (german.HELD["lender"], german.HELD["bureau"])
    in_score = {feature.name for feature in load_scheme(DATA / "scheme.toml").features}
    assert all(in_score & set(names) for names in split.values()), "who is in no score has no part in the scheme"


def test_the_splits_go_from_three_to_seven() -> None:
    assert german.held(3) == german.HELD
    for n_parties in (2, 8):
        with pytest.raises(ValueError, match=f"among 3 to 7 institutions, not {n_parties}"):
            german.held(n_parties)


def test_what_must_stay_out_is_out(tmp_path: Path) -> None:
    scheme = load_scheme(DATA / "scheme.toml")
    assert not {feature.name for feature in scheme.features} & set(german.LEFT_OUT)
    for holder in german.HELD:
        german.write_records(tmp_path / f"{holder}.csv", german.HELD[holder], german.load("scored"))
        text = (tmp_path / f"{holder}.csv").read_text(encoding="utf-8")
        header = text.splitlines()[0].split(",")
        assert not set(header) & {*german.LEFT_OUT, "outcome", "part"}
        assert "male" not in text
    job = [feature for feature in scheme.features if feature.name == "job"]
    for feature in job:  # not in the present card; were it in, residents and others would share a bin
        assert feature.bin_of("unemployed or unskilled non-resident") == feature.bin_of("unskilled resident")


def test_the_order_of_bins_tells_nothing_of_the_points() -> None:
    for feature in load_scheme(DATA / "scheme.toml").features:
        assert list(feature.categories) == sorted(feature.categories)


def test_fitting_again_gives_the_committed_files_byte_for_byte(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "fit_scorecard.py"), "--output", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["lender_alone.toml", "points.toml", "report.toml", "scheme.toml"]
    for name in written:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


def test_points_do_not_hang_on_the_last_digits(script: Callable[[str], ModuleType]) -> None:
    """No point lies so near to a half that another build of the solver could round it the other way."""
    fit = script("fit_scorecard")
    development = german.load("development")
    model, _ = fit.fit(german.HELD, development.columns, np.arange(len(development)), development.good)
    factor = fit.PDO / np.log(2)
    offset = fit.BASE_SCORE - factor * np.log(fit.BASE_ODDS) + factor * model.intercept
    for classed, beta in zip(model.kept, model.coefficients, strict=True):
        raw = offset / len(model.kept) + factor * beta * classed.woe
        assert (np.abs(raw % 1 - 0.5) > 1e-4).all(), classed.feature.name


def test_points_are_the_log_odds_rounded(script: Callable[[str], ModuleType]) -> None:
    """The score says what it promises: 600 at 20 to 1, and 20 points double the odds, up to the rounding of 13 bins."""
    fit = script("fit_scorecard")
    development, scored = german.load("development"), german.load("scored")
    model, _ = fit.fit(german.HELD, development.columns, np.arange(len(development)), development.good)
    log_odds = model.log_odds(scored.columns, np.arange(len(scored)))
    exact = 600 + 20 / np.log(2) * (log_odds - np.log(20))
    scheme = load_scheme(DATA / "scheme.toml")
    points = load_points(DATA / "points.toml", scheme)
    bins = {f.name: np.array([f.bin_of(v) for v in scored.columns[f.name]]) for f in scheme.features}
    assert np.abs(points.score(bins) - exact).max() <= 0.5 * len(scheme.features)
    assert points.cutoff == 560  # 5 to 1


def test_the_report_tells_the_truth(tmp_path: Path) -> None:
    report = tomllib.loads((DATA / "report.toml").read_text(encoding="utf-8"))
    crossed = report["cross_validation"]
    assert crossed["lender_alone"]["auc"] == pytest.approx(0.66, abs=0.01)
    assert crossed["joint"]["auc"] == pytest.approx(0.78, abs=0.01)
    scheme, scored = load_scheme(DATA / "scheme.toml"), german.load("scored")
    points = load_points(DATA / "points.toml", scheme)
    bins = {}
    for holder in scheme.holders:
        german.write_records(tmp_path / f"{holder}.csv", german.HELD[holder], scored)
        records = read_records(tmp_path / f"{holder}.csv", scheme.held_by(holder))
        assert records.ids == scored.ids
        bins |= records.values
    scores = points.score(bins)
    assert report["scored"]["joint"] == {
        "auc": round(auc(scores, scored.good), 4),
        "ks": round(ks(scores, scored.good), 4),
    }
    assert report["scored"]["at_cutoff"]["accepted"] == int((scores >= points.cutoff).sum())


def test_source_and_licence_are_named() -> None:
    for text in (ROOT / "NOTICE").read_text(encoding="utf-8"), german.read_text("README.md"):
        assert "10.24432/C5NC77" in text
        assert "Creative Commons Attribution 4.0" in text
        assert "Hofmann" in text
