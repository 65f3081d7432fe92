"""The engines that a session offers, and what is known of each before it is set up."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, comb

from mpcnet.array.computation import EngineChoice
from mpcnet.array.dtypes import Limits
from mpcnet.array.position import misused
from protocols.arithmetic.contract import Engine
from protocols.channel import Mesh

__all__ = ["EngineChoice", "additive", "shamir"]

SHAMIR_PRODUCT_BITS = 79
"""Room for masks modulo 2**127 - 1 among ten parties, the most there can be; the same for fewer, so that a program does
not depend on how many there are."""


def shamir(n_parties: int, threshold: int) -> EngineChoice:
    """Shamir's sharing modulo 2**127 - 1."""
    from protocols.sharing.ring import MERSENNE127

    if type(threshold) is not int or threshold < 1:
        raise misused(f"shamir: the threshold is an integer of at least 1, not {threshold!r}")
    if n_parties < 2 * threshold + 1:
        raise misused(
            f"shamir: a threshold of {threshold} takes {2 * threshold + 1} parties or more, and there are {n_parties}"
        )
    ulps = -(-(comb(n_parties, threshold) + 1) // 2)
    limits = Limits(value_bits=126, product_bits=SHAMIR_PRODUCT_BITS, int_bits=62, ulps=ulps)

    async def setup(mesh: Mesh) -> Engine:
        from protocols.arithmetic.shamir import ShamirEngine

        return await ShamirEngine.setup(mesh, threshold=threshold, ring=MERSENNE127)

    spare = n_parties - 2 * threshold - 1
    return EngineChoice(f"shamir(threshold={threshold})", limits, MERSENNE127, setup, spare)


def additive(parties: Sequence[str], dealer: str | None) -> EngineChoice:
    """Additive sharing modulo 2**64."""
    from protocols.arithmetic.truncation import MAX_BOUND, ulps
    from protocols.sharing.ring import RING64

    if dealer is not None and dealer not in parties:
        raise misused(f"additive: there is no party {str(dealer)[:64]!r} to deal; there are {', '.join(parties)}")
    if dealer is not None and len(parties) < 3:
        raise misused("additive: of two parties none can deal for the other; leave the dealer out")
    limits = Limits(value_bits=64, product_bits=MAX_BOUND, int_bits=62, ulps=ceil(ulps(len(parties))))
    number = None if dealer is None else parties.index(dealer)

    async def setup(mesh: Mesh) -> Engine:
        from protocols.arithmetic.additive import AdditiveEngine

        return await AdditiveEngine.setup(mesh, dealer=number)

    return EngineChoice("additive()" if dealer is None else f"additive(dealer={dealer})", limits, RING64, setup)
