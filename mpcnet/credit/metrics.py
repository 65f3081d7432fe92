"""How well a score separates good from bad: AUC and KS, exact, with ties counted as ties.

Both read a higher score as better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["auc", "ks"]


def auc(scores: ArrayLike, good: ArrayLike) -> float:
    """The probability that a good applicant scores above a bad one, a tie counting one half.

    The Mann-Whitney statistic from the ranks, equal scores sharing the mean of their ranks.

    Args:
        scores: of shape (count,), any real dtype without NaN.
        good: of shape (count,), true or 1 where the applicant turned out good.
    Raises:
        ValueError: shapes differ, a score is NaN, or there are not both good and bad applicants.
    """
    below, good_at, bad_at = _cumulate(scores, good)
    n_good, n_bad = int(good_at.sum()), int(bad_at.sum())
    # 2 * (pairs won + ties / 2), in integers: exact until the last division
    twice = int((good_at * (2 * below + bad_at)).sum())
    return twice / (2 * n_good * n_bad)


def ks(scores: ArrayLike, good: ArrayLike) -> float:
    """The largest distance between the score distributions of the bad and of the good (Kolmogorov-Smirnov), 0..1.

    Args, Raises: as `auc`.
    """
    _, good_at, bad_at = _cumulate(scores, good)
    share_good = np.cumsum(good_at) / good_at.sum()
    share_bad = np.cumsum(bad_at) / bad_at.sum()
    return float(np.abs(share_bad - share_good).max())


def _cumulate(scores: ArrayLike, good: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """For each distinct score, ascending: bad applicants below it, good ones at it, bad ones at it."""
    values, outcome = np.asarray(scores), np.asarray(good).astype(bool)
    if values.ndim != 1 or values.shape != outcome.shape:
        raise ValueError(f"scores and outcomes must be two lists of one length, got {values.shape} and {outcome.shape}")
    if np.isnan(values).any():
        raise ValueError("a score is not a number")
    if not outcome.any() or outcome.all():
        raise ValueError("good and bad applicants are both needed to measure how a score separates them")
    distinct, place = np.unique(values, return_inverse=True)
    good_at = np.bincount(place[outcome], minlength=len(distinct)).astype(np.int64)
    bad_at = np.bincount(place[~outcome], minlength=len(distinct)).astype(np.int64)
    return np.cumsum(bad_at) - bad_at, good_at, bad_at
