"""The end of a process: what its threads do is waited for, and a kernel that is being compiled is not."""

from __future__ import annotations

import asyncio
import os
import threading
import types
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from mpcnet.eventloop import exit_process
from mpcnet.runtime import run_until_done


class Compiler:
    """Work in a thread that looks like Numba's, and does not end before it is told to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.thread: threading.Thread | None = None

        def work() -> None:
            self.thread = threading.current_thread()
            self.begun.set()
            self.go_on.wait()

        names = {**globals(), "__name__": "numba.core.x"}
        self.work: Callable[[], None] = types.FunctionType(work.__code__, names, closure=work.__closure__)


async def fail_beside(work: Callable[[], None], begun: threading.Event) -> None:
    asyncio.get_running_loop().run_in_executor(None, work)
    await asyncio.to_thread(begun.wait)
    raise LookupError("the run is over")


@pytest.mark.timeout(30)
def test_a_kernel_is_not_waited_for_once_the_run_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = Compiler()
    codes: list[int] = []

    def leave(code: int) -> NoReturn:
        codes.append(code)
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    try:
        with pytest.raises(LookupError, match="the run is over"):
            run_until_done(lambda: fail_beside(compiler.work, compiler.begun))
        assert compiler.thread is not None
        assert compiler.thread.is_alive()
        with pytest.raises(SystemExit):
            exit_process(4)
        assert codes == [4]
    finally:
        compiler.go_on.set()
    compiler.thread.join()
    with pytest.raises(SystemExit) as caught:
        exit_process(5)
    assert (caught.value.code, codes) == (5, [4])


def test_other_work_in_a_thread_is_waited_for() -> None:
    done: list[Any] = []
    begun, waited = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        waited.wait(0.3)
        done.append(True)

    with pytest.raises(LookupError):
        run_until_done(lambda: fail_beside(work, begun))
    assert done == [True]
