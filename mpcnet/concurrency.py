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
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        pending = set(tasks)
        while pending:  # FIRST_EXCEPTION would not count a child that was cancelled
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
