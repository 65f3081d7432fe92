"""The demo: institutions as processes on this machine, over TLS on loopback, on real credit data.

`mpcnet.credit.prepare` writes the folder of each, `mpcnet.credit.children` runs `mpcnet score` on each, as if started
by hand. This process alone knows everything: it compares the joint scores with scoring in the clear.
"""

from __future__ import annotations

import asyncio
import csv
import json
import tempfile
import tomllib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.config import Deadlines
from mpcnet.credit import german
from mpcnet.credit.children import Child, raise_failure, run_children
from mpcnet.credit.files import load_points, load_scheme
from mpcnet.credit.job import check_count
from mpcnet.credit.metrics import auc, ks
from mpcnet.credit.party import SCORES_FILE
from mpcnet.credit.prepare import LENDER, SCHEME_FILE, address_of, expected_scores, free_ports, prepare
from mpcnet.credit.progress import Display
from mpcnet.credit.records import read_records
from mpcnet.credit.report import SHOWN, DemoResult, PartyFacts, Quality

__all__ = ["run_demo"]

ALONE_FILE = "lender_alone.toml"


def run_demo(
    display: Display,
    *,
    n_parties: int = german.MIN_PARTIES,
    applicants: int | None = None,
    protocol: str = "yao",
) -> DemoResult:
    """Prepare a folder for each party, run a process on each, compare.

    Args:
        display: shows the parties' progress.
        n_parties: among how many the columns are split, see `german.held`.
        applicants: how many to score; 300 by default.
        protocol: "yao" or "gmw".
    Raises:
        ConfigError: no such number of applicants can be scored.
        PartiesFailed: a party ended with an error; its message says which and why.
    """
    if applicants is not None:
        check_count(applicants)
    parties = list(german.held(n_parties))
    with tempfile.TemporaryDirectory(prefix="mpcnet-demo-") as name, free_ports(parties) as sockets:
        folder = Path(name)
        addresses = {party: address_of(bound) for party, bound in sockets.items()}
        configs = prepare(folder, n_parties, addresses=addresses, deadlines=Deadlines())
        with display:
            children = asyncio.run(run_children(folder, configs, sockets, applicants, protocol, display))
        raise_failure(children)
        return _compare(folder, children)


def _compare(folder: Path, children: Sequence[Child]) -> DemoResult:
    """Read what the parties wrote, and compare it with the truth."""
    facts = {child.name: json.loads((folder / f"{child.name}.json").read_text(encoding="utf-8")) for child in children}
    lender, count = facts[LENDER], int(facts[LENDER]["applicants"])
    records, truth = expected_scores(folder)
    expected = [row[1:] for row in truth.rows(records)]
    joint, first, right = np.empty(count, dtype=np.int64), [], 0
    with (folder / LENDER / SCORES_FILE).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for i, (applicant, points, decision) in enumerate(islice(rows, count)):
            row = (applicant, int(points), decision)
            right += row == (records.name_of(i), *expected[i % len(expected)])
            joint[i] = row[1]
            if i < SHOWN:
                first.append(row)
    good = np.resize(german.load("scored").good, count)
    alone = np.resize(_scores_of_lender_alone(folder), count)
    measurable = bool(good.any() and not good.all())
    report: dict[str, Any] = tomllib.loads(german.read_text("report.toml"))["cross_validation"]
    return DemoResult(
        parties=tuple(
            PartyFacts(n, facts[n]["pid"], facts[n]["bytes_sent"], facts[n]["bytes_received"], facts[n]["peak_bytes"])
            for n in facts
        ),
        applicants=count,
        mismatches=count - right,
        auc=Quality(auc(alone, good), auc(joint, good)) if measurable else None,
        ks=Quality(ks(alone, good), ks(joint, good)) if measurable else None,
        and_gates=lender["and_gates"],
        seconds=lender["seconds"],
        first=tuple(first),
        cross_validated=Quality(report["lender_alone"]["auc"], report["joint"]["auc"]),
    )


def _scores_of_lender_alone(folder: Path) -> NDArray[np.int64]:
    """What the lender would score without the others, with the card fitted on its own columns."""
    scheme = load_scheme(folder / LENDER / SCHEME_FILE).only([LENDER])
    records = read_records(folder / LENDER / f"{LENDER}.csv", scheme.features)
    with german.installed(ALONE_FILE) as path:
        return load_points(path, scheme).score(records.bins)
