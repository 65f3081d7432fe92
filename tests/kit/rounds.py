"""Rounds, counted: an event loop whose clock stands still while anything can go on.

    seconds, result = run_in_rounds(main)       with the temper "delayed": each message takes one second

The seconds that pass in such a loop are the longest chain of messages that wait for each other, whatever is said
beside it. Work for threads is done in place, so that the clock never runs ahead of it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Instead of waiting it moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "every task waits, and nothing is on its way: a deadlock"
        self.now += max(timeout, 0)
        return super().select(0)


class RoundsLoop(asyncio.SelectorEventLoop):
    """The loop."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def run_in_executor(self, executor: Any, function: Callable[..., Any], *args: Any) -> Any:
        done = self.create_future()
        try:
            done.set_result(function(*args))
        except Exception as error:
            done.set_exception(error)
        return done


def run_in_rounds(main: Callable[[], Awaitable[T]]) -> tuple[float, T]:
    """Run a program to its end; the virtual seconds that passed, and its result."""

    async def timed() -> tuple[float, T]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        result = await main()
        return loop.time() - start, result

    with asyncio.Runner(loop_factory=RoundsLoop) as runner:
        return runner.run(timed())
