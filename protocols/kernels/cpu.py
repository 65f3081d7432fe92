"""Which AES this process uses: the widest that the CPU has, or the portable one.

    vaes512    four blocks in a register (AVX-512 and VAES)
    vaes       two blocks (AVX2 and VAES)
    aesni      one block (AES-NI)
    portable   no instruction of ours: AES through `cryptography`, the rest in NumPy and plain Numba

All of them give the same bytes. A kernel is written once and takes `lanes`, a tuple whose length is the number of
blocks in a register: its value means nothing, its type makes Numba compile (and keep on disk) one version for each
length.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Literal

__all__ = ["Path", "available", "lanes", "path", "use"]

Path = Literal["vaes512", "vaes", "aesni", "portable"]

_NEEDS: dict[Path, tuple[str, ...]] = {
    "vaes512": ("aes", "avx512f", "avx512vl", "vaes"),
    "vaes": ("aes", "avx2", "vaes"),
    "aesni": ("aes", "sse4.1"),
    "portable": (),
}
_LANES: dict[Path, tuple[int, ...]] = {"vaes512": (0, 0, 0, 0), "vaes": (0, 0), "aesni": (0,), "portable": ()}
_forced: ContextVar[Path | None] = ContextVar("aes_path", default=None)


def _features() -> frozenset[str]:
    """Features of this CPU that Numba compiles for; empty where our intrinsics do not exist."""
    if platform.machine().lower() not in ("x86_64", "amd64") or sys.maxsize < 2**32:
        return frozenset()
    import llvmlite.binding
    from numba.core import config

    if getattr(config, "DISABLE_JIT", False):
        return frozenset()
    text = getattr(config, "CPU_FEATURES", None)  # set by NUMBA_CPU_FEATURES, and empty when NUMBA_CPU_NAME=generic
    if text is None:
        text = llvmlite.binding.get_host_cpu_features().flatten()
    return frozenset(word.strip()[1:] for word in text.split(",") if word.strip().startswith("+"))


@cache
def available() -> tuple[Path, ...]:
    """The paths that work here, the fastest first; `portable` is always the last."""
    features = _features()
    return tuple(name for name, needs in _NEEDS.items() if features.issuperset(needs))


def path() -> Path:
    """The path in use: the fastest that works here, unless `use` says otherwise."""
    return _forced.get() or available()[0]


def lanes() -> tuple[int, ...]:
    """The `lanes` argument of the kernels on the path in use; empty on the portable one, which calls none of them."""
    return _LANES[path()]


@contextmanager
def use(name: Path) -> Iterator[None]:
    """Take this path within the block, in this task and in the threads it starts with `asyncio.to_thread`.

    For tests and measurements; both ends of a protocol may take different paths.

    Raises:
        ValueError: this machine does not have it.
    """
    if name not in available():
        raise ValueError(f"no AES path {name!r} here; there are {', '.join(available())}")
    token = _forced.set(name)
    try:
        yield
    finally:
        _forced.reset(token)
