"""Awaitables that run side by side and end together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ["together"]


async def together(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run all until all are done, and return their results in order.

    When one fails the others are cancelled and waited for, and the first error is raised as it is: no group of them.
    """
    if not coroutines:
        return []
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failed = [task for task in tasks if task.done() and (task.cancelled() or task.exception() is not None)]
        if failed:
            failed[0].result()
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
