"""What the parties of `test_array.py` run, each in a process of its own."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np

from mpcnet.session import Session


def known() -> tuple[Any, Any]:
    """What two parties know."""
    rng = np.random.default_rng(7)
    return rng.integers(-400, 400, (200, 6)) / 128, rng.integers(-200, 200, 6) / 64


async def score(session: Session) -> Any:
    """As in the README: the features of one party, the weights of another."""
    sh = session.shamir(threshold=1)
    features, weights = known()
    bank, lender = session.parties[0], session.parties[-1]
    mine = session.name
    x = sh.input(features if mine == bank else None, owner=bank, shape=(200, 6), dtype=sh.fixed(16))
    w = sh.input(weights if mine == lender else None, owner=lender, shape=(6,), dtype=sh.fixed(16))
    total = x @ w
    approved = total > 0.5
    return await approved.reveal(to=lender), await total.reveal(to=[bank, lender])


async def goes_on(session: Session, victim: str) -> Any:
    """One party is killed by the system in the middle of it all."""
    sh = session.shamir(threshold=1)
    values = np.arange(1000) - 500
    x = sh.input(values if session.name == victim else None, owner=victim, shape=1000)
    await x.sum().reveal()
    y = x
    for _ in range(3):
        y = (y * x) % 1009
    revealed = (y < x).sum().reveal(), y.max().reveal()
    if session.name == victim:
        os.kill(os.getpid(), signal.SIGKILL)
    return int(await revealed[0]), int(await revealed[1]), sh.lost
