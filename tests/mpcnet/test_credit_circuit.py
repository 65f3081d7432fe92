"""The scoring circuit: equal to the sum in the clear, for every scheme, and as small as promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcnet.credit import german
from mpcnet.credit.circuit import CUTOFF, START, inputs_of, owners, points_port, scoring_circuit
from mpcnet.credit.features import Feature
from mpcnet.credit.files import load_points, load_scheme
from mpcnet.credit.scorecard import Points, Scheme

DATA = Path(german.__file__).parent / german.DATA


def evaluate(scheme: Scheme, points: Points, bins: dict[str, np.ndarray], count: int) -> tuple[Any, Any]:
    """The circuit in the clear, on the inputs that each party would give."""
    inputs: dict[str, Any] = {}
    for holder in scheme.holders:
        own = {feature.name: bins[feature.name] for feature in scheme.held_by(holder)}
        given_by = inputs_of(scheme, holder, own, points if holder == scheme.lender else None, count)
        assert {owners(scheme)[port] for port in given_by} <= {holder}
        inputs |= given_by
    assert set(inputs) == set(owners(scheme))
    return scoring_circuit(scheme)(**inputs)


def installed() -> tuple[Scheme, Points]:
    scheme = load_scheme(DATA / "scheme.toml")
    return scheme, load_points(DATA / "points.toml", scheme)


def test_all_scored_applicants_agree() -> None:
    scheme, points = installed()
    scored = german.load("scored")
    bins = {f.name: np.array([f.bin_of(v) for v in scored.columns[f.name]], np.uint8) for f in scheme.features}
    score, decision = evaluate(scheme, points, bins, len(scored))
    assert np.array_equal(score, points.score(bins))
    assert np.array_equal(decision, points.score(bins) >= points.cutoff)
    assert 0 < decision.sum() < len(scored)


def test_cost_is_what_the_docs_say() -> None:
    scheme, _ = installed()
    circuit = scoring_circuit(scheme)
    lookups = sum((feature.n_bins - 1) * scheme.points_bits for feature in scheme.others)
    assert lookups == 120
    assert circuit.and_count == 175
    n_bits = sum(feature.index_bits for feature in scheme.others)
    assert n_bits == 15  # what the bureau and the bank hand over for each applicant
    by_owner = dict.fromkeys(scheme.holders, 0)
    for port in circuit.inputs:
        by_owner[owners(scheme)[port.name]] += port.n_bits
    assert by_owner == {"lender": 182, "bureau": 4, "bank": 11}


def test_ports_belong_to_their_holders() -> None:
    scheme, _ = installed()
    circuit = scoring_circuit(scheme)
    assert [port.name for port in circuit.outputs] == ["score", "decision"]
    given = owners(scheme)
    assert set(given) == {port.name for port in circuit.inputs}
    assert {name for name, owner in given.items() if owner == "bureau"} == {"credit_history", "other_installment_plans"}
    for feature in scheme.held_by("lender"):
        assert feature.name not in given, "the lender adds up its own points by itself"
    assert {given[START], given[CUTOFF]} == {"lender"}


def test_one_scheme_makes_one_circuit() -> None:
    scheme, _ = installed()
    again = load_scheme(DATA / "scheme.toml")
    assert scoring_circuit(scheme).digest == scoring_circuit(again).digest


@st.composite
def cards(draw: st.DrawFn) -> tuple[Scheme, Points, dict[str, np.ndarray], int]:
    points_bits = draw(st.integers(1, 7))
    holders = draw(st.lists(st.sampled_from(["lender", "bureau", "bank"]), min_size=1, max_size=6))
    sizes = [draw(st.integers(2, 9)) for _ in holders]
    features = tuple(
        Feature(f"f{i}", holder, edges=tuple(range(size - 1)))
        for i, (holder, size) in enumerate(zip(holders, sizes, strict=True))
    )
    top = (1 << points_bits) - 1
    tables = {f.name: tuple(draw(st.integers(0, top)) for _ in range(f.n_bins)) for f in features}
    score_bits = points_bits + 4
    most = sum(max(table) for table in tables.values())
    base = draw(st.integers(0, (1 << score_bits) - 1 - most))
    cutoff = draw(st.integers(0, (1 << score_bits) - 1))
    scheme, points = Scheme("random", "lender", points_bits, score_bits, features), Points(base, cutoff, tables)
    count = draw(st.integers(1, 5))
    bins = {f.name: np.array([draw(st.integers(0, f.n_bins - 1)) for _ in range(count)], np.uint8) for f in features}
    return scheme, points, bins, count


@settings(max_examples=60, deadline=None)
@given(cards())
def test_any_scheme_equals_the_sum_in_the_clear(card: tuple[Scheme, Points, dict[str, np.ndarray], int]) -> None:
    scheme, points, bins, count = card
    points.check(scheme)
    score, decision = evaluate(scheme, points, bins, count)
    assert np.array_equal(score, points.score(bins))
    assert np.array_equal(decision, points.score(bins) >= points.cutoff)
    remote = scheme.others
    if remote:
        summed = len(remote) * scheme.points_bits + scheme.score_bits
        lookups = sum((f.n_bins - 1) * scheme.points_bits for f in remote)
        assert scoring_circuit(scheme).and_count <= lookups + summed + scheme.score_bits


def test_the_highest_and_the_lowest_score() -> None:
    features = tuple(Feature(f"f{i}", "bank", edges=(1, 2)) for i in range(4))
    scheme = Scheme("edge", "lender", 6, 10, features)
    points = Points(1023 - 4 * 63, 1023, {f.name: (0, 63, 63) for f in features})
    points.check(scheme)
    bins = {f.name: np.array([0, 2], np.uint8) for f in features}
    score, decision = evaluate(scheme, points, bins, 2)
    assert score.tolist() == [771, 1023]
    assert decision.tolist() == [False, True]


def test_the_lender_needs_points() -> None:
    scheme, _ = installed()
    with pytest.raises(ValueError, match="gives the points"):
        inputs_of(scheme, "lender", {}, None, 1)
    assert points_port(scheme.features[0]).endswith("_points")
