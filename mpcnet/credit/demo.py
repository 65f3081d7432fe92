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
from mpcnet.credit.job import check_count, check_protocol, decision_word, default_protocol
from mpcnet.credit.metrics import auc, ks
from mpcnet.credit.party import SCORES_FILE
from mpcnet.credit.prepare import (
    LENDER,
    MODELS,
    SCHEME_FILE,
    ModelFiles,
    Truth,
    address_of,
    expected_scores,
    free_ports,
    installed_scheme,
    prepare,
)
from mpcnet.credit.progress import Display
from mpcnet.credit.records import read_records
from mpcnet.credit.report import SHOWN, DemoResult, PartyFacts, Quality

__all__ = ["TOLERANCE", "run_demo"]

TOLERANCE = 2.0**-10
"""How far a probability computed in fixed point may be from the one in the clear."""


def run_demo(
    display: Display,
    *,
    n_parties: int = german.MIN_PARTIES,
    applicants: int | None = None,
    protocol: str | None = None,
    model: str = "scorecard",
) -> DemoResult:
    """Prepare a folder for each party, run a process on each, compare.

    Args:
        display: shows the parties' progress.
        n_parties: among how many the columns are split, see `german.held`.
        applicants: how many to score; 300 by default.
        protocol: how; by default that of `job.default_protocol`.
        model: "scorecard" or "logistic".
    Raises:
        ConfigError: no such number of applicants can be scored, or not this model with this protocol.
        PartiesFailed: a party ended with an error; its message says which and why.
    """
    if applicants is not None:
        check_count(applicants)
    scheme = installed_scheme(model)
    protocol = protocol or default_protocol(scheme)
    check_protocol(scheme, protocol)
    parties = list(german.held(n_parties))
    with tempfile.TemporaryDirectory(prefix="mpcnet-demo-") as name, free_ports(parties) as sockets:
        folder = Path(name)
        addresses = {party: address_of(bound) for party, bound in sockets.items()}
        configs = prepare(folder, n_parties, model=model, addresses=addresses, deadlines=Deadlines())
        with display:
            children = asyncio.run(run_children(folder, configs, sockets, applicants, protocol, display))
        raise_failure(children)
        return _compare(folder, children, MODELS[model])


def _compare(folder: Path, children: Sequence[Child], files: ModelFiles) -> DemoResult:
    """Read what the parties wrote, and compare it with the truth."""
    facts = {child.name: json.loads((folder / f"{child.name}.json").read_text(encoding="utf-8")) for child in children}
    lender, count = facts[LENDER], int(facts[LENDER]["applicants"])
    truth = expected_scores(folder)
    joint, accepted, right, first = np.zeros(count), np.zeros(count, np.bool_), np.zeros(count, np.bool_), []
    with (folder / LENDER / SCORES_FILE).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for i, (applicant, score, decision) in enumerate(islice(rows, count)):
            joint[i], accepted[i] = float(score), decision == decision_word(True)
            right[i] = applicant == truth.records.name_of(i)
            if i < SHOWN:
                first.append((applicant, score, decision))
    right &= agreeing(joint, accepted, truth)
    good = np.resize(german.load("scored").good, count)
    alone = np.resize(_scores_of_lender_alone(folder, files), count)
    measurable = bool(good.any() and not good.all())
    crossed = tomllib.loads(german.read_text(files.report)).get("cross_validation")
    return DemoResult(
        parties=tuple(
            PartyFacts(n, facts[n]["pid"], facts[n]["bytes_sent"], facts[n]["bytes_received"], facts[n]["peak_bytes"])
            for n in facts
        ),
        applicants=count,
        mismatches=count - int(right.sum()),
        auc=Quality(auc(alone, good), auc(joint, good)) if measurable else None,
        ks=Quality(ks(alone, good), ks(joint, good)) if measurable else None,
        and_gates=lender["and_gates"],
        seconds=lender["seconds"],
        first=tuple(first),
        cross_validated=Quality(crossed["lender_alone"]["auc"], crossed["joint"]["auc"]) if crossed else None,
        max_difference=None if truth.exact else float(np.abs(joint - np.resize(truth.scores.score, count)).max()),
    )


def agreeing(joint: NDArray[np.float64], accepted: NDArray[np.bool_], truth: Truth) -> NDArray[np.bool_]:
    """Where joint results are the true ones: points bit for bit, probabilities within TOLERANCE.

    A decision on a probability may differ where the true one is that close to the cutoff.
    """
    expected = np.resize(truth.scores.score, len(joint))
    same = accepted == np.resize(truth.scores.accepted, len(joint))
    if truth.exact:
        return np.asarray((joint == expected) & same)
    return np.asarray((np.abs(joint - expected) <= TOLERANCE) & (same | (np.abs(expected - truth.cutoff) <= TOLERANCE)))


def _scores_of_lender_alone(folder: Path, files: ModelFiles) -> NDArray[Any]:
    """What the lender would score without the others, with the model fitted on its own columns."""
    scheme = load_scheme(folder / LENDER / SCHEME_FILE).only([LENDER])
    records = read_records(folder / LENDER / f"{LENDER}.csv", scheme.features)
    with german.installed(files.alone) as path:
        return load_points(path, scheme).score(records.values)
