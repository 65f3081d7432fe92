"""Every kind of message of the additive engine cut, extended and flipped.

Semi-honest over authentic channels: a flip makes a result wrong, by design; a wrong length is a MessageError that names
the peer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protocols.errors import MessageError
from tests.kit.additive import additive
from tests.kit.channels import Tamper
from tests.kit.engine_contract import Parties
from tests.kit.mesh import make_meshes, run_all

CALLS: dict[str, Any] = {
    "multiply": lambda e, m, x: e.multiply(m, x, x),
    "matmul": lambda e, m, x: e.matmul(m, x.reshape(4, 5, 1), x.reshape(5, 4, 1)),
    "truncate": lambda e, m, x: e.truncate(m, x, 9, bound_bits=40),
    "random_bits": lambda e, m, x: e.random_bits(m, (20,)),
    "open": lambda e, m, x: e.open(m, x, frozenset({0, 1, 2})),
    "triples": lambda e, m, x: e.triples.make(m, 20),
}
PLACES = [
    ("multiply", "p0", ""),
    ("multiply", "p1", ""),
    ("multiply", "p1", "/ot/0"),
    ("multiply", "p0", "/ot/1"),
    ("matmul", "p1", ""),
    ("matmul", "p0", "/ot/1"),
    ("truncate", "p0", "/bits"),
    ("truncate", "p1", "/wraps/open"),
    ("random_bits", "p0", ""),
    ("random_bits", "p1", "/ot/0"),
    ("open", "p2", ""),
    ("triples", "p2", ""),
]
CHANGES: list[Callable[[bytes], bytes]] = [lambda m: m[:-1], lambda m: m + b"\0", lambda m: b""]


def at(sender: str, path: str, change: Callable[[bytes], bytes], hits: list[int]) -> Tamper:
    """Change the first message of a party on a path that ends so, below the call under test."""

    def tamper(who: str, where: str, number: int, message: bytes) -> list[bytes]:
        if (who, where) != (sender, f"/call/under test{path}") or number:
            return [message]
        hits.append(number)
        return [change(message)]

    return tamper


async def call_under_test(tamper: Tamper, name: str, **options: Any) -> tuple[Parties, list[Any]]:
    meshes = make_meshes(3, tamper=tamper)
    engines = await additive(**options)([mesh.fork("setup") for mesh in meshes])
    parties = Parties(engines, [mesh.fork("calls") for mesh in meshes])
    xs = await parties.share(np.arange(20), 0)
    forks = [mesh.fork("call").fork("under test") for mesh in meshes]
    calls = [CALLS[name](engine, fork, x) for engine, fork, x in zip(engines, forks, xs, strict=True)]
    return parties, await run_all(calls)


@pytest.mark.parametrize(("name", "sender", "path"), PLACES)
@pytest.mark.parametrize("change", CHANGES)
async def test_a_wrong_length_names_the_peer(
    name: str, sender: str, path: str, change: Callable[[bytes], bytes]
) -> None:
    hits: list[int] = []
    with pytest.raises(MessageError) as caught:
        await call_under_test(at(sender, path, change, hits), name)
    assert caught.value.peer == sender
    assert hits


@pytest.mark.parametrize("sender", ["p0", "p1"])
async def test_a_wrong_length_to_do_with_a_dealer_names_the_peer(sender: str) -> None:
    with pytest.raises(MessageError) as caught:
        await call_under_test(at(sender, "", CHANGES[0], []), "multiply", dealer=0)
    assert caught.value.peer == sender


@pytest.mark.parametrize(("name", "sender", "path"), [PLACES[0], PLACES[2], ("open", "p2", "")])
async def test_a_flip_is_undetected_by_design(name: str, sender: str, path: str) -> None:
    hits: list[int] = []
    flip = at(sender, path, lambda m: bytes([m[0] ^ 255]) + m[1:], hits)
    parties, found = await call_under_test(flip, name)
    assert hits
    if name == "multiply":
        values = await parties.reveal(found)
        assert values.shape == (20,)
        assert path or values[0] != 0
