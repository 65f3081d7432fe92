"""What each way that TLS fails to set up means for two parties, and the command that mends it.

`docs/keys.md` has the same table for people; a test compares the two.
"""

from __future__ import annotations

import datetime
import ssl
from typing import TYPE_CHECKING, Final

from mpcnet.wire.tls import describe, reason_of

if TYPE_CHECKING:
    from mpcnet.identity import Identity

__all__ = ["SET_CLOCK", "advise", "wrong_party"]

SET_CLOCK: Final = "timedatectl set-ntp true"
_NOT_YET_VALID, _EXPIRED = 9, 10  # OpenSSL's X509_V_ERR numbers


def advise(error: ssl.SSLError, me: Identity, peer: str, now: datetime.datetime | None = None) -> str:
    """The rest of a sentence about the peer that this party dialled, for an error of the TLS handshake.

    Args:
        error: what `ssl` raised.
        me: this party.
        peer: the party that should be at the address.
        now: this machine's clock.
    """
    clock = f"this machine's clock says {now or datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC"
    set_clock = f"{clock}. Set the clock that is wrong, with `{SET_CLOCK}`"
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _NOT_YET_VALID:
            return f"shows a certificate that is not valid yet; {set_clock}"
        if error.verify_code == _EXPIRED:
            return (
                f"shows a certificate that has expired; {clock}. {peer} runs `mpcnet keygen {peer} --renew` "
                f"and {_hand_out(peer)}"
            )
        return (
            f"shows a certificate that is not in the roster; if {peer} has a new one, run `mpcnet roster add "
            f"{peer}.public.toml`, else somebody else is at that address"
        )
    reason = reason_of(error)
    if "CERTIFICATE_EXPIRED" in reason:
        until = me.certificate.valid_until
        return (
            f"refused this party's certificate as expired, which is valid until {until:%Y-%m-%d %H:%M} UTC; {set_clock}"
        )
    if "BAD_CERTIFICATE" in reason:
        since = me.certificate.valid_from
        return (
            f"refused this party's certificate as not valid yet, which is valid since {since:%Y-%m-%d %H:%M} UTC; "
            f"{set_clock}"
        )
    if "UNKNOWN_CA" in reason or "CERTIFICATE_UNKNOWN" in reason:
        return (
            f"refused this party's certificate, which is not in its roster; {peer} runs "
            f"`mpcnet roster add {me.name}.public.toml`"
        )
    return describe(error)


def wrong_party(expected: str, found: str) -> str:
    """The rest of a sentence about an address at which another party of the roster answers."""
    return (
        f"answers {found}; the roster has a wrong address. {expected} runs `mpcnet keygen {expected} --renew --address "
        f"HOST:PORT` and {_hand_out(expected)}"
    )


def _hand_out(party: str) -> str:
    return f"hands out {party}.public.toml; everybody then runs `mpcnet roster add {party}.public.toml`"
