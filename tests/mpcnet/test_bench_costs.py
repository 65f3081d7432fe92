"""The tables of rounds and bytes in docs/performance.md are what engines declare and what the wire shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpcnet.bench.costs import TABLES, Counted
from mpcnet.bench.document import costs_table, find

PAGE = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_the_page_says_what_is_so(name: str) -> None:
    counted = TABLES[name]()
    assert counted
    assert find(PAGE, name) == costs_table(counted), f"{name}: run scripts/performance_tables, it writes them anew"


def test_how_a_cost_reads() -> None:
    assert str(Counted(2, (800.0, 800.0))) == "2: 800"
    assert str(Counted(1, (16.0, 0.0, 0.125))) == "1: 16 / 0 / 0.125"
    assert str(Counted(8, (31330.4, 99.96))) == "8: 31,330 / 100"
