"""`mpcnet circuit`: from a module, a file or a Bristol file to counts, drawings and exports."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from circuits import bristol
from mpcnet.cli.app import main

PROGRAM = """
from circuits import Bit, UInt, circuit

@circuit
def equal(a: UInt[4], b: UInt[4]) -> Bit:
    return a == b

number = 7

class inner:
    again = equal
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "my_circuits.py"
    path.write_text(PROGRAM, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield path
    for name in [name for name in sys.modules if "my_circuits" in name]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "source", ["my_circuits:equal", "my_circuits.py:equal", "./my_circuits.py:equal", "my_circuits:inner.again"]
)
def test_stats_of_a_circuit_of_ones_own(program: Path, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["circuit", "stats", source, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["name"] == "equal"
    assert facts["and_count"] == 3
    assert [(port["name"], port["type"]) for port in facts["inputs"]] == [("a", "UInt[4]"), ("b", "UInt[4]")]


def test_stats_as_text_and_another_k(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["circuit", "stats", "my_circuits:equal", "--k", "4"]) == 0
    text = capsys.readouterr().out
    assert "AND" in text
    assert "k = 4" in text


def test_export_reads_back_the_same(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["circuit", "export", "my_circuits:equal", "-o", "equal.txt"]) == 0
    assert "written to equal.txt" in capsys.readouterr().out
    loaded = bristol.load(program.parent / "equal.txt")
    assert [loaded(a, b) for a, b in ((3, 3), (3, 11), (0, 15))] == [1, 0, 0]
    assert main(["circuit", "stats", "equal.txt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["and_count"] == 3
    assert main(["circuit", "export", "equal.txt"]) == 0
    assert capsys.readouterr().out == (program.parent / "equal.txt").read_text(encoding="utf-8")


def test_export_in_the_old_format(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["circuit", "export", "my_circuits:equal", "--format", "old", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["format"] == "old"
    assert bristol.loads(facts["text"])(9, 9) == 1


@pytest.mark.parametrize(("form", "start"), [("dot", "digraph"), ("text", "equal(a: UInt[4]")])
def test_draw(program: Path, form: str, start: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["circuit", "draw", "my_circuits:equal", "--format", form]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(start)
    assert main(["circuit", "draw", "my_circuits:equal", "--format", form, "-o", "drawing", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["output"] == "drawing"
    assert (program.parent / "drawing").read_text(encoding="utf-8") == printed


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["stats", "nowhere:x"], "no module 'nowhere'"),
        (["stats", "nowhere.py:x"], "nowhere.py: there is no such file"),
        (["stats", "nowhere.txt"], "no such file"),
        (["stats", "my_circuits.py"], "say which circuit of it: my_circuits.py:NAME"),
        (["stats", "my_circuits:unequal"], "no 'unequal'; its circuits are: equal"),
        (["stats", "my_circuits:number"], "is no circuit but int"),
        (["stats", "my_circuits:number.x"], "no 'x'; its circuits are: none"),
        (["draw", "my_circuits:equal", "-o", "nowhere/x.dot"], "nowhere/x.dot: cannot be written"),
        (["stats", "broken.txt"], "line 1"),
    ],
)
def test_mistakes_end_in_one_line(
    program: Path, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (program.parent / "broken.txt").write_text("two gates\n", encoding="utf-8")
    assert main(["circuit", *arguments]) == 2
    captured = capsys.readouterr()
    assert reason in captured.err
    assert captured.err.startswith("mpcnet: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
