"""Rows of one process: from Python to a circuit, and from a file to a circuit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpcnet.bench.rows import Row, Work, make_row
from mpcnet.bench.timing import repeat

__all__ = ["measure_load", "measure_trace"]


def measure_load(work: Work, count: int, repeats: int, on_done: Callable[[int], None]) -> Row:
    """SHA-256's compression from the text of a Bristol file, checked in full."""
    from circuits import bristol
    from circuits.lib.sha256 import compress

    del count  # there is one file
    text = bristol.dumps(compress).encode()
    samples = repeat(lambda: bristol.loads(text), repeats, on_done)
    return make_row(work, "local", bristol.loads(text).n_gates, len(text), {"local": samples}, "")


def measure_trace(work: Work, count: int, repeats: int, on_done: Callable[[int], None]) -> Row:
    """AES-128 and SHA-256's compression from their Python functions, optimised; counts the gates that are left."""
    from circuits import circuit
    from circuits.lib.aes import aes_128
    from circuits.lib.sha256 import compress

    del count
    functions: list[Any] = [made.__wrapped__ for made in (aes_128, compress)]  # type: ignore[attr-defined]
    samples = repeat(lambda: [circuit(function) for function in functions], repeats, on_done)
    return make_row(work, "local", aes_128.n_gates + compress.n_gates, 0, {"local": samples}, "")
