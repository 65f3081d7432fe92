"""What can go wrong in a protocol: my fault kept apart from the peer's fault.

    ProtocolError
      LocalProtocolError       this side used the protocol wrongly
        StateError             called out of order, twice, or after an end
      RemoteProtocolError      the peer broke the protocol; `peer` names it
        MessageError           wrong length, encoding, or an invalid element
        CheckFailed            a consistency check did not hold

Wrong arguments are `ValueError` or `TypeError` before the first byte is sent.
No message holds a secret, and none quotes what the peer sent.
"""

from __future__ import annotations

__all__ = ["CheckFailed", "LocalProtocolError", "MessageError", "ProtocolError", "RemoteProtocolError", "StateError"]


class ProtocolError(Exception):
    """Root of all errors of this package."""


class LocalProtocolError(ProtocolError):
    """This side used the protocol wrongly."""


class StateError(LocalProtocolError):
    """Called out of order, twice, or after an end."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol.

    Args:
        message: what was expected and what came instead, without its content.
        peer: the name of the party at fault.
    """

    def __init__(self, message: str, *, peer: str = "") -> None:
        super().__init__(f"{peer}: {message}" if peer else message)
        self.peer = peer


class MessageError(RemoteProtocolError):
    """A message has a wrong length, a wrong encoding or an invalid element."""


class CheckFailed(RemoteProtocolError):
    """A consistency check of the protocol did not hold."""
