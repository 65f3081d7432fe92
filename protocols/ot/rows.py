"""Memory that OT extension takes again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows", "Words"]

Words = NDArray[np.uint64]
KAPPA = 128


class Rows:
    """Space for messages: a row for each tree, a row for each bit of Delta, a column for each OT.

    It is kept from one message to the next, and shared by forks, because the system takes as long to find new memory
    as the AES does. There is as much of it as threads were at work at the same time.
    """

    def __init__(self, n_trees: int) -> None:
        self._n_trees = n_trees
        self._free: list[tuple[Words, ...]] = []

    @contextmanager
    def lend(self, count: int) -> Iterator[tuple[Words, Words, Words]]:
        from protocols.kernels.prg import ROW_WORDS

        n_words = -(-count // (64 * ROW_WORDS)) * ROW_WORDS
        try:
            space = self._free.pop()
        except IndexError:
            space = ()
        if not space or space[1].size < KAPPA * n_words:
            space = tuple(np.empty(n * n_words, np.uint64) for n in (self._n_trees, KAPPA, KAPPA))
        u, v, columns = space
        yield (
            u[: self._n_trees * n_words].reshape(self._n_trees, n_words),
            v[: KAPPA * n_words].reshape(KAPPA, n_words),
            columns[: 2 * count].reshape(count, 2),
        )
        self._free.append(space)
