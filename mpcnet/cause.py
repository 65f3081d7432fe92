"""Why a run ended: one cause, told to every party, and the same text at all of them.

A party that finds a reason to end a run says who is at fault, why, and that it was the one who found out. Whoever hears
of it passes it on as it is. Where two parties find something at the same moment, all of them take the same of the two:
what a party says of itself comes first, then what the party with the lowest number saw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Cause"]


@dataclass(frozen=True)
class Cause:
    """Why a run ended.

    Attributes:
        culprit: the party at fault.
        reason: what it did, one line, no secret.
        origin: the party that found out; the culprit itself where it tells of its own fault.
        again: the connection was lost before anything secret moved: the run may begin again.
        is_open: who tells it has not heard all others yet, so it may come to tell another one.
    """

    culprit: str
    reason: str
    origin: str
    again: bool = False
    is_open: bool = False

    @property
    def text(self) -> str:
        """What people read, at every party."""
        if self.origin == self.culprit:
            return f"{self.culprit} ended the run: {self.reason}"
        return f"{self.culprit}: {self.reason} (seen by {self.origin})"

    def join(self, other: Cause) -> Cause:
        """The one of the two that all take; again only where both allow it."""
        first = min(self, other, key=lambda cause: (cause.origin != cause.culprit, *cause.facts))
        return replace(first, again=self.again and other.again, is_open=False)

    @property
    def facts(self) -> tuple[str, str, str]:
        """Who saw whom do what."""
        return self.origin, self.culprit, self.reason
