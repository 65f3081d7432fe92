"""`mpcnet local` and `mpcnet run`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration import programs

FILE = str(Path(programs.__file__))
ROOT = Path(__file__).parents[2]


def mpcnet(*argv: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mpcnet", *argv], capture_output=True, text=True, timeout=100, cwd=cwd, check=False
    )


def test_every_line_is_marked() -> None:
    done = mpcnet("local", "-n", "2", f"{FILE}:talks")
    assert done.returncode == 0, done.stderr
    for name in ("party0", "party1"):
        lines = [line for line in done.stdout.splitlines() if line.startswith(f"{name} | ")]
        assert lines == [f"{name} | {text}" for text in ("line 0", "line 1", "line 2", name[-1])]
        assert f"{name} | complaint 1" in done.stderr
    assert all(line.startswith("party") for line in (done.stdout + done.stderr).splitlines())


def test_arguments_and_names() -> None:
    done = mpcnet("local", "--names", "lender,bank", FILE, "--", "--one", "two")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        "bank   | bank of 2 got --one two",
        "lender | lender of 2 got --one two",
    ]


def test_json(tmp_path: Path) -> None:
    done = mpcnet("local", "-n", "3", f"{FILE}:names", "--json", "--trace", "run.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "waiting" in (tmp_path / "run.html").read_text(encoding="utf-8")
    parties = json.loads(done.stdout)["parties"]
    assert [party["name"] for party in parties] == ["party0", "party1", "party2"]
    for party in parties:
        assert party["value"]["me"] == party["name"]
        assert (party["error"], party["exit_code"]) == (None, 0)
        assert party["stats"]["bytes_sent"] > 0
    assert "hello from party0" in done.stderr


def test_exit_code_is_that_of_the_party_at_fault() -> None:
    done = mpcnet("local", "--names", "lender,bureau,bank", f"{FILE}:wrong_input", "--json")
    assert done.returncode == 2
    errors = {party["name"]: party["error"] for party in json.loads(done.stdout)["parties"]}
    assert errors["bank"]["kind"] == "WidthError"
    assert {errors[name]["peer"] for name in ("lender", "bureau")} == {"bank"}
    assert "Traceback" not in done.stderr


def test_killed_party_is_told() -> None:
    program = f"{FILE}:kills_itself"
    done = mpcnet("local", "-n", "2", program)
    assert done.returncode == 137
    assert "mpcnet: party1: its process ended by signal 9, without a result" in done.stderr
    assert "party0 | mpcnet: " in done.stderr


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["local", "-n", "11", FILE], "a network has 2 to 10 parties, not 11"),
        (["local", "--names", "a,,b", FILE], "'' is no name for a party"),
        (["run", FILE], "party.toml: cannot be read: No such file or directory"),
        (["run", "nothing.py"], "nothing.py: there is no such program"),
        (["run", f"{FILE}:end"], "'end' is not an async function"),
        (["score", "--config", "nowhere"], "nowhere: cannot be read"),
    ],
)
def test_mistakes(argv: list[str], message: str, tmp_path: Path) -> None:
    done = mpcnet(*argv, cwd=tmp_path)
    assert done.returncode == 2, done
    assert done.stderr.startswith("mpcnet: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_program_with_a_defect_keeps_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("async def main(session):\n    open('no such file')\n")
    done = mpcnet("local", "-n", "2", "program.py", cwd=tmp_path)
    assert done.returncode == 1
    lines = [line.removeprefix("party0 | ") for line in done.stderr.splitlines() if line.startswith("party0 | ")]
    if lines[0].startswith("mpcnet: "):  # the other was first
        lines = [line.removeprefix("party1 | ") for line in done.stderr.splitlines() if line.startswith("party1 | ")]
    assert [line for line in lines if set(line) - set(" ~^")] == [
        "Traceback (most recent call last):",
        f'  File "{(tmp_path / "program.py").resolve()}", line 2, in main',
        "    open('no such file')",
        "FileNotFoundError: [Errno 2] No such file or directory: 'no such file'",
    ]


def test_broken_program_of_one_party_shows_its_own_frames(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import json\njson.loads('')\n")
    done = mpcnet("run", "program.py", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n  File ")
    assert done.stderr.splitlines()[1].endswith('program.py", line 2, in <module>')
    assert "mpcnet/" not in done.stderr
    assert "importlib" not in done.stderr
