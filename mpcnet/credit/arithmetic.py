"""Scores on shares of numbers: a scorecard or a logistic regression among any number of parties.

    every holder but the lender                     the lender
    ------------------------------------------------------------------------------------------
    x: for each applicant its columns               w: what each column counts for
                                                    start: base or intercept, and its own features, for each applicant
                                                    cutoff
    [ on shares:  score = x @ w + start;  a regression: score = xp.sigmoid(score);  accepted = score >= cutoff ]
                                                    score and accepted, opened to it alone

A feature of n bins becomes n - 1 columns, of which at most one is 1: what the first bin is worth is in `start`, and the
others count for the difference. So an applicant costs one inner product, whatever the number of parties; a measure is
one column. The lender adds up its own features by itself, as with circuits. Applicants are computed in pieces, so that
memory does not grow with their number.

Points are integers and scores exact. A regression is computed in fixed point with f = FRAC_BITS bits behind the point.
With X the largest sum of |x| of an applicant, W the sum of |weights| of measures, and u the engine's truncation_ulps,
the log odds are off by at most (X / 2 + W / 2 + 1 / 2 + u) 2**-f, and the probability by a quarter of that and by the
sigmoid's own (u + 1) 2**-f or so: below 2**-11 for the model of the demo among seven, with X = 15, W < 1 and u = 18.

Security: semi-honest, as the engine: with "shamir" fewer than half of the parties may put their heads together, with
"additive" all but one. Nobody but the lender learns anything; all learn how many columns each has, as the scheme says.
Cost: for each piece a matrix product with as many results as applicants, a comparison for each, and for a regression a
sigmoid; see `mpcnet.array`.
Source: an inner product with one-hot vectors for a table lookup is folklore.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.credit.features import Feature
from mpcnet.credit.files import AnyScheme, Secret
from mpcnet.credit.logistic import MAX_LOG_ODDS, LogisticScheme, Weights
from mpcnet.credit.scorecard import Points, Scheme

if TYPE_CHECKING:
    from mpcnet.array import Computation, SecretArray
    from mpcnet.evaluate import Progress
    from mpcnet.session import Session

__all__ = ["FRAC_BITS", "Terms", "columns_of", "score_on_shares", "terms_of"]

FRAC_BITS = 16
WHOLE_BITS = MAX_LOG_ODDS.bit_length()
PIECE = 1 << 13  # applicants computed at once

Values = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, repr=False)
class Terms:
    """What the lender brings to score = x @ weights + start.

    Args:
        start: for each of its records, int64 or float64.
        weights: for each column of the others, holder after holder, of the same dtype.
        cutoff: from which score an application is accepted.
    """

    start: NDArray[Any]
    weights: NDArray[Any]
    cutoff: float


def terms_of(scheme: AnyScheme, secret: Secret, values: Values, n_records: int) -> Terms:
    """Turn points or weights, and the lender's own values, into the terms of one linear expression."""
    others = [feature.name for holder in scheme.holders[1:] for feature in scheme.held_by(holder)]
    if isinstance(secret, Weights):
        weights = [weight for name in others for weight in secret.tables[name]]
        start: NDArray[Any] = secret.log_odds(values)
        return Terms(np.broadcast_to(start, (n_records,)), np.array(weights, np.float64), secret.cutoff)
    own = {name: table for name, table in secret.tables.items() if name in values}
    base = secret.base + sum(secret.tables[name][0] for name in others)
    start = Points(base, secret.cutoff, own).score(values)
    gains = [points - secret.tables[name][0] for name in others for points in secret.tables[name][1:]]
    return Terms(np.broadcast_to(start, (n_records,)), np.array(gains, np.int64), secret.cutoff)


def columns_of(scheme: AnyScheme, holder: str, values: Values, rows: NDArray[np.intp]) -> NDArray[Any]:
    """A holder's columns for some records, of shape (len(rows), sum of n_columns): int64, or float64 with measures."""
    features = scheme.held_by(holder)
    blocks = [feature.columns(values[feature.name][rows]) for feature in features]
    integers = all(isinstance(feature, Feature) for feature in features)
    return np.concatenate(blocks, axis=1).astype(np.int64 if integers else np.float64)


async def score_on_shares(
    session: Session,
    scheme: AnyScheme,
    values: Values,
    secret: Secret | None,
    n_records: int,
    applicants: int,
    protocol: str,
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
    """Score all applicants; every party makes the same call with its own values.

    Args:
        session: whose parties are the holders of the scheme.
        values: of this party's features, each of shape (n_records,).
        secret: at the lender; None at everybody else.
        applicants: how many to score; where it is more than n_records, the list is repeated.
        protocol: "shamir" or "additive".
    Returns:
        at the lender scores (int32 points or float64 probabilities) and decisions, of shape (applicants,); None at
        everybody else.
    Raises:
        MPCNetError, ProtocolError: as operations on `SecretArray`.
    """
    from mpcnet.evaluate import Progress

    def tell(done: int) -> None:
        if on_progress is not None:
            on_progress(Progress("score", done, applicants, session.stats.bytes_sent, session.stats.bytes_received))

    terms = None if secret is None else terms_of(scheme, secret, values, n_records)
    learned = []
    with session.phase("evaluate"):
        sh = session.shamir(threshold=(session.n_parties - 1) // 2) if protocol == "shamir" else session.additive()
        tell(0)
        for first in range(0, applicants, PIECE):
            rows = np.arange(first, min(first + PIECE, applicants)) % n_records
            score, accepted = _expression(sh, scheme, session.name, values, terms, rows)
            learned.append(await asyncio.gather(score.reveal(to=scheme.lender), accepted.reveal(to=scheme.lender)))
            tell(first + len(rows))
    if terms is None:
        return None
    scores, decisions = (np.concatenate(pieces) for pieces in zip(*learned, strict=True))
    if isinstance(scheme, LogisticScheme):
        return np.clip(scores, 0.0, 1.0), decisions.astype(np.bool_)  # the approximation may step out by its error
    return scores.astype(np.int32), decisions.astype(np.bool_)


def _expression(
    sh: Computation, scheme: AnyScheme, me: str, values: Values, terms: Terms | None, rows: NDArray[np.intp]
) -> tuple[SecretArray, SecretArray]:
    """Score and decision of some records, as secret arrays."""
    from mpcnet import array as xp

    if isinstance(scheme, Scheme):
        dtype = sh.int(scheme.score_bits + 2)
    else:
        dtype = sh.fixed(FRAC_BITS, n_bits=1 + WHOLE_BITS + FRAC_BITS)
    lender, count = scheme.lender, len(rows)
    blocks = [
        sh.input(
            columns_of(scheme, holder, values, rows) if holder == me else None,
            owner=holder,
            shape=(count, sum(feature.n_columns for feature in scheme.held_by(holder))),
            dtype=dtype,
        )
        for holder in scheme.holders[1:]
    ]
    width = sum(feature.n_columns for feature in scheme.others)
    start = sh.input(terms and terms.start[rows], owner=lender, shape=(count,), dtype=dtype)
    weights = sh.input(terms and terms.weights, owner=lender, shape=(width,), dtype=dtype)
    cutoff = sh.input(terms and terms.cutoff, owner=lender, shape=(), dtype=dtype)
    score = xp.concat(blocks, axis=1) @ weights + start
    if isinstance(scheme, LogisticScheme):
        score = xp.sigmoid(score)
    return score, score >= cutoff
