"""docs/integer-semantics.md says what the builder does: every line of its tables is traced."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import circuits
from circuits import Circuit, bristol, circuit

ROOT = Path(__file__).parent.parent.parent
PUBLISHED = ROOT.parent / "shared" / "circuits"
PAGE = (ROOT / "docs" / "integer-semantics.md").read_text(encoding="utf-8")
NAMES = {name: getattr(circuits, name) for name in circuits.__all__}


def table(header: str) -> Iterator[list[str]]:
    """The cells of the rows under a header line."""
    lines = iter(PAGE.splitlines())
    assert any(line == header for line in lines), f"no table {header}"
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def traced(expression: str, types: list[str], **scope: Any) -> Circuit:
    names = "xyz"[: len(types)]
    scope = {**NAMES, **scope, "log2": lambda n: int(math.log2(n))}
    function = eval(f"lambda {', '.join(names)}: {expression}", scope)
    function.__annotations__ = {name: eval(type, scope) for name, type in zip(names, types, strict=True)}
    return circuit(function)


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


TYPES = list(table("| expression | x | y | result |"))
COSTS = list(table("| expression | operands | formula | 8 | 16 | 32 | 64 |"))
BESIDE = list(table("| published | AND | the same here | AND |"))


@pytest.mark.parametrize("row", TYPES, ids=[f"{row[0]} {row[1]} {row[2]}" for row in TYPES])
def test_types(row: list[str]) -> None:
    made = traced(*code(row[0]), code(row[1]) + code(row[2]))
    assert [repr(made.outputs[0].type)] == code(row[3])


@pytest.mark.parametrize("row", COSTS, ids=[f"{row[0]} {row[1]}" for row in COSTS])
def test_and_counts(row: list[str]) -> None:
    for n, stated in zip((8, 16, 32, 64), row[3:], strict=True):
        made = traced(*code(row[0]), code(row[1]), n=n)
        assert made.and_count == int(stated), f"n = {n}"
        for formula in code(row[2]):
            assert made.and_count == eval(formula, {"n": n, "log2": lambda n: int(math.log2(n))}), f"n = {n}"


def test_ours_are_at_or_below_the_published() -> None:
    assert len(BESIDE) >= 8
    for name, published, expression, ours in BESIDE:
        type = "Int[64]" if "signed" in expression else "UInt[64]"
        text = code(expression)[0]
        assert traced(text, [type] * (2 if "y" in text else 1)).and_count == int(ours) <= int(published), name


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published circuits are not here")
def test_the_published_counts_are_theirs() -> None:
    for name, published, _, _ in BESIDE:
        path = PUBLISHED / f"{name.split()[0]}.txt"
        if path.is_file():
            assert bristol.load(path).and_count == int(published)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published circuits are not here")
def test_published_circuits_agree_with_ours() -> None:
    values = [0, 1, 2, 3, 2**31, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1, 0x0123_4567_89AB_CDEF]
    xs, ys = [x for x in values for _ in values], values * len(values)
    for name, expression in [
        ("adder64", "(x + y).wrap(64)"),
        ("sub64", "(x - y).wrap(64)"),
        ("mult64", "(x * y).wrap(64)"),
    ]:
        ours = traced(expression, ["UInt[64]"] * 2)
        modulus = [int(v) % 2**64 for v in ours(xs, ys)]
        assert [int(v) for v in bristol.load(PUBLISHED / f"{name}.txt")(xs, ys)] == modulus
    quotients = traced("x // y", ["UInt[64]"] * 2)(xs, ys).tolist()
    assert quotients == [x // y if y else 2**64 - 1 for x, y in zip(xs, ys, strict=True)]
    # The published divider is wrong for divisors above 2**63 (0 // (2**64 - 2) is not 0 there).
    divided = [(x, y, q) for x, y, q in zip(xs, ys, quotients, strict=True) if 0 < y <= 2**63]
    xs, ys, quotients = map(list, zip(*divided, strict=True))
    assert bristol.load(PUBLISHED / "udivide64.txt")(xs, ys).tolist() == quotients
