"""Awaitables that run side by side and end together, and what is awaited to its end whoever cancels."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from protocols.errors import StateError
from protocols.tasks import all_of

__all__ = ["Body", "to_its_end", "together"]


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


class Body:
    """The task in which a body runs: this side may cancel it, which is told apart from what others cancel.

    Args:
        what: whose body it is, for the error.
    Raises:
        StateError: this is no task.
    """

    def __init__(self, what: str) -> None:
        task = asyncio.current_task()
        if task is None:
            raise StateError(f"{what} is entered inside a task")
        self._task, self._before, self._cancelled = task, task.cancelling(), False

    def cancel(self) -> None:
        """Cancel the body where it waits."""
        if not self._task.done():
            self._cancelled = True
            self._task.cancel()

    async def leave(self, error: BaseException | None) -> bool:
        """The body has ended, with this error or None; whether it was others who cancelled it.

        A cancellation that this side asked for, and that was not raised in the body any more, passes here.
        """
        others = self._task.uncancel() > self._before if self._cancelled else True
        if self._cancelled and error is None and not others:
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                if self._task.cancelling() > self._before:
                    raise
        # a count without a CancelledError means nothing: TaskGroup leaves one behind before Python 3.13
        return others and isinstance(error, asyncio.CancelledError)
