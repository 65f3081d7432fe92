"""A scoring run over sessions in memory: right scores for the lender alone, and errors before any secret moves."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcnet.config import Config, ScoreConfig
from mpcnet.credit import german
from mpcnet.credit.files import load_points, load_scheme
from mpcnet.credit.job import CIRCUITS, ScoreJob, Scores, score
from mpcnet.credit.party import load_kernels
from mpcnet.credit.prepare import expected_scores, prepare
from mpcnet.credit.records import Records, read_records
from mpcnet.credit.scorecard import Scheme
from mpcnet.credit.statement import STATEMENT_BYTES, Statement, compare
from mpcnet.errors import AgreementError, ConfigError
from mpcnet.session import Session
from tests.kit.links import plain_sessions, run_sessions

NAMES = ("lender", "bureau", "bank")
DATA = Path(german.__file__).parent / german.DATA


@pytest.fixture(scope="module")
def kernels() -> None:
    """Compiled before a clock runs."""
    for protocol in CIRCUITS:
        load_kernels(protocol)


@pytest.fixture
def jobs(tmp_path: Path) -> dict[str, ScoreJob]:
    scheme = load_scheme(DATA / "scheme.toml")
    scored = german.load("scored")
    made = {}
    for name in NAMES:
        german.write_records(tmp_path / f"{name}.csv", german.HELD[name], scored)
        records = read_records(tmp_path / f"{name}.csv", scheme.held_by(name))
        points = load_points(DATA / "points.toml", scheme) if name == "lender" else None
        made[name] = ScoreJob(name, scheme, records, points, len(records))
    return made


def in_clear(jobs: dict[str, ScoreJob], count: int) -> np.ndarray:
    bins: dict[str, Any] = {}
    for job in jobs.values():
        bins |= job.records.values
    points = jobs["lender"].points
    assert points is not None
    scores = points.score(bins)
    return np.array([scores[i % len(scores)] for i in range(count)])


async def run(jobs: dict[str, ScoreJob]) -> tuple[dict[str, Any], dict[str, Session]]:
    sessions = plain_sessions(NAMES)
    results = await run_sessions(
        sessions, {name: lambda session, job=job: score(session, job) for name, job in jobs.items()}
    )
    return results, sessions


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("count", [1, 300, 701])
async def test_the_lender_alone_learns_and_what_it_learns_is_right(jobs: dict[str, ScoreJob], count: int) -> None:
    jobs = {name: dataclasses.replace(job, applicants=count) for name, job in jobs.items()}
    results, sessions = await run(jobs)
    scores = results["lender"]
    assert isinstance(scores, Scores), scores
    right = in_clear(jobs, count)
    assert np.array_equal(scores.score, right)
    assert np.array_equal(scores.accepted, right >= 560)
    assert results["bureau"] is None
    assert results["bank"] is None
    for session in sessions.values():
        (record,) = session.stats.evaluations
        assert record.instances == count
        assert record.and_gates == 175 * count
        assert set(record.reveal_to.items()) == {("score", ("lender",)), ("decision", ("lender",))}
        assert record.compute == ("lender", "bank")
        assert jobs[session.name].computes == (session.name in record.compute)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(("protocol", "n_parties"), [("yao", 7), ("gmw", 5)])
async def test_more_institutions_find_the_same(tmp_path: Path, protocol: str, n_parties: int) -> None:
    configs = prepare(tmp_path, n_parties)
    jobs = {name: ScoreJob.load(Config.load(config), 30, protocol) for name, config in configs.items()}
    sessions = plain_sessions(tuple(jobs))
    results = await run_sessions(sessions, {name: lambda s, job=job: score(s, job) for name, job in jobs.items()})
    truth = expected_scores(tmp_path).scores
    scores = results.pop("lender")
    assert isinstance(scores, Scores), scores
    assert np.array_equal(scores.score, truth.score[:30])
    assert np.array_equal(scores.accepted, truth.accepted[:30])
    assert set(results.values()) == {None}
    assert len(sessions["bank"].stats.evaluations[0].compute) == (2 if protocol == "yao" else n_parties)


async def test_rows_name_the_applicants(jobs: dict[str, ScoreJob]) -> None:
    jobs = {name: dataclasses.replace(job, applicants=302) for name, job in jobs.items()}
    results, _ = await run(jobs)
    rows = list(results["lender"].rows(jobs["lender"].records))
    assert len(rows) == 302
    assert rows[300][0] == f"{rows[0][0]}/2"
    assert rows[300][1:] == rows[0][1:]
    assert {decision for _, _, decision in rows} == {"accept", "decline"}


def change_ids(job: ScoreJob, ids: tuple[str, ...]) -> ScoreJob:
    bins = {name: values[: len(ids)] for name, values in job.records.values.items()}
    return dataclasses.replace(job, records=Records(ids, bins), applicants=300)


@pytest.mark.parametrize("odd", NAMES)
@pytest.mark.parametrize("what", ["order", "another applicant", "fewer", "count", "scheme", "protocol"])
async def test_a_disagreement_is_named_everywhere_before_any_secret_moves(
    jobs: dict[str, ScoreJob], odd: str, what: str
) -> None:
    job, ids = jobs[odd], jobs[odd].records.ids
    jobs[odd], expected = {
        "order": (lambda: change_ids(job, (ids[1], ids[0], *ids[2:])), "the list of applicants of"),
        "another applicant": (lambda: change_ids(job, (*ids[:-1], "G9999")), "the list of applicants of"),
        "fewer": (lambda: change_ids(job, ids[:-1]), "the number of records of"),
        "count": (lambda: dataclasses.replace(job, applicants=301), "the number of applicants to score of"),
        "scheme": (
            lambda: dataclasses.replace(job, scheme=dataclasses.replace(job.scheme, name="other")),
            "the scheme of",
        ),
        "protocol": (lambda: dataclasses.replace(job, protocol="gmw"), "the protocol of"),
    }[what]
    jobs[odd] = jobs[odd]()  # type: ignore[operator]
    results, sessions = await run(jobs)
    for name, error in results.items():
        assert isinstance(error, AgreementError), (name, error)
        assert str(error).startswith(f"{expected} {odd}")
        assert error.peer == (odd if name != odd else "")
        assert "G0" not in str(error)
        assert "G9" not in str(error)
    for session in sessions.values():
        assert session.stats.evaluations == []
        # statements and partings to two peers, the last words of the session aside
        assert session.stats.bytes_sent <= 2 * (STATEMENT_BYTES + 1)


async def test_all_different_names_all(jobs: dict[str, ScoreJob]) -> None:
    jobs = {name: dataclasses.replace(job, applicants=300 + i) for i, (name, job) in enumerate(jobs.items())}
    results, _ = await run(jobs)
    for error in results.values():
        assert "differs between bank (302) and bureau (301) and lender (300)" in str(error)


async def test_a_roster_that_is_not_the_schemes(jobs: dict[str, ScoreJob]) -> None:
    sessions = plain_sessions(("lender", "bureau"))
    results = await run_sessions(
        sessions, {name: lambda session, job=jobs[name]: score(session, job) for name in sessions}
    )
    errors = [error for error in results.values() if isinstance(error, ConfigError)]
    assert errors, results
    assert "is for lender, bureau, bank, but the roster names bureau, lender" in str(errors[0])


def test_statement_survives_the_wire() -> None:
    statement = Statement(b"s" * 32, "yao", 30_000, 300, b"i" * 32)
    assert len(statement.pack()) == STATEMENT_BYTES
    assert Statement.unpack(statement.pack()) == statement


@pytest.mark.parametrize("said", [b"\xff" * 16, b"a word\x00".ljust(16), b" " * 16])
def test_a_peers_protocol_is_shown_only_where_it_is_a_word(said: bytes) -> None:
    found = Statement.unpack(bytes(32) + said + bytes(48))
    assert found.protocol == "unknown"


def test_a_protocol_is_named_with_the_party() -> None:
    said = {name: Statement(b"s" * 32, protocol, 5, 5, b"i" * 32) for name, protocol in (("a", "yao"), ("b", "gmw"))}
    assert "the protocol differs between a (yao) and b (gmw); start every party with the same --protocol" in str(
        compare("a", said)
    )


def test_two_parties_cannot_say_who_is_odd() -> None:
    one, two = Statement(b"s" * 32, "yao", 5, 5, b"i" * 32), Statement(b"s" * 32, "yao", 5, 5, b"j" * 32)
    error = compare("a", {"a": one, "b": two})
    assert error is not None
    assert "differs between a and b" in str(error)
    assert compare("a", {"a": one, "b": one}) is None


def config(tmp_path: Path, name: str = "lender", score: ScoreConfig | None = None) -> Config:
    paths = (tmp_path / part for part in ("identity.key", "certificate.pem", "roster.toml"))
    return Config(name, *paths, score=score, source="party.toml")


def test_loading_names_what_is_missing(tmp_path: Path) -> None:
    german.write_records(tmp_path / "lender.csv", german.HELD["lender"], german.load("scored"))
    german.write_records(tmp_path / "bank.csv", german.HELD["bank"], german.load("scored"))
    scheme, points = DATA / "scheme.toml", DATA / "points.toml"
    with pytest.raises(ConfigError, match=r"party.toml: there is no \[score\] table"):
        ScoreJob.load(config(tmp_path))
    with pytest.raises(ConfigError, match=r"\[score\] misses scheme"):
        ScoreJob.load(config(tmp_path, score=ScoreConfig(data=tmp_path / "lender.csv")))
    with pytest.raises(ConfigError, match=r"\[score\] misses data"):
        ScoreJob.load(config(tmp_path, score=ScoreConfig(scheme=scheme)))
    with pytest.raises(ConfigError, match=r"\[score\] misses points; lender is the lender"):
        ScoreJob.load(config(tmp_path, score=ScoreConfig(tmp_path / "lender.csv", scheme)))
    with pytest.raises(ConfigError, match="they are the secret of lender; remove them here"):
        ScoreJob.load(config(tmp_path, "bank", ScoreConfig(tmp_path / "bank.csv", scheme, points)))
    with pytest.raises(ConfigError, match="shop has no part in this scheme; its parties are lender, bureau, bank"):
        ScoreJob.load(config(tmp_path, "shop", ScoreConfig(tmp_path / "bank.csv", scheme)))
    with pytest.raises(ConfigError, match="line 1: column 'checking_account' is missing"):
        ScoreJob.load(config(tmp_path, "bank", ScoreConfig(tmp_path / "lender.csv", scheme)))
    job = ScoreJob.load(config(tmp_path, score=ScoreConfig(tmp_path / "lender.csv", scheme, points)), 5)
    assert (job.applicants, job.is_lender, len(job.records)) == (5, True, 300)


@pytest.mark.parametrize("applicants", [0, -1, 10**9])
def test_impossible_numbers_of_applicants(jobs: dict[str, ScoreJob], applicants: int) -> None:
    with pytest.raises(ConfigError, match="applicants can be scored"):
        dataclasses.replace(jobs["bank"], applicants=applicants)


def test_nothing_secret_in_a_repr(jobs: dict[str, ScoreJob]) -> None:
    assert "G0" not in repr(jobs["lender"])
    assert "407" not in repr(jobs["lender"])
    scores = Scores(np.array([987], np.int32), np.array([True]))
    assert "987" not in repr(scores)


def test_schemes_without_a_third_party_are_possible() -> None:
    scheme = load_scheme(DATA / "scheme.toml").only(["lender", "bank"])
    assert isinstance(scheme, Scheme)
    assert scheme.holders == ("lender", "bank")


@pytest.mark.parametrize(("asked", "advice"), [(None, "the files must list"), (9, "the same --applicants")])
def test_the_advice_fits_how_the_parties_were_started(asked: int | None, advice: str) -> None:
    statements = {
        name: Statement(b"s" * 32, "yao", asked if asked is not None and name == "a" else count, count, b"i" * 32)
        for name, count in (("a", 5), ("b", 6))
    }
    assert advice in str(compare("a", statements))
    assert ("--applicants" in str(compare("b", statements))) == (asked is not None)
