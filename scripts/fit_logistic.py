"""Fits the logistic regression of the demo and writes the committed files: scheme, weights, the lender's own, report.

    scripts/fit_logistic              writes them into mpcnet/credit/data
    scripts/fit_logistic --output D   writes them elsewhere
    scripts/fit_logistic --check      compares with the committed files and fails where a byte differs

The features are those of the scorecard, its categories with their bins and its numbers standardised instead of cut into
bins, and one more: the number of existing credits, which informs but whose bins had the wrong sign in the scorecard.
Weights are those of an L2 logistic regression on the development applicants, rounded.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import fitted
import numpy as np
from sklearn.linear_model import LogisticRegression

from mpcnet.credit import german
from mpcnet.credit.features import AnyFeature, Feature, Measure
from mpcnet.credit.files import load_scheme, points_text, scheme_text
from mpcnet.credit.logistic import LogisticScheme, Weights
from mpcnet.credit.metrics import auc, ks

LENDER = "lender"
MADE_BY = "Made by scripts/fit_logistic."

ADDED = {"existing_credits": "bureau"}
INVERSE_L2 = 1.0  # scikit-learn's C
CUTOFF = round(5 / 6, 6)  # 5 good to 1 bad, as the scorecard's
DIGITS = 6

FILES = ("logistic.toml", "weights.toml", "weights_lender_alone.toml", "report_logistic.toml")


def measure(name: str, holder: str, values: Sequence[str]) -> Measure:
    numbers = np.array(values, dtype=float)
    mean, deviation = (round(float(value), DIGITS) for value in (numbers.mean(), numbers.std()))
    return Measure(name, holder, mean, deviation, minimum=0)


def features(columns: Mapping[str, Sequence[str]]) -> tuple[AnyFeature, ...]:
    """The features of the regression, in the order of the scorecard; the one that is added comes last of its holder."""
    with german.installed("scheme.toml") as path:
        card = load_scheme(path)
    found: list[AnyFeature] = []
    for holder in card.holders:
        for f in card.held_by(holder):
            keeps = isinstance(f, Feature) and f.categories
            found.append(f if keeps else measure(f.name, holder, columns[f.name]))
        found += [measure(name, holder, columns[name]) for name, its in ADDED.items() if its == holder]
    return tuple(found)


def read(scheme: LogisticScheme, data: german.Applicants) -> dict[str, np.ndarray]:
    return {f.name: np.array([f.read(value) for value in data.columns[f.name]]) for f in scheme.features}


def fit(scheme: LogisticScheme, data: german.Applicants) -> Weights:
    values = read(scheme, data)
    x = np.concatenate([f.columns(values[f.name]) for f in scheme.features], axis=1, dtype=np.float64)
    model = LogisticRegression(C=INVERSE_L2, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(x, data.good)
    weights, tables = iter(model.coef_[0]), {}
    for feature in scheme.features:
        tables[feature.name] = tuple(round(float(next(weights)), DIGITS) for _ in range(feature.n_columns))
    made = Weights(scheme, round(float(model.intercept_[0]), DIGITS), CUTOFF, tables)
    made.check()
    return made


def quality(weights: Weights, data: german.Applicants) -> dict[str, float]:
    scores = weights.score(read(weights.scheme, data))
    return {"auc": round(auc(scores, data.good), 4), "ks": round(ks(scores, data.good), 4)}


def write(folder: Path) -> None:
    """Fit, and write the four files."""
    development, scored = german.load("development"), german.load("scored")
    scheme = LogisticScheme("german-credit-logistic", LENDER, features(development.columns))
    alone = fit(scheme.only([LENDER]), development)
    joint = fit(scheme, development)

    public = "The public part of the logistic regression: every party has this same file."
    secret = "The secret part of the logistic regression: it stays with the lender."
    own = "What the lender could do alone: weights from its own columns, to compare with."
    texts = [
        scheme_text(scheme, f"{public} {MADE_BY}"),
        points_text(scheme, joint, f"{secret} {MADE_BY}"),
        points_text(alone.scheme, alone, f"{own} {MADE_BY}"),
    ]
    lines = [f"# How good the logistic regression is. {MADE_BY}"]
    for name, data, note in (
        ("development", development, "that the weights were fitted on"),
        ("scored", scored, "which the demo scores jointly"),
    ):
        lines += ["", f"[{name}]  # the {len(data)} applicants {note}"]
        lines += [fitted.table("lender_alone", quality(alone, data)), fitted.table("joint", quality(joint, data))]
    accepted = joint.score(read(scheme, scored)) >= joint.cutoff
    counts = {
        "accepted": int(accepted.sum()),
        "good_refused": int((~accepted & scored.good).sum()),
        "bad_accepted": int((accepted & ~scored.good).sum()),
    }
    lines.append(fitted.table("at_cutoff", counts))
    for name, text in zip(FILES, [*texts, "\n".join(lines) + "\n"], strict=True):
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(fitted.main("logistic regression", write, FILES))
