"""The files of a model: a scheme, which every party has, and points or weights, which only the lender has.

Read with errors that name the file and what is wrong in it, and no secret; written as the fits and the demo do. The
scheme says of which model it is: a scorecard, or with `model = "logistic"` a logistic regression.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal, overload

import msgspec

from mpcnet.credit.features import AnyFeature, Feature, Measure
from mpcnet.credit.logistic import LogisticScheme, Weights
from mpcnet.credit.scorecard import FORMAT, Points, Scheme
from mpcnet.errors import ConfigError
from mpcnet.files import read_bytes, toml_table

__all__ = ["AnyScheme", "Secret", "load_points", "load_scheme", "points_text", "scheme_text"]

AnyScheme = Scheme | LogisticScheme
Secret = Points | Weights
LOGISTIC = "logistic"
MAX_FILE_BYTES = 16 * 1024 * 1024


class _FeatureFile(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    holder: str
    edges: list[float] = []
    minimum: float | None = None
    bins: list[list[str]] = []


class _ColumnFile(_FeatureFile, forbid_unknown_fields=True):
    mean: float | None = None
    deviation: float | None = None


class _SchemeFile(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    name: str
    lender: str
    points_bits: int
    score_bits: int
    feature: list[_FeatureFile]


class _LogisticFile(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    model: Literal["logistic"]
    name: str
    lender: str
    feature: list[_ColumnFile]


class _PointsFile(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    scheme: str
    base: int
    cutoff: int
    points: dict[str, list[int]]


class _WeightsFile(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    scheme: str
    intercept: float
    cutoff: float
    weights: dict[str, list[float]]


def _parse(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise ConfigError(f"{path}: there is no such file")
    what = "a file of a model"
    return toml_table(read_bytes(path, what, MAX_FILE_BYTES), str(path), what, quote=False)


def _read(path: Path, found: dict[str, Any], kind: type[Any]) -> Any:
    """What a file holds, as one of the structures above."""
    try:
        file = msgspec.convert(found, kind)
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if file.format != FORMAT:
        raise ConfigError(f"{path}: format {file.format} is unknown to this version, which reads {FORMAT}")
    return file


def load_scheme(path: str | Path) -> AnyScheme:
    """Read a scheme file.

    Raises:
        ConfigError: the file is missing or malformed; names it and what is wrong.
    """
    path = Path(path)
    found = _parse(path)
    logistic = "model" in found
    file = _read(path, found, _LogisticFile if logistic else _SchemeFile)
    try:
        if logistic:
            return LogisticScheme(file.name, file.lender, tuple(map(_column, file.feature)))
        return Scheme(file.name, file.lender, file.points_bits, file.score_bits, tuple(map(_feature, file.feature)))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _feature(f: _FeatureFile) -> Feature:
    return Feature(f.name, f.holder, tuple(f.edges), f.minimum, tuple(tuple(words) for words in f.bins))


def _column(f: _ColumnFile) -> AnyFeature:
    if f.mean is None and f.deviation is None:
        return _feature(f)
    if f.edges or f.bins or f.mean is None or f.deviation is None:
        raise ConfigError(f"feature {f.name!r}: give mean and deviation, or edges, or bins")
    return Measure(f.name, f.holder, f.mean, f.deviation, f.minimum)


def _shown(digest: str) -> str:
    """A digest as it stands in a file, in a form that can be printed: it may be any text."""
    return digest if re.fullmatch(r"[0-9a-fA-F]{64}", digest) else f"{digest[:64]!r}, which is no digest"


@overload
def load_points(path: str | Path, scheme: Scheme) -> Points: ...
@overload
def load_points(path: str | Path, scheme: LogisticScheme) -> Weights: ...
def load_points(path: str | Path, scheme: AnyScheme) -> Secret:
    """Read the lender's secret, points for a scorecard or weights for a regression, and check that it fits a scheme.

    Raises:
        ConfigError: the file is missing, malformed, or made for another scheme; no points are named.
    """
    path = Path(path)
    logistic = isinstance(scheme, LogisticScheme)
    what = "weights" if logistic else "points"
    file = _read(path, _parse(path), _WeightsFile if logistic else _PointsFile)
    if file.scheme != scheme.digest.hex():
        raise ConfigError(
            f"{path}: these {what} are for another scheme (digest {_shown(file.scheme)}) than this party's scheme file "
            f"(digest {scheme.digest.hex()}); take scheme and {what} that belong together, or, where these {what} are "
            f'for the present scheme, write scheme = "{scheme.digest.hex()}" in {path.name}'
        )
    try:
        if isinstance(scheme, LogisticScheme):
            weights = Weights(scheme, file.intercept, file.cutoff, {n: tuple(t) for n, t in file.weights.items()})
            weights.check()
            return weights
        points = Points(file.base, file.cutoff, {name: tuple(table) for name, table in file.points.items()})
        points.check(scheme)
        return points
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def scheme_text(scheme: AnyScheme, comment: str) -> str:
    """A scheme as its file: `load_scheme` reads the same scheme back.

    Args:
        comment: for the first line.
    """
    lines = [f"# {comment}", f"format = {FORMAT}"]
    if isinstance(scheme, LogisticScheme):
        lines.append(f'model = "{LOGISTIC}"')
    lines += [f'name = "{scheme.name}"', f'lender = "{scheme.lender}"']
    if isinstance(scheme, Scheme):
        lines += [f"points_bits = {scheme.points_bits}", f"score_bits = {scheme.score_bits}"]
    for feature in scheme.features:
        lines += ["", "[[feature]]", f'name = "{feature.name}"', f'holder = "{feature.holder}"']
        if feature.minimum is not None:
            lines.append(f"minimum = {_number(feature.minimum)}")
        if isinstance(feature, Measure):
            lines += [f"mean = {_number(feature.mean)}", f"deviation = {_number(feature.deviation)}"]
        elif feature.edges:
            edges = ", ".join(map(_number, feature.edges))
            lines.append(f"edges = [{edges}]  # bin i: edges[i - 1] <= value < edges[i]")
        else:
            lines += ["bins = [", *(f"    {json.dumps(bin_)}," for bin_ in feature.categories), "]"]
    return "\n".join(lines) + "\n"


def points_text(scheme: AnyScheme, secret: Secret, comment: str) -> str:
    """Points or weights as the file that belongs to a scheme: `load_points` reads the same back.

    Args:
        comment: for the first line.
    """
    what = "weights" if isinstance(secret, Weights) else "points"
    lines = [
        f"# {comment}",
        f"format = {FORMAT}",
        f'scheme = "{scheme.digest.hex()}"  # the public part that these {what} belong to',
    ]
    if isinstance(secret, Weights):
        lines += [f"intercept = {secret.intercept!r}", f"cutoff = {secret.cutoff!r}", "", "[weights]"]
    else:
        lines += [f"base = {secret.base}", f"cutoff = {secret.cutoff}", "", "[points]"]
    lines += [f"{name} = [{', '.join(map(repr, table))}]" for name, table in secret.tables.items()]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
