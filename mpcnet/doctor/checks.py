"""One finding of the doctor, and all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mpcnet.doctor.mends import commands

__all__ = ["Check", "Report", "State", "split"]


class State(StrEnum):
    """How a check ended."""

    WELL = "well"
    WARN = "warn"  # a run works, but somebody should look
    MEND = "mend"  # a run would fail
    AWAY = "away"  # the other party is not there to be checked
    SKIP = "skip"  # another finding comes first


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: what was checked, one word: "key", "tls", ...
        party: the other party it is about; "" for this one.
        state: how it ended.
        found: what was found, for people.
        mend: what to do, each command in backticks; "" where there is nothing to do.
    """

    name: str
    party: str
    state: State
    found: str
    mend: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "party": self.party,
            "state": self.state.value,
            "found": self.found,
            "mend": self.mend,
            "commands": commands(self.mend),
        }


@dataclass
class Report:
    """All findings, in the order in which they were made.

    Attributes:
        name: this party's name; "" where its configuration does not say.
        checks: the findings.
    """

    name: str = ""
    checks: list[Check] = field(default_factory=list)

    def add(self, name: str, state: State, found: str, mend: str = "", *, party: str = "") -> Check:
        """Note a finding."""
        check = Check(name, party, state, found, mend)
        self.checks.append(check)
        return check

    def extend(self, checks: Iterable[Check]) -> None:
        """Note several."""
        self.checks.extend(checks)

    def of(self, *states: State) -> list[Check]:
        """The findings that ended so."""
        return [check for check in self.checks if check.state in states]

    @property
    def own_is_well(self) -> bool:
        """Whether nothing of this party's own stops a run."""
        return not any(not check.party for check in self.of(State.MEND))

    @property
    def peers_are_well(self) -> bool:
        """Whether every other party was there, and nothing about it stops a run."""
        return not any(check.party for check in self.of(State.MEND, State.AWAY, State.SKIP))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "own_is_well": self.own_is_well,
            "peers_are_well": self.peers_are_well,
            "checks": [check.as_dict() for check in self.checks],
        }


def split(error: Exception) -> tuple[str, str]:
    """An error of ours as a finding and what to do: they are written as `what; what to do`, or with notes."""
    text, notes = str(error), getattr(error, "__notes__", [])
    if notes:
        return text, "; ".join(notes)
    found, semicolon, mend = text.rpartition("; ")
    return (found, mend) if semicolon else (text, "")
