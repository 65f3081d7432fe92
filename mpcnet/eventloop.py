"""The event loop of a process that is nothing but one role, and the threads of its long work."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import NoReturn

__all__ = ["exit_process", "new_event_loop"]

THREAD_NAME = "mpcnet"
JOIN_SECONDS = 0.05


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop where that is installed (the extra `speed`), else of asyncio.

    Its threads are there from the beginning, and end without another one: a thread that starts where memory has run
    out may never say that it has started, and who waits for it waits for ever. The end of the loop waits for what its
    threads do, but not where one compiles a kernel for a run that is over: that takes half a minute, and the next run
    does it again.
    """
    try:
        import uvloop
    except ImportError:
        loop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    count = min(32, (os.cpu_count() or 1) + 4)  # as asyncio
    threads = ThreadPoolExecutor(count, thread_name_prefix=THREAD_NAME)
    meet, started = threading.Barrier(count), list[threading.Thread]()

    def begin() -> None:
        started.append(threading.current_thread())
        meet.wait()

    try:
        for _ in range(count):
            threads.submit(begin)
    except RuntimeError:  # no more threads are to be had: those that are there do
        meet.abort()
    loop.set_default_executor(threads)

    async def shut_down(timeout: float | None = None) -> None:
        threads.shutdown(wait=False)
        for thread in started:
            while thread.is_alive() and not _compiles(thread):
                thread.join(JOIN_SECONDS)

    loop.shutdown_default_executor = shut_down  # type: ignore[method-assign]
    return loop


def exit_process(code: int) -> NoReturn:
    """End this process, a role that has said all it has to say, without waiting for a kernel that is being compiled."""
    if any(thread.name.startswith(f"{THREAD_NAME}_") and _compiles(thread) for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):  # nobody reads any more
                continue
        os._exit(code)
    sys.exit(code)


def _compiles(thread: threading.Thread) -> bool:
    """Whether Numba compiles in that thread just now."""
    frame: FrameType | None = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("numba.core."):
            return True
        frame = frame.f_back
    return False
