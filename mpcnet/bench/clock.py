"""An event loop that skips the waiting: for networks in memory with latency and bandwidth.

When nothing is ready, no thread works for the loop and the next timer is due later, the clock jumps to that timer. With
`counts_work` the time that computing takes passes as always, so the clock shows what a run over such a network takes;
without it computing takes no time at all, and the clock shows trips alone, the same in every run.

Only for programs whose every wait is a timer of this loop or one of its threads: no sockets, no subprocesses.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

__all__ = ["SkippingLoop", "run_skipping"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Selector(selectors.DefaultSelector):
    """Asks the loop before it sleeps."""

    loop: SkippingLoop | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0 or self.loop is None:
            return super().select(timeout)
        ready = super().select(0)
        if ready:
            return ready
        if self.loop.n_working:
            return super().select(timeout if self.loop.counts_work else None)
        self.loop.skip(timeout)
        return []


class SkippingLoop(asyncio.SelectorEventLoop):
    """See above.

    Args:
        counts_work: whether computing takes time.

    Attributes:
        n_working: calls that run in threads.
    """

    def __init__(self, *, counts_work: bool = True) -> None:
        selector = _Selector()
        super().__init__(selector)
        self.counts_work, self.n_working = counts_work, 0
        self._skipped = 0.0
        selector.loop = self

    def time(self) -> float:
        """Seconds by the clock that skips."""
        return self._skipped + (super().time() if self.counts_work else 0.0)

    def skip(self, seconds: float) -> None:
        """Let time pass."""
        self._skipped += seconds

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """As ever, and counted."""
        self.n_working += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._finished)
        return future

    def _finished(self, future: asyncio.Future[Any]) -> None:
        self.n_working -= 1


def run_skipping(main: Coroutine[Any, Any, T], *, counts_work: bool = True) -> T:
    """`asyncio.run` on such a loop."""
    with asyncio.Runner(loop_factory=lambda: SkippingLoop(counts_work=counts_work)) as runner:
        return runner.run(main)
