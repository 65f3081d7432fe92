"""Every message of GMW truncated, extended and flipped among three parties.

Semi-honest over authentic channels: a flip of an opening makes the outputs wrong, by design; a wrong length is a
MessageError that names the peer.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from circuits.plain import evaluate_bits
from protocols.errors import MessageError
from tests.kit.channels import Tamper
from tests.kit.circuits import random_bits
from tests.kit.gmw import run_gmw
from tests.kit.mesh import make_meshes
from tests.protocols.test_boolean import deep

BITS = random_bits(6, 33, deep.n_inputs)
PLACES = [
    ("p0", "/open", 0),
    ("p2", "/open", 3),
    ("p0", "/triples/ot/0", 0),
    ("p1", "/triples/ot/1", 0),
    ("p0", "/triples/ot/1", 1),
    ("p1", "/triples/ot/0", 2),
    ("p0", "/triples", 0),  # corrections of b
]


def at(place: tuple[str, str, int], change: Callable[[bytes], bytes], hits: list[int]) -> Tamper:
    def tamper(sender: str, path: str, number: int, message: bytes) -> list[bytes]:
        if (sender, path, number) != place:
            return [message]
        hits.append(number)
        return [change(message)]

    return tamper


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("change", [lambda m: m[:-1], lambda m: m + b"\0", lambda m: b""])
async def test_a_wrong_length_names_the_peer(place: tuple[str, str, int], change: Callable[[bytes], bytes]) -> None:
    hits: list[int] = []
    with pytest.raises(MessageError) as caught:
        await run_gmw(make_meshes(3, tamper=at(place, change, hits)), deep, BITS, ideal=False)
    assert caught.value.peer == place[0]
    assert hits


@pytest.mark.parametrize("level", range(deep.and_depth))
async def test_a_flipped_opening_is_undetected_by_design(level: int) -> None:
    hits: list[int] = []
    tamper = at(("p1", "/open", level), lambda m: bytes(255 - byte for byte in m), hits)
    found = await run_gmw(make_meshes(2, tamper=tamper), deep, BITS)
    assert hits
    assert found.shape == evaluate_bits(deep, BITS).shape
    if level == deep.and_depth - 1:
        assert (found != evaluate_bits(deep, BITS)).any()
