"""How a session ends for a reason: every party hears of it, and all of them agree on one cause.

Each party tells its cause to all others, keeps the one that comes first of its own and those it hears (see
`mpcnet.cause`), and tells that again where it has changed, or where it has now heard everybody. When every peer that is
still there has told the same, and has itself heard all of its peers, all have the same: also two whose link is broken
have it, through a third. A peer that does not answer, or that is expected and does not come, is not waited for longer
than a second or two.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mpcnet.cause import Cause
from mpcnet.errors import MPCNetError, PeerAborted
from mpcnet.links import LinkLike
from mpcnet.reasons import clean
from protocols.errors import ProtocolError

__all__ = ["Ending", "speak_as_all"]

SETTLE_SECONDS = 1.0


class Ending:
    """The end of one session at one party.

    Args:
        parties: all of them.
        links: to the others.
        expected: to whom there is no link yet, but may soon be one; the party at fault is not waited for.
        seconds: the most to wait for answers, and for those.

    Attributes:
        cause: the one that counts; None while the session goes on.
    """

    def __init__(
        self,
        parties: Sequence[str],
        links: Mapping[str, LinkLike],
        *,
        expected: Iterable[str] = (),
        seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._parties, self._links, self._expected, self._seconds = parties, dict(links), set(expected), seconds
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.cause: Cause | None = None

    def add(self, link: LinkLike) -> None:
        """Somebody has come who will be told, and may have something to tell."""
        self._links[link.peer] = link
        link.on_news = self._news.set
        self.excuse(link.peer)

    def excuse(self, peer: str) -> None:
        """Do not wait for that party."""
        self._expected.discard(peer)
        self._news.set()

    @property
    def has_begun(self) -> bool:
        """Whether the others are being told."""
        return self._task is not None

    def begin(self, cause: Cause) -> None:
        """Tell everybody; the first cause alone counts as this party's own."""
        if self._task is None:
            self.cause = replace(cause, reason=clean(cause.reason))
            self.excuse(cause.culprit)
            self._task = asyncio.ensure_future(self._settle())

    async def wait(self) -> None:
        """Until all agree, or nobody is to be waited for any longer."""
        if self._task is not None:
            await asyncio.shield(self._task)

    def stop(self) -> None:
        """Wait for nobody any longer."""
        if self._task is not None:
            self._task.cancel()

    def heard(self, peer: str, told: Cause) -> Cause:
        """What a peer said: its word, whomever it names; a name that does not exist stands for the peer itself."""
        culprit, origin = (name if name in self._parties else peer for name in (told.culprit, told.origin))
        return Cause(culprit, clean(told.reason), origin, told.again, told.is_open)

    async def _settle(self) -> None:
        for link in self._links.values():
            link.on_news = self._news.set
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                while not self._agreed():
                    self._news.clear()
                    await self._news.wait()

    def _agreed(self) -> bool:
        """Take in what was heard, pass on what is new, and say whether everybody who is there has told the same."""
        assert self.cause is not None
        told = {p: self.heard(p, link.told) for p, link in self._links.items() if link.told is not None}
        for other in told.values():
            self.cause = self.cause.join(other)
        there = {peer for peer, link in self._links.items() if not link.is_over}
        for link in self._links.values():
            link.report(replace(self.cause, is_open=bool(there - set(told) or self._expected)))
        return not self._expected and all(told.get(peer) == self.cause for peer in there)


def speak_as_all(found: Exception | None, raised: BaseException | None, cause: Cause) -> Exception | None:
    """Give this party's error the text that all parties have, where it is about a peer or from one.

    Args:
        found: what ended the session beside its body, if that is what happened.
        raised: what the body raised.
        cause: what all agreed on.
    Returns:
        `found`, or what takes its place.
    """
    error = raised if found is None else found
    if isinstance(error, ProtocolError) and error.args and cause.culprit == getattr(error, "peer", ""):
        error.args = (cause.text,)
    elif isinstance(error, MPCNetError) and (found is not None or cause.culprit == error.peer):
        if error.peer != cause.culprit or isinstance(error, PeerAborted):
            found = error = PeerAborted(cause.text, peer=cause.culprit, reason=cause.reason, culprit=cause.culprit)
        error.args = (cause.text,)
        error.may_begin_again = cause.again
    return found
