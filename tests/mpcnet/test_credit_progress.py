"""How steps and results are shown: on a terminal, in plain lines, between processes, and as JSON."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
from rich.console import Console

from mpcnet.credit.features import Feature
from mpcnet.credit.job import ScoreJob, Scores
from mpcnet.credit.progress import (
    WORDS,
    PlainDisplay,
    Step,
    StepWriter,
    TerminalDisplay,
    counted,
    display_for,
    megabytes,
    read_step,
    step_of,
)
from mpcnet.credit.records import Records
from mpcnet.credit.report import DemoResult, PartyFacts, Quality, print_demo, print_scores, rate_in_words, run_facts
from mpcnet.credit.scorecard import Points, Scheme
from mpcnet.evaluate import Progress
from mpcnet.stats import Stats

RUN = [
    Step("compile"),
    Step("connect", detail="bank, bureau"),
    Step("connect", detail="bank"),
    Step("connected"),
    Step("agree", 3, 3, 700),
    Step("ot", 0, 1, 1200),
    Step("inputs", 300, 300, 3400),
    Step("evaluate", 100, 52500, 1_000_000),
    Step("evaluate", 52500, 52500, 1_760_000),
    Step("evaluate", 52500, 52500, 1_760_000),
    Step("outputs", 300, 300, 1_760_000),
    Step("done", bytes_sent=1_760_000),
]


def plain_console() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=100, force_terminal=False), stream


def test_plain_lines_say_each_step_once() -> None:
    console, stream = plain_console()
    with PlainDisplay(console, ["lender", "bank"], clock=lambda: 0.0) as display:
        for step in RUN:
            display.show("bank", step)
    assert stream.getvalue().splitlines() == [
        "bank    compiling kernels, first run only ...",
        "bank    waiting for bank, bureau",
        "bank    waiting for bank",
        "bank    connected",
        "bank    oblivious transfer, 1.2 kB sent",
        "bank    inputs in, 3.4 kB sent",
        "bank    100 of 52,500 AND gates, 1.0 MB sent",
        "bank    52,500 of 52,500 AND gates, 1.8 MB sent",
        "bank    done, 1.8 MB sent",
    ]


def test_plain_lines_go_on_while_a_step_takes_long() -> None:
    console, stream = plain_console()
    now = 0.0
    display = PlainDisplay(console, ["bank"], clock=lambda: now)
    for done in range(100):
        now = done * 0.1
        display.show("bank", Step("evaluate", done, 1000, done))
    assert len(stream.getvalue().splitlines()) == 5


def test_the_terminal_shows_a_line_for_each_party() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=120, force_terminal=True)
    display = display_for(console, ["lender", "bureau"])
    assert isinstance(display, TerminalDisplay)
    with display:
        for step in RUN:
            display.show("lender", step)
        display.show("bureau", Step("failed"))
    shown = stream.getvalue()
    for words in ("lender", "bureau", "1.8 MB sent", "done", "failed"):
        assert words in shown


def test_steps_survive_the_pipe() -> None:
    stream = io.StringIO()
    with StepWriter(stream) as writer:
        for step in RUN:
            writer.show("lender", step)
    found = [read_step(line) for line in stream.getvalue().splitlines()]
    assert all(pair is not None and pair[0] == "lender" for pair in found)
    steps = [pair[1] for pair in found if pair is not None]
    assert steps[0] == RUN[0]
    assert steps[-1] == RUN[-1]
    assert Step("evaluate", 52500, 52500, 1_760_000) in steps


def test_many_steps_are_thinned_out() -> None:
    stream = io.StringIO()
    writer = StepWriter(stream)
    for done in range(10_000):
        writer.show("lender", Step("evaluate", done, 10_000, done))
    assert len(stream.getvalue().splitlines()) < 1000


@pytest.mark.parametrize("line", ["", "hello", "3", "{}", '{"party": "x", "name": "dance"}', '["connected"]', "null"])
def test_other_lines_are_no_steps(line: str) -> None:
    assert read_step(line) is None


def test_every_phase_of_an_evaluation_has_words() -> None:
    for phase in ("agree", "prepare", "ot", "inputs", "evaluate", "outputs"):
        step = step_of(Progress(phase, 1, 2, 3, 4))
        assert step == Step(phase, 1, 2, 3)
        assert step.text
    assert step_of(Progress("a later invention", 1, 2, 3, 4)).name in WORDS


def test_bytes_for_people() -> None:
    sizes = (0, 1200, 999_949, 999_950, 1_500_000, 999_949_999, 999_950_000, 3_504_900_000)
    shown = ["0.0 kB", "1.2 kB", "999.9 kB", "1.0 MB", "1.5 MB", "999.9 MB", "1.0 GB", "3.5 GB"]
    assert [megabytes(n) for n in sizes] == shown


def test_counts_and_rates_for_people() -> None:
    assert [counted(n, "applicant") for n in (1, 2, 3000)] == ["1 applicant", "2 applicants", "3,000 applicants"]
    rates = [rate_in_words(rate) for rate in (0.0, 500.0, 35_000.0, 1_240_000.0)]
    assert rates == ["", "", ", 35 thousand a second", ", 1.2 million a second"]


def test_a_bar_is_not_full_before_anything_is_done() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=120, force_terminal=True, no_color=True)
    with TerminalDisplay(console, ["lender"]) as display:
        display.show("lender", Step("connect", detail="bank"))
    assert "waiting for bank" in stream.getvalue()
    assert "━" not in stream.getvalue()


def result(mismatches: int = 0) -> DemoResult:
    return DemoResult(
        parties=(PartyFacts("lender", 11, 100, 200, 10**8), PartyFacts("bank", 12, 200, 100, 10**8)),
        applicants=300,
        mismatches=mismatches,
        auc=Quality(0.64, 0.77),
        ks=Quality(0.27, 0.44),
        and_gates=52500,
        seconds={"connect": 0.1, "ot": 0.2, "evaluate": 0.5, "total": 1.0, "agree": 9.0},
        first=(("G1", "600", "accept"), ("G2", "400", "decline")),
        cross_validated=Quality(0.66, 0.78),
    )


def test_the_demos_json_is_what_was_promised() -> None:
    made = json.loads(json.dumps(result(2).as_dict()))
    assert made == {
        "parties": [
            {"name": "lender", "pid": 11, "bytes_sent": 100, "bytes_received": 200},
            {"name": "bank", "pid": 12, "bytes_sent": 200, "bytes_received": 100},
        ],
        "applicants": 300,
        "mismatches": 2,
        "auc": {"lender_alone": 0.64, "joint": 0.77},
        "ks": {"lender_alone": 0.27, "joint": 0.44},
        "and_gates": 52500,
        "seconds": {"connect": 0.1, "ot": 0.2, "evaluate": 0.5, "total": 1.0},
    }


def test_the_end_of_the_demo() -> None:
    console, stream = plain_console()
    print_demo(console, result())
    shown = stream.getvalue()
    for words in ("300 of 300, bit for bit", "G1", "600", "accept", "and 298 more", "0.640", "0.770", "0.66", "0.78"):
        assert words in shown
    assert "AND gates: 52,500, 105 thousand a second" in shown
    seconds = "Seconds: connecting 0.10, oblivious transfer 0.20, evaluating 0.50, in all 1.00 (phases can overlap)"
    assert seconds in shown


def test_the_end_of_a_demo_with_probabilities() -> None:
    first = (("G1", "0.912345", "accept"),)
    found = dataclasses.replace(
        result(), first=first, and_gates=0, cross_validated=None, max_difference=2.7e-05,
        seconds={"connect": 0.1, "ot": 0.0, "evaluate": 0.5, "total": 1.0},
    )  # fmt: skip
    console, stream = plain_console()
    print_demo(console, found)
    shown = stream.getvalue()
    assert "300 of 300, within 2^-10; the largest difference is 2.7e-05" in shown
    for words in ("probability", "0.912345", "Seconds: connecting 0.10, evaluating 0.50, in all 1.00"):
        assert words in shown
    for words in ("AND gates", "oblivious", "cross-validated", "bit for bit"):
        assert words not in shown
    assert found.as_dict()["max_difference"] == 2.7e-05
    assert "max_difference" not in result().as_dict()
    console, stream = plain_console()
    print_demo(console, dataclasses.replace(found, mismatches=2))
    assert "298 of 300, 2 DIFFER; the largest difference is 2.7e-05" in stream.getvalue()


def test_applicants_are_counted_on_shares() -> None:
    console, stream = plain_console()
    with PlainDisplay(console, ["bank"], clock=lambda: 0.0) as display:
        for done in (0, 8192, 10_000):
            display.show("bank", Step("score", done, 10_000, 5000))
    assert stream.getvalue().splitlines() == [
        "bank  0 of 10,000 applicants, 5.0 kB sent",
        "bank  10,000 of 10,000 applicants, 5.0 kB sent",
    ]


def test_few_applicants_are_no_measure() -> None:
    few = dataclasses.replace(result(), applicants=3)
    assert few.as_dict()["auc"] == {"lender_alone": 0.64, "joint": 0.77}
    for case in (few, dataclasses.replace(few, applicants=1, auc=None, ks=None)):
        console, stream = plain_console()
        print_demo(console, case)
        assert "too few applicants to measure how well the score separates" in stream.getvalue()
        assert "AUC" not in stream.getvalue()
        assert "bit for bit" in stream.getvalue()
    assert case.as_dict()["auc"] is None
    assert case.as_dict()["ks"] is None


def test_the_demo_does_not_hide_a_difference() -> None:
    console, stream = plain_console()
    print_demo(console, result(mismatches=3))
    assert "297 of 300, 3 DIFFER" in stream.getvalue()
    assert "bit for bit" not in stream.getvalue()


def test_only_the_lender_is_shown_scores() -> None:
    scheme = Scheme("s", "lender", 4, 10, (Feature("f", "bank", edges=(1,)),))
    bins = {"f": np.array([0, 1], np.uint8)}
    facts = {"and_gates": 10, "seconds": dict.fromkeys(("connect", "ot", "evaluate", "total"), 0.0)}
    facts |= {"bytes_sent": 1, "bytes_received": 2}
    bank = ScoreJob("bank", scheme, Records(("A17", "B23"), bins), None, 2)
    console, stream = plain_console()
    print_scores(console, bank, None, facts)
    assert "bank learns nothing" in stream.getvalue()
    assert "A17" not in stream.getvalue()
    lender = ScoreJob("lender", scheme, Records(("A17", "B23"), {}), Points(1, 2, {"f": (0, 1)}), 2)
    console, stream = plain_console()
    print_scores(console, lender, Scores(np.array([611, 512], np.int32), np.array([True, False])), facts)
    for words in ("A17", "611", "accept", "B23", "512", "decline", "At or above the cutoff: 1 of 2"):
        assert words in stream.getvalue()


def test_the_facts_of_a_run_hold_no_score() -> None:
    scheme = Scheme("s", "lender", 4, 10, (Feature("f", "bank", edges=(1,)),))
    job = ScoreJob("bank", scheme, Records(("A17",), {"f": np.array([0], np.uint8)}), None, 1)
    facts = run_facts(job, Stats().as_dict(), 7, 9)
    assert {"name", "pid", "applicants", "bytes_sent", "bytes_received", "and_gates", "peak_bytes"} <= set(facts)
    assert set(facts["seconds"]) == {"connect", "ot", "evaluate", "total"}
    assert "A17" not in json.dumps(facts)
