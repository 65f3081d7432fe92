"""Fits the scorecard of the demo and writes the committed files: scheme, points, the lender's own card, report.

    scripts/fit_scorecard              writes them into mpcnet/credit/data
    scripts/fit_scorecard --output D   writes them elsewhere
    scripts/fit_scorecard --check      compares with the committed files and fails where a byte differs

Bins (coarse classing), weight of evidence, L2 logistic regression, points. Every choice stands below as a constant;
nothing is random: the split and the folds follow from SHA-256 of the applicants' numbers.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import fitted
import numpy as np
from sklearn.linear_model import LogisticRegression

from mpcnet.credit import german
from mpcnet.credit.features import Feature
from mpcnet.credit.files import points_text, scheme_text
from mpcnet.credit.metrics import auc, ks
from mpcnet.credit.scorecard import Points, Scheme

LENDER = "lender"
MADE_BY = "Made by scripts/fit_scorecard."

MAX_BINS = 5
MIN_SHARE = 0.05  # a bin with fewer of the development applicants is merged with its neighbour
MIN_VALUE = 0.01  # information value below which a feature is not asked for: no use, so no reason to process it
INVERSE_L2 = 1.0  # scikit-learn's C
TIED = {
    "job": [("unemployed or unskilled non-resident", "unskilled resident")]
}  # residence is origin: never told apart

BASE_SCORE, BASE_ODDS, PDO = 600, 20, 20  # 600 points at 20 good to 1 bad; every 20 points double the odds
CUTOFF_ODDS = 5  # the cost matrix published with the data: a bad credit taken costs 5 times a good one refused
POINTS_BITS, SCORE_BITS = 6, 10

FOLDS, REPEATS = 5, 5

Columns = Mapping[str, tuple[str, ...]]
Held = Mapping[str, Sequence[str]]
FILES = ("scheme.toml", "points.toml", "lender_alone.toml", "report.toml")


@dataclass(frozen=True)
class Classed:
    """A feature with its bins, and what they say about the outcome on the applicants they were made from."""

    feature: Feature
    woe: np.ndarray
    information_value: float


def bins_of(feature: Feature, values: Sequence[str]) -> np.ndarray:
    return np.array([feature.bin_of(value) for value in values])


def weigh(bins: np.ndarray, n_bins: int, good: np.ndarray) -> tuple[np.ndarray, float]:
    """Weight of evidence of each bin, ln(share of the good / share of the bad), and the information value."""
    n_good = np.bincount(bins[good], minlength=n_bins)
    n_bad = np.bincount(bins[~good], minlength=n_bins)
    share_good, share_bad = n_good / n_good.sum(), n_bad / n_bad.sum()
    woe = np.log((n_good + 0.5) / n_good.sum()) - np.log((n_bad + 0.5) / n_bad.sum())
    return woe, float(((share_good - share_bad) * woe).sum())


def class_numbers(name: str, holder: str, values: np.ndarray) -> Feature | None:
    """Bins of about equal size; fewer where values repeat."""
    cuts = np.quantile(values, np.arange(1, MAX_BINS) / MAX_BINS, method="higher")
    edges = [float(edge) for edge in np.unique(cuts) if edge > values.min()]
    while edges:
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        small = int(counts.argmin())
        if counts[small] >= MIN_SHARE * len(values):
            return Feature(name, holder, edges=tuple(edges), minimum=0)
        del edges[max(0, small - 1)]
    return None


def class_words(
    name: str, holder: str, values: Sequence[str], good: np.ndarray, known: Sequence[str]
) -> Feature | None:
    """One bin for each category; rare ones, then the closest in weight of evidence, merged until few enough."""
    tied = [tuple(group) for group in TIED.get(name, [])]
    groups = tied + [(word,) for word in known if all(word not in group for group in tied)]

    def count(group: tuple[str, ...]) -> tuple[int, int]:
        inside = np.isin(values, group)
        return int((inside & good).sum()), int((inside & ~good).sum())

    def woe(group: tuple[str, ...]) -> float:
        n_good, n_bad = count(group)
        return math.log((n_good + 0.5) / good.sum()) - math.log((n_bad + 0.5) / (~good).sum())

    def merge(first: int, second: int) -> None:
        groups[first] = tuple(sorted(groups[first] + groups[second]))
        del groups[second]

    while True:
        groups.sort(key=lambda group: (woe(group), group))
        sizes = [sum(count(group)) for group in groups]
        distances = [abs(woe(a) - woe(b)) for a, b in pairwise(groups)]
        if len(groups) < 2:
            return None
        rarest = min(range(len(groups)), key=lambda i: (sizes[i], i))
        if sizes[rarest] < MIN_SHARE * len(values):
            left = rarest - 1
            beside = [i for i in (left, rarest) if 0 <= i < len(distances)]
            closest = min(beside, key=lambda i: (distances[i], i))
        elif len(groups) > MAX_BINS:
            closest = min(range(len(distances)), key=lambda i: (distances[i], i))
        else:
            return Feature(name, holder, categories=tuple(sorted(groups)))  # the order tells nothing about the points
        merge(closest, closest + 1)


def classify(name: str, holder: str, columns: Columns, rows: np.ndarray, good: np.ndarray) -> Classed | None:
    """Bins of one column from some of the applicants; None where the column has nothing to tell apart."""
    values = np.array(columns[name])[rows]
    if all(value.isdigit() for value in columns[name]):
        feature = class_numbers(name, holder, values.astype(float))
    else:
        feature = class_words(name, holder, values, good[rows], sorted(set(columns[name])))
    if feature is None:
        return None
    woe, value = weigh(bins_of(feature, values), feature.n_bins, good[rows])
    return Classed(feature, woe, value)


@dataclass(frozen=True)
class Model:
    """Features that were kept, each with its coefficient, and the intercept of the log-odds of good."""

    kept: tuple[Classed, ...]
    coefficients: np.ndarray
    intercept: float

    def log_odds(self, columns: Columns, rows: np.ndarray) -> np.ndarray:
        total = np.full(len(rows), self.intercept)
        for classed, beta in zip(self.kept, self.coefficients, strict=True):
            bins = bins_of(classed.feature, [columns[classed.feature.name][row] for row in rows])
            total = total + beta * classed.woe[bins]
        return total


def regress(kept: Sequence[Classed], columns: Columns, rows: np.ndarray, good: np.ndarray) -> Model:
    """L2 logistic regression on weights of evidence. A feature whose sign is against its own evidence goes."""
    while True:
        x = np.stack([c.woe[bins_of(c.feature, [columns[c.feature.name][row] for row in rows])] for c in kept], axis=1)
        fit = LogisticRegression(C=INVERSE_L2, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(x, good[rows])
        if (fit.coef_[0] > 0).all():
            return Model(tuple(kept), fit.coef_[0], float(fit.intercept_[0]))
        kept = [c for c, beta in zip(kept, fit.coef_[0], strict=True) if beta > 0]


def fit(held: Held, columns: Columns, rows: np.ndarray, good: np.ndarray) -> tuple[Model, list[Classed]]:
    """Class every column of some holders, keep those that inform, regress."""
    found = [classify(name, holder, columns, rows, good) for holder, names in held.items() for name in names]
    classed = [c for c in found if c is not None]
    return regress([c for c in classed if c.information_value >= MIN_VALUE], columns, rows, good), classed


def fold_of(ids: Sequence[str], good: np.ndarray, repeat: int) -> np.ndarray:
    """The fold of each applicant: stratified, dealt out in the order of a hash."""
    fold = np.zeros(len(ids), dtype=int)
    order = [hashlib.sha256(f"fold/{repeat}/{applicant}".encode()).digest() for applicant in ids]
    for outcome in (True, False):
        members = sorted(np.flatnonzero(good == outcome), key=lambda i: order[i])
        fold[members] = np.arange(len(members)) % FOLDS
    return fold


def cross_validate(held: Held, data: german.Applicants) -> dict[str, float]:
    """Mean AUC and KS over held-out folds; bins, selection and regression are redone inside each."""
    found = []
    for repeat in range(REPEATS):
        fold = fold_of(data.ids, data.good, repeat)
        for k in range(FOLDS):
            inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            model, _ = fit(held, data.columns, inside, data.good)
            scores = model.log_odds(data.columns, outside)
            found.append((auc(scores, data.good[outside]), ks(scores, data.good[outside])))
    mean = np.mean(found, axis=0)
    return {"auc": round(float(mean[0]), 4), "ks": round(float(mean[1]), 4)}


def to_points(model: Model) -> Points:
    """Integer points: round(offset / n + factor * beta * woe), then every feature's lowest moved into the base."""
    factor = PDO / math.log(2)
    offset = BASE_SCORE - factor * math.log(BASE_ODDS) + factor * model.intercept
    raw = {
        classed.feature.name: [math.floor(offset / len(model.kept) + factor * beta * woe + 0.5) for woe in classed.woe]
        for classed, beta in zip(model.kept, model.coefficients, strict=True)
    }
    cutoff = round(BASE_SCORE + factor * math.log(CUTOFF_ODDS / BASE_ODDS))
    tables = {name: tuple(value - min(points) for value in points) for name, points in raw.items()}
    return Points(sum(min(points) for points in raw.values()), cutoff, tables)


