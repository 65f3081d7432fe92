"""TLS 1.3 between two parties that pin each other's certificate; bytes in, bytes out, no I/O.

There is no authority: every certificate of the roster is its own trust anchor, and who a peer is follows from the
fingerprint of the certificate it shows, never from a name in it. Both sides must show one. No session tickets, no
resumption, no compression, no older version.
"""

from __future__ import annotations

import hashlib
import ssl
from typing import TYPE_CHECKING, Final

from mpcnet.errors import ConfigError

if TYPE_CHECKING:
    from mpcnet.identity import Identity
    from mpcnet.roster import Roster

__all__ = ["Tls", "describe", "is_refusal", "make_context", "reason_of", "refusal"]

_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY", "UNKNOWN_PROTOCOL", "PACKET_LENGTH", "RECORD_")
_OLD_TLS: Final = ("UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS", "PROTOCOL_VERSION", "VERSION_TOO_LOW")
_REFUSALS: Final = (
    ("CERTIFICATE_EXPIRED", "refused this party's certificate as expired"),
    ("BAD_CERTIFICATE", "refused this party's certificate as not valid yet"),
    ("CERTIFICATE_REQUIRED", "missed this party's certificate"),
    ("UNKNOWN_CA", "refused this party's certificate, which is not in its roster"),
    ("CERTIFICATE_UNKNOWN", "refused this party's certificate, which is not in its roster"),
    ("UNSUPPORTED_CERTIFICATE", "refused this party's certificate as of the wrong kind"),
)
_VERIFY: Final = {
    9: "shows a certificate that is not valid yet",
    10: "shows a certificate that has expired",
}


def make_context(identity: Identity, roster: Roster, *, acceptor: bool) -> ssl.SSLContext:
    """The TLS settings of one side: own certificate, and the other parties' as the only trusted ones.

    Raises:
        ConfigError: the own key or certificate cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if acceptor else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the pinned fingerprint says who it is
    context.verify_mode = ssl.CERT_REQUIRED
    # without it OpenSSL knows the first of two certificates of one name and key alone, and refuses the other
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if acceptor:
        context.num_tickets = 0
    try:
        context.load_cert_chain(identity.certificate_path, identity.key_path)
    except (OSError, ssl.SSLError) as error:
        text = f"{identity.certificate_path} and {identity.key_path} cannot be used for TLS: {reason_of(error).lower()}"
        raise ConfigError(text) from None
    for party in roster.parties:
        if party.name != identity.name:
            context.load_verify_locations(cadata=party.certificate_pem)
    return context


class Tls:
    """One side of a TLS connection over two buffers: `incoming` takes ciphertext, `outgoing` gives it.

    Attributes:
        session: reads and writes plaintext; `ssl.SSLObject`.
    """

    def __init__(self, context: ssl.SSLContext, *, acceptor: bool) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_side=acceptor)

    def handshake(self) -> bool:
        """Go on with the handshake; True once this side is through. Raises ssl.SSLError."""
        try:
            self.session.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self, n_bytes: int) -> bytes | None:
        """Some plaintext; b"" at the end, None while there is none. Raises ssl.SSLError."""
        try:
            return self.session.read(n_bytes)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""

    def fill(self, place: memoryview) -> int:
        """As much plaintext into `place` as there is; 0 at the end. Raises ssl.SSLWantReadError where there is none."""
        read = self.session.read
        total: int = read(len(place), place)  # type: ignore[assignment]
        try:
            while 0 < total < len(place):
                n_bytes: int = read(len(place) - total, place[total:])  # type: ignore[assignment]
                if not n_bytes:
                    break  # the next call finds the end again
                total += n_bytes
        except ssl.SSLWantReadError:
            pass
        return total

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt all of it into `outgoing`."""
        view = memoryview(data)
        while view:
            view = view[self.session.write(view) :]

    def finish(self) -> None:
        """Add the notice that this side has ended."""
        try:
            self.session.unwrap()
        except (ssl.SSLError, ValueError):
            return  # wants the peer's notice, or the session is broken already: both are fine at the end

    @property
    def peer_fingerprint(self) -> str:
        """SHA-256 of the certificate that the peer proved to hold the key of, hexadecimal."""
        certificate = self.session.getpeercert(binary_form=True)
        return hashlib.sha256(certificate or b"").hexdigest()


def describe(error: Exception) -> str:
    """What a TLS or socket error means, as the rest of a sentence about the peer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY.get(error.verify_code, "shows a certificate that is not in the roster")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "closed the connection"
    reason = reason_of(error)
    if not isinstance(error, ssl.SSLError):
        return reason
    for mark, text in _REFUSALS:
        if mark in reason:
            return text
    if "BAD_RECORD_MAC" in reason or "DECRYPT" in reason:
        return "its bytes were changed on the way"
    if "NOT_RETURN_A_CERTIFICATE" in reason:
        return "shows no certificate"
    if any(mark in reason for mark in _OLD_TLS):
        return "does not speak TLS 1.3"
    if any(mark in reason for mark in _NO_TLS):
        return "does not speak TLS; another service on that port?"
    if "EOF" in reason:
        return "closed the connection"
    return f"broke TLS ({reason.lower().replace('_', ' ')})"


def refusal(error: OSError) -> str:
    """Why TCP does not come to pass, as the rest of a sentence about the peer."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens (connection refused)"
    if isinstance(error, TimeoutError):
        return "nobody answers"
    return describe(error).lower()


def is_refusal(error: ssl.SSLError) -> bool:
    """Whether the peer refused our certificate. To be trusted only after our side of the handshake is through."""
    return any(mark in reason_of(error) for mark, _ in _REFUSALS) and not isinstance(
        error, ssl.SSLCertVerificationError
    )


def reason_of(error: Exception) -> str:
    """OpenSSL's or the system's own word for it."""
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error.strerror or "unknown fault")
    return str(getattr(error, "strerror", None) or str(error) or type(error).__name__)
