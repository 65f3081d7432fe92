"""The Cost lines of the Boolean engines equal the messages on the wire, and rounds are as deep as the circuit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from circuits import with_style
from circuits.program import schedule
from protocols.boolean import levels
from protocols.boolean.contract import BitShares
from protocols.boolean.roles import Roles
from tests.kit.boolean_contract import BitParties, assemble, mixed
from tests.kit.boolean_makers import gmw_with_dealer, replicated
from tests.kit.circuits import random_bits
from tests.kit.rounds import run_in_rounds

COUNT = 130
MADE = with_style(mixed, "low_depth")


async def inputs_of(parties: BitParties) -> dict[int, list[BitShares]]:
    ports: dict[int, list[BitShares]] = {party: [] for party in parties.present}
    for port in MADE.inputs:
        for party, shares in (await parties.share(random_bits(1, port.n_bits, COUNT), 1)).items():
            ports[party].append(shares)
    return ports


def said(parties: BitParties) -> dict[tuple[int, int], list[int]]:
    """The lengths of the messages of the last call, from whom to whom."""
    prefix = f"/calls/call {parties._calls}"
    found = {}
    for party, mesh in parties.meshes.items():
        for peer, messages in mesh.messages(prefix).items():
            if messages:
                found[party, peer] = [len(message) for message in messages]
    return found


def n_bytes(n_bits: int) -> int:
    return -(-n_bits // 8)


@pytest.mark.parametrize(("threshold", "n_parties", "absent"), [(1, 3, ()), (1, 5, ()), (2, 5, ()), (1, 4, (1,))])
async def test_replicated(
    threshold: int, n_parties: int, absent: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "BLOCK_BYTES", 1)  # blocks of 64
    parties = await assemble(replicated(threshold), n_parties, absent=frozenset(absent))
    roles = Roles(parties.present[0], n_parties, threshold, tuple(parties.present))
    owner = parties.present[-1]
    shares = await parties.share(random_bits(1, 7, COUNT), owner)
    receivers = roles.receivers(owner)
    assert len(receivers) == n_parties - threshold - 1 - len(set(absent) - set(roles.dealt(owner)))
    assert said(parties) == {(owner, peer): [n_bytes(7 * COUNT)] for peer in receivers}

    to = {parties.present[0], owner}
    await parties.call("open", shares, frozenset(to))
    found = said(parties)
    assert found == {
        (sender, peer): [n_bytes(7 * COUNT)]
        for sender in parties.present
        for peer in to - {sender}
        if roles.opened_by(sender, peer)
    }
    assert all(sum(peer == one for _, one in found) <= threshold for peer in to)

    inputs = {party: [one, one, one[:1]] for party, one in shares.items()}
    await parties.call("evaluate", MADE, inputs, COUNT)
    strings = levels.strings_of(schedule(MADE, "rounds"), COUNT, parties.engines[owner].pieces)
    assert len(strings) == 3 * MADE.and_depth
    expected = [n_bytes(n_bits) for n_bits in strings]
    assert len(roles.dealers) == 2 * threshold + 1
    assert said(parties) == {(dealer, peer): expected for dealer in roles.dealers for peer in roles.receivers(dealer)}


async def test_three_parties_pay_one_bit_for_an_and_gate() -> None:
    parties = await assemble(replicated(1), 3)
    shares = await parties.share(random_bits(1, 7, 64), 0)
    await parties.call("evaluate", MADE, {party: [one, one, one[:1]] for party, one in shares.items()}, 64)
    sent = {party: sum(sum(sizes) for (one, _), sizes in said(parties).items() if one == party) for party in range(3)}
    assert set(sent.values()) == {8 * schedule(MADE, "rounds").and_count}


@pytest.mark.parametrize("n_parties", [2, 3, 5])
async def test_gmw(n_parties: int) -> None:
    parties = await assemble(gmw_with_dealer, n_parties)
    shares = await parties.share(random_bits(1, 7, COUNT), 0)
    assert said(parties) == {}
    assert all(one.owner == 0 for one in shares.values())
    await parties.call("open", shares, frozenset({0, 1}))
    assert said(parties) == {
        (sender, peer): [n_bytes(7 * COUNT)] for sender in range(n_parties) for peer in (0, 1) if peer != sender
    }
    await parties.call("evaluate", MADE, {party: [one, one, one[:1]] for party, one in shares.items()}, COUNT)
    expected = [n_bytes(2 * n_bits) for n_bits in levels.strings_of(schedule(MADE, "rounds"), COUNT)]
    pairs = [(one, other) for one in range(n_parties) for other in range(n_parties) if one != other]
    assert said(parties) == dict.fromkeys(pairs, expected)


@pytest.mark.parametrize(("maker", "n_parties"), [(replicated(1), 3), (replicated(2), 5), (gmw_with_dealer, 3)])
def test_rounds(maker: Any, n_parties: int) -> None:
    async def main() -> BitParties:
        return await assemble(maker, n_parties, "delayed")

    _, parties = run_in_rounds(main)
    _, inputs = run_in_rounds(lambda: inputs_of(parties))
    rounds, outputs = run_in_rounds(lambda: parties.call("evaluate", MADE, inputs, COUNT))
    assert rounds == MADE.and_depth
    rounds, found = run_in_rounds(lambda: parties.call("open", outputs, frozenset({0})))
    assert rounds == 1
    assert found[0] is not None


async def test_nothing_to_say() -> None:
    for maker, n_parties in ((replicated(1), 3), (gmw_with_dealer, 3)):
        parties = await assemble(maker, n_parties)
        for shape in ((0, 70), (3, 0)):
            shares = await parties.share(np.zeros(shape, np.uint8), 0)
            assert said(parties) == {}
            await parties.call("open", shares, parties.everybody)
            assert said(parties) == {}
        rows = await parties.share(random_bits(1, 3, 9), 0)
        assert set((await parties.call("open", rows, frozenset())).values()) == {None}
        assert said(parties) == {}
