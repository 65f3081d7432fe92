"""What each of two or three equal parties does: one task after the other, each some times, in step with the others.

A task becomes a job, see `mpcnet.bench.jobs`: its engine is set up, and for each repetition its inputs are shared anew;
the engine and the first inputs are timed apart. Then all parties exchange a byte, so that all start at the same time;
each measures its own time, from shared inputs to shared outputs. When the stopwatch has stopped, what came out is
opened and compared with the same in the clear.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mpcnet.bench.jobs import find_job
from mpcnet.bench.timing import Sample, Stopwatch, peak_bytes
from protocols.tasks import swap

if TYPE_CHECKING:
    from mpcnet.session import Session, SessionMesh

__all__ = ["main"]


async def main(session: Session, *, tasks: Sequence[Mapping[str, Any]], path: str) -> list[dict[str, Any]]:
    """Run at every party; see `mpcnet.bench.crew`.

    Args:
        tasks: see `mpcnet.bench.crew.Task`.
        path: the AES kernels to use.
    Returns:
        for each task what `mpcnet.bench.crew.Measured` holds, of this party.
    """
    from protocols.kernels import cpu

    steps = session.mesh("step")
    with cpu.use(path):  # type: ignore[arg-type]
        await asyncio.to_thread(_load_kernels, {str(task["name"]).partition("-")[0][:-1] for task in tasks})
        return [await _run(session, steps, **task) for task in tasks]


def _load_kernels(engines: Collection[str]) -> None:
    """Load the kernels of some engines, and compile them where this machine has not yet: no part of their set-up."""
    from protocols.arithmetic import additive
    from protocols.boolean import levels
    from protocols.sharing import ring

    levels.warm_up()
    if "shamir" in engines:
        ring.warm_up(ring.MERSENNE127)
    if "additive" in engines:
        additive.warm_up()


async def _run(
    session: Session, steps: SessionMesh, name: str, count: int, repeats: int, instances: int
) -> dict[str, Any]:
    """One task: once to warm up, then `repeats` times with a stopwatch."""
    del instances  # a job knows by its count
    started = time.perf_counter()
    job = find_job(name)(session, count)
    await job.set_up()
    samples: list[Sample] = []
    n_bytes, setup_seconds = 0, 0.0
    for i in range(repeats + 1):
        await job.share()
        setup_seconds = setup_seconds or time.perf_counter() - started
        await swap(steps, b"\1", 1)
        before, watch = session.stats.bytes_sent, Stopwatch()
        await job.work()
        if i:
            samples.append(watch.stop())
            n_bytes = session.stats.bytes_sent - before
        await job.check()
        if session.party_id == 0:
            print(json.dumps({"name": name, "done": i, "of": repeats}), flush=True)
    return {
        "count": count,
        "bytes": n_bytes,
        "peak_bytes": peak_bytes(),
        "setup_seconds": setup_seconds,
        "samples": [[s.seconds, s.cpu_seconds, s.system_seconds] for s in samples],
    }
