"""Parties on a network that compute together and show each other nothing but what they agreed to show.

    async with mpcnet.connect("lender.toml") as session:
        approved = await session.evaluate(approve, mine, owners=owners, reveal_to=["lender"])

Names are imported when they are first used, so that `import mpcnet` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mpcnet.errors import (
    AgreementError,
    ConfigError,
    ConnectFailed,
    Deadline,
    DivergenceError,
    FrameError,
    HandshakeFailed,
    MPCNetError,
    PeerAborted,
    PeerDisconnected,
)

if TYPE_CHECKING:
    from mpcnet.array import SecretArray
    from mpcnet.config import Config, Deadlines
    from mpcnet.evaluate import Progress
    from mpcnet.identity import Identity
    from mpcnet.roster import Party, Roster
    from mpcnet.runtime import connect, run
    from mpcnet.session import Session
    from mpcnet.stats import Stats

    __version__: str

__all__ = [
    "AgreementError",
    "Config",
    "ConfigError",
    "ConnectFailed",
    "Deadline",
    "Deadlines",
    "DivergenceError",
    "FrameError",
    "HandshakeFailed",
    "Identity",
    "MPCNetError",
    "Party",
    "PeerAborted",
    "PeerDisconnected",
    "Progress",
    "Roster",
    "SecretArray",
    "Session",
    "Stats",
    "__version__",
    "connect",
    "run",
]

_HOMES = {
    "Config": "mpcnet.config",
    "Deadlines": "mpcnet.config",
    "Identity": "mpcnet.identity",
    "Party": "mpcnet.roster",
    "Progress": "mpcnet.evaluate",
    "Roster": "mpcnet.roster",
    "SecretArray": "mpcnet.array",
    "Session": "mpcnet.session",
    "Stats": "mpcnet.stats",
    "connect": "mpcnet.runtime",
    "run": "mpcnet.runtime",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = importlib.import_module("importlib.metadata").version("mpcnet")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'mpcnet' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
