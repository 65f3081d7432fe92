"""The hello that two parties exchange inside TLS before anything else. Bytes in, bytes out; no I/O.

    dialer                                          acceptor
    HELLO                          --->   <---      HELLO
                                          <---      PROOF, once the dialer's hello is right
    PROOF, once both are right     --->
                                          <---      READY

A hello names the protocol version, its sender and its addressee, both certificates as its sender sees them in TLS,
the roster, the job and a fresh nonce. A proof is a signature with the identity key over both hellos and the role of
the signer, so it can be neither replayed nor reflected. TLS has authenticated both sides already; the hello binds
that to what is to be computed. Were TLS broken, the hello would still say who means what, but the bytes after it are
protected by TLS alone.

When the whole mesh stands, each party hashes the nonces of all into the session id, and each pair confirms that it
holds the same one: a party that shows different nonces to different peers is found out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgpack
import msgspec

from mpcnet.errors import FrameError, HandshakeFailed
from mpcnet.wire.frames import FrameReader, Kind, pack_frame

if TYPE_CHECKING:
    from mpcnet.identity import Identity
    from mpcnet.roster import Party, Roster

__all__ = [
    "NONCE_BYTES",
    "VERSION",
    "Confirmation",
    "Handshake",
    "Hello",
    "check_confirmation",
    "derive_session_id",
    "pack_confirmation",
    "printable",
    "reject_frame",
]

VERSION: Final = 1
NONCE_BYTES: Final = 32
MAX_REASON: Final = 400
_CONTEXT: Final = b"mpcnet hello proof 1\0"


class Hello(msgspec.Struct, forbid_unknown_fields=True):
    """What a HELLO says, as a msgpack map with these keys."""

    version: int
    name: str
    to: str
    certificate: bytes  # SHA-256 of the own certificate
    peer_certificate: bytes  # SHA-256 of the other's, as seen in TLS
    roster: bytes
    job: bytes
    nonce: bytes


class Confirmation(msgspec.Struct, forbid_unknown_fields=True):
    """What a CONFIRM says: the session id, and the nonces it comes from, so that an error can name the party."""

    session_id: bytes
    nonces: dict[str, bytes]


class Handshake:
    """One side of the handshake with one peer.

    Args:
        identity, roster, job_digest: what this side is and means; the digest has 32 bytes.
        nonce: 32 fresh random bytes, the same for all peers of a session.
        peer: whose certificate TLS has verified.
        peer_fingerprint: SHA-256 of that certificate, hexadecimal.
        dialer: which role this side has.

    Call `start`, then `feed` with whatever comes until `done`; each returns bytes to send. `rest` is what came after
    the handshake. After a HandshakeFailed, `reject_frame` makes the bytes that tell the peer why.
    """

    def __init__(
        self,
        identity: Identity,
        roster: Roster,
        job_digest: bytes,
        nonce: bytes,
        peer: Party,
        peer_fingerprint: str,
        *,
        dialer: bool,
    ) -> None:
        if len(job_digest) != 32 or len(nonce) != NONCE_BYTES:
            raise ValueError(f"job_digest and nonce have 32 bytes, these have {len(job_digest)} and {len(nonce)}")
        self._identity, self._peer, self._dialer = identity, peer, dialer
        self._mine = Hello(
            VERSION,
            identity.name,
            peer.name,
            bytes.fromhex(identity.fingerprint),
            bytes.fromhex(peer_fingerprint),
            roster.digest,
            job_digest,
            nonce,
        )
        self._my_hello: bytes = msgpack.packb(msgspec.structs.asdict(self._mine))
        self._peer_hello = b""
        self._reader = FrameReader(self, peer.name)
        self._awaited = Kind.HELLO
        self._payload = bytearray()
        self._replies: list[bytes] = []
        self.done = False
        self.rest = b""
        self.peer_nonce = b""

    def start(self) -> bytes:
        """The first bytes to send."""
        return pack_frame(Kind.HELLO, self._my_hello)

    def feed(self, data: bytes | memoryview) -> bytes:
        """Take what came.

        Returns:
            bytes to send, perhaps none.
        Raises:
            HandshakeFailed: the peer is not who it should be, means something else, or refuses.
            FrameError: what came is no handshake.
        """
        view = memoryview(data)
        self.rest += bytes(view[self._reader.feed(view) :])
        replies, self._replies = b"".join(self._replies), []
        return replies

    def begin(self, kind: int, channel: int, argument: int, n_bytes: int) -> memoryview:
        """`FrameSink`: only the awaited frame may come, or a refusal."""
        if kind not in (self._awaited, Kind.REJECT):
            text = f"{self._peer.name}: sent a {Kind(kind).name} frame where a {self._awaited.name} frame belongs"
            raise FrameError(text, peer=self._peer.name)
        self._kind, self._payload = kind, bytearray(n_bytes)
        return memoryview(self._payload)

    def end(self) -> bool:
        """`FrameSink`: act on the frame; stop after the last."""
        payload = bytes(self._payload)
        if self._kind == Kind.REJECT:
            self._fail(f"refused this party: {printable(payload)}")
        elif self._kind == Kind.HELLO:
            self._check_hello(payload)
            self._peer_hello = payload
            if not self._dialer:
                self._replies.append(self._proof())
            self._awaited = Kind.PROOF
        elif self._kind == Kind.PROOF:
            self._check_proof(payload)
            self._replies.append(self._proof() if self._dialer else pack_frame(Kind.READY))
            self._awaited = Kind.READY
            self.done = not self._dialer
        else:
            self.done = True
        return not self.done

    def _check_hello(self, payload: bytes) -> None:
        mine, peer = self._mine, self._peer.name
        try:
            data: Any = msgpack.unpackb(payload, strict_map_key=True)
        except Exception:
            self._fail("sent a hello that is not msgpack")
        version = data.get("version") if isinstance(data, dict) else None
        if isinstance(version, int) and version != VERSION:
            self._fail(
                f"speaks version {version} of the protocol, this party {VERSION}; install the same release at both"
            )
        try:
            hello = msgspec.convert(data, Hello, strict=True, builtin_types=(bytes,))
        except msgspec.ValidationError:
            self._fail("sent a hello of the wrong form")
        digests = (hello.certificate, hello.peer_certificate, hello.roster, hello.job, hello.nonce)
        if any(len(digest) != 32 for digest in digests):
            self._fail("sent a hello of the wrong form")
        if hmac.compare_digest(hello.nonce, mine.nonce):
            self._fail("sent this party's own hello back")
        if hello.name != peer:
            self._fail(f"has the certificate of {peer} but calls itself {printable(hello.name, 40)!r}")
        if hello.to != mine.name:
            self._fail(f"takes this party, {mine.name}, for {printable(hello.to, 40)!r}")
        if not hmac.compare_digest(hello.certificate, mine.peer_certificate):
            self._fail("names another certificate of its own than it showed in TLS")
        if not hmac.compare_digest(hello.peer_certificate, mine.certificate):
            self._fail("saw another certificate in TLS than this party showed; something sits in between")
        if not hmac.compare_digest(hello.roster, mine.roster):
            both = f"{hello.roster.hex()[:8]} there, {mine.roster.hex()[:8]} here"
            self._fail(f"has another roster ({both}); give all parties the same file")
        if not hmac.compare_digest(hello.job, mine.job):
            both = f"{hello.job.hex()[:8]} there, {mine.job.hex()[:8]} here"
            advice = "start the same program with the same settings, or the same job file, at all parties"
            self._fail(f"means another job ({both}); {advice}")
        self.peer_nonce = hello.nonce

    def _check_proof(self, signature: bytes) -> None:
        from nacl.exceptions import BadSignatureError

        try:
            self._peer.verify_key.verify(self._transcript(by_dialer=not self._dialer), signature)
        except BadSignatureError:
            self._fail("its proof is not signed with the key in the roster")

    def _proof(self) -> bytes:
        return pack_frame(Kind.PROOF, self._identity.sign(self._transcript(by_dialer=self._dialer)))

    def _transcript(self, *, by_dialer: bool) -> bytes:
        """What is signed: context, role of the signer, and both hellos in the order dialer, acceptor."""
        hellos = [self._my_hello, self._peer_hello]
        h = hashlib.blake2b(digest_size=32, person=b"mpcnet-hello")
        for hello in hellos if self._dialer else reversed(hellos):
            h.update(len(hello).to_bytes(4, "little") + hello)
        return _CONTEXT + (b"dialer\0" if by_dialer else b"acceptor\0") + h.digest()

    def _fail(self, text: str) -> NoReturn:
        raise HandshakeFailed(f"{self._peer.name}: {text}", peer=self._peer.name)


def reject_frame(reason: str) -> bytes:
    """A refusal that tells the peer why; one printable line."""
    return pack_frame(Kind.REJECT, printable(reason).encode())


def derive_session_id(roster_digest: bytes, job_digest: bytes, nonces: Sequence[tuple[str, bytes]]) -> bytes:
    """The 32 bytes that name a session, the same at every party and never the same twice.

    Args:
        roster_digest, job_digest: 32 bytes each.
        nonces: name and nonce of every party, in party order.
    """
    h = hashlib.blake2b(digest_size=32, person=b"mpcnet-session")
    h.update(VERSION.to_bytes(4, "little") + roster_digest + job_digest + len(nonces).to_bytes(4, "little"))
    for name, nonce in nonces:
        encoded = name.encode()
        h.update(len(encoded).to_bytes(4, "little") + encoded + nonce)
    return h.digest()


def pack_confirmation(session_id: bytes, nonces: Mapping[str, bytes]) -> bytes:
    """The payload of a CONFIRM frame."""
    packed: bytes = msgpack.packb({"session_id": session_id, "nonces": dict(nonces)})
    return packed


def check_confirmation(payload: bytes, peer: str, me: str, session_id: bytes, nonces: Mapping[str, bytes]) -> None:
    """Compare a peer's CONFIRM with what this party holds.

    Raises:
        HandshakeFailed: another session id; names whose nonce it is that differs.
    """
    try:
        theirs = msgspec.convert(
            msgpack.unpackb(payload, strict_map_key=True), Confirmation, strict=True, builtin_types=(bytes,)
        )
    except Exception:
        raise HandshakeFailed(f"{peer}: sent a confirmation of the wrong form", peer=peer) from None
    if hmac.compare_digest(theirs.session_id, session_id):
        return
    differ = [name for name in nonces if theirs.nonces.get(name) != nonces[name]]
    if not differ:
        raise HandshakeFailed(f"{peer}: holds another session id made of the same nonces", peer=peer)
    third = [name for name in differ if name not in (me, peer)]
    if not third:
        raise HandshakeFailed(f"{peer}: holds other nonces of itself or this party than were exchanged", peer=peer)
    text = f"{third[0]}: showed {peer} another nonce than {me}, or {peer} says so; the session cannot be trusted"
    raise HandshakeFailed(text, peer=third[0])


def printable(text: bytes | str, limit: int = MAX_REASON) -> str:
    """What a peer wrote, as one printable line of limited length."""
    if isinstance(text, bytes):
        text = text[: 4 * limit].decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
