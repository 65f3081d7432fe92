"""Secret arrays between processes over TLS."""

from __future__ import annotations

import numpy as np

from mpcnet import local
from mpcnet.config import Deadlines
from tests.integration import array_programs as programs


def test_scores() -> None:
    results = local.run(programs.score, 3, seconds=110, check=True)
    features, weights = programs.known()
    expected = features @ weights
    for i, result in enumerate(results):
        approved, total = result.value
        assert (approved is not None) == (i == 2)
        assert (total is not None) == (i in (0, 2))
        assert total is None or np.abs(total - expected).max() < 2**-14
        assert approved is None or (approved == (total > 0.5)).all()
        (computation,) = result.stats["computations"]
        assert computation["bytes_sent"] > 0
        assert [reveal["shape"] for reveal in computation["reveals"]] == [[200], [200]]
        assert computation["inputs"] == {"party0": 1200, "party2": 6}


def test_killed_party_is_outlived() -> None:
    victim = "party1"
    deadlines = Deadlines(liveness=5)
    results = local.run(programs.goes_on, 4, args=(victim,), seconds=110, deadlines=deadlines)
    x = np.arange(1000) - 500
    y = x
    for _ in range(3):
        y = (y * x) % 1009
    for result in results:
        if result.name == victim:
            assert result.error is not None
            assert result.error.kind == "Killed"
            continue
        assert result.error is None, result.error
        assert result.value == ((y < x).sum(), y.max(), [victim])
        assert result.stats["computations"][0]["lost"] == [victim]
