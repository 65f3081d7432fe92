"""Repetitions and what each of them took."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Sample", "Stopwatch", "peak_bytes", "repeat"]


@dataclass(frozen=True)
class Sample:
    """One repetition.

    Attributes:
        seconds: by the clock.
        cpu_seconds: of the processor, all threads of this process, the kernel's work for it included.
        system_seconds: the kernel's part of that.
    """

    seconds: float
    cpu_seconds: float
    system_seconds: float = 0.0


class Stopwatch:
    """Starts when it is made; `stop` gives the sample."""

    def __init__(self) -> None:
        self._system = _system_seconds()
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def stop(self) -> Sample:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return Sample(wall, cpu, _system_seconds() - self._system)


def repeat(function: Callable[[], Any], repeats: int, on_done: Callable[[int], None] | None = None) -> list[Sample]:
    """Call a function once to warm up, then `repeats` times with a stopwatch.

    Args:
        on_done: called with the number of repetitions so far.
    """
    function()
    samples = []
    for i in range(repeats):
        watch = Stopwatch()
        function()
        samples.append(watch.stop())
        if on_done is not None:
            on_done(i + 1)
    return samples


def peak_bytes() -> int:
    """The most memory that this process has held so far."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _system_seconds() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_stime
