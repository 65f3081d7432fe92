"""The logistic regression in the clear: its parts, its files, and what the fit makes of the data."""

from __future__ import annotations

import dataclasses
import runpy
import tomllib
from pathlib import Path

import numpy as np
import pytest

from mpcnet.credit import german
from mpcnet.credit.demo import agreeing
from mpcnet.credit.features import MAX_DEVIATIONS, BinError, Feature, Measure
from mpcnet.credit.files import load_points, load_scheme, points_text, scheme_text
from mpcnet.credit.job import Scores
from mpcnet.credit.logistic import LogisticScheme, Weights
from mpcnet.credit.metrics import auc, ks
from mpcnet.credit.prepare import Truth
from mpcnet.credit.records import Records, read_records
from mpcnet.errors import ConfigError

ROOT = Path(__file__).parent.parent.parent
FILES = ("logistic.toml", "report_logistic.toml", "weights.toml", "weights_lender_alone.toml")
AGE = Measure("debt", "bank", mean=40.0, deviation=8.0, minimum=0)
WORD = Feature("word", "shop", categories=(("a", "b"), ("c",), ("d",)))
SCHEME = LogisticScheme("s", "bank", (AGE, WORD))
WEIGHTS = Weights(SCHEME, 0.5, 0.8, {"debt": (-0.25,), "word": (1.0, -2.0)})


def installed() -> tuple[LogisticScheme, Weights]:
    with german.installed("logistic.toml") as public, german.installed("weights.toml") as secret:
        scheme = load_scheme(public)
        assert isinstance(scheme, LogisticScheme)
        return scheme, load_points(secret, scheme)


def test_a_measure_is_standardised_and_bounded() -> None:
    assert AGE.read(" 40 ") == 0.0
    assert AGE.read("48") == 1.0
    assert AGE.read("30.0") == -1.25
    assert AGE.read("123456789") == MAX_DEVIATIONS
    assert dataclasses.replace(AGE, minimum=None).read("-123456789") == -MAX_DEVIATIONS
    assert AGE.columns(np.array([1.5, -2.0])).tolist() == [[1.5], [-2.0]]


@pytest.mark.parametrize("text", ["", "forty", "nan", "1e3", "-1", "4 0"])
def test_a_measure_refuses_without_repeating_the_value(text: str) -> None:
    with pytest.raises(BinError) as caught:
        AGE.read(text)
    assert not text or text not in str(caught.value)


def test_a_bin_is_a_column_unless_it_is_the_first() -> None:
    assert WORD.columns(np.array([0, 1, 2, 1], np.uint8)).tolist() == [[0, 0], [1, 0], [0, 1], [1, 0]]
    assert (WORD.n_columns, AGE.n_columns) == (2, 1)


