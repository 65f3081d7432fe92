"""Reproducible randomness for tests: never in production code."""

from __future__ import annotations

import hashlib

from protocols.rng import Rng


def seeded_rng(seed: int | str) -> Rng:
    """A stream of bytes fixed by its seed (SHAKE-256 in counter mode)."""
    counter = 0

    def draw(n_bytes: int) -> bytes:
        nonlocal counter
        counter += 1
        return hashlib.shake_256(f"{seed}/{counter}".encode()).digest(n_bytes)

    return draw
