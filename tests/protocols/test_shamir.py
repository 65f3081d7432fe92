"""Shamir's polynomials: Lagrange, dealing, and an opening that finds out who lies."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from protocols.errors import CheckFailed
from protocols.sharing.ring import MERSENNE61, MERSENNE127, Elements, Ring
from protocols.sharing.shamir import Deal, at_zero_on, lagrange, point, reconstruct

RINGS = pytest.mark.parametrize("ring", [MERSENNE61, MERSENNE127], ids=lambda ring: ring.name)


def polynomial(ring: Ring, degree: int, n_parties: int, secrets: list[int]) -> dict[int, Elements]:
    """Shares of some secrets, each under a polynomial of its own."""
    random = np.random.default_rng(4)
    rows = [[secret, *(int(c) for c in random.integers(0, 1 << 60, degree))] for secret in secrets]
    return {
        party: ring.encode([sum(c * point(party) ** i for i, c in enumerate(row)) for row in rows])
        for party in range(n_parties)
    }


@RINGS
def test_lagrange_evaluates_polynomials(ring: Ring) -> None:
    coefficients = [5, 7, 11]

    def f(x: int) -> int:
        return sum(c * x**i for i, c in enumerate(coefficients)) % ring.modulus

    for points in combinations(range(1, 6), 3):
        for at in (0, 2, 9):
            found = sum(c * f(x) for c, x in zip(lagrange(ring, points, at), points, strict=True))
            assert found % ring.modulus == f(at)


@RINGS
def test_the_polynomial_of_a_set_vanishes_on_it(ring: Ring) -> None:
    for zeros in [(0,), (1, 2), (0, 3, 4)]:
        values = [at_zero_on(ring, zeros, party) for party in range(6)]
        assert [value == 0 for value in values] == [party in zeros for party in range(6)]
        degree = len(zeros)
        again = lagrange(ring, [point(party) for party in range(degree + 1)], 0)
        assert sum(c * v for c, v in zip(again, values, strict=False)) % ring.modulus == 1


@RINGS
@pytest.mark.parametrize(("n_parties", "threshold"), [(3, 1), (5, 2), (7, 3), (4, 1)])
def test_a_deal_shares_its_secret(ring: Ring, n_parties: int, threshold: int) -> None:
    for dealer in range(n_parties):
        deal = Deal.of(ring, range(n_parties), dealer, threshold)
        assert len(deal.drawn) == threshold
        assert sorted([dealer, *deal.drawn, *deal.sent]) == list(range(n_parties))
        known = [123, *range(7, 7 + threshold)]
        shares = {
            party: ring.encode([sum(c * k for c, k in zip(deal.coefficients(party), known, strict=True))])
            for party in range(n_parties)
        }
        for party, drawn in zip(deal.drawn, known[1:], strict=True):
            assert ring.decode(shares[party]).tolist() == [drawn]
        assert ring.decode(reconstruct(ring, threshold, shares)).tolist() == [123]


def test_what_is_dealt_by_all_is_as_much_for_each() -> None:
    deals = [Deal.of(MERSENNE61, range(5), dealer, 2) for dealer in range(5)]
    for party in range(5):
        assert sum(party in deal.drawn for deal in deals) == 2
        assert sum(party in deal.sent for deal in deals) == 2


@RINGS
@pytest.mark.parametrize(("n_parties", "threshold"), [(2, 1), (3, 1), (5, 2), (7, 3), (7, 2)])
def test_any_enough_shares_reconstruct(ring: Ring, n_parties: int, threshold: int) -> None:
    secrets = [0, 1, -1, 12345]
    shares = polynomial(ring, threshold, n_parties, secrets)
    for count in range(threshold + 1, n_parties + 1):
        for chosen in combinations(range(n_parties), count):
            some = {party: shares[party] for party in chosen}
            assert ring.decode(reconstruct(ring, threshold, some)).tolist() == secrets
    with pytest.raises(ValueError, match=f"{threshold + 1} shares are needed"):
        reconstruct(ring, threshold, {party: shares[party] for party in range(threshold)})


@RINGS
@pytest.mark.parametrize(
    ("n_parties", "threshold", "wrong", "named"),
    [
        (3, 1, (1,), ""),
        (4, 1, (2,), "p2"),
        (5, 2, (0,), "p0"),
        (5, 1, (4,), "p4"),
        (5, 1, (0, 3), ""),
        (6, 1, (0, 3), "p0 and p3"),
        (7, 3, (5,), "p5"),
        (7, 2, (1, 6), "p1 and p6"),
    ],
)
def test_a_wrong_share_is_found_and_its_party_named_where_that_can_be_told(
    ring: Ring, n_parties: int, threshold: int, wrong: tuple[int, ...], named: str
) -> None:
    shares = polynomial(ring, threshold, n_parties, [1, 2, 3])
    for party in wrong:
        shares[party] = ring.add(shares[party], ring.encode([0, party + 1, 0]))
    with pytest.raises(CheckFailed) as caught:
        reconstruct(ring, threshold, shares, lambda party: f"p{party}")
    assert caught.value.peer == named
    assert ("cannot be told" in str(caught.value)) == (not named)


def test_without_a_share_too_many_nothing_can_be_found() -> None:
    shares = polynomial(MERSENNE61, 1, 2, [9])
    shares[1] = MERSENNE61.add(shares[1], MERSENNE61.encode([1]))
    assert MERSENNE61.decode(reconstruct(MERSENNE61, 1, shares)).tolist() != [9]
