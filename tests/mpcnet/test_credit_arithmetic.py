"""Scores as one linear expression: the same as in the clear for every scheme, and on shares among any number."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcnet.config import Config
from mpcnet.credit import arithmetic
from mpcnet.credit.arithmetic import columns_of, terms_of
from mpcnet.credit.demo import TOLERANCE, agreeing
from mpcnet.credit.features import Feature, Measure
from mpcnet.credit.files import AnyScheme, Secret
from mpcnet.credit.job import SHARES, ScoreJob, Scores, check_protocol, score
from mpcnet.credit.logistic import LogisticScheme, Weights
from mpcnet.credit.party import load_kernels
from mpcnet.credit.prepare import expected_scores, prepare
from mpcnet.credit.scorecard import Points, Scheme
from mpcnet.errors import AgreementError, ConfigError
from tests.kit.links import plain_sessions, run_sessions

COUNT = 40
HOLDERS = ("lender", "bureau", "bank", "employer")


@st.composite
def models(draw: st.DrawFn) -> tuple[AnyScheme, Secret, dict[str, np.ndarray]]:
    """A model among some holders, the other two of whom have something, and records."""
    holders = ["bureau", *draw(st.lists(st.sampled_from(HOLDERS), max_size=5))]
    count = draw(st.integers(1, 4))
    logistic = draw(st.booleans())
    features: list[Any] = []
    values = {}
    for i, holder in enumerate(holders):
        if logistic and draw(st.booleans()):
            features.append(Measure(f"f{i}", holder, 1.0, 2.0))
            values[f"f{i}"] = np.array([draw(st.integers(-64, 64)) / 8 for _ in range(count)])
        else:
            n_bins = draw(st.integers(2, 6))
            features.append(Feature(f"f{i}", holder, edges=tuple(range(n_bins - 1))))
            values[f"f{i}"] = np.array([draw(st.integers(0, n_bins - 1)) for _ in range(count)], np.uint8)
    if not logistic:
        scheme = Scheme("random", "lender", 6, 12, tuple(features))
        tables = {f.name: tuple(draw(st.integers(0, 63)) for _ in range(f.n_bins)) for f in features}
        points = Points(draw(st.integers(0, 500)), draw(st.integers(0, 900)), tables)
        points.check(scheme)
        return scheme, points, values
    regression = LogisticScheme("random", "lender", tuple(features))
    weights = {f.name: tuple(draw(st.integers(-300, 300)) / 256 for _ in range(f.n_columns)) for f in features}
    made = Weights(regression, draw(st.integers(-500, 500)) / 256, 0.75, weights)
    made.check()
    return regression, made, values


@settings(max_examples=80, deadline=None)
@given(models())
def test_the_expression_is_the_score(model: tuple[AnyScheme, Secret, dict[str, np.ndarray]]) -> None:
    scheme, secret, values = model
    held = {h: {f.name: values[f.name] for f in scheme.held_by(h)} for h in scheme.holders}
    count = len(next(iter(values.values())))
    rows = np.arange(2 * count + 1) % count
    terms = terms_of(scheme, secret, held["lender"], count)
    x = np.concatenate([columns_of(scheme, h, held[h], rows) for h in scheme.holders[1:]], axis=1)
    score = x @ terms.weights + terms.start[rows]
    if isinstance(secret, Points):
        assert x.dtype == score.dtype == np.int64
        assert np.array_equal(score, secret.score(values)[rows])
    else:
        assert np.allclose(score, secret.log_odds(values)[rows], rtol=0, atol=1e-12)
    assert terms.cutoff == secret.cutoff


def jobs(folder: Path, model: str, n_parties: int, protocol: str, count: int = COUNT) -> dict[str, ScoreJob]:
    """What each party brings, from the folders that the demo makes."""
    configs = prepare(folder, n_parties, model=model)
    return {name: ScoreJob.load(Config.load(config), count, protocol) for name, config in configs.items()}


async def run(jobs: dict[str, ScoreJob]) -> tuple[dict[str, Any], dict[str, Any]]:
    sessions = plain_sessions(tuple(jobs))
    roles = {name: lambda session, job=job: score(session, job) for name, job in jobs.items()}
    return await run_sessions(sessions, roles), sessions


@pytest.fixture(scope="module")
def kernels() -> None:
    """Compiled before a clock runs."""
    for protocol in SHARES:
        load_kernels(protocol)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(("protocol", "n_parties"), [("shamir", 3), ("shamir", 6), ("additive", 4)])
async def test_points_are_those_in_the_clear(tmp_path: Path, protocol: str, n_parties: int) -> None:
    results, sessions = await run(jobs(tmp_path, "scorecard", n_parties, protocol))
    truth = expected_scores(tmp_path).scores
    found = results.pop("lender")
    assert isinstance(found, Scores), found
    assert np.array_equal(found.score, truth.score[:COUNT])
    assert np.array_equal(found.accepted, truth.accepted[:COUNT])
    assert 0 < found.accepted.sum() < COUNT
    assert set(results.values()) == {None}
    for session in sessions.values():
        (record,) = session.stats.computations
        assert record.engine.startswith(protocol)
        assert [reveal.to for reveal in record.reveals] == [("lender",)] * 2


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(("protocol", "n_parties"), [("shamir", 3), ("shamir", 7), ("additive", 3)])
async def test_probabilities_are_close_to_those_in_the_clear(tmp_path: Path, protocol: str, n_parties: int) -> None:
    results, _ = await run(jobs(tmp_path, "logistic", n_parties, protocol))
    truth = expected_scores(tmp_path)
    found = results.pop("lender")
    assert isinstance(found, Scores), found
    assert np.abs(found.score - truth.scores.score[:COUNT]).max() <= TOLERANCE
    assert agreeing(found.score, found.accepted, truth).all()
    assert np.array_equal(found.accepted, found.score >= truth.cutoff)
    assert set(results.values()) == {None}


@pytest.mark.usefixtures("kernels")
async def test_a_list_is_computed_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "PIECE", 130)
    results, sessions = await run(jobs(tmp_path, "scorecard", 3, "shamir", 301))
    truth = expected_scores(tmp_path).scores
    assert np.array_equal(results["lender"].score, np.resize(truth.score, 301))
    assert len(sessions["bank"].stats.computations[0].reveals) == 2 * 3


async def test_another_protocol_is_named_before_any_secret_moves(tmp_path: Path) -> None:
    made = jobs(tmp_path, "scorecard", 3, "shamir")
    made["bank"] = dataclasses.replace(made["bank"], protocol="yao")
    results, sessions = await run(made)
    for error in results.values():
        assert isinstance(error, AgreementError)
        assert str(error).startswith(
            "the protocol of bank (yao) differs from that of bureau (shamir) and lender (shamir)"
        )
    assert all(session.stats.computations == session.stats.evaluations == [] for session in sessions.values())


def test_a_model_and_a_protocol_that_do_not_fit(tmp_path: Path) -> None:
    config = Config.load(prepare(tmp_path, 3, model="logistic")["bank"])
    with pytest.raises(ConfigError, match="a logistic regression is computed on shares: take shamir or additive"):
        ScoreJob.load(config, protocol="gmw")
    assert ScoreJob.load(config).protocol == "shamir"
    assert ScoreJob.load(config, protocol="additive").computes
    with pytest.raises(ConfigError, match="there is no protocol 'magic'"):
        ScoreJob.load(config, protocol="magic")
    with pytest.raises(ConfigError, match="shamir takes 3 parties"):
        check_protocol(Scheme("s", "lender", 4, 10, (Feature("f", "bank", edges=(1,)),)), "shamir")
