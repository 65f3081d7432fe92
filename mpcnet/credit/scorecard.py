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
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.errors import ConfigError

__all__ = ["FORMAT", "BinError", "Feature", "Points", "Scheme"]

FORMAT = 1
MAX_BINS = 64
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PARTY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?")


class BinError(ValueError):
    """A value belongs to no bin. The message says what was expected and never repeats the value."""


@dataclass(frozen=True)
class Feature:
    """One column of one holder, and its bins.

    Either `edges` is given: the column holds numbers, and bin i is edges[i - 1] <= value < edges[i]; or `categories`:
    the column holds words, and bin i is the words of categories[i].

    Args:
        name: the column in the holder's CSV file, and the port in the circuit.
        holder: name of the party that has the column.
        edges: ascending; n edges make n + 1 bins.
        minimum: the smallest number that can be right; below it is an error of the file.
        categories: the words of each bin; every word that may occur stands in exactly one of them.
    """

    name: str
    holder: str
    edges: tuple[float, ...] = ()
    minimum: float | None = None
    categories: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"feature {self.name!r}: a name is lower-case letters, digits and _, at most 64")
        if not _PARTY.fullmatch(self.holder):
            raise ConfigError(f"feature {self.name!r}: holder {self.holder!r} is no name of a party")
        if bool(self.edges) == bool(self.categories):
            raise ConfigError(f"feature {self.name!r}: give either edges or categories")
        if not all(map(math.isfinite, self.edges)) or any(low >= high for low, high in pairwise(self.edges)):
            raise ConfigError(f"feature {self.name!r}: edges must be numbers that ascend")
        words = [word for bin_ in self.categories for word in bin_]
        if len(set(words)) != len(words):
            raise ConfigError(f"feature {self.name!r}: a category stands in more than one bin")
        if any(not bin_ for bin_ in self.categories) or any(word.strip() != word or not word for word in words):
            raise ConfigError(f"feature {self.name!r}: a bin or a category is empty, or has spaces around it")
        if self.categories and self.minimum is not None:
            raise ConfigError(f"feature {self.name!r}: a minimum is for numbers")
        if not 2 <= self.n_bins <= MAX_BINS:
            raise ConfigError(f"feature {self.name!r}: 2 to {MAX_BINS} bins are possible, not {self.n_bins}")

    @property
    def n_bins(self) -> int:
        return len(self.edges) + 1 if self.edges else len(self.categories)

    @property
    def index_bits(self) -> int:
        """Bits that hold the number of a bin."""
        return (self.n_bins - 1).bit_length()

    @cached_property
    def _bin_of_word(self) -> dict[str, int]:
        return {word: i for i, bin_ in enumerate(self.categories) for word in bin_}

    def bin_of(self, text: str) -> int:
        """The number of the bin of a value as it stands in a file.

        Raises:
            BinError: empty, no number, below the minimum, or an unknown category.
        """
        value = text.strip()
        if not value:
            raise BinError("the value is missing")
        if self.categories:
            found = self._bin_of_word.get(value)
            if found is None:
                known = ", ".join(repr(word) for bin_ in self.categories for word in bin_)
                raise BinError(f"unknown category; the scheme knows {known}")
            return found
        if not _NUMBER.fullmatch(value):
            raise BinError("expected a number such as 12 or 12.5")
        number = float(value)
        if self.minimum is not None and number < self.minimum:
            raise BinError(f"expected a number of at least {self.minimum:g}")
        return bisect_right(self.edges, number)


@dataclass(frozen=True)
class Scheme:
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
        names = [feature.name for feature in self.features]
        if not names:
            raise ConfigError("the scheme has no feature")
        if not _PARTY.fullmatch(self.lender):
            raise ConfigError(f"lender {self.lender!r} is no name of a party")
        if len(set(names)) != len(names):
            raise ConfigError("a feature stands in the scheme more than once")
        if not 1 <= self.points_bits <= 16 or not self.points_bits <= self.score_bits <= 24:
            raise ConfigError("points_bits goes from 1 to 16, score_bits from points_bits to 24")

    @property
    def holders(self) -> tuple[str, ...]:
        """The lender, then the other parties that hold a feature, in order of first appearance."""
        return tuple(dict.fromkeys([self.lender, *(feature.holder for feature in self.features)]))

    def held_by(self, holder: str) -> tuple[Feature, ...]:
        """The features of one party, in the scheme's order."""
        return tuple(feature for feature in self.features if feature.holder == holder)

    def only(self, holders: Iterable[str]) -> Scheme:
        """The scheme with the features of some holders only: what they could score without the others."""
        wanted = set(holders)
        kept = tuple(feature for feature in self.features if feature.holder in wanted)
        return Scheme(self.name, self.lender, self.points_bits, self.score_bits, kept)

    def split(self, holder_of: Mapping[str, str]) -> Scheme:
        """The same features and bins, held by others: points for the one are points for the other.

        Args:
            holder_of: the holder of each feature by name.
        """
        moved = tuple(replace(feature, holder=holder_of[feature.name]) for feature in self.features)
        return Scheme(self.name, self.lender, self.points_bits, self.score_bits, moved)

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
