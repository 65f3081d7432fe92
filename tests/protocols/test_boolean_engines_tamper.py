"""Every message of the Boolean engines truncated, extended and flipped.

Semi-honest over authentic channels: a flip makes outputs wrong, by design; a wrong length is a MessageError that names
the peer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from circuits.plain import evaluate_bits
from protocols.errors import MessageError
from tests.kit.boolean_contract import Maker, assemble
from tests.kit.boolean_makers import gmw, gmw_with_dealer, replicated
from tests.kit.channels import Tamper
from tests.kit.circuits import random_bits
from tests.kit.garbling import make_circuit

CIRCUIT = make_circuit({"a": 2, "b": 2}, [(1, 2, 4), (1, 6, 5), (0, 7, 3), (1, 8, 6)], [7, 9])
BITS = random_bits(3, 33, CIRCUIT.n_inputs)


def at(place: tuple[str, str, int], change: Callable[[bytes], bytes], hits: list[int]) -> Tamper:
    def tamper(sender: str, path: str, number: int, message: bytes) -> list[bytes]:
        if (sender, path, number) != place:
            return [message]
        hits.append(number)
        return [change(message)]

    return tamper


async def run(maker: Maker, n_parties: int, tamper: Tamper) -> Any:
    """Calls 1 and 2 share the inputs, 3 evaluates, 4 opens to all; the rows that each party sees."""
    parties = await assemble(maker, n_parties, tamper=tamper)
    outputs = await parties.evaluate(CIRCUIT, BITS)
    return await parties.call("open", outputs, parties.everybody)


PLACES: list[tuple[Maker, int, tuple[str, str, int]]] = [
    (replicated(1), 3, ("p0", "/calls/call 1", 0)),
    (replicated(1), 3, ("p0", "/calls/call 3", 0)),
    (replicated(1), 3, ("p2", "/calls/call 3", 2)),
    (replicated(1), 3, ("p1", "/calls/call 4", 0)),
    (replicated(2), 5, ("p4", "/calls/call 3", 1)),
    (replicated(2), 5, ("p0", "/setup", 0)),
    (gmw_with_dealer, 3, ("p0", "/calls/call 3/open", 0)),
    (gmw_with_dealer, 3, ("p2", "/calls/call 4", 0)),
    (gmw, 2, ("p0", "/setup/keys", 0)),
    (gmw, 2, ("p1", "/calls/call 3/triples/ot/0", 0)),
]


@pytest.mark.parametrize("place", range(len(PLACES)))
@pytest.mark.parametrize("change", [lambda m: m[:-1], lambda m: m + b"\0", lambda m: b""])
async def test_a_wrong_length_names_the_peer(place: int, change: Callable[[bytes], bytes]) -> None:
    maker, n_parties, where = PLACES[place]
    hits: list[int] = []
    with pytest.raises(MessageError) as caught:
        await run(maker, n_parties, at(where, change, hits))
    assert hits
    assert caught.value.peer == where[0]


@pytest.mark.parametrize("place", [i for i, (_, _, where) in enumerate(PLACES) if where[1].startswith("/calls")])
async def test_a_flip_is_undetected_by_design(place: int) -> None:
    maker, n_parties, where = PLACES[place]
    hits: list[int] = []
    found = await run(maker, n_parties, at(where, lambda m: bytes(255 - byte for byte in m), hits))
    assert hits
    expected = evaluate_bits(CIRCUIT, BITS)
    for rows in found.values():
        assert rows.shape == (CIRCUIT.n_outputs, 1)
    rows = [np.unpackbits(one.view(np.uint8), axis=1, count=33, bitorder="little").T for one in found.values()]
    assert any((one != expected).any() for one in rows)


@pytest.mark.parametrize(("maker", "n_parties"), [(replicated(1), 3), (gmw_with_dealer, 3)])
async def test_a_lost_message_leaves_everybody_waiting(maker: Maker, n_parties: int) -> None:
    """Time limits are the caller's: see `mpcnet.session`."""
    hits: list[int] = []

    def drop(sender: str, path: str, number: int, message: bytes) -> list[bytes]:
        if sender == "p0" and path.startswith("/calls/call 3") and number == 0:
            hits.append(number)
            return []
        return [message]

    waiting = asyncio.ensure_future(run(maker, n_parties, drop))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    if done:  # the next message came in place of the lost one: of another length
        with pytest.raises(MessageError):
            waiting.result()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert hits
