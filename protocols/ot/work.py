"""Where the arithmetic runs: long work in a thread, so that the event loop goes on, and tasks that end together.

Whoever wants to know how long the work takes sets `watcher`, for its own task and those that it starts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

__all__ = ["run", "together", "watcher"]

T = TypeVar("T")

watcher: ContextVar[Callable[[Callable[..., Any], float, float], None] | None] = ContextVar("watcher", default=None)
"""Called with a function that has run, and the seconds of `time.perf_counter` when it began and when it was done."""


async def run(function: Callable[..., T], *arguments: Any, long: bool) -> T:
    """Call a function; in a thread where it is long, 10 ms or so."""
    watch = watcher.get()
    if watch is None:
        return await asyncio.to_thread(function, *arguments) if long else function(*arguments)
    start = time.perf_counter()
    result = await asyncio.to_thread(function, *arguments) if long else function(*arguments)
    watch(function, start, time.perf_counter())
    return result


async def together(first: Coroutine[Any, Any, Any], second: Coroutine[Any, Any, Any]) -> None:
    """Run both until both are done; when one fails the other is cancelled, and its error is raised as it is."""
    tasks = [asyncio.ensure_future(first), asyncio.ensure_future(second)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
