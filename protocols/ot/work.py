"""Where the arithmetic runs: long work in a thread, so that the event loop goes on, and tasks that end together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["run", "together"]

T = TypeVar("T")


async def run(function: Callable[..., T], *arguments: Any, long: bool) -> T:
    """Call a function; in a thread where it is long, 10 ms or so."""
    return await asyncio.to_thread(function, *arguments) if long else function(*arguments)


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