def test_probabilities_are_those_of_the_formula() -> None:
    values = {"debt": np.array([1.5, -2.0, 0.0]), "word": np.array([0, 1, 2], np.uint8)}
    log_odds = [0.5 - 0.375, 0.5 + 0.5 + 1.0, 0.5 - 2.0]
    assert WEIGHTS.log_odds(values).tolist() == log_odds
    assert np.allclose(WEIGHTS.score(values), [1 / (1 + np.exp(-z)) for z in log_odds], rtol=1e-15)
    assert WEIGHTS.log_odds({}).shape == ()


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "scheme.toml").write_text(scheme_text(SCHEME, "a comment"), encoding="utf-8")
    (tmp_path / "weights.toml").write_text(points_text(SCHEME, WEIGHTS, "another"), encoding="utf-8")
    scheme = load_scheme(tmp_path / "scheme.toml")
    assert scheme == SCHEME
    assert scheme.digest == SCHEME.digest
    assert load_points(tmp_path / "weights.toml", scheme) == WEIGHTS


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(SCHEME, name="t"),
        SCHEME.split({"debt": "shop", "word": "shop"}),
        dataclasses.replace(SCHEME, features=(dataclasses.replace(AGE, mean=40.5), WORD)),
        dataclasses.replace(SCHEME, features=(dataclasses.replace(AGE, deviation=8.5), WORD)),
        dataclasses.replace(SCHEME, features=(WORD, AGE)),
    ],
)
def test_the_digest_names_all_of_a_scheme(other: LogisticScheme) -> None:
    assert other.digest != SCHEME.digest


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tables": {"debt": (0.0,)}}, "weights are missing for feature 'word'"),
        ({"tables": {**WEIGHTS.tables, "height": (0.0,)}}, "'height', which is no feature"),
        ({"tables": {"debt": (0.0, 1.0), "word": (0.0, 0.0)}}, "takes 1 weights, but 2 are given"),
        ({"tables": {"debt": (0.0,), "word": (0.0, float("nan"))}}, "weights must be numbers"),
        ({"tables": {"debt": (65.0,), "word": (0.0, 0.0)}}, "log odds go from -512 to 512"),
        ({"intercept": float("nan")}, "log odds go from"),
        ({"cutoff": 1.5}, "the cutoff is a probability"),
    ],
)
def test_weights_that_do_not_fit(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        dataclasses.replace(WEIGHTS, **change).check()  # type: ignore[arg-type]
    WEIGHTS.check()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("mean = 1.0", "give mean and deviation, or edges, or bins"),
        ("mean = 1.0\ndeviation = 0.0", "a deviation above 0"),
        ("mean = 1.0\ndeviation = nan", "a deviation above 0"),
        ("mean = 1.0\ndeviation = 2.0\nedges = [3]", "give mean and deviation, or edges, or bins"),
        ("mean = 1.0\ndeviation = 2.0\nunit = 3", "unit"),
        ("", "either edges or categories"),
    ],
)
def test_schemes_that_mean_nothing(line: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "scheme.toml"
    head = 'format = 1\nmodel = "logistic"\nname = "s"\nlender = "bank"\n'
    path.write_text(f'{head}[[feature]]\nname = "debt"\nholder = "bank"\n{line}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=reason) as caught:
        load_scheme(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_model_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scheme.toml"
    path.write_text(scheme_text(SCHEME, "").replace("logistic", "forest"), encoding="utf-8")
    with pytest.raises(ConfigError, match="forest"):
        load_scheme(path)


def test_nothing_secret_in_a_repr() -> None:
    assert "0.25" not in repr(WEIGHTS)
    assert "0.5" not in repr(WEIGHTS)


def test_the_installed_files_belong_together(tmp_path: Path) -> None:
    scheme, weights = installed()
    with german.installed("weights_lender_alone.toml") as path:
        load_points(path, scheme.only(["lender"]))
    assert scheme.holders == ("lender", "bureau", "bank")
    scored = german.load("scored")
    values = {}
    for holder in scheme.holders:
        names = {feature.name for feature in scheme.held_by(holder)}
        assert names <= set(german.HELD[holder])
        assert not names & set(german.LEFT_OUT)
        german.write_records(tmp_path / f"{holder}.csv", german.HELD[holder], scored)
        values |= read_records(tmp_path / f"{holder}.csv", scheme.held_by(holder)).values
    report = tomllib.loads(german.read_text("report_logistic.toml"))["scored"]
    probabilities = weights.score(values)
    assert report["joint"]["auc"] == round(auc(probabilities, scored.good), 4)
    assert report["joint"]["ks"] == round(ks(probabilities, scored.good), 4)
    assert report["at_cutoff"]["accepted"] == int((probabilities >= weights.cutoff).sum())
    assert any(isinstance(feature, Measure) for feature in scheme.others), "not only the lender has numbers"


def test_fitting_again_gives_the_committed_files_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    script = runpy.run_path(str(ROOT / "scripts" / "fit_logistic.py"))
    assert script["fitted"].main("", script["write"], FILES, ["--output", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == list(FILES)
    for name in FILES:
        assert (tmp_path / name).read_text(encoding="utf-8") == german.read_text(name), name


def test_agreement_is_a_probability_close_by_and_the_same_decision_unless_at_the_cutoff() -> None:
    records = Records(("A", "B"), {})
    truth = Truth(records, Scores(np.array([0.5, 0.8001]), np.array([False, True])), 0.8)
    accepted = np.array([False, True])
    assert agreeing(np.array([0.5, 0.8001]), accepted, truth).tolist() == [True, True]
    assert agreeing(np.array([0.502, 0.8001]), accepted, truth).tolist() == [False, True]
    assert agreeing(np.array([0.5, 0.7999]), np.array([False, False]), truth).tolist() == [True, True]
    assert agreeing(np.array([0.5, 0.8001]), np.array([True, True]), truth).tolist() == [False, True]
    assert agreeing(np.array([0.5, 0.8001, 0.5]), np.array([False, True, False]), truth).tolist() == [True] * 3


def test_points_agree_bit_for_bit() -> None:
    truth = Truth(Records(("A",), {}), Scores(np.array([600]), np.array([True])), 560)
    assert agreeing(np.array([600.0]), np.array([True]), truth).all()
    assert not agreeing(np.array([601.0]), np.array([True]), truth).any()
    assert not agreeing(np.array([600.0]), np.array([False]), truth).any()
