"""What the parties of a scoring run compare before anything secret moves: that all mean the same.

    every party                                     every other party
    scheme digest, protocol, number of applicants,
    H(session, ids of the applicants)        <--->  the same, or an error that names who differs

Security: every party learns how many applicants the others have and whether their lists are the same; from a digest
that differs, a party could find out whether a list it guesses as a whole is the other's.
Cost: one message of STATEMENT_BYTES to each other party, and one of 1 byte where the statements differ.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from mpcnet.concurrency import together
from mpcnet.errors import AgreementError, MPCNetError
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from mpcnet.session import Session

__all__ = ["STATEMENT_BYTES", "Statement", "agree", "compare"]

LABEL = "credit-agreement"
PARTING_SECONDS = 5.0
PROTOCOL_BYTES = 16
_PLACES = tuple(accumulate((32, PROTOCOL_BYTES, 8, 8, 32), initial=0))
STATEMENT_BYTES = _PLACES[-1]


@dataclass(frozen=True)
class Statement:
    """What must be the same at every party.

    Args:
        scheme: digest of the scheme.
        protocol: how it is scored, at most PROTOCOL_BYTES letters.
        applicants: how many are scored.
        records: how many records there are.
        ids: digest of the applicants, keyed with the session.
    """

    scheme: bytes
    protocol: str
    applicants: int
    records: int
    ids: bytes

    def pack(self) -> bytes:
        """STATEMENT_BYTES bytes."""
        counts = (number.to_bytes(8, "little") for number in (self.applicants, self.records))
        return b"".join((self.scheme, self.protocol.encode().ljust(PROTOCOL_BYTES), *counts, self.ids))

    @classmethod
    def unpack(cls, data: bytes) -> Statement:
        """The inverse of `pack`; every string of STATEMENT_BYTES bytes is a statement."""
        scheme, protocol, applicants, records, ids = (data[a:b] for a, b in pairwise(_PLACES))
        known = protocol.strip().decode("ascii", "replace")
        counted, listed = (int.from_bytes(number, "little") for number in (applicants, records))
        return cls(scheme, known if known.isalpha() else "unknown", counted, listed, ids)


async def agree(session: Session, mine: Statement) -> None:
    """Compare statements with all the others; an error is raised only once everybody can see it too.

    Raises:
        AgreementError: names what differs, and who.
    """
    channels = session.mesh(LABEL, secret=False).channels
    statements = {session.name: mine}

    async def hear(party_id: int) -> None:
        data = await channels[party_id].receive(STATEMENT_BYTES)
        statements[session.parties[party_id]] = Statement.unpack(bytes(data))

    data = mine.pack()
    await together(*(channel.send(data) for channel in channels.values()), *(hear(party_id) for party_id in channels))
    ordered = {party: statements[party] for party in session.parties}
    error = compare(session.name, ordered)
    if error is not None:
        # whoever left at once could abort a party that has not heard everybody yet
        with contextlib.suppress(TimeoutError, MPCNetError, ProtocolError):
            async with asyncio.timeout(PARTING_SECONDS):
                partings = [[channel.send(b"\0"), channel.receive(1)] for channel in channels.values()]
                await together(*(part for parting in partings for part in parting))
        raise error


def compare(me: str, statements: Mapping[str, Statement]) -> AgreementError | None:
    """The first thing in which the parties differ, as an error that names who differs from the rest; else None."""
    same_files = "the files must list the same applicants in the same order"
    same_option = "start every party with the same --applicants, or all of them without"
    same_protocol = "start every party with the same --protocol"
    checks: list[tuple[str, Mapping[str, object], str]] = [
        ("scheme", {p: s.scheme for p, s in statements.items()}, "every party needs the same scheme file"),
        ("protocol", {p: s.protocol for p, s in statements.items()}, same_protocol),
        ("number of applicants to score", {p: s.applicants for p, s in statements.items()}, same_option),
        ("number of records", {p: s.records for p, s in statements.items()}, same_files),
        ("list of applicants", {p: s.ids for p, s in statements.items()}, same_files),
    ]
    if all(s.applicants == s.records for s in statements.values()):
        del checks[2]  # nobody asked for another number than the file has: then it is the files that differ
    for what, values, advice in checks:
        odd, usual = _odd_ones(values)
        if not odd:
            continue
        shown = {party: _shown(value) for party, value in values.items()}
        if usual:
            text = f"the {what} of {_list(odd, shown)} differs from that of {_list(usual, shown)}; {advice}"
        else:
            text = f"the {what} differs between {_list(odd, shown)}; {advice}"
        culprits = [party for party in odd if party != me]
        return AgreementError(text, peer=culprits[0] if len(odd) == 1 and culprits else "")
    return None


def _shown(value: object) -> str:
    """What a party said, where that means something to people."""
    if isinstance(value, int):
        return f" ({value:,})"
    return f" ({value})" if isinstance(value, str) else ""


def _odd_ones(values: Mapping[str, object]) -> tuple[list[str], list[str]]:
    """The parties that differ from more than half of them, and that half; all and none where there is no such half."""
    parties = list(values)
    for value in values.values():
        same = [party for party in parties if values[party] == value]
        if len(same) == len(parties):
            return [], parties
        if 2 * len(same) > len(parties):
            return [party for party in parties if party not in same], same
    return parties, []


def _list(parties: Sequence[str], shown: Mapping[str, str]) -> str:
    return " and ".join(party + shown[party] for party in parties)
