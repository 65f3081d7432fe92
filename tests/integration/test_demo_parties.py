"""The demo with the columns split among more institutions than three, and on shares: same applicants, same scores."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from mpcnet.credit import german
from tests.kit.terminals import SECONDS, Terminals, demo, left_behind

pytestmark = pytest.mark.timeout(2 * SECONDS)


@pytest.mark.parametrize(("protocol", "n_parties"), [("shamir", 7), ("additive", 4)])
def test_the_demo_on_shares(tmp_path: Path, protocol: str, n_parties: int) -> None:
    done = demo(tmp_path, "--json", "-", "--protocol", protocol, "--parties", str(n_parties))
    assert done.returncode == 0, done.stderr
    assert "300 of 300, bit for bit" in done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["mismatches"] == 0
    assert outcome["auc"]["joint"] == pytest.approx(0.7663, abs=1e-4)
    assert outcome["auc"]["lender_alone"] == pytest.approx(0.6427, abs=1e-4)
    names = [party["name"] for party in outcome["parties"]]
    assert names == list(german.held(n_parties))
    assert len({party["pid"] for party in outcome["parties"]}) == n_parties
    for name in names:
        assert re.search(rf"^{name} +300 of 300 applicants, .* sent$", done.stderr, re.M), name
    assert left_behind(tmp_path) == []


def test_five_terminals_and_a_regression(tmp_path: Path) -> None:
    folder = tmp_path / "credit"
    done = demo(tmp_path, "--prepare", str(folder), "--parties", "5", "--model", "logistic")
    assert done.returncode == 0, done.stderr
    terminals = Terminals(folder)
    try:
        for party in reversed(german.held(5)):
            terminals.start(party)
        ended = terminals.finish()
    finally:
        terminals.kill()
    assert [code for code, _, _ in ended.values()] == [0] * 5, ended
    joint, clear = (
        list(csv.reader((folder / name).read_text(encoding="utf-8").splitlines()))
        for name in ("lender/scores.csv", "expected.csv")
    )
    assert joint[0] == clear[0] == ["applicant", "probability", "decision"]
    assert len(joint) == len(clear) == 301
    for (applicant, found, _), (expected, probability, _) in zip(joint[1:], clear[1:], strict=True):
        assert applicant == expected
        assert abs(float(found) - float(probability)) <= 2**-10
    assert sum(one[2] != two[2] for one, two in zip(joint, clear, strict=True)) <= 1  # one is that close to the cutoff
    for party in ("bureau", "bank", "employer", "registry"):
        assert "learns nothing" in ended[party][1]
        assert not re.search(r"G\d{4}|accept|decline", ended[party][1] + ended[party][2])
