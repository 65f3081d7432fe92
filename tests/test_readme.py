"""Everything that README.md shows is run.

A Python block whose first line is a comment with a file name (`# approve.py`) is saved under that name; any other
Python block is executed. A `sh` block runs line by line in the same folder as the saved files; lines that end in
`# terminal N` and follow each other run at the same time. A line that ends in `# not run in tests` is skipped. What is
typed `# at the lender`, at several people's, `test_walkthrough.py` runs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"^# ([\w-]+\.py)\n")
TERMINAL = re.compile(r"#\s*terminal \d")
SKIP = "# not run in tests"
ELSEWHERE = re.compile(r"#\s*at (the \w+|each)$")
SECONDS = 300


def blocks() -> list[tuple[str, str, int]]:
    """(language, text, line) of each fenced block that runs."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = [(m[1], m[2], text.count("\n", 0, m.start()) + 1) for m in FENCE.finditer(text)]
    return [block for block in found if block[0] in ("python", "sh")]


def test_the_cost_table_is_what_the_compiler_makes() -> None:
    from circuits import Bit, UInt, Vec, circuit, sort
    from circuits.lib.aes import aes_128
    from circuits.lib.sha256 import compress
    from mpcnet.credit import german
    from mpcnet.credit.circuit import scoring_circuit
    from mpcnet.credit.files import load_scheme

    @circuit
    def add(a: UInt[32], b: UInt[32]) -> UInt[33]:
        return a + b

    @circuit
    def compare(a: UInt[32], b: UInt[32]) -> Bit:
        return a < b

    @circuit
    def multiply(a: UInt[32], b: UInt[32]) -> UInt[64]:
        return a * b

    @circuit
    def divide(a: UInt[32], b: UInt[32]) -> UInt[32]:
        return a // b

    @circuit
    def sort_numbers(numbers: Vec[UInt[32], 16]) -> Vec[UInt[32], 16]:
        return sort(numbers)

    with german.installed("scheme.toml") as path:
        applicant = scoring_circuit(load_scheme(path))
    order = [add, compare, multiply, divide, sort_numbers, aes_128, compress, applicant]
    rows = re.findall(r"^\| [^|]+ \| ([\d,]+) \| ([\d,]+) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    shown = [tuple(int(number.replace(",", "")) for number in row) for row in rows]
    assert shown == [(made.and_count, made.and_depth) for made in order]


def test_every_link_in_the_documents_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    links = [
        (page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    ]
    assert len(links) > 10
    assert not [(page.name, link) for page, link in links if not (page.parent / link).exists()]


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    from mpcnet.cli import app

    shown = re.findall(r"^\| ([\d, ]+) \| [^|]+ \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    codes = {int(code) for row in shown for code in row.split(",")}
    assert codes == {0, *(value for name, value in vars(app).items() if name.startswith("EXIT_"))}


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}


def run_together(lines: list[str], folder: Path) -> None:
    """Run shell lines at the same time; all must succeed."""
    running = [
        subprocess.Popen(
            line, shell=True, cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for line in lines
    ]  # fmt: skip
    try:
        for line, process in zip(lines, running, strict=True):
            output, _ = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, f"$ {line}\nexit code {process.returncode}\n{output}"
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.mark.timeout(2 * SECONDS)
def test_every_block_of_the_readme_runs(tmp_path: Path) -> None:
    found = blocks()
    assert {language for language, _, _ in found} == {"python", "sh"}
    for language, text, line in found:
        if language == "python":
            named = FILE.match(text)
            if named:
                (tmp_path / named[1]).write_text(text, encoding="utf-8")
            else:
                script = tmp_path / f"readme_line_{line}.py"
                script.write_text(text, encoding="utf-8")
                run_together([f"{sys.executable} {script.name}"], tmp_path)
            continue
        lines = text.replace("\\\n", "").splitlines()
        lines = [entry for entry in lines if entry.strip() and not entry.startswith("#")]
        runnable = [entry for entry in lines if SKIP not in entry and not ELSEWHERE.search(entry)]
        for together, group in groupby(runnable, key=lambda entry: bool(TERMINAL.search(entry))):
            if together:
                run_together(list(group), tmp_path)
            else:
                for entry in group:
                    run_together([entry], tmp_path)
