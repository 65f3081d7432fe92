"""Memory does not grow with the number of applicants."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mpcnet.credit.demo import run_demo
from mpcnet.credit.progress import PlainDisplay
from mpcnet.credit.report import DemoResult


def run(applicants: int) -> DemoResult:
    console = Console(file=io.StringIO())
    return run_demo(PlainDisplay(console, ["lender", "bureau", "bank"]), applicants=applicants)


@pytest.mark.timeout(240)
def test_ten_times_the_applicants_take_the_same_memory() -> None:
    some, many = run(3_000), run(30_000)
    assert (some.mismatches, many.mismatches) == (0, 0)
    assert many.and_gates == 10 * some.and_gates
    for before, after in zip(some.parties, many.parties, strict=True):
        assert before.name == after.name
        assert after.peak_bytes < 1.05 * before.peak_bytes, before.name
    # 33 bytes for each AND gate arrive at the bank: none of it stays
    assert many.parties[2].bytes_received > 150_000_000
