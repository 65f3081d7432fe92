"""One scoring run at one party: check that all parties mean the same, compute the scores, give them to the lender.

    every party                                     every other party
    what it is about to compute              <--->  the same, or an error that names who differs
    [ the scores, by circuits or on shares: values and points in, score and decision out, to the lender ]

Security: semi-honest, as `Session.evaluate` for "yao" and "gmw", and as `mpcnet.credit.arithmetic` for "shamir" and
"additive"; `mpcnet.credit.statement` says what the comparison tells. The lender learns score and decision of each
applicant and nothing else; what a score tells about the values behind it is the business of the model (see
docs/credit-scoring.md).
Cost: one message of STATEMENT_BYTES to each other party, then that of the protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.credit.circuit import inputs_of, owners, scoring_circuit
from mpcnet.credit.files import AnyScheme, Secret, load_points, load_scheme
from mpcnet.credit.logistic import LogisticScheme, Weights
from mpcnet.credit.records import Records, read_records
from mpcnet.credit.scorecard import Scheme
from mpcnet.credit.statement import Statement, agree
from mpcnet.errors import ConfigError
from mpcnet.plan import Plan

if TYPE_CHECKING:
    from mpcnet.config import Config
    from mpcnet.evaluate import Progress
    from mpcnet.session import Session

__all__ = ["CIRCUITS", "MAX_APPLICANTS", "SHARES", "ScoreJob", "Scores", "check_count", "default_protocol", "score"]

MAX_APPLICANTS = 100_000_000
CIRCUITS, SHARES = ("yao", "gmw"), ("shamir", "additive")
"""The protocols that evaluate a circuit, and those that compute on shares of numbers."""
MIN_SHAMIR = 3


@dataclass(frozen=True)
class ScoreJob:
    """What one party brings to a scoring run.

    Args:
        name: the party.
        scheme: the public part of the model.
        records: its own records.
        points: the secret part, at the lender: points or weights; None at everybody else.
        applicants: how many are scored; where it is more than there are records, the list is repeated.
        protocol: one of CIRCUITS or SHARES.
    """

    name: str
    scheme: AnyScheme
    records: Records
    points: Secret | None
    applicants: int
    protocol: str = CIRCUITS[0]

    def __post_init__(self) -> None:
        check_count(self.applicants)
        check_protocol(self.scheme, self.protocol)
        if self.is_lender and self.points is None:
            raise ConfigError(f"{self.name} is the lender of scheme {self.scheme.name!r} and needs the points")

    @property
    def is_lender(self) -> bool:
        return self.name == self.scheme.lender

    @property
    def computes(self) -> bool:
        """Whether this party computes; with "yao" two do, the others hand over shares and are done."""
        if self.protocol in SHARES or not isinstance(self.scheme, Scheme):
            return True
        parties, given = sorted(self.scheme.holders), owners(self.scheme)
        plan = Plan.make(scoring_circuit(self.scheme), parties, given, [self.scheme.lender], protocol=self.protocol)
        return self.name in plan.computing

    @classmethod
    def load(cls, config: Config, applicants: int | None = None, protocol: str | None = None) -> ScoreJob:
        """Read the files that the [score] table of a party.toml names.

        Args:
            applicants: how many to score; by default one for each record.
            protocol: by default that of `default_protocol`.
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
        protocol = protocol or default_protocol(scheme)
        check_protocol(scheme, protocol)
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
        return cls(config.name, scheme, records, points, len(records) if applicants is None else applicants, protocol)

    def statement(self, session_id: bytes) -> Statement:
        """What this party says to the others before anything secret moves."""
        ids = self.records.ids_digest(session_id)
        return Statement(self.scheme.digest, self.protocol, self.applicants, len(self.records), ids)


@dataclass(frozen=True)
class Scores:
    """What the lender learned. Its repr shows none of it.

    Args:
        score: of shape (count,): int32 points, or float64 probabilities.
        accepted: bool of shape (count,).
    """

    score: NDArray[Any]
    accepted: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.score)

    def __repr__(self) -> str:
        return f"<Scores of {len(self)} applicants>"

    @property
    def header(self) -> tuple[str, str, str]:
        """What the columns of `rows` are called."""
        return ("applicant", "probability" if self.score.dtype.kind == "f" else "score", "decision")

    def rows(self, records: Records) -> Iterator[tuple[str, str, str]]:
        """(applicant, score, decision) one after the other, as they are written; a probability has 6 decimals."""
        style = ".6f" if self.score.dtype.kind == "f" else "d"
        for i in range(len(self)):
            yield records.name_of(i), format(self.score[i], style), decision_word(bool(self.accepted[i]))


def check_count(applicants: int) -> None:
    """Raise ConfigError for a number of applicants that cannot be scored."""
    if not 1 <= applicants <= MAX_APPLICANTS:
        raise ConfigError(f"from 1 to {MAX_APPLICANTS:,} applicants can be scored in one run")


def default_protocol(scheme: AnyScheme) -> str:
    """How a model is computed unless somebody says otherwise."""
    return SHARES[0] if isinstance(scheme, LogisticScheme) else CIRCUITS[0]


def check_protocol(scheme: AnyScheme, protocol: str) -> None:
    """Raise ConfigError for a protocol that cannot compute a model among its parties."""
    if protocol not in CIRCUITS + SHARES:
        raise ConfigError(f"there is no protocol {protocol[:64]!r}; there are {', '.join(CIRCUITS + SHARES)}")
    if isinstance(scheme, LogisticScheme) and protocol in CIRCUITS:
        raise ConfigError(f"a logistic regression is computed on shares: take {' or '.join(SHARES)}, not {protocol}")
    if protocol == "shamir" and len(scheme.holders) < MIN_SHAMIR:
        raise ConfigError(
            f"shamir takes {MIN_SHAMIR} parties or more, and scheme {scheme.name!r} has two: take additive"
        )


def decision_word(accepted: bool) -> str:
    """How a decision is written."""
    return "accept" if accepted else "decline"


async def score(
    session: Session, job: ScoreJob, *, on_progress: Callable[[Progress], None] | None = None
) -> Scores | None:
    """Score all applicants; every party makes the same call with its own job.

    Returns:
        the scores at the lender, None at everybody else.
    Raises:
        ConfigError: the session's parties are not those of the scheme.
        AgreementError: a party has another scheme, protocol or other applicants; names it. Nothing secret was sent.
        MPCNetError, ProtocolError: as `Session.evaluate`.
    """
    if set(session.parties) != set(job.scheme.holders):
        raise ConfigError(
            f"scheme {job.scheme.name!r} is for {', '.join(job.scheme.holders)}, "
            f"but the roster names {', '.join(session.parties)}"
        )
    await agree(session, job.statement(session.session_id))
    if job.protocol in CIRCUITS:
        return await _score_by_circuit(session, job, on_progress)
    from mpcnet.credit.arithmetic import score_on_shares

    if session.guard is not None:
        session.guard.take(job.applicants)
    learned = await score_on_shares(
        session,
        job.scheme,
        job.records.values,
        job.points,
        len(job.records),
        job.applicants,
        job.protocol,
        on_progress=on_progress,
    )
    return None if learned is None else Scores(*learned)


async def _score_by_circuit(
    session: Session, job: ScoreJob, on_progress: Callable[[Progress], None] | None
) -> Scores | None:
    assert isinstance(job.scheme, Scheme)
    assert not isinstance(job.points, Weights)
    learned = await session.evaluate(
        scoring_circuit(job.scheme),
        inputs_of(job.scheme, job.name, job.records.values, job.points, job.applicants),
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
