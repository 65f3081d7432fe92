"""Each example runs by itself, as its first lines say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_example_runs(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip(), "an example shows what it did"


def test_the_promised_examples_are_there() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert {"oblivious_transfer", "millionaires", "aes128", "credit_three_terminals", "embed_websockets"} <= names
    assert {"salaries", "hospitals", "auction", "logistic", "scoring_service"} <= names
