"""The event loop of a process that is nothing but one role, and the threads of its long work."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

__all__ = ["new_event_loop"]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop where that is installed (the extra `speed`), else of asyncio.

    Its threads are there from the beginning, and end without another one: a thread that starts where memory has run
    out may never say that it has started, and who waits for it waits for ever.
    """
    try:
        import uvloop
    except ImportError:
        loop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    count = min(32, (os.cpu_count() or 1) + 4)  # as asyncio
    threads = ThreadPoolExecutor(count, thread_name_prefix="mpcnet")
    meet = threading.Barrier(count)
    try:
        for _ in range(count):
            threads.submit(meet.wait)
    except RuntimeError:  # no more threads are to be had: those that are there do
        meet.abort()
    loop.set_default_executor(threads)

    async def shut_down(timeout: float | None = None) -> None:
        threads.shutdown()

    loop.shutdown_default_executor = shut_down  # type: ignore[method-assign]
    return loop
