"""Replicated sharing: who multiplies, deals and opens what, and what a coalition sees."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from circuits.ir import AND, XOR
from protocols.boolean import ReplicatedEngine
from protocols.boolean.roles import Roles, dealt_set
from protocols.sharing.keys import sets_of
from tests.kit.boolean_contract import BitParties, assemble
from tests.kit.boolean_makers import replicated
from tests.kit.garbling import make_circuit
from tests.kit.ideal import to_bits

Case = tuple[int, int, tuple[int, ...]]
CASES: list[Case] = [
    (n, t, present)
    for n, t in ((3, 1), (4, 1), (5, 1), (5, 2), (6, 2), (7, 3))
    for present in combinations(range(n), 2 * t + 1)
] + [(n, t, tuple(range(n))) for n, t in ((4, 1), (5, 1), (6, 1), (6, 2), (8, 3))]


def roles_of(case: Case) -> dict[int, Roles]:
    n, t, present = case
    return {party: Roles(party, n, t, present) for party in present}


@pytest.mark.parametrize("case", CASES)
def test_every_pair_of_pieces_is_multiplied_once(case: Case) -> None:
    n, t, _ = case
    done: list[tuple[object, object]] = []
    for party, roles in roles_of(case).items():
        lefts, left_ends, rights, right_ends = (part.tolist() for part in roles.terms)
        start = other = 0
        for end, other_end in zip(left_ends, right_ends, strict=True):
            assert end > start
            assert other_end > other
            done += [(roles.held[i], roles.held[j]) for i in lefts[start:end] for j in rights[other:other_end]]
            start, other = end, other_end
        assert bool(left_ends) == (party in roles.dealers)
    sets = sets_of(n, t)
    assert sorted(done) == sorted((a, b) for a in sets for b in sets)


@pytest.mark.parametrize("case", CASES)
def test_what_is_dealt_and_opened_reaches_all(case: Case) -> None:
    all_roles = roles_of(case)
    first = next(iter(all_roles.values()))
    assert len(first.dealers) == 2 * first.threshold + 1
    for dealer in first.dealers:
        dealt = first.dealt(dealer)
        assert dealer not in dealt
        assert len(dealt) == first.threshold
        assert sorted([dealer, *first.receivers(dealer)]) == first.holders(dealt)
    for party, roles in all_roles.items():
        assert roles.dealers == first.dealers
        for one in roles.held:
            assert roles.givers(one) == first.givers(one)
        opened = [one for sender in roles.present for one in roles.opened_by(sender, party)]
        assert sorted([*opened, *roles.held]) == roles.sets
        for sender in roles.present:
            assert all(one in all_roles[sender].held for one in roles.opened_by(sender, party))


@pytest.mark.parametrize("case", CASES)
def test_a_coalition_hears_masked_messages_only(case: Case) -> None:
    """Every message of a dealer outside of T to a party in T has the stream of key_T in it, which T lacks."""
    n, t, present = case
    roles = next(iter(roles_of(case).values()))
    for coalition in sets_of(n, t):
        for dealer in roles.dealers:
            if dealer not in coalition and set(roles.receivers(dealer)) & set(coalition):
                assert dealer in roles.givers(coalition)
    assert all(dealt_set(dealer, n, t) == roles.dealt(dealer) for dealer in present)


def test_with_three_parties_each_key_serves_one_dealer() -> None:
    """As in Araki et al.: two streams and one bit for each AND gate at each party."""
    heard = []
    for roles in roles_of((3, 1, (0, 1, 2))).values():
        assert [len(roles.givers(one)) for one in roles.held] == [1, 1]
        assert len(roles.receivers(roles.me)) == 1
        heard += roles.receivers(roles.me)
    assert sorted(heard) == [0, 1, 2]


async def test_too_few_parties_are_refused() -> None:
    with pytest.raises(ValueError, match="2 parties are left; 3 are needed against 1"):
        Roles(0, 4, 1, (0, 3))
    parties = await assemble(replicated(2), 5, absent=frozenset({4}))
    with pytest.raises(ValueError, match="4 parties are left; 5 are needed"):
        await parties.engines[0].share(parties.forks()[0], 0, np.zeros((1, 1), np.uint64), 1, 1)


CIRCUIT = make_circuit({"a": 2, "b": 2}, [(AND, 2, 4), (AND, 3, 5), (XOR, 6, 2), (AND, 8, 7)], [6, 7, 9])


def balanced(bits: np.ndarray) -> bool:
    """Whether fair coins look like that: within 6 standard deviations."""
    return bool(abs(int(bits.sum(dtype=int)) - bits.size / 2) < 3 * bits.size**0.5)


async def ones(threshold: int, n_parties: int) -> tuple[BitParties, dict[int, np.ndarray]]:
    """Evaluate on inputs that are all 1: nothing is random but what the engine makes so."""
    parties = await assemble(replicated(threshold), n_parties)
    outputs = await parties.evaluate(CIRCUIT, np.ones((4000, 4), np.uint8))
    pieces = {party: one.words.transpose(1, 0, 2) for party, one in outputs.items()}
    return parties, {party: np.stack([to_bits(piece, 4000) for piece in one]) for party, one in pieces.items()}


@pytest.mark.parametrize(("threshold", "n_parties"), [(1, 3), (1, 4), (2, 5)])
async def test_pieces_and_messages_look_random(threshold: int, n_parties: int) -> None:
    parties, pieces = await ones(threshold, n_parties)
    for one in pieces.values():
        assert all(balanced(piece[output]) for piece in one for output in (0, 1))
        assert balanced(np.bitwise_xor.reduce(one)[0])  # of all that a party holds
    for mesh in parties.meshes.values():
        for messages in mesh.messages("/calls").values():
            for message in messages:
                assert balanced(np.unpackbits(np.frombuffer(message, np.uint8)))


async def test_shares_are_fresh_in_every_call() -> None:
    parties = await assemble(replicated(1), 3)
    rows = np.ones((2, 500), np.uint8)
    one, other = [await parties.share(rows, 0) for _ in range(2)]
    for party in (1, 2):
        for piece in range(2):
            if one[party].words[:, piece].any():
                assert balanced(to_bits(one[party].words[:, piece] ^ other[party].words[:, piece], 500))


async def test_a_party_is_shown_as_what_it_is() -> None:
    parties = await assemble(replicated(1), 3)
    engine = parties.engines[1]
    assert isinstance(engine, ReplicatedEngine)
    assert repr(engine) == "<ReplicatedEngine of party 1 of 3, threshold 1>"
    assert engine.threshold == 1
    assert engine.pieces == 2
