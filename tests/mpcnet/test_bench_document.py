"""The tables of docs/performance.md that are made: what they show is what the code says, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpcnet.bench import document
from mpcnet.bench.others import OTHERS, Other
from mpcnet.bench.peers import PEERED
from mpcnet.bench.rows import WORKS

PAGE = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")


def test_the_table_of_equal_parties() -> None:
    """Rows, targets and other systems are those of the code, and every ratio is that of its figures."""
    table = document.find(PAGE, "members")
    measured = document.read_members(table)
    assert table == document.members_table(measured)
    assert set(measured) == document.NAMES


def test_the_table_of_mpyc() -> None:
    table = document.find(PAGE, "peers")
    assert table == document.read_peers(table)
    for name in PEERED:
        assert f"| {name} |" in table


def test_every_other_system_belongs_to_a_row() -> None:
    assert set(OTHERS) == {work.name for work in WORKS if work.crew != "pair"}
    assert [str(other) for other in OTHERS["shamir3-mul"]] == [
        "MP-SPDZ 0.58 s (128-bit prime)",
        "MPyC 6.6 s (100,000 in 0.66 s)",
    ]
    assert str(Other("X", 1.4, 1.6)) == "X 1.4-1.6 s"


def test_ratios() -> None:
    (line,) = (
        line for line in document.members_table({"shamir3-mul": "290 ms"}).splitlines() if "shamir3-mul |" in line
    )
    assert line.endswith("| 250 ms | 290 ms | 2.0x, 23x |")
    row = {"name": "x", "count": 1000, "seconds": 0.5, "bytes": 4000, "peer_count": 100, "peer_seconds": 2.0}
    table = document.peers_table([{**row, "peer_bytes": 1600}])
    assert table.splitlines()[2] == "| x | 1,000 | 500 ms | 100 | 2 s | 20 s | 40x | 4.0 | 16.0 |"
    assert document.read_peers(table) == table
    with pytest.raises(AssertionError):
        assert document.read_peers(table.replace("| 40x |", "| 41x |")) == table.replace("| 40x |", "| 41x |")


def test_a_table_is_put_in_its_place() -> None:
    text = "a\n<!-- begin one -->\nold\n<!-- end one -->\nb\n"
    assert document.put(text, "one", "new\n") == "a\n<!-- begin one -->\nnew\n<!-- end one -->\nb\n"
    with pytest.raises(ValueError, match="no table 'two'"):
        document.find(text, "two")
