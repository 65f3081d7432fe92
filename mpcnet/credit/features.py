"""The columns of a scheme: which party holds each, and what becomes of a value before anything leaves its holder.

A `Feature` turns a value into the number of a bin. A `Measure` keeps a number, standardised. Both are public; neither
says what the value is worth.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from mpcnet.errors import ConfigError

__all__ = ["AnyFeature", "BinError", "Feature", "Measure", "Parts"]

MAX_BINS = 64
MAX_DEVIATIONS = 8.0
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

    typecode: ClassVar = "B"
    name: str
    holder: str
    edges: tuple[float, ...] = ()
    minimum: float | None = None
    categories: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        _check_names(self.name, self.holder)
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

    @property
    def n_columns(self) -> int:
        """How many numbers an applicant's bin becomes where bins are multiplied: one for each bin but the first."""
        return self.n_bins - 1

    def columns(self, bins: NDArray[Any]) -> NDArray[np.uint8]:
        """1 in the column of the bin and 0 elsewhere, uint8 of shape (count, n_bins - 1); nowhere for the first bin."""
        found: NDArray[np.bool_] = np.equal(np.asarray(bins)[:, None], np.arange(1, self.n_bins))
        return found.astype(np.uint8)

    @cached_property
    def _bin_of_word(self) -> dict[str, int]:
        return {word: i for i, bin_ in enumerate(self.categories) for word in bin_}

    def bin_of(self, text: str) -> int:
        """The number of the bin of a value as it stands in a file.

        Raises:
            BinError: empty, no number, below the minimum, or an unknown category.
        """
        value = _present(text)
        if self.categories:
            found = self._bin_of_word.get(value)
            if found is None:
                known = ", ".join(repr(word) for bin_ in self.categories for word in bin_)
                raise BinError(f"unknown category; the scheme knows {known}")
            return found
        return bisect_right(self.edges, _number(value, self.minimum))

    def read(self, text: str) -> int:
        """As `bin_of`: what `read_records` keeps of a value."""
        return self.bin_of(text)


@dataclass(frozen=True)
class Measure:
    """A column of numbers that is used as it is, standardised: (value - mean) / deviation.

    A value further than MAX_DEVIATIONS from the mean counts as one so far from it: that bounds what enters the
    computation, and no single value decides alone.

    Args:
        name: the column in the holder's CSV file.
        holder: name of the party that has the column.
        mean, deviation: of the data that the model was fitted on.
        minimum: the smallest number that can be right; below it is an error of the file.
    """

    typecode: ClassVar = "d"
    n_columns: ClassVar = 1
    name: str
    holder: str
    mean: float
    deviation: float
    minimum: float | None = None

    def __post_init__(self) -> None:
        _check_names(self.name, self.holder)
        if not (math.isfinite(self.mean) and math.isfinite(self.deviation) and self.deviation > 0):
            raise ConfigError(f"feature {self.name!r}: give a mean, and a deviation above 0")

    def read(self, text: str) -> float:
        """A value as it stands in a file, standardised.

        Raises:
            BinError: empty, no number, or below the minimum.
        """
        standardised = (_number(_present(text), self.minimum) - self.mean) / self.deviation
        return min(max(standardised, -MAX_DEVIATIONS), MAX_DEVIATIONS)

    def columns(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The values as one column, float64 of shape (count, 1)."""
        return np.asarray(values, dtype=np.float64)[:, None]


def _check_names(name: str, holder: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"feature {name!r}: a name is lower-case letters, digits and _, at most 64")
    if not _PARTY.fullmatch(holder):
        raise ConfigError(f"feature {name!r}: holder {holder!r} is no name of a party")


def _present(text: str) -> str:
    value = text.strip()
    if not value:
        raise BinError("the value is missing")
    return value


def _number(value: str, minimum: float | None) -> float:
    if not _NUMBER.fullmatch(value):
        raise BinError("expected a number such as 12 or 12.5")
    number = float(value)
    if minimum is not None and number < minimum:
        raise BinError(f"expected a number of at least {minimum:g}")
    return number


AnyFeature = Feature | Measure
F = TypeVar("F", Feature, AnyFeature)


class Parts(Generic[F]):
    """Who holds what of a scheme: for a frozen dataclass with the fields `lender` and `features`."""

    lender: str
    features: tuple[F, ...]

    def check_parts(self) -> None:
        """Raise `ConfigError` for features that are missing or doubled, or a lender that cannot be one."""
        names = [feature.name for feature in self.features]
        if not names:
            raise ConfigError("the scheme has no feature")
        if not _PARTY.fullmatch(self.lender):
            raise ConfigError(f"lender {self.lender!r} is no name of a party")
        if len(set(names)) != len(names):
            raise ConfigError("a feature stands in the scheme more than once")

    @property
    def holders(self) -> tuple[str, ...]:
        """The lender, then the other parties that hold a feature, in order of first appearance."""
        return tuple(dict.fromkeys([self.lender, *(feature.holder for feature in self.features)]))

    def held_by(self, holder: str) -> tuple[F, ...]:
        """The features of one party, in the scheme's order."""
        return tuple(feature for feature in self.features if feature.holder == holder)

    @property
    def others(self) -> tuple[F, ...]:
        """The features that the lender does not hold."""
        return tuple(feature for feature in self.features if feature.holder != self.lender)

    def only(self, holders: Iterable[str]) -> Self:
        """The scheme with the features of some holders only: what they could score without the others."""
        wanted = set(holders)
        return self._with(feature for feature in self.features if feature.holder in wanted)

    def split(self, holder_of: Mapping[str, str]) -> Self:
        """The same features, held by others: points for the one are points for the other.

        Args:
            holder_of: the holder of each feature by name.
        """
        return self._with(replace(feature, holder=holder_of[feature.name]) for feature in self.features)

    def _with(self, features: Iterable[F]) -> Self:
        return replace(self, features=tuple(features))  # type: ignore[type-var]
