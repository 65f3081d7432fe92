"""Why a session ends, in words for the other parties: no secret, one line, and who is at fault."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mpcnet.errors import MPCNetError
from protocols.errors import ProtocolError

__all__ = ["INTERRUPTED", "TERMINATED", "clean", "explain", "strip"]

MAX_REASON = 400
INTERRUPTED, TERMINATED = "it was interrupted", "it was terminated"


def explain(error: BaseException, me: str, parties: Sequence[str]) -> tuple[str, str]:
    """Who is at fault for an error of this party's program, and what to tell the others: no secret.

    Errors of this project speak for themselves, for their messages hold none; of any other only the type is told.
    """
    from circuits.errors import CircuitError

    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, asyncio.CancelledError):
        return me, error.args[0] if error.args in ((INTERRUPTED,), (TERMINATED,)) else "it was cancelled"
    if isinstance(error, KeyboardInterrupt):
        return me, INTERRUPTED
    if isinstance(error, MPCNetError | ProtocolError | CircuitError):
        peer = getattr(error, "peer", "")
        culprit = peer if peer in parties else me
        return culprit, strip(str(error), culprit)
    return me, f"its program failed with {type(error).__name__}"


def clean(text: str) -> str:
    """A peer's reason as one printable line of limited length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 3] + "..."


def strip(text: str, culprit: str) -> str:
    """A message without the name that leads it."""
    return text.removeprefix(f"{culprit}: ")
