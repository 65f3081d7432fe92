"""One scoring run at one party: check that all parties mean the same, evaluate the scorecard, give the lender scores.

    every party                                     every other party
    scheme digest, number of applicants,
    H(session, ids of the applicants)        <--->  the same, or an error that names who differs
    [ session.evaluate: bins and points in, score and decision out, to the lender ]

Security: semi-honest, as `Session.evaluate`. Beyond it every party learns how many applicants the others have and
whether their lists are the same; from a digest that differs, a party could find out whether a list it guesses as a
whole is the other's. The lender learns score and decision of each applicant and nothing else; what a score tells about
the bins behind it is the business of the scorecard (see docs/credit-scoring.md).
Cost: one message of 80 bytes to each other party before the evaluation.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mpcnet.concurrency import together
from mpcnet.credit.circuit import inputs_of, owners, scoring_circuit
from mpcnet.credit.files import load_points, load_scheme
from mpcnet.credit.records import Records, read_records
from mpcnet.credit.scorecard import Points, Scheme
from mpcnet.errors import AgreementError, ConfigError, MPCNetError
from mpcnet.plan import Plan
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from mpcnet.config import Config
    from mpcnet.evaluate import Progress
    from mpcnet.session import Session

__all__ = ["MAX_APPLICANTS", "ScoreJob", "Scores", "Statement", "check_count", "compare", "score"]

MAX_APPLICANTS = 100_000_000
LABEL = "credit-agreement"
PARTING_SECONDS = 5.0
STATEMENT_BYTES = 32 + 8 + 8 + 32


@dataclass(frozen=True)
class ScoreJob:
    """What one party brings to a scoring run.

    Args:
        name: the party.
        scheme: the public part of the scorecard.
        records: its own records.
        points: the secret part, at the lender; None at everybody else.
        applicants: how many are scored; where it is more than there are records, the list is repeated.
        protocol: "yao" or "gmw", as `Session.evaluate` takes it.
    """

    name: str
    scheme: Scheme
    records: Records
    points: Points | None
    applicants: int
    protocol: str = "yao"

    def __post_init__(self) -> None:
        check_count(self.applicants)
        if self.is_lender and self.points is None:
            raise ConfigError(f"{self.name} is the lender of scheme {self.scheme.name!r} and needs the points")

    @property
    def is_lender(self) -> bool:
        return self.name == self.scheme.lender

    @property
    def computes(self) -> bool:
        """Whether this party computes; with "yao" two do, the others hand over shares and are done."""
        parties, given = sorted(self.scheme.holders), owners(self.scheme)
        plan = Plan.make(scoring_circuit(self.scheme), parties, given, [self.scheme.lender], protocol=self.protocol)
        return self.name in plan.computing

    @classmethod
    def load(cls, config: Config, applicants: int | None = None) -> ScoreJob:
        """Read the files that the [score] table of a party.toml names.

        Args:
            applicants: how many to score; by default one for each record.
        Raises:
            ConfigError: the table or a file is missing or wrong; names the file and the place in it.
        """
        files = config.score
        if files is None:
            raise ConfigError(
                f'{config.source}: there is no [score] table; add one with data = "..." and scheme = "..."'
            )
        if files.scheme is None or files.data is None:
            raise ConfigError(f"{config.source}: [score] misses {'scheme' if files.scheme is None else 'data'}")
        scheme = load_scheme(files.scheme)
        if config.name not in scheme.holders:
            raise ConfigError(
                f"{files.scheme}: {config.name} has no part in this scheme; its parties are {', '.join(scheme.holders)}"
            )
        points = None
        if config.name == scheme.lender:
            if files.points is None:
                raise ConfigError(f"{config.source}: [score] misses points; {config.name} is the lender of the scheme")
            points = load_points(files.points, scheme)
        elif files.points is not None:
            raise ConfigError(
                f"{config.source}: [score] names points, but they are the secret of {scheme.lender}; remove them here"
            )
        records = read_records(files.data, scheme.held_by(config.name))
        return cls(config.name, scheme, records, points, len(records) if applicants is None else applicants)

    def statement(self, session_id: bytes) -> Statement:
        """What this party says to the others before anything secret moves."""
        return Statement(self.scheme.digest, self.applicants, len(self.records), self.records.ids_digest(session_id))


@dataclass(frozen=True)
class Scores:
    """What the lender learned. Its repr shows none of it.

    Args:
        score: int32 of shape (count,).
        accepted: bool of shape (count,).
    """

    score: NDArray[np.int32]
    accepted: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.score)

    def __repr__(self) -> str:
        return f"<Scores of {len(self)} applicants>"

    def rows(self, records: Records) -> Iterator[tuple[str, int, str]]:
        """(applicant, score, decision) one after the other."""
        for i in range(len(self)):
            yield records.name_of(i), int(self.score[i]), decision_word(bool(self.accepted[i]))


def check_count(applicants: int) -> None:
    """Raise ConfigError for a number of applicants that cannot be scored."""
    if not 1 <= applicants <= MAX_APPLICANTS:
        raise ConfigError(f"from 1 to {MAX_APPLICANTS:,} applicants can be scored in one run")


def decision_word(accepted: bool) -> str:
    """How a decision is written."""
    return "accept" if accepted else "decline"


@dataclass(frozen=True)
class Statement:
    """What must be the same at every party.

    Args:
        scheme: digest of the scheme.
        applicants: how many are scored.
        records: how many records there are.
        ids: digest of the applicants, keyed with the session.
    """

    scheme: bytes
    applicants: int
    records: int
    ids: bytes

    def pack(self) -> bytes:
        """STATEMENT_BYTES bytes."""
        return self.scheme + self.applicants.to_bytes(8, "little") + self.records.to_bytes(8, "little") + self.ids

    @classmethod
    def unpack(cls, data: bytes) -> Statement:
        """The inverse of `pack`; every string of STATEMENT_BYTES bytes is a statement."""
        return cls(data[:32], int.from_bytes(data[32:40], "little"), int.from_bytes(data[40:48], "little"), data[48:80])


async def score(
    session: Session, job: ScoreJob, *, on_progress: Callable[[Progress], None] | None = None
) -> Scores | None:
    """Score all applicants; every party makes the same call with its own job.

    Returns:
        the scores at the lender, None at everybody else.
    Raises:
        ConfigError: the session's parties are not those of the scheme.
        AgreementError: a party has another scheme or other applicants; names it. Nothing secret was sent.
        MPCNetError, ProtocolError: as `Session.evaluate`.
    """
    if set(session.parties) != set(job.scheme.holders):
        raise ConfigError(
            f"scheme {job.scheme.name!r} is for {', '.join(job.scheme.holders)}, "
            f"but the roster names {', '.join(session.parties)}"
        )
    await _agree(session, job.statement(session.session_id))
    learned = await session.evaluate(
        scoring_circuit(job.scheme),
        inputs_of(job.scheme, job.name, job.records.bins, job.points, job.applicants),
        owners=owners(job.scheme),
        reveal_to=[job.scheme.lender],
        batch=job.applicants,
        protocol=job.protocol,
        on_progress=on_progress,
    )
    if learned is None:
        return None
    points, accepted = learned
    return Scores(np.asarray(points, dtype=np.int32), np.asarray(accepted, dtype=np.bool_))


async def _agree(session: Session, mine: Statement) -> None:
    """Compare statements with all the others; an error is raised only once everybody can see it too."""
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
    checks: list[tuple[str, Mapping[str, object], str]] = [
        ("scheme", {p: s.scheme for p, s in statements.items()}, "every party needs the same scheme file"),
        ("number of applicants to score", {p: s.applicants for p, s in statements.items()}, same_option),
        ("number of records", {p: s.records for p, s in statements.items()}, same_files),
        ("list of applicants", {p: s.ids for p, s in statements.items()}, same_files),
    ]
    if all(s.applicants == s.records for s in statements.values()):
        del checks[1]  # nobody asked for another number than the file has: then it is the files that differ
    for what, values, advice in checks:
        odd, usual = _odd_ones(values)
        if not odd:
            continue
        shown = {party: f" ({value:,})" if isinstance(value, int) else "" for party, value in values.items()}
        if usual:
            text = f"the {what} of {_list(odd, shown)} differs from that of {_list(usual, shown)}; {advice}"
        else:
            text = f"the {what} differs between {_list(odd, shown)}; {advice}"
        culprits = [party for party in odd if party != me]
        return AgreementError(text, peer=culprits[0] if len(odd) == 1 and culprits else "")
    return None


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
