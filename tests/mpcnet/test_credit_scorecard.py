"""Scheme and points: what a file must hold, what a score is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mpcnet.credit import german
from mpcnet.credit.features import Feature
from mpcnet.credit.files import load_points, load_scheme, points_text, scheme_text
from mpcnet.credit.scorecard import Points, Scheme
from mpcnet.errors import ConfigError

SCHEME = """
format = 1
name = "small"
lender = "lender"
points_bits = 4
score_bits = 8
[[feature]]
name = "amount"
holder = "lender"
minimum = 0
edges = [10, 20.5]
[[feature]]
name = "history"
holder = "bureau"
bins = [["paid", "none"], ["late"]]
"""


def scheme_in(tmp_path: Path, text: str = SCHEME) -> Scheme:
    path = tmp_path / "scheme.toml"
    path.write_text(text, encoding="utf-8")
    return load_scheme(path)


def points_file(scheme: Scheme, body: str = "amount = [0, 3, 15]\nhistory = [9, 0]", base: int = 100) -> str:
    return f'format = 1\nscheme = "{scheme.digest.hex()}"\nbase = {base}\ncutoff = 110\n[points]\n{body}\n'


def test_reads_both_parts(tmp_path: Path) -> None:
    scheme = scheme_in(tmp_path)
    assert scheme.holders == ("lender", "bureau")
    assert [feature.name for feature in scheme.held_by("bureau")] == ["history"]
    assert [feature.n_bins for feature in scheme.features] == [3, 2]
    assert [feature.index_bits for feature in scheme.features] == [2, 1]
    path = tmp_path / "points.toml"
    path.write_text(points_file(scheme), encoding="utf-8")
    points = load_points(path, scheme)
    bins = {"amount": np.array([0, 1, 2], np.uint8), "history": np.array([1, 0, 0], np.uint8)}
    assert points.score(bins).tolist() == [100, 112, 124]
    assert points.score(bins).dtype == np.int64


def test_the_digest_depends_on_the_meaning_and_not_on_the_layout(tmp_path: Path) -> None:
    scheme = scheme_in(tmp_path)
    same = scheme_in(tmp_path, SCHEME.replace("[10, 20.5]", "[ 10.0,\n 20.5 ] # edges"))
    assert same.digest == scheme.digest
    changes = [("20.5", "20.25"), ('"paid", "none"', '"none", "paid"'), ('"bureau"', '"bank"'), ("minimum = 0", "")]
    changes += [("points_bits = 4", "points_bits = 5"), ('"small"', '"other"'), ('lender = "lender"', 'lender = "x"')]
    digests = {scheme_in(tmp_path, SCHEME.replace(old, new)).digest for old, new in changes}
    assert len(digests | {scheme.digest}) == len(changes) + 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("format = 1", "format = 2", "format 2 is unknown"),
        ("edges = [10, 20.5]", "edges = [20, 10]", "'amount': edges must"),
        ("edges = [10, 20.5]", "edges = [10, 10]", "'amount': edges must"),
        ("edges = [10, 20.5]", "edges = [10, inf]", "'amount': edges must"),
        ("edges = [10, 20.5]", "edges = [nan]", "'amount': edges must"),
        ("edges = [10, 20.5]", 'edges = ["10"]', r"Expected `float`, got `str` - at `\$\.feature"),
        ("edges = [10, 20.5]", "", "'amount': give either"),
        ("minimum = 0", 'bins = [["a"], ["b"]]', "'amount': give either"),
        ('["late"]', '["paid"]', "more than one bin"),
        ('["late"]', '[" late"]', "spaces around"),
        ('["late"]', "[]", "is empty"),
        (', ["late"]', "", "2 to 64 bins"),
        ('"history"', '"Kredit-Historie"', "lower-case"),
        ('"history"', '"amount"', "more than once"),
        ("points_bits = 4", "points_bits = 40", "points_bits"),
        ("points_bits = 4", "points = 4", "unknown field `points`"),
        ('name = "small"', "name = small", "not valid TOML"),
        ("[[feature]]", "[[features]]", "feature"),
    ],
)
def test_a_wrong_scheme_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in SCHEME
    with pytest.raises(ConfigError, match=reason) as caught:
        scheme_in(tmp_path, SCHEME.replace(old, new))
    assert str(caught.value).startswith(str(tmp_path / "scheme.toml"))


@pytest.mark.parametrize(
    ("body", "base", "reason"),
    [
        ("amount = [0, 3, 15]", 100, "missing for feature 'history'"),
        ("amount = [0, 3]\nhistory = [9, 0]", 100, "'amount' has 3 bins, but 2"),
        ("amount = [0, 3, 16]\nhistory = [9, 0]", 100, "from 0 to 15"),
        ("amount = [0, 3, -7]\nhistory = [9, 0]", 100, "from 0 to 15"),
        ("amount = [0, 3, 15]\nhistory = [9, 0]\nage = [1, 2]", 100, "'age', which is no feature"),
        ("amount = [0, 3, 15]\nhistory = [9, 0]", 232, "leave that range"),
        ("amount = [0, 3, 15]\nhistory = [9, 0]", -1, "leave that range"),
        ('amount = [0, 3, "x"]\nhistory = [9, 0]', 100, "Expected `int`, got `str`"),
    ],
)
def test_wrong_points_are_refused_and_not_shown(tmp_path: Path, body: str, base: int, reason: str) -> None:
    scheme = scheme_in(tmp_path)
    path = tmp_path / "points.toml"
    path.write_text(points_file(scheme, body, base), encoding="utf-8")
    with pytest.raises(ConfigError, match=reason) as caught:
        load_points(path, scheme)
    message = str(caught.value).removeprefix(str(path))
    assert not any(secret in message for secret in ("232", "16", "-7", "-1", "[9"))


def test_points_of_another_scheme_are_refused(tmp_path: Path) -> None:
    scheme = scheme_in(tmp_path)
    path = tmp_path / "points.toml"
    path.write_text(points_file(scheme), encoding="utf-8")
    other = dataclasses.replace(scheme, name="other")
    with pytest.raises(ConfigError, match="are for another scheme") as caught:
        load_points(path, other)
    assert scheme.digest.hex() in str(caught.value)
    assert f'scheme = "{other.digest.hex()}"' in str(caught.value)


def test_a_broken_points_file_does_not_print_its_content(tmp_path: Path) -> None:
    path = tmp_path / "points.toml"
    path.write_text("format = 1\nbase = 4711x\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"not valid TOML \(at line 2") as caught:
        load_points(path, scheme_in(tmp_path))
    assert "4711" not in str(caught.value)


def test_repr_of_points_shows_none() -> None:
    assert "471" not in repr(Points(471, 471, {"f": (471,)}))


def test_the_highest_score_may_reach_the_limit_and_not_pass_it() -> None:
    scheme = Scheme("s", "lender", 4, 8, (Feature("f", "bank", edges=(1,)),))
    Points(240, 255, {"f": (0, 15)}).check(scheme)
    with pytest.raises(ConfigError):
        Points(241, 255, {"f": (0, 15)}).check(scheme)
    with pytest.raises(ConfigError, match="cutoff"):
        Points(240, 256, {"f": (0, 15)}).check(scheme)


def installed() -> tuple[Scheme, Points]:
    with german.installed("scheme.toml") as public, german.installed("points.toml") as secret:
        scheme = load_scheme(public)
        return scheme, load_points(secret, scheme)


def test_installed_files_belong_together() -> None:
    scheme, _ = installed()
    with german.installed("lender_alone.toml") as path:
        load_points(path, scheme.only(["lender"]))
    assert scheme.holders == ("lender", "bureau", "bank")
    for feature in scheme.features:
        assert feature.name in german.HELD[feature.holder]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    scheme, points = installed()
    odd = Feature("odd", "shop", edges=(-0.5, 2.0, 1e6), categories=())
    scheme = Scheme("a name", "lender", 9, 20, (*scheme.features, odd))
    points = Points(3, 7, {**points.tables, "odd": (0, 500, 2, 1)})
    (tmp_path / "scheme.toml").write_text(scheme_text(scheme, "a comment"), encoding="utf-8")
    (tmp_path / "points.toml").write_text(points_text(scheme, points, "another"), encoding="utf-8")
    found = load_scheme(tmp_path / "scheme.toml")
    assert found == scheme
    assert found.digest == scheme.digest
    assert load_points(tmp_path / "points.toml", found) == points


def test_who_holds_a_feature_changes_the_scheme_and_not_the_points() -> None:
    scheme, points = installed()
    moved = scheme.split(
        {feature.name: "shop" if feature.holder == "bank" else "lender" for feature in scheme.features}
    )
    assert moved.holders == ("lender", "shop")
    assert moved.digest != scheme.digest
    points.check(moved)
    assert scheme.split({f.name: f.holder for f in scheme.features}) == scheme
