"""How kernels are compiled: once, without the GIL, and kept on disk for the next process.

The first compilation of a process is told, for it may take a minute: to the log `protocols.kernels`, as a warning,
which Python shows on stderr where nobody has set up logging; or to whoever asked by `on_compile`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import event

__all__ = ["kernel", "on_compile"]

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}


class _Teller(event.Listener):
    """Tells the first compilation; what is found on disk is none."""

    def __init__(self) -> None:
        self.tell: Callable[[], None] | None = lambda: logging.getLogger("protocols.kernels").warning(
            "compiling kernels, once on this machine: up to a minute"
        )

    def on_start(self, event: Any) -> None:
        tell, self.tell = self.tell, None
        if tell is not None:
            tell()

    def on_end(self, event: Any) -> None:
        pass


_teller = _Teller()
event.register("numba:compile", _teller)


def on_compile(tell: Callable[[], None]) -> None:
    """Have `tell` called when this process compiles something for the first time from now on, in whatever thread."""
    _teller.tell = tell


@cache
def _stamp() -> str:
    """A hash of every source in this folder: compiled code holds what it took from its neighbours."""
    h = hashlib.blake2b(digest_size=16)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        h.update(path.name.encode() + b"\0" + hashlib.blake2b(path.read_bytes()).digest())
    return h.hexdigest()


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call; the machine code is kept beside the source, or in the user's cache folder.

    Numba renews what it kept when the file of the function changes, but not when a file does whose intrinsics or
    constants it took in; here it does so when any file of this folder changes. Where no folder can be written,
    every process compiles anew.
    """
    try:
        dispatcher = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # "no locator available": neither the source's folder nor the user's can be written
        return numba.njit(**_OPTIONS)(function)
    # Numba has no public name for this; tests/protocols/test_kernels.py notices when it moves.
    cache_file: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if hasattr(cache_file, "_source_stamp"):
        cache_file._source_stamp = _stamp()
    return dispatcher
