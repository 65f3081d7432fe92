"""Rows of processes that are started anew for each repetition: how long they take from connecting to a result.

The clock runs from the moment when the last party begins to connect, with everything imported and loaded, to the moment
when the last has the result; `time.perf_counter` is one clock for all processes of a machine on Linux and macOS.
"""

from __future__ import annotations

from collections.abc import Callable

from mpcnet import local
from mpcnet.bench.rows import Row, Work, make_row
from mpcnet.bench.timing import Sample

__all__ = ["measure_fresh"]

SECONDS = 60.0


def measure_fresh(work: Work, repeats: int, on_done: Callable[[int], None]) -> Row:
    """`mpcnet.bench.trivial` among so many parties.

    Raises:
        PartyFailed: a party failed.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in local.default_names(work.parties)}
    n_bytes = 0
    for done in range(1, repeats + 1):
        results = local.run(
            "mpcnet.bench.trivial:main", work.parties, kwargs={"clock": True}, seconds=SECONDS, check=True
        )
        start = max(result.value[0] for result in results)
        n_bytes = sum(result.stats["bytes_sent"] for result in results)
        for result in results:
            _, end, cpu_seconds = result.value
            samples[result.name].append(Sample(end - start, cpu_seconds))
        on_done(done)
    return make_row(work, "tls", 1, n_bytes, samples, "")
