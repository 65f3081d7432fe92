"""Three hospitals describe a measurement over all their patients: mean, variance, histogram; no value leaves them.

    python examples/hospitals.py

The joint statistics go to all three; how many patients each has is public. Every formula is written as with NumPy.
"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

import mpcnet
from mpcnet import array as xp

PATIENTS = {"north": 40, "south": 25, "lake": 35}
EDGES = [4.0, 5.5, 7.0, 8.5, 10.0]  # mmol/l; the histogram has a bin below and one above


async def main(session: mpcnet.Session, measured: list[float]) -> dict[str, Any]:
    """What one hospital does.

    Args:
        measured: of its own patients.
    """
    sh = session.shamir(threshold=1)  # two hospitals together could find the third's values, none can alone
    values = xp.concat(
        [
            sh.input(
                np.array(measured) if hospital == session.name else None,
                owner=hospital,
                shape=(count,),
                dtype=sh.fixed(16, n_bits=32),
            )
            for hospital, count in PATIENTS.items()
        ]
    )
    mean, variance = xp.mean(values), xp.var(values)
    # for every patient and edge one secret bit: whether the value lies below; adding them up counts
    below = (values[:, None] < np.array(EDGES)).astype(sh.int()).sum(axis=0)

    # nothing above has waited for anything: this does, and rounds of independent operations are shared
    mean_seen, variance_seen, below_seen = await asyncio.gather(mean.reveal(), variance.reveal(), below.reveal())
    counts = np.diff([0, *below_seen, sum(PATIENTS.values())])
    return {"mean": float(mean_seen), "variance": float(variance_seen), "histogram": counts.tolist()}


if __name__ == "__main__":
    import mpcnet.local

    rng = np.random.default_rng(7)
    data = {name: np.round(rng.normal(6.5, 1.6, count), 2).tolist() for name, count in PATIENTS.items()}
    results = mpcnet.local.run(
        main, names=list(PATIENTS), each={name: {"measured": values} for name, values in data.items()}, check=True
    )
    everything = np.concatenate(list(data.values()))
    for result in results:
        found = result.value
        assert abs(found["mean"] - everything.mean()) < 1e-3
        assert abs(found["variance"] - everything.var()) < 1e-3
        assert found["histogram"] == np.histogram(everything, [-np.inf, *EDGES, np.inf])[0].tolist()
    print(f"{len(everything)} patients: mean {found['mean']:.3f}, variance {found['variance']:.3f}")
    for low, high, count in zip(["", *EDGES], [*EDGES, ""], found["histogram"], strict=True):
        print(f"{low:>5} to {high:<5} {'#' * count} {count}")
