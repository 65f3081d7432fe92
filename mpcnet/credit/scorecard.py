"""The scorecard, in two parts: a scheme that everybody has, and points that only the lender has.

The scheme says which features count, who holds each, and how a value becomes the number of its bin. Every holder bins
its own values with it, so nothing but bin numbers enters the computation. The points say what each bin is worth, where
the score starts (base) and from which score an application is accepted (cutoff).

    score = base + sum of points[feature][bin]        decision = score >= cutoff

All of it integers: the joint score equals the score in the clear bit for bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.credit.features import Feature, Parts
from mpcnet.errors import ConfigError

__all__ = ["FORMAT", "Points", "Scheme"]

FORMAT = 1


@dataclass(frozen=True)
class Scheme(Parts[Feature]):
    """The public part: every party has the same, and they check that before they start.

    Args:
        name: for people.
        lender: the party that holds the points and learns score and decision.
        points_bits: each bin is worth 0 .. 2^points_bits - 1 points.
        score_bits: every possible score is below 2^score_bits.
        features: at least one, in the order in which points are listed.
    """

    name: str
    lender: str
    points_bits: int
    score_bits: int
    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        self.check_parts()
        if not 1 <= self.points_bits <= 16 or not self.points_bits <= self.score_bits <= 24:
            raise ConfigError("points_bits goes from 1 to 16, score_bits from points_bits to 24")

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that name this scheme: all of it, but not the layout of its file."""
        parts: list[Any] = ["mpcnet scorecard", FORMAT, self.name, self.lender, self.points_bits, self.score_bits]
        for f in self.features:
            minimum = None if f.minimum is None else float(f.minimum)
            parts.append([f.name, f.holder, [float(edge) for edge in f.edges], minimum, f.categories])
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).digest()


@dataclass(frozen=True, repr=False)
class Points:
    """The lender's secret part. Its repr shows none of it.

    Args:
        base: where the score starts.
        cutoff: the lowest score that is accepted.
        tables: for each feature of the scheme, the points of its bins.
    """

    base: int
    cutoff: int
    tables: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Points for {len(self.tables)} features>"

    def check(self, scheme: Scheme) -> None:
        """Raise `ConfigError` unless these points fit a scheme and no score can overflow; no points are named."""
        wanted = {feature.name: feature.n_bins for feature in scheme.features}
        for name in self.tables:
            if name not in wanted:
                raise ConfigError(f"points are given for {name!r}, which is no feature of the scheme")
        for name, n_bins in wanted.items():
            table = self.tables.get(name)
            if table is None:
                raise ConfigError(f"points are missing for feature {name!r}")
            if len(table) != n_bins:
                raise ConfigError(f"feature {name!r} has {n_bins} bins, but {len(table)} points are given")
            if min(table) < 0 or max(table) >= 1 << scheme.points_bits:
                raise ConfigError(f"feature {name!r}: points go from 0 to {(1 << scheme.points_bits) - 1}")
        highest = self.base + sum(max(table) for table in self.tables.values())
        if self.base < 0 or highest >= 1 << scheme.score_bits:
            raise ConfigError(f"scores go from 0 to {(1 << scheme.score_bits) - 1}; base and points leave that range")
        if not 0 <= self.cutoff < 1 << scheme.score_bits:
            raise ConfigError(f"the cutoff goes from 0 to {(1 << scheme.score_bits) - 1}")

    def score(self, bins: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        """Scores in the clear.

        Args:
            bins: for each feature with points, bin numbers of shape (count,).
        Returns:
            int64 of shape (count,).
        """
        total: Any = np.int64(self.base)
        for name, table in self.tables.items():
            total = total + np.asarray(table, dtype=np.int64)[bins[name]]
        return np.asarray(total, dtype=np.int64)
