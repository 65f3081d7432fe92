"""The fault matrix in its short form: some of each kind of fault, in different phases, at different parties.

`scripts/chaos` runs all of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from mpcnet.config import Deadlines
from tests.chaos.arena import Arena
from tests.chaos.plan import FAULTS, PHASES, Cell
from tests.chaos.table import COLUMNS, markdown

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
TIMES = Deadlines(connect=15.0, liveness=3.0, total=60.0, phase=10.0, retry=5.0)

SHORT = [
    ("garbling", "kill -9", "bank"),
    ("ot", "SIGSTOP", "lender"),
    ("inputs", "reset", "bureau"),
    ("hello", "closed socket", "lender"),
    ("opening", "flipped byte", "lender"),
    ("hello", "other job", "bank"),
    ("garbling", "doubled frame", "lender"),
    ("garbling", "full disk at the record", "bureau"),
    ("inputs", "clock jump", "bank"),
    ("signing", "kill -9", "bureau"),
]


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    made = Arena(tmp_path_factory.mktemp("chaos") / "parties", deadlines=TIMES)
    yield made
    made.close()


@pytest.mark.parametrize(("phase", "fault", "victim"), SHORT)
def test_fault_is_survived_or_named(arena: Arena, phase: str, fault: str, victim: str) -> None:
    chosen = next(one for one in FAULTS if one.name == fault)
    outcome = arena.run(Cell(phase, chosen, victim))
    assert outcome.is_good, outcome
    if fault in ("kill -9", "SIGSTOP", "reset", "flipped byte", "doubled frame", "other job"):
        # the same line at all that lived; in the phase of signing their results stand, and nothing failed
        assert len(outcome.texts) == (phase != "signing")
    if fault in ("clock jump", "closed socket"):
        assert outcome.ended_well
    table = markdown([outcome])
    assert table.count("\n") == 4
    assert all(column in table for column in COLUMNS)


def test_every_fault_has_its_phases() -> None:
    assert len(FAULTS) == 16
    assert all(set(fault.phases) <= set(PHASES) for fault in FAULTS)
