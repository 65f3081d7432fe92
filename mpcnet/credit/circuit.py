"""The scorecard as a circuit: what the parties evaluate together.

    score = start + sum of lookup(points of the feature, bin of the applicant)        decision = score >= cutoff

`start` is the base plus the points of the lender's own features: the lender knows both, so it adds them up by itself,
and the circuit has lookups for the other holders' features alone. A table is selected from by a tree of multiplexers:
a feature of n bins costs n - 1 AND gates for each bit of its points.

Ports, all secret to their owner:

    FEATURE          UInt   its holder     the bin of the applicant, for each feature that the lender does not hold
    FEATURE_points   Vec    the lender     what each bin of that feature is worth
    start            UInt   the lender     base and own points of the applicant
    cutoff           UInt   the lender
    -> score UInt, decision Bit, both to the lender
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import circuits
from circuits import Bit, Circuit, UInt, Vec
from mpcnet.credit.features import Feature
from mpcnet.credit.scorecard import Points, Scheme

__all__ = ["CUTOFF", "START", "inputs_of", "owners", "scoring_circuit"]

START, CUTOFF = "start", "cutoff"


@lru_cache(maxsize=8)
def scoring_circuit(scheme: Scheme) -> Circuit:
    """The circuit of a scheme: one applicant's inputs to its score and decision.

    Nothing overflows for points that `Points.check` accepts: the sum is cut to score_bits, which every score fits.
    """
    remote = scheme.others
    ports: dict[str, Any] = {feature.name: UInt[feature.index_bits] for feature in remote}
    ports |= {points_port(feature): Vec[UInt[scheme.points_bits], feature.n_bins] for feature in remote}
    ports |= {START: UInt[scheme.score_bits], CUTOFF: UInt[scheme.score_bits]}

    def scorecard(**inputs: Any) -> Any:
        worth = [_pick(inputs[points_port(feature)], inputs[feature.name]) for feature in remote]
        score = (inputs[START] + circuits.sum(worth)).wrap(scheme.score_bits) if worth else inputs[START]
        return score, score >= inputs[CUTOFF]

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, kind, annotation=type_) for name, type_ in ports.items()]
    results = (UInt[scheme.score_bits], Bit)
    scorecard.__signature__ = inspect.Signature(parameters, return_annotation=results)  # type: ignore[attr-defined]
    return circuits.circuit(name="scorecard", outputs=("score", "decision"))(scorecard)


def _pick(table: Any, index: Any) -> Any:
    """The entry at a secret index that is below len(table), in len(table) - 1 multiplexers.

    `circuits.lookup` answers for every index, which costs more where the length is no power of two.
    """
    if len(table) == 1:
        return table[0]
    top = (len(table) - 1).bit_length() - 1
    low, high = table[: 1 << top], table[1 << top :]
    return circuits.select(index[top], _pick(high, index), _pick(low, index))


def points_port(feature: Feature) -> str:
    """The port that takes a feature's points."""
    return f"{feature.name}_points"


def owners(scheme: Scheme) -> dict[str, str]:
    """Who gives each input of the circuit."""
    given = {feature.name: feature.holder for feature in scheme.others}
    given |= {points_port(feature): scheme.lender for feature in scheme.others}
    return given | {START: scheme.lender, CUTOFF: scheme.lender}


def inputs_of(
    scheme: Scheme, holder: str, bins: Mapping[str, NDArray[Any]], points: Points | None, count: int
) -> dict[str, Any]:
    """One party's inputs for some applicants.

    Args:
        holder: the party.
        bins: for each of its features, bin numbers of shape (n,).
        points: at the lender; None at everybody else.
        count: how many applicants; where it is more than n, the list is repeated.
    """
    if holder != scheme.lender:
        return {feature.name: np.resize(bins[feature.name], count) for feature in scheme.held_by(holder)}
    if points is None:
        raise ValueError("the lender gives the points")
    own = {feature.name: points.tables[feature.name] for feature in scheme.held_by(holder)}
    start = Points(points.base, points.cutoff, own).score(bins).astype(np.int32)
    tables = {points_port(feature): np.array(points.tables[feature.name]) for feature in scheme.others}
    return {**tables, START: np.resize(start, count), CUTOFF: points.cutoff}
