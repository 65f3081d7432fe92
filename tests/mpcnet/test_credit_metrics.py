"""AUC and KS against scikit-learn, and where they must refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from mpcnet.credit.metrics import auc, ks

LABELLED = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: 0 < sum(good for _, good in rows) < len(rows)
)


@settings(max_examples=200, deadline=None)
@given(LABELLED)
def test_equal_to_scikit_learn_with_many_ties(rows: list[tuple[int, bool]]) -> None:
    scores, good = np.array([s for s, _ in rows]), np.array([g for _, g in rows])
    false_rate, true_rate, _ = roc_curve(good, scores, drop_intermediate=False)
    assert auc(scores, good) == pytest.approx(roc_auc_score(good, scores), abs=1e-12)
    assert ks(scores, good) == pytest.approx(np.abs(true_rate - false_rate).max(), abs=1e-12)


def test_by_hand() -> None:
    assert auc([1, 2, 2, 3], [0, 1, 0, 1]) == 3.5 / 4
    assert ks([1, 2, 2, 3], [0, 1, 0, 1]) == 0.5
    assert auc([5, 5, 5], [1, 0, 0]) == 0.5
    assert ks([5, 5, 5], [1, 0, 0]) == 0


def test_large_counts_stay_exact() -> None:
    count = 200_000
    scores = np.arange(count) % 1000
    good = np.arange(count) % 2 == 0
    assert auc(scores, good) == pytest.approx(roc_auc_score(good, scores), abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "good", "reason"),
    [
        ([1, 2], [1, 1], "both needed"),
        ([1, 2], [0, 0], "both needed"),
        ([1, 2, 3], [0, 1], "one length"),
        ([[1, 2]], [[0, 1]], "two lists"),
        ([1.0, float("nan")], [0, 1], "not a number"),
    ],
)
def test_refuses(scores: list[float], good: list[int], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        auc(scores, good)
    with pytest.raises(ValueError, match=reason):
        ks(scores, good)
