"""A full mesh of links between the parties of a roster, over TLS: `connect_mesh`.

Of two parties the one with the higher party_id dials, the other accepts. Once a party has a link to every other, it
hashes the nonces of all into the session id and confirms it with each; when all have confirmed, the mesh stands and
the port closes. Until then a lost link is dialled again; a party that is there but means something else, or has given
up, ends the attempt at once, and everybody who is linked hears of it.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mpcnet.cause import Cause
from mpcnet.concurrency import to_its_end
from mpcnet.ending import Ending, speak_as_all
from mpcnet.errors import ConnectFailed, HandshakeFailed, MPCNetError, PeerAborted, PeerDisconnected
from mpcnet.wire.connection import Link
from mpcnet.wire.dialling import dial, hurry
from mpcnet.wire.driver import SocketTransport
from mpcnet.wire.greeting import Greeter, Guest, Looked, NotReached
from mpcnet.wire.handshake import NONCE_BYTES, check_confirmation, derive_session_id
from mpcnet.wire.lobby import Lobby, open_port
from protocols.rng import Rng, system_rng

if TYPE_CHECKING:
    from mpcnet.identity import Identity
    from mpcnet.roster import Party, Roster

__all__ = ["MeshEvent", "connect_mesh"]

FIRST_WAIT_SECONDS: Final = 0.05
LONGEST_WAIT_SECONDS: Final = 1.0
GRACE_SECONDS: Final = 2.0
"""How long after the deadline a party that cannot say why somebody is missing waits for one that can."""
TELL_SECONDS: Final = 2.0
"""How long a party that has given up for a reason still tells it to those it had no link to: longer than they pause."""
CANCELLED: Final = "it was cancelled while it connected"
TOO_LATE: Final = "not all parties were there within"
"""How the reason of an end begins that a deadline brought; who hears it adds what it knows itself."""


@dataclass(frozen=True)
class MeshEvent:
    """Something happened while the mesh is built; for a display.

    Attributes:
        kind: "warning" (a certificate expires soon), "again" (a run begins anew, with the reason), "listening",
            "waiting" (for a peer, with the reason), "connected", "lost", "looked" (its doctor came for a look),
            "standing", or "strangers" (how many connections came to nothing, at the end).
        peer: the party it is about, or "".
        detail: for people.
    """

    kind: str
    peer: str = ""
    detail: str = ""


async def connect_mesh(
    identity: Identity,
    roster: Roster,
    job_digest: bytes,
    *,
    connect_seconds: float,
    liveness_seconds: float,
    listen_socket: socket.socket | None = None,
    on_event: Callable[[Any], None] | None = None,
    rng: Rng = system_rng,
) -> tuple[dict[str, Link], bytes]:
    """Connect to all other parties of a roster, who do the same, in any order of starting.

    Args:
        identity: this party; one of the roster.
        roster: everybody; the same at every party.
        job_digest: 32 bytes, the same at every party.
        connect_seconds: how long to wait for all; 2 s longer where only others can know why somebody is missing.
        liveness_seconds: how long a linked peer may be silent, now and later.
        listen_socket: a bound TCP socket to listen on instead of the address in the roster; it is closed.
        on_event: called with a `MeshEvent` now and then.
        rng: for the nonce.
    Returns:
        a link to each other party, by name, and the session id.
    Raises:
        ConnectFailed: the port could not be opened, or parties did not come in time; names each and why.
        HandshakeFailed, FrameError: a party of the roster means another version, roster or job, or is not who it
            should be.
        PeerAborted: a party gave up, with its reason.
    Cost: two round trips a pair, then one over all; about 3 KiB each way.
    """
    try:
        greeter = Greeter(identity, roster, job_digest, rng(NONCE_BYTES))
        listen_socket = await open_port(greeter.me, listen_socket)
    except BaseException:
        if listen_socket is not None:
            listen_socket.close()
        raise
    mesh = _Mesh(greeter, liveness_seconds, listen_socket, on_event)
    try:
        await asyncio.wait({mesh.outcome}, timeout=connect_seconds)
        if not mesh.outcome.done() and mesh.others_know_more:
            await asyncio.wait({mesh.outcome}, timeout=GRACE_SECONDS)
        if not mesh.outcome.done():
            mesh.fail(mesh.too_late(connect_seconds))
    except asyncio.CancelledError:
        await mesh.leave(Cause(greeter.me.name, CANCELLED, greeter.me.name))
        raise
    error = mesh.outcome.exception()
    if isinstance(error, Exception):
        raise await mesh.give_up(error)
    return await mesh.stand()


class _Mesh:
    """The state of the attempt; `outcome` is done when the mesh stands, or has the reason why it never will."""

    def __init__(
        self, greeter: Greeter, liveness_seconds: float, sock: socket.socket, on_event: Callable[[Any], None] | None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._greeter, self._liveness, self._on_event = greeter, liveness_seconds, on_event
        self._me = greeter.me
        self._peers = {party.name: party for party in greeter.roster.parties if party.name != self._me.name}
        self._links: dict[str, Link] = {}
        self._nonces = {self._me.name: greeter.nonce}
        self._reasons: dict[str, str] = {}
        self._session_id = b""
        self._confirmed: set[str] = set()
        self.outcome: asyncio.Future[None] = self._loop.create_future()
        self._ending = Ending(greeter.roster.names, {}, expected=self._peers, seconds=TELL_SECONDS)
        address = "{}:{}".format(*sock.getsockname()[:2])
        self._lobby = Lobby(sock, self._admit)
        lower = [party for party in self._peers.values() if party.party_id < self._me.party_id]
        self._dialling = [self._loop.create_task(self._keep_dialling(party)) for party in lower]
        self._tell("listening", "", address)
        if not self._peers:
            self._begin_confirming()

    async def stand(self) -> tuple[dict[str, Link], bytes]:
        """The mesh stands: close the port and hand over the links."""
        for link in self._links.values():
            link.stand(self._session_id)
        links = {name: self._links[name] for name in self._peers}
        self._links = {}
        try:
            await self._stop()
        except asyncio.CancelledError:
            self._links = links
            await self.leave(Cause(self._me.name, CANCELLED, self._me.name))
            raise
        return links, self._session_id

    async def give_up(self, error: Exception) -> Exception:
        """Agree with all who are linked on why the mesh will not stand, tell those who come yet, leave nothing behind.

        Returns:
            the error to raise, with the text that all have. Who is missing after the deadline each says for itself.
        """
        told = ((name, link.told) for name, link in self._links.items() if link.error is error)
        heard = [self._ending.heard(name, cause) for name, cause in told if cause is not None]
        cause = heard[0] if heard else self._own_cause(error)
        if not cause.reason.startswith(TOO_LATE):
            for link in self._links.values():
                self._ending.add(link)
            for name in self._peers if cause.culprit == self._me.name else ():
                self._ending.excuse(name)  # they do well without this process; another one of this party may be there
            self._ending.begin(cause)
            try:
                await self._ending.wait()
            except asyncio.CancelledError:
                self._ending.stop()
                await self.leave(cause)
                raise
            cause = self._ending.cause or cause
            error = speak_as_all(error, None, cause) or error
        await self.leave(cause)
        return error

    async def leave(self, cause: Cause) -> None:
        """Tell everybody who is linked, and leave nothing behind, however often this task is cancelled meanwhile."""
        await to_its_end(self._leave(cause))

    async def _leave(self, cause: Cause) -> None:
        links, self._links = list(self._links.values()), {}
        for link in links:
            link.report(cause)
        try:
            await asyncio.gather(self._stop(), *(link.abort(cause.reason) for link in links), return_exceptions=True)
        finally:
            for link in (*links, *self._links.values()):
                link.kill()

    def _own_cause(self, error: Exception) -> Cause:
        culprit = getattr(error, "peer", "") or self._me.name
        reason = str(error) if isinstance(error, MPCNetError) else f"its program failed with {type(error).__name__}"
        reason = error.reason if isinstance(error, PeerAborted) and error.reason else reason
        return Cause(culprit, reason.removeprefix(f"{culprit}: "), self._me.name)

    @property
    def others_know_more(self) -> bool:
        """Whether this party has no reason to give, and is linked to others who may: who dials sees what is wrong."""
        return bool(self._links) and not any(name in self._reasons for name in self._missing)

    def too_late(self, connect_seconds: float) -> ConnectFailed:
        """Who is missing, and why, as far as it is known."""
        missing = self._missing
        whys = "; ".join(f"{name}: {self._why(self._peers[name])}" for name in missing)
        if not missing:  # a link is missing between others: both its ends cannot have confirmed
            missing = [name for name in self._peers if name not in self._confirmed]
            whys = "; ".join(f"{name}: is connected, but {_still(name, missing)}" for name in missing)
        text = f"{TOO_LATE} {connect_seconds:g} s: {whys}"
        if self._lobby.strangers:
            text += f" ({self._strangers()})"
        return ConnectFailed(text, peer=missing[0] if missing else "")

    @property
    def _missing(self) -> list[str]:
        return [name for name in self._peers if name not in self._links]

    def _add_own_view(self, error: PeerAborted) -> PeerAborted:
        """Somebody's deadline passed: what this party knows of who is missing, where that is new."""
        if not error.reason.startswith(TOO_LATE):
            return error
        views = [f"{name}: {self._why(self._peers[name])}" for name in self._missing]
        if error.culprit in self._links:
            views.append(f"{error.culprit}: is connected")
        views = [view for view in views if view not in error.reason]
        if not views:
            return error
        more = f"; seen from {self._me.name}, {', '.join(views)}"
        return PeerAborted(f"{error}{more}", peer=error.peer, reason=error.reason + more, culprit=error.culprit)

    def _why(self, party: Party) -> str:
        if party.name in self._reasons:
            return self._reasons[party.name]
        if party.party_id > self._me.party_id:
            return f"never connected to {self._me.address}; not started, or unable to reach it?"
        return f"no answer at {party.address}"

    def _strangers(self) -> str:
        count = self._lobby.strangers
        connections = "one connection by a stranger" if count == 1 else f"{count} connections by strangers"
        return f"{connections} came to nothing; the last one {self._lobby.last_stranger}"

    async def _stop(self) -> None:
        for task in self._dialling:
            task.cancel()
        await asyncio.gather(self._lobby.close(), *self._dialling, return_exceptions=True)
        if self._lobby.strangers:
            self._tell("strangers", "", self._strangers())

    def fail(self, error: Exception) -> None:
        """There will be no mesh; the first reason counts. Whom it is about need not be waited for."""
        self._ending.excuse(getattr(error, "peer", ""))
        if not self.outcome.done():
            self.outcome.set_exception(error)
            self.outcome.exception()

    def _tell(self, kind: str, peer: str, detail: str = "") -> None:
        if self._on_event is not None:
            try:
                self._on_event(MeshEvent(kind, peer, detail))
            except Exception as error:  # the caller's own: it ends the attempt and comes out of connect_mesh
                self.fail(error)

    def _waiting(self, party: Party, reason: str) -> None:
        if not self.outcome.done() and self._reasons.get(party.name) != reason:
            self._reasons[party.name] = reason
            self._tell("waiting", party.name, reason)

    # ---- towards parties with a lower party_id

    async def _keep_dialling(self, party: Party) -> None:
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                guest = await dial(self._greeter, party)
            except NotReached as error:
                self._waiting(party, f"at {party.address} {error}")
            except MPCNetError as error:
                self.fail(error)
                return
            else:
                link = await self._take(guest)
                if link is None and self.outcome.done():
                    return
                if link is not None:
                    await asyncio.wait({link.failure})
                    if self.outcome.done():
                        return
                    wait = FIRST_WAIT_SECONDS
            await asyncio.sleep(wait * (0.5 + random.random()))
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    # ---- from parties with a higher one

    async def _admit(self, sock: socket.socket) -> None:
        hurry(sock)
        try:
            guest = await self._greeter.greet(sock, None, where="")
        except Looked as look:
            self._tell("looked", look.peer)
            return
        except MPCNetError as error:
            self.fail(error)
            return
        await self._take(guest)

    # ---- both

    async def _take(self, guest: Guest) -> Link | None:
        """Make a link of a guest; None where this party has a better one."""
        name = guest.peer.name
        transport = SocketTransport(guest.sock, guest.tls, guest.rest)
        link = Link(self._me.name, name, transport, liveness_seconds=self._liveness)
        before = self._links.get(name)
        if before is not None and (self.outcome.done() or self._nonces[name] != guest.nonce):
            link.start()
            await link.abort("is connected already; does another process run with the same identity?", culprit=name)
            return None
        if self.outcome.done():  # in vain; whoever comes now is told why
            self._links[name] = link
            link.start()
            self._ending.add(link)
            return None
        if before is not None:  # the same process dials again: it has lost the old connection, even if we have not
            del self._links[name]
            before.kill()
        self._links[name], self._nonces[name] = link, guest.nonce
        self._reasons.pop(name, None)
        link.failure.add_done_callback(lambda _: self._on_failure(name, link))
        link.confirmation.add_done_callback(lambda _: self._check(name, link))
        link.start()
        self._tell("connected", name)
        if self._session_id:
            link.send_confirmation(self._session_id, self._nonces)
        elif len(self._links) == len(self._peers):
            self._begin_confirming()
        return link

    def _on_failure(self, name: str, link: Link) -> None:
        error = link.error
        if self._links.get(name) is not link or error is None:
            return
        if isinstance(error, PeerDisconnected) and not self._session_id:
            del self._links[name]
            del self._nonces[name]
            self._reasons[name] = str(error).removeprefix(f"{name}: ")
            self._tell("lost", name, self._reasons[name])
        elif isinstance(error, PeerAborted):
            self.fail(self._add_own_view(error))
        else:
            self.fail(error)

    def _begin_confirming(self) -> None:
        order = [(party.name, self._nonces[party.name]) for party in self._greeter.roster.parties]
        self._session_id = derive_session_id(self._greeter.roster.digest, self._greeter.job_digest, order)
        for name, link in self._links.items():
            link.send_confirmation(self._session_id, self._nonces)
            self._check(name, link)
        self._finish_if_complete()

    def _check(self, name: str, link: Link) -> None:
        if not self._session_id or self._links.get(name) is not link or not link.confirmation.done():
            return
        try:
            check_confirmation(link.confirmation.result(), name, self._me.name, self._session_id, self._nonces)
        except HandshakeFailed as error:
            self.fail(error)
            return
        self._confirmed.add(name)
        self._finish_if_complete()

    def _finish_if_complete(self) -> None:
        if len(self._confirmed) == len(self._peers) and not self.outcome.done():
            self.outcome.set_result(None)
            self._tell("standing", "", self._session_id.hex()[:16])


def _still(name: str, waiting: list[str]) -> str:
    """What keeps a linked party, given all that have not confirmed."""
    others = [other for other in waiting if other != name]
    if not others:
        return "does not confirm the session"
    return f"still waits for {'one of ' if len(others) > 1 else ''}{', '.join(others)}"
