"""What can go wrong in the network and in a run.

    MPCNetError
      ConfigError          a file, an argument or a mapping of this party is wrong; nothing was sent
      ConnectFailed        a peer could not be reached, or the own port could not be opened
      HandshakeFailed      a peer is not who it should be, or means another version, roster or job
      FrameError           bytes on a link that are no valid frame
      AgreementError       the parties did not call for the same computation; nothing secret was sent
        DivergenceError    their programs came to different operations on secret arrays; shows both places
      PeerDisconnected     a peer's link closed or fell silent
      PeerAborted          a peer ended the run, with its reason
      Deadline             something took longer than the run allows
      JobRefused           a job that may not run here: unsigned, expired, altered, or beyond what this party allows
      RecordError          the record cannot be written, or does not hold

`peer` names the party at fault where it is known. No message holds a secret.
"""

from __future__ import annotations

__all__ = [
    "AgreementError",
    "ConfigError",
    "ConnectFailed",
    "Deadline",
    "DivergenceError",
    "FrameError",
    "HandshakeFailed",
    "JobRefused",
    "MPCNetError",
    "PeerAborted",
    "PeerDisconnected",
    "RecordError",
]


class MPCNetError(Exception):
    """Root of all errors of this package.

    Args:
        message: what was wrong, where, and what to do next.
        peer: the name of the party at fault, where it is known.

    Attributes:
        may_begin_again: a connection was lost before anything secret moved, at any party: the run may begin again,
            as a new session.
    """

    def __init__(self, message: str, *, peer: str = "") -> None:
        super().__init__(message)
        self.peer = peer
        self.may_begin_again = False


class ConfigError(MPCNetError):
    """A file, an argument or a mapping of this party is wrong; nothing was sent."""


class ConnectFailed(MPCNetError):
    """A peer could not be reached, or the own port could not be opened."""


class HandshakeFailed(MPCNetError):
    """A peer is not who it should be, or means another version, roster or job."""


class FrameError(MPCNetError):
    """Bytes on a link that are no valid frame."""


class AgreementError(MPCNetError):
    """The parties did not call for the same computation; nothing secret was sent.

    Raised only where every party sees the same statements and so finds the same: a session that ends with it does not
    abort the others, who may still be reading.
    """


class DivergenceError(AgreementError):
    """The programs of two parties came to different operations on secret arrays, or one ended before the other.

    Nothing of the operation in question was sent. Every party finds out, by itself or from one that did.

    Args:
        message: both places.
        peer: the other party.
        mine, theirs: the place in this party's program and in the other's, as each of them describes it; "" where this
            party heard of it from others.
    """

    def __init__(self, message: str, *, peer: str = "", mine: str = "", theirs: str = "") -> None:
        super().__init__(message, peer=peer)
        self.mine = mine
        self.theirs = theirs


class PeerDisconnected(MPCNetError):
    """A peer's link closed or fell silent."""


class PeerAborted(MPCNetError):
    """A peer ended the run, with its reason.

    Args:
        message: the whole story, for people.
        peer: the party at fault, as far as this side can tell.
        reason: what the peer wrote; data of the peer's, to be shown and never acted upon.
        culprit: the party that the peer names as the cause, perhaps itself; "" where it names none.
    """

    def __init__(self, message: str, *, peer: str = "", reason: str = "", culprit: str = "") -> None:
        super().__init__(message, peer=peer)
        self.reason = reason
        self.culprit = culprit


class Deadline(MPCNetError):
    """Something took longer than the run allows."""


class JobRefused(MPCNetError):
    """A job that may not run here: unsigned, expired, altered, or beyond what this party allows.

    Raised before anything secret moves. What this party's own policy says stands in a note of the error, which
    the other parties do not get.
    """


class RecordError(MPCNetError):
    """The record cannot be written or does not hold: before a run it does not start, after one its result stands."""
