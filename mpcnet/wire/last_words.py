"""What an ABORT frame says: a cause, as a msgpack map; cut to a length that cannot hurt, shown and never acted upon."""

from __future__ import annotations

import msgpack
import msgspec

from mpcnet.cause import Cause
from mpcnet.wire.handshake import printable

__all__ = ["pack_cause", "unpack_cause"]

MAX_NAME = 64


class _Abort(msgspec.Struct, forbid_unknown_fields=True):
    culprit: str
    reason: str
    origin: str
    again: bool
    open: bool


def pack_cause(cause: Cause) -> bytes:
    """The payload of an ABORT frame."""
    table = {
        "culprit": cause.culprit[:MAX_NAME],
        "reason": printable(cause.reason),
        "origin": cause.origin[:MAX_NAME],
        "again": cause.again,
        "open": cause.is_open,
    }
    packed: bytes = msgpack.packb(table)
    return packed


def unpack_cause(payload: bytes, peer: str) -> Cause:
    """What a peer said; a party that it does not name is the peer itself.

    Raises:
        ValueError: it is no cause.
    """
    try:
        abort = msgspec.convert(msgpack.unpackb(payload, strict_map_key=True), _Abort, strict=True)
    except Exception:
        raise ValueError("sent an ABORT frame of the wrong form") from None
    names = [printable(name, MAX_NAME) or peer for name in (abort.culprit, abort.origin)]
    return Cause(names[0], printable(abort.reason), names[1], abort.again, abort.open)
