"""Shamir's secret sharing: polynomials whose value at 0 is the secret; party i has the value at i + 1.

A dealer's polynomial of degree t is fixed by its secret and by the shares of t parties. These shares are pseudorandom
and drawn from keys that each of the t has in common with the dealer, so the dealer sends the others' shares only.

Source: Shamir, "How to share a secret", CACM 1979. Shares from keys are the compression that goes with pseudorandom
secret sharing, see `protocols.sharing.keys`; any t of the shares of a random polynomial are uniform and independent, so
it makes no difference which of them are drawn first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from protocols.errors import CheckFailed
from protocols.sharing.ring import Elements, Ring

__all__ = ["Deal", "at_zero_on", "lagrange", "point", "reconstruct"]


def point(party: int) -> int:
    """Where the polynomials of a party's shares are evaluated."""
    return party + 1


def lagrange(ring: Ring, points: Sequence[int], at: int) -> list[int]:
    """Coefficients c with f(at) = sum of c_j f(points[j]) for every f of degree below len(points)."""
    p, result = ring.modulus, []
    for x in points:
        up, down = 1, 1
        for y in points:
            if y != x:
                up, down = up * (at - y) % p, down * (x - y) % p
        result.append(up * ring.inverse(down) % p)
    return result


def at_zero_on(ring: Ring, zeros: Sequence[int], party: int) -> int:
    """The share of a party under the polynomial of least degree that is 1 at 0 and 0 at the points of some parties."""
    return lagrange(ring, [0, *(point(zero) for zero in zeros)], point(party))[0]


@dataclass(frozen=True)
class Deal:
    """How a dealer's shares reach the parties.

    Attributes:
        dealer: who knows the secret.
        drawn: the t parties that draw their shares from the key they have in common with the dealer.
        sent: the parties to whom the dealer sends their shares.
    """

    ring: Ring
    dealer: int
    drawn: tuple[int, ...]
    sent: tuple[int, ...]

    @classmethod
    def of(cls, ring: Ring, present: Sequence[int], dealer: int, threshold: int) -> Deal:
        """The t parties behind the dealer draw, all others are sent theirs: so the work is the same for everybody."""
        place = list(present).index(dealer)
        others = [*present[place + 1 :], *present[:place]]
        return cls(ring, dealer, tuple(others[:threshold]), tuple(others[threshold:]))

    def coefficients(self, party: int) -> list[int]:
        """A party's share as a combination of the secret and of the drawn shares, in order."""
        return lagrange(self.ring, [0, *(point(one) for one in self.drawn)], point(party))


def reconstruct(
    ring: Ring, threshold: int, shares: Mapping[int, Elements], name_of: Callable[[int], str] = str
) -> Elements:
    """The secrets, from all shares that there are; more than threshold + 1 are checked against each other.

    Args:
        shares: by party, arrays of one shape.
        name_of: for errors.
    Raises:
        CheckFailed: the shares lie on no polynomial of degree `threshold`. It names the party at fault where so many
            shares agree that only one explanation is left: with 2 e more shares than needed up to e parties are found.
    Source: the search tries every set of e parties, which for few parties does what a decoder of Reed-Solomon codes
    (Berlekamp and Welch, 1983) does for many.
    """
    parties = sorted(shares)
    if len(parties) <= threshold:
        raise ValueError(f"{threshold + 1} shares are needed, not {len(parties)}")
    if _agree(ring, threshold, parties, shares):
        chosen = parties[: threshold + 1]
        coefficients = lagrange(ring, [point(party) for party in chosen], 0)
        return ring.combine(coefficients, [shares[party] for party in chosen])
    for n_wrong in range(1, (len(parties) - threshold - 1) // 2 + 1):
        for wrong in combinations(parties, n_wrong):
            if _agree(ring, threshold, [party for party in parties if party not in wrong], shares):
                names = " and ".join(name_of(party) for party in wrong)
                raise CheckFailed("the share of an opened value contradicts those of all others", peer=names)
    raise CheckFailed(
        f"the {len(parties)} shares of an opened value contradict each other; which party is at fault cannot be told "
        f"from so few"
    )


def _agree(ring: Ring, threshold: int, parties: Sequence[int], shares: Mapping[int, Elements]) -> bool:
    """Whether the shares of some parties lie on one polynomial."""
    base = parties[: threshold + 1]
    points = [point(party) for party in base]
    arrays = [shares[party] for party in base]
    return all(
        np.array_equal(ring.combine(lagrange(ring, points, point(party)), arrays), shares[party])
        for party in parties[threshold + 1 :]
    )
