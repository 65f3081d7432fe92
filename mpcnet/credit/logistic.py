"""A logistic regression, in two parts: a scheme that everybody has, and weights that only the lender has.

The scheme says which features count, who holds each, and how a value becomes numbers: a measure is standardised, a
word becomes the columns of its bin. The weights say what each of these numbers counts for.

    log_odds = intercept + sum of weights[feature] * columns(feature)        probability = 1 / (1 + exp(-log_odds))

The probability is that of a good outcome; a decision compares it with the lender's cutoff.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.credit.features import MAX_DEVIATIONS, AnyFeature, Feature, Parts
from mpcnet.credit.scorecard import FORMAT
from mpcnet.errors import ConfigError

__all__ = ["MAX_LOG_ODDS", "LogisticScheme", "Weights"]

MAX_LOG_ODDS = 512
"""No applicant's log odds may be able to leave this range: fixed-point numbers have to hold them."""


@dataclass(frozen=True)
class LogisticScheme(Parts[AnyFeature]):
    """The public part: every party has the same, and they check that before they start.

    Args:
        name: for people.
        lender: the party that holds the weights and learns probability and decision.
        features: at least one, in the order in which weights are listed.
    """

    name: str
    lender: str
    features: tuple[AnyFeature, ...]

    def __post_init__(self) -> None:
        self.check_parts()

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that name this scheme: all of it, but not the layout of its file."""
        parts: list[Any] = ["mpcnet logistic", FORMAT, self.name, self.lender]
        for f in self.features:
            minimum = None if f.minimum is None else float(f.minimum)
            if isinstance(f, Feature):
                parts.append([f.name, f.holder, [float(edge) for edge in f.edges], minimum, f.categories])
            else:
                parts.append([f.name, f.holder, float(f.mean), float(f.deviation), minimum])
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).digest()


@dataclass(frozen=True, repr=False)
class Weights:
    """The lender's secret part. Its repr shows none of it.

    Args:
        scheme: to which they belong.
        intercept: the log odds before any feature counts.
        cutoff: the lowest probability that is accepted.
        tables: for each feature of the scheme, a weight for each of its columns.
    """

    scheme: LogisticScheme
    intercept: float
    cutoff: float
    tables: Mapping[str, tuple[float, ...]]

    def __repr__(self) -> str:
        return f"<Weights for {len(self.tables)} features>"

    def check(self) -> None:
        """Raise `ConfigError` unless these weights fit their scheme and a bounded range; no weight is named."""
        wanted = {feature.name: feature for feature in self.scheme.features}
        for name in self.tables:
            if name not in wanted:
                raise ConfigError(f"weights are given for {name!r}, which is no feature of the scheme")
        most = abs(self.intercept)
        for name, feature in wanted.items():
            table = self.tables.get(name)
            if table is None:
                raise ConfigError(f"weights are missing for feature {name!r}")
            if len(table) != feature.n_columns:
                raise ConfigError(f"feature {name!r} takes {feature.n_columns} weights, but {len(table)} are given")
            if not all(map(math.isfinite, table)):
                raise ConfigError(f"feature {name!r}: weights must be numbers")
            most += max(map(abs, table)) * (1.0 if isinstance(feature, Feature) else MAX_DEVIATIONS)
        if not most <= MAX_LOG_ODDS:  # a NaN neither
            raise ConfigError(f"log odds go from -{MAX_LOG_ODDS} to {MAX_LOG_ODDS}; the weights leave that range")
        if not 0 <= self.cutoff <= 1:
            raise ConfigError("the cutoff is a probability, from 0 to 1")

    def log_odds(self, values: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Log odds in the clear, as far as these features make them: with all of them, those of the applicants.

        Args:
            values: for each feature that is to count, of shape (count,), as `Records.values` has them.
        Returns:
            float64 of shape (count,), or () where no feature counts.
        """
        total: Any = np.float64(self.intercept)
        for feature in self.scheme.features:
            if feature.name in values:
                total = total + feature.columns(values[feature.name]) @ np.asarray(self.tables[feature.name])
        return np.asarray(total, dtype=np.float64)

    def score(self, values: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Probabilities in the clear, from the values of all features."""
        return np.asarray(1 / (1 + np.exp(-self.log_odds(values))), dtype=np.float64)
