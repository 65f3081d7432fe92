"""The measurements run, and their file has the form that is promised. How fast they are is nobody's business here."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

from mpcnet.bench.rows import WORKS
from mpcnet.cli.app import main

LOCAL = [
    "aes-ecb-blocks",
    "garble-tiles",
    "evaluate-tiles",
    "garble-single",
    "evaluate-single",
    "bristol-load",
    "trace",
]
YAO = ["yao-aes", "yao-sha256", "yao-mul32", "yao-cmp32"]
TLS = ["yao-aes-once", "random-ot-k2", "random-ot-k4", "chosen-ot", "base-ot", "tls-stream"]
MEMBERS = {
    **{f"shamir3-{work}": 3 for work in ("mul", "less", "mul-fixed", "matmul-fixed", "logistic")},
    **{f"additive2-{work}": 2 for work in ("mul", "less")},
    "gmw2-aes": 2,
}
FRESH = {"trivial3": 3}


PAIR = {(name, "local") for name in LOCAL} | {(name, "tls") for name in TLS} | set(product(YAO, ("tls", "tcp")))
EQUAL = {(name, "tls") for name in MEMBERS | FRESH}


def test_every_row_is_tested() -> None:
    assert {(work.name, link) for work in WORKS for link in work.links} == PAIR | EQUAL


@pytest.mark.parametrize("expected", [PAIR, EQUAL], ids=["pair", "equal"])
def test_every_row_runs_and_is_written(expected: set[tuple[str, str]], tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    names = ",".join({name for name, _ in expected})
    assert main(["bench", "--quick", "--only", names, "--json", str(file)]) == 0
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert {(row["name"], row["link"]) for row in rows} == expected
    assert len(rows) == len(expected)
    for row in rows:
        assert {"name", "count", "seconds", "per_second", "bytes", "link"} <= set(row)
        assert row["count"] > 0
        assert row["seconds"] > 0
        assert row["per_second"] == pytest.approx(row["count"] / row["seconds"])
        assert row["bytes"] >= 0
        assert row["parties"] == (1 if row["link"] == "local" else (MEMBERS | FRESH).get(row["name"], 2))
        assert (row["setup_seconds"] > 0) == (row["name"] in MEMBERS)


def test_a_row_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--only", "yao-des"]) == 2
    assert "yao-des" in capsys.readouterr().err
