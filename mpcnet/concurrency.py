"""Awaitables that run side by side and end together, and what is awaited to its end whoever cancels."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from protocols.tasks import all_of

__all__ = ["take_back", "to_its_end", "together"]


async def together(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """As `protocols.tasks.all_of`: results in order, or the first error as it is, and the others are cancelled."""
    return await all_of(coroutines)


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await what has to be done in any case, and takes no longer than a farewell: also where this task is cancelled
    meanwhile, once or several times. The cancellation is raised afterwards.
    """
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None and not task.cancelled() and task.exception() is None:
        raise cancelled
    task.result()


async def take_back(task: asyncio.Task[Any], before: int) -> None:
    """Let a cancellation that this side asked for, and no longer means, pass where it has not been raised yet.

    Args:
        task: the current one; `uncancel` has been called.
        before: its count of cancellations that others asked for; one more is raised.
    """
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        if task.cancelling() > before:
            raise
