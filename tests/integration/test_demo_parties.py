"""The demo with the columns split among more institutions than three: same applicants, same points, same scores."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mpcnet.credit import german
from tests.kit.terminals import SECONDS, Terminals, demo, left_behind

pytestmark = pytest.mark.timeout(2 * SECONDS)


def test_the_demo_among_seven(tmp_path: Path) -> None:
    done = demo(tmp_path, "--json", "-", "--protocol", "yao", "--parties", "7")
    assert done.returncode == 0, done.stderr
    assert "300 of 300, bit for bit" in done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["mismatches"] == 0
    assert outcome["auc"]["joint"] == pytest.approx(0.7663, abs=1e-4)
    assert outcome["auc"]["lender_alone"] == pytest.approx(0.6427, abs=1e-4)
    names = [party["name"] for party in outcome["parties"]]
    assert names == list(german.held(7))
    assert len({party["pid"] for party in outcome["parties"]}) == 7
    counting = [name for name in names if re.search(rf"^{name} +([\d,]+) of \1 AND gates", done.stderr, re.M)]
    assert counting == ["lender", "bureau"]
    assert left_behind(tmp_path) == []


def test_five_terminals_among_all(tmp_path: Path) -> None:
    folder = tmp_path / "credit"
    assert demo(tmp_path, "--prepare", str(folder), "--parties", "5").returncode == 0
    terminals = Terminals(folder)
    try:
        for party in reversed(german.held(5)):
            terminals.start(party, "--protocol", "gmw")
        ended = terminals.finish()
    finally:
        terminals.kill()
    assert [code for code, _, _ in ended.values()] == [0] * 5, ended
    assert (folder / "lender" / "scores.csv").read_bytes() == (folder / "expected.csv").read_bytes()
    for party in ("bureau", "bank", "employer", "registry"):
        assert "learns nothing" in ended[party][1]
        assert not re.search(r"G\d{4}|accept|decline", ended[party][1] + ended[party][2])