def quality(scheme: Scheme, points: Points, data: german.Applicants) -> dict[str, float]:
    """AUC and KS of a finished card."""
    scores = points.score({f.name: bins_of(f, data.columns[f.name]) for f in scheme.features})
    return {"auc": round(auc(scores, data.good), 4), "ks": round(ks(scores, data.good), 4)}


def at_cutoff(scheme: Scheme, points: Points, data: german.Applicants) -> dict[str, int]:
    """What the cutoff does, and its cost in units of one good applicant refused, beside accepting all."""
    accepted = points.score({f.name: bins_of(f, data.columns[f.name]) for f in scheme.features}) >= points.cutoff
    good_refused, bad_accepted = int((~accepted & data.good).sum()), int((accepted & ~data.good).sum())
    return {
        "accepted": int(accepted.sum()),
        "good_refused": good_refused,
        "bad_accepted": bad_accepted,
        "cost": good_refused + CUTOFF_ODDS * bad_accepted,
        "cost_if_all_were_accepted": CUTOFF_ODDS * int((~data.good).sum()),
    }


def write(folder: Path) -> None:
    """Fit, and write the four files."""
    development, scored, everyone = german.load("development"), german.load("scored"), german.load()
    rows = np.arange(len(development))
    joint, classed = fit(german.HELD, development.columns, rows, development.good)
    scheme = Scheme("german-credit", LENDER, POINTS_BITS, SCORE_BITS, tuple(c.feature for c in joint.kept))
    points = to_points(joint)
    points.check(scheme)

    alone_scheme = scheme.only([LENDER])
    names = {feature.name for feature in alone_scheme.features}
    alone_model = regress([c for c in classed if c.feature.name in names], development.columns, rows, development.good)
    assert len(alone_model.kept) == len(names), "the lender's own card needs a scheme of its own"
    alone = to_points(alone_model)
    alone.check(alone_scheme)

    public = f"The public part of the scorecard: every party has this same file. {MADE_BY}"
    (folder / "scheme.toml").write_text(scheme_text(scheme, public), encoding="utf-8")
    secret = f"The secret part of the scorecard: it stays with the lender. {MADE_BY}"
    (folder / "points.toml").write_text(points_text(scheme, points, secret), encoding="utf-8")
    own = f"What the lender could do alone: a card from its own columns, to compare with. {MADE_BY}"
    (folder / "lender_alone.toml").write_text(points_text(alone_scheme, alone, own), encoding="utf-8")

    held = {holder: german.HELD[holder] for holder in german.HELD}
    with_bureau = {holder: held[holder] for holder in (LENDER, "bureau")}
    with_age = held | {"bank": (*held["bank"], "age_years")}
    lines = [
        "# How good the scorecard is. Made by scripts/fit_scorecard.",
        "",
        f"[cross_validation]  # all {len(everyone)} applicants, mean of {REPEATS} x {FOLDS} folds, all refitted",
        fitted.table("lender_alone", cross_validate({LENDER: held[LENDER]}, everyone)),
        fitted.table("lender_and_bureau", cross_validate(with_bureau, everyone)),
        fitted.table("joint", cross_validate(held, everyone)),
        fitted.table("joint_with_age", cross_validate(with_age, everyone)) + "  # not used: what leaving age out costs",
        "",
        f"[development]  # the {len(development)} applicants that the card was fitted on",
        fitted.table("lender_alone", quality(alone_scheme, alone, development)),
        fitted.table("joint", quality(scheme, points, development)),
        "",
        f"[scored]  # the other {len(scored)}, which the demo scores jointly",
        fitted.table("lender_alone", quality(alone_scheme, alone, scored)),
        fitted.table("joint", quality(scheme, points, scored)),
        fitted.table("at_cutoff", at_cutoff(scheme, points, scored)),
        "",
        "[scale]",
        f"base_score = {BASE_SCORE}",
        f"base_odds = {BASE_ODDS}",
        f"points_to_double_the_odds = {PDO}",
        f"cutoff_odds = {CUTOFF_ODDS}",
        "",
        "[information_value]  # on the development applicants; below the limit a column is left out",
        f"limit = {MIN_VALUE}",
    ]
    values = {c.feature.name: c.information_value for c in classed}
    for holder, columns in held.items():
        for name in columns:
            note = "" if any(f.name == name for f in scheme.features) else "  # not in the score"
            lines.append(f"{name} = {round(values.get(name, 0.0), 4)}{note or f'  # {holder}'}")
    (folder / "report.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(fitted.main("scorecard", write, FILES))
