"""The files of a scorecard: `scheme.toml`, which every party has, and `points.toml`, which only the lender has.

Read with errors that name the file and what is wrong in it, and no points; written as the fit and the demo do.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from mpcnet.credit.scorecard import FORMAT, Feature, Points, Scheme
from mpcnet.errors import ConfigError

__all__ = ["load_points", "load_scheme", "points_text", "scheme_text"]


class _FeatureFile(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    holder: str
    edges: list[float] = []
    minimum: float | None = None
    bins: list[list[str]] = []


class _SchemeFile(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    name: str
    lender: str
    points_bits: int
    score_bits: int
    feature: list[_FeatureFile]


class _PointsFile(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    scheme: str
    base: int
    cutoff: int
    points: dict[str, list[int]]


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        found = tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at .*\)", str(error))
        raise ConfigError(f"{path}: not valid TOML {place[0] if place else ''}".rstrip()) from None
    try:
        file = msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from None
    if file.format != FORMAT:
        raise ConfigError(f"{path}: format {file.format} is unknown to this version, which reads {FORMAT}")
    return file


def load_scheme(path: str | Path) -> Scheme:
    """Read a scheme file.

    Raises:
        ConfigError: the file is missing or malformed; names it and what is wrong.
    """
    path = Path(path)
    file = _read(path, _SchemeFile)
    try:
        features = tuple(
            Feature(f.name, f.holder, tuple(f.edges), f.minimum, tuple(tuple(words) for words in f.bins))
            for f in file.feature
        )
        return Scheme(file.name, file.lender, file.points_bits, file.score_bits, features)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _shown(digest: str) -> str:
    """A digest as it stands in a file, in a form that can be printed: it may be any text."""
    return digest if re.fullmatch(r"[0-9a-fA-F]{64}", digest) else f"{digest[:64]!r}, which is no digest"


def load_points(path: str | Path, scheme: Scheme) -> Points:
    """Read a points file and check that it belongs to a scheme.

    Raises:
        ConfigError: the file is missing, malformed, or made for another scheme; no points are named.
    """
    path = Path(path)
    file = _read(path, _PointsFile)
    if file.scheme != scheme.digest.hex():
        raise ConfigError(
            f"{path}: these points are for another scheme (digest {_shown(file.scheme)}) than this party's scheme file "
            f"(digest {scheme.digest.hex()}); take scheme and points that belong together, or, where these points are "
            f'for the present scheme, write scheme = "{scheme.digest.hex()}" in {path.name}'
        )
    points = Points(file.base, file.cutoff, {name: tuple(table) for name, table in file.points.items()})
    try:
        points.check(scheme)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return points


def scheme_text(scheme: Scheme, comment: str) -> str:
    """A scheme as its file: `load_scheme` reads the same scheme back.

    Args:
        comment: for the first line.
    """
    lines = [
        f"# {comment}",
        f"format = {FORMAT}",
        f'name = "{scheme.name}"',
        f'lender = "{scheme.lender}"',
        f"points_bits = {scheme.points_bits}",
        f"score_bits = {scheme.score_bits}",
    ]
    for feature in scheme.features:
        lines += ["", "[[feature]]", f'name = "{feature.name}"', f'holder = "{feature.holder}"']
        if feature.minimum is not None:
            lines.append(f"minimum = {_number(feature.minimum)}")
        if feature.edges:
            edges = ", ".join(map(_number, feature.edges))
            lines.append(f"edges = [{edges}]  # bin i: edges[i - 1] <= value < edges[i]")
        else:
            lines += ["bins = [", *(f"    {json.dumps(bin_)}," for bin_ in feature.categories), "]"]
    return "\n".join(lines) + "\n"


def points_text(scheme: Scheme, points: Points, comment: str) -> str:
    """Points as the file that belongs to a scheme: `load_points` reads the same points back.

    Args:
        comment: for the first line.
    """
    lines = [
        f"# {comment}",
        f"format = {FORMAT}",
        f'scheme = "{scheme.digest.hex()}"  # the public part that these points belong to',
        f"base = {points.base}",
        f"cutoff = {points.cutoff}",
        "",
        "[points]",
        *(f"{name} = [{', '.join(map(str, table))}]" for name, table in points.tables.items()),
    ]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
