"""Awaitables that run side by side and end together."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from protocols.tasks import all_of

__all__ = ["together"]


async def together(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """As `protocols.tasks.all_of`: results in order, or the first error as it is, and the others are cancelled."""
    return await all_of(coroutines)
