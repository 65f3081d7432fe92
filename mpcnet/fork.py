"""A part of a session that runs beside others: a job of its own, which ends by itself, well or not.

    one party's fork                                        every other party's fork of that label
    [ evaluations, secret arrays, channels of the program ]
    how its body ended: well, or the cause             <--->  the same

A fork is an async context manager. It ends at every party together: its exit waits until all bodies have ended. When
the body raises at one party, or its task is cancelled, the others get a `PeerAborted` with the cause wherever they wait
in that fork; the session, its links and its other forks go on. Only what breaks a link ends more than the fork. What
was done in it counts where all parties have said that they ended well, so all of them say the same of the session.

Security: channels, and so all hashes, are bound to the fork's label; OT is set up once in the session and forked, see
`protocols.ot`.
Cost: one message of 512 bytes to each other party at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

from mpcnet.concurrency import Body, to_its_end
from mpcnet.errors import AgreementError, MPCNetError, PeerAborted
from mpcnet.links import derive
from mpcnet.reasons import clean, explain
from mpcnet.room import Room
from protocols.channel import Buffer, Channel
from protocols.errors import ProtocolError, StateError

if TYPE_CHECKING:
    from mpcnet.session import Session

__all__ = ["Fork"]

S = TypeVar("S")

MESSAGE_BYTES: Final = 512
NAME_BYTES: Final = 64
WELL, LEFT, ABORTED = 0, 1, 2
LATE_SECONDS: Final = 1.0  # how long a peer's own word is waited for when its channels are closed already
_LABEL = re.compile(r"[A-Za-z0-9][\w.:-]{0,63}")


class Fork(Room):
    """What `Session.fork` returns.

    Args:
        session: that it is a part of.
        label: the same at every party, once in a session.
    """

    def __init__(self, session: Session, label: str) -> None:
        if not _LABEL.fullmatch(label):
            raise ValueError("the label of a fork is 1 to 64 letters, digits and signs, without a slash")
        super().__init__()
        self._session, self.label = session, label
        self.name, self.parties, self.guard = session.name, session.parties, session.guard
        self.stats, self.watchers = session.stats, session.watchers
        self.session_id = derive(session.session_id, f".fork/{label}")
        self._roots: dict[str, Channel] = {}
        self._kept: list[_Kept] = []
        self._hearing: dict[str, asyncio.Task[bool]] = {}
        self._body: Body | None = None
        self._told = self._told_well = self._leaving = False
        self._error: Exception | None = None
        self._state = "new"

    @property
    def secret_moved(self) -> bool:
        """As that of the session."""
        return self._session.secret_moved

    @secret_moved.setter
    def secret_moved(self, value: bool) -> None:
        self._session.secret_moved = value

    def open_channel(self, peer: str, label: str, *, secret: bool = True) -> Channel:
        """As `Room.open_channel`; closed when the fork ends."""
        if self._state != "open":
            raise StateError(f"the fork is {'not entered yet' if self._state == 'new' else 'over'}")
        if peer not in self._roots:
            raise ValueError(f"no peer {peer!r}; there are {', '.join(self.peers)}")
        self.secret_moved = self.secret_moved or secret
        return _Kept(self._roots[peer].fork(label), self._kept)

    def phase(self, name: str) -> contextlib.AbstractContextManager[None]:
        """As `Room.phase`."""
        return self._session.phase(name)

    async def set_up(self, key: str, make: Callable[[Room], Awaitable[S]], fork: Callable[[S, Room], S]) -> S:
        """As `Room.set_up`: of the session, forked."""
        return fork(await self._session.set_up(key, make, fork), self)

    def fail(self, error: Exception, *, where: str = "") -> None:
        """As `Room.fail`."""
        if self._is_live:
            if where:
                error.add_note(f"in {where}")
            self._error = error
            self._cancel()

    async def abort(self, reason: str, *, culprit: str | None = None) -> None:
        """As `Room.abort`."""
        await self._tell(ABORTED, culprit or self.name, reason)

    async def __aenter__(self) -> Fork:
        if self._state != "new":
            raise StateError("a fork is entered once")
        self._body = Body("a fork")
        label = f".fork/{self.label}"
        self._roots = {peer: self._session.open_channel(peer, label, secret=False) for peer in self.peers}
        self._state = "open"
        self._hearing = {peer: asyncio.ensure_future(self._hear(peer)) for peer in self.peers}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._body is not None
        late = None
        if error is None and self._is_live and self._program is not None:
            error = late = await self._program.finish()
        self._leaving = True
        cancelled_by_others = await self._body.leave(error)
        try:
            if error is None and self._is_live and not self._told:
                await self._tell(WELL, "", "")
                await asyncio.wait(self._hearing.values())
                self._look_for_errors()
            elif self._is_live and not cancelled_by_others:
                await self._wait_for_the_word_of(error)
            if self._error is None or self._error is error or not isinstance(self._error, PeerAborted):
                await self._tell_of(error if self._error is None else self._error)
        finally:
            await to_its_end(self._close())
        if self._error is not None and self._error is not error and not cancelled_by_others:
            raise self._error from error
        if late is not None:
            raise late

    @property
    def _is_live(self) -> bool:
        return self._state == "open" and self._error is None

    async def _hear(self, peer: str) -> bool:
        """Wait for how the peer's body ends, and say whether well; where it did not, neither does this one's."""
        message = bytes(await self._roots[peer].receive(MESSAGE_BYTES))
        if message[0] != ABORTED:
            return message[0] == WELL
        culprit, reason = (clean(part.rstrip(b"\0").decode("utf-8", "replace")) for part in _parts(message))
        culprit = culprit if culprit in self.parties else peer
        reported = f" (reported by {peer})" if culprit != peer else ""
        if self._is_live:
            self._error = PeerAborted(f"{culprit}: {reason}{reported}", peer=culprit, reason=reason, culprit=culprit)
            self._cancel()
        return False

    def _look_for_errors(self) -> None:
        """A peer that could not be heard to its end: its link failed."""
        for task in self._hearing.values():
            error = task.exception() if task.done() and not task.cancelled() else None
            if isinstance(error, Exception) and self._error is None:
                self._error = error

    async def _wait_for_the_word_of(self, error: BaseException | None) -> None:
        """The body failed because of a peer's closed channel: what that peer has to say is on its way."""
        peer = getattr(error, "peer", "")
        if peer in self._hearing and isinstance(error, MPCNetError | ProtocolError):
            await asyncio.wait({self._hearing[peer]}, timeout=LATE_SECONDS)

    async def _tell_of(self, error: BaseException | None) -> None:
        if error is None:
            return
        culprit, reason = explain(error, self.name, self.parties)
        await self._tell(LEFT if isinstance(error, AgreementError) else ABORTED, culprit, reason)

    async def _tell(self, kind: int, culprit: str, reason: str) -> None:
        if self._told or not self._roots:
            return
        self._told, self._told_well = True, kind == WELL
        name = culprit.encode()[:NAME_BYTES].ljust(NAME_BYTES, b"\0")
        text = clean(reason).encode()[: MESSAGE_BYTES - NAME_BYTES - 1].ljust(MESSAGE_BYTES - NAME_BYTES - 1, b"\0")
        message = bytes([kind]) + name + text
        saying = [root.send(message) for root in self._roots.values()]
        await asyncio.shield(asyncio.gather(*saying, return_exceptions=True))

    def _cancel(self) -> None:
        if self._body is not None and not self._leaving:
            self._body.cancel()

    async def _close(self) -> None:
        self._state = "over"
        if self._program is not None:
            await self._program.stop()
        await self._count()
        for task in self._hearing.values():
            task.cancel()
        await asyncio.gather(*self._hearing.values(), return_exceptions=True)
        for channel in (*self._kept, *(self._roots.values())):
            close = getattr(channel, "close", None)
            if close is not None:
                close()
        self._kept.clear()

    async def _count(self) -> None:
        """What was done here counts where all parties have said that they ended well: then it counts at all of them."""
        if self._told_well:  # a body that is cancelled now has ended well for the others, if theirs have
            await asyncio.wait(self._hearing.values(), timeout=LATE_SECONDS)
        words = [task.done() and not task.cancelled() and not task.exception() and task.result()
                 for task in self._hearing.values()]  # fmt: skip
        if not self._told_well or not all(words):
            made = [computation.record for computation in self._program.computations] if self._program else []
            self.stats.break_off(self.agreed, made)

    def __repr__(self) -> str:
        return f"<Fork {self.label!r} of {self._session!r}>"


class _Kept:
    """A channel of a fork; it is known, and so are its forks, so that all can be closed."""

    __slots__ = ("_channel", "_kept", "peer", "session_id")

    def __init__(self, channel: Channel, kept: list[_Kept]) -> None:
        self.peer, self.session_id = channel.peer, channel.session_id
        self._channel, self._kept = channel, kept
        kept.append(self)

    async def send(self, *parts: Buffer) -> None:
        await self._channel.send(*parts)

    async def receive(self, n_bytes: int) -> memoryview:
        return await self._channel.receive(n_bytes)

    def fork(self, label: str) -> _Kept:
        return _Kept(self._channel.fork(label), self._kept)

    def close(self) -> None:
        close = getattr(self._channel, "close", None)
        if close is not None:
            close()


def _parts(message: bytes) -> tuple[bytes, bytes]:
    return message[1 : 1 + NAME_BYTES], message[1 + NAME_BYTES :]
