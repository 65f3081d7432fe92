"""All parties of a network in one event loop, over links in memory: for quick tests, and to try a slow network.

    results = await simulate(main, ["lender", "bureau", "bank"], latency_seconds=0.02, bandwidth=12.5e6)

The sessions, channels and frames are those of a real run; there is no TLS, no handshake and one process, so nothing is
private between the parties. `mpcnet.local` runs them as processes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from mpcnet.concurrency import together
from mpcnet.errors import PeerAborted
from mpcnet.identity import check_name
from mpcnet.session import Session
from mpcnet.wire.memory import memory_mesh

__all__ = ["memory_sessions", "simulate"]


def memory_sessions(names: Sequence[str], *, total_seconds: float = 0.0, **network: Any) -> dict[str, Session]:
    """A session for each party, not yet entered; needs a running event loop.

    Args:
        names: the parties; numbered in the order of their names, as in a roster.
        total_seconds: as for `Session`.
        network: latency_seconds, bandwidth and more, as for `mpcnet.wire.memory.memory_mesh`.
    """
    ordered = sorted(check_name(name) for name in names)
    links, session_id = memory_mesh(ordered, **network)
    sessions = {
        name: Session(name, ordered, links[i], session_id, total_seconds=total_seconds)
        for i, name in enumerate(ordered)
    }
    return {name: sessions[name] for name in names}


async def simulate(
    main: Callable[..., Awaitable[Any]] | Mapping[str, Callable[..., Awaitable[Any]]],
    names: Sequence[str],
    *args: Any,
    total_seconds: float = 60.0,
    **network: Any,
) -> dict[str, Any]:
    """Run `main(session, *args)` at every party, or `main[name](session, *args)`.

    Returns:
        what it returned, by name.
    Raises:
        Exception: the first error that is not about another party's.
    """
    sessions = memory_sessions(names, total_seconds=total_seconds, **network)

    async def role(name: str, session: Session) -> tuple[Any, BaseException | None]:
        try:
            async with session:
                return await (main[name] if isinstance(main, Mapping) else main)(session, *args), None
        except Exception as error:
            return None, error

    ended = await together(*(role(name, session) for name, session in sessions.items()))
    errors = [error for _, error in ended if error is not None]
    if errors:
        raise min(errors, key=lambda error: (isinstance(error, PeerAborted), bool(getattr(error, "peer", ""))))
    return {name: value for name, (value, _) in zip(sessions, ended, strict=True)}
