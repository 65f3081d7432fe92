"""Replicated sharing: who holds, multiplies, deals and opens what, among the parties that are present."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from protocols.sharing.keys import PartySet, sets_of

__all__ = ["Roles", "dealt_set"]


def dealt_set(dealer: int, n_parties: int, threshold: int) -> PartySet:
    """A_i: the set whose piece dealer i sends, the t parties behind it."""
    return tuple(sorted((dealer + step) % n_parties for step in range(1, threshold + 1)))


class Roles:
    """Who does what, as one party sees it; the same at all that are present.

    Args:
        me: this party.
        n_parties, threshold: of all parties, lost ones included.
        present: who is there, increasing.
    Attributes:
        sets: whose pieces there are, in lexicographic order.
        held: those that this party holds.
        dealers: the parties that multiply.
    Raises:
        ValueError: fewer than 2 * threshold + 1 are there.
    """

    def __init__(self, me: int, n_parties: int, threshold: int, present: tuple[int, ...]) -> None:
        if len(present) <= 2 * threshold:
            raise ValueError(
                f"{len(present)} parties are left; {2 * threshold + 1} are needed against {threshold} that collude"
            )
        self.me, self.n_parties, self.threshold, self.present = me, n_parties, threshold, present
        self.sets = sets_of(n_parties, threshold)
        self.held = [one for one in self.sets if me not in one]
        self.dealers = present[: 2 * threshold + 1]  # two sets leave out one of these at least

    def holders(self, one: PartySet) -> list[int]:
        """Who is present and holds a set's piece."""
        return [party for party in self.present if party not in one]

    def dealt(self, dealer: int) -> PartySet:
        """The set A_i of a dealer."""
        return dealt_set(dealer, self.n_parties, self.threshold)

    def receivers(self, dealer: int) -> list[int]:
        """Whom a dealer sends its message."""
        return [party for party in self.holders(self.dealt(dealer)) if party != dealer]

    def givers(self, one: PartySet) -> list[int]:
        """The dealers whose share of a set comes from its stream, in the order in which it is drawn."""
        return [dealer for dealer in self.dealers if dealer not in one and self.dealt(dealer) != one]

    def opened_by(self, sender: int, recipient: int) -> list[PartySet]:
        """The pieces that a party lacks and has from another, their lowest holder."""
        return [one for one in self.sets if recipient in one and self.holders(one)[0] == sender]

    def pieces_of(self, sets: list[PartySet]) -> list[int]:
        """Where these sets stand among those that this party holds."""
        return [self.held.index(one) for one in sets]

    @cached_property
    def terms(self) -> tuple[NDArray[np.int64], ...]:
        """This party's products: the pairs of sets of which it is the lowest holder, those with the same partners
        together; as `kernels.boolean.add_products` takes them."""
        lower = [set(self.present[: self.present.index(self.me)]) - set(one) for one in self.held]
        partners: dict[tuple[int, ...], list[int]] = {}
        for a, others in enumerate(lower):
            chosen = tuple(b for b, more in enumerate(lower) if not others & more)
            if chosen:
                partners.setdefault(chosen, []).append(a)
        lists: list[list[int]] = []
        for rows in (list(partners.values()), [list(chosen) for chosen in partners]):
            lists += [[i for row in rows for i in row], np.cumsum([len(row) for row in rows]).tolist()]
        return tuple(np.array(one, np.int64) for one in lists)
