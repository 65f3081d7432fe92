from __future__ import annotations

import asyncio

import pytest

from mpcnet.concurrency import to_its_end, together


async def value(number: int, ticks: int) -> int:
    for _ in range(ticks):
        await asyncio.sleep(0)
    return number


async def test_results_keep_their_order() -> None:
    assert await together(value(1, 5), value(2, 0), value(3, 2)) == [1, 2, 3]
    assert await together() == []


async def test_first_error_ends_the_others_and_is_raised_as_it_is() -> None:
    ended = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    before = asyncio.all_tasks()
    with pytest.raises(KeyError, match="x"):
        await together(waits(), fails(), waits())
    assert ended == [True, True]
    assert asyncio.all_tasks() == before


async def test_cancellation_reaches_all() -> None:
    ended = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    task = asyncio.create_task(together(waits(), waits()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True, True]


async def test_child_that_is_cancelled_ends_all() -> None:
    async def cancels_itself() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await together(asyncio.Event().wait(), cancels_itself())


async def test_what_has_to_be_done_is_done_whoever_cancels() -> None:
    done = []

    async def farewell() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        done.append(True)

    task = asyncio.create_task(to_its_end(farewell()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [True]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_its_error_is_raised_whoever_cancels() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    task = asyncio.create_task(to_its_end(fails()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(KeyError, match="x"):
        await task
