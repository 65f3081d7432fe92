"""Every protocol of the package as a conversation that can be played: small, and with each kind of message that it has.

What a role does at its start (base OT, keys) has a conversation of its own; the others begin where a trusted party has
dealt it, so that a thousand of them take seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from circuits import Bit, UInt, circuit
from mpcnet.bandwidth import agree_on_scheme
from protocols import garbling, ot
from protocols.arithmetic.additive import AdditiveEngine
from protocols.arithmetic.shamir import ShamirEngine
from protocols.boolean import GarbledEngine, ReplicatedEngine, TripleSource, evaluate_shares
from protocols.conversion import a2b, b2a
from protocols.ot import base
from protocols.sharing.keys import PairKeys, ReplicatedKeys, setup_pairs
from protocols.sharing.ring import MERSENNE61, MERSENNE127
from tests.fuzz.played import Talk
from tests.kit.additive import trusted_ots
from tests.kit.rng import seeded_rng

__all__ = ["TALKS"]

COUNT = 20


@circuit
def small(a: UInt[3], b: UInt[3]) -> tuple[UInt[6], Bit]:
    return a * b, a < b


def nothing(meshes: Sequence[Any]) -> None:
    """No trusted party."""


def coins(name: str, party: int) -> Any:
    return seeded_rng(f"{name}/{party}")


def channel(mesh: Any) -> Any:
    """That to the only peer."""
    return next(iter(mesh.channels.values()))


# ---- oblivious transfer


async def base_ot(made: None, party: int, mesh: Any) -> None:
    rng = coins("base", party)
    if party == 0:
        await base.send(channel(mesh), 3, rng=rng)
    else:
        await base.receive(channel(mesh), np.array([0, 1, 1], np.uint8), rng=rng)


async def set_up_ot(k: int, made: None, party: int, mesh: Any) -> None:
    rng = coins("ot", party)
    if party == 0:
        sender = await ot.OtSender.setup(channel(mesh), k=k, rng=rng)
        await sender.chosen(np.zeros((COUNT, 2, 16), np.uint8))
    else:
        receiver = await ot.OtReceiver.setup(channel(mesh), k=k, rng=rng)
        await receiver.chosen(np.arange(COUNT, dtype=np.uint8) % 2)


async def one_shot(made: None, party: int, mesh: Any) -> None:
    """So few that no extension is set up."""
    if party == 0:
        await ot.send(channel(mesh), np.zeros((2, 2, 16), np.uint8))
    else:
        await ot.receive(channel(mesh), np.array([0, 1], np.uint8))


async def extension(count: int, made: Any, party: int, mesh: Any) -> None:
    """All kinds of OT, one after the other."""
    fork, choices = mesh.fork("call"), np.arange(count, dtype=np.uint8) % 2
    if party == 0:
        sender = made[0].sender(fork, 1)
        await sender.random(count)
        await sender.random_bits(count)
        await sender.correlated(count, bytes(range(16)))
        await sender.chosen(np.zeros((count, 2, 16), np.uint8))
    else:
        receiver = made[1].receiver(fork, 0)
        await receiver.random(count)
        await receiver.random_bits(count, np.packbits(choices, bitorder="little"))
        await receiver.correlated(choices)
        await receiver.chosen(choices)


# ---- circuits


async def garble(scheme: str, made: Any, party: int, mesh: Any) -> None:
    fork, rng = mesh.fork("call"), coins(scheme, party)
    own = {"a": np.arange(5)} if party == 0 else {"b": np.arange(5)}
    role = garbling.garble if party == 0 else garbling.evaluate
    source = made[0].sender(fork, 1) if party == 0 else made[1].receiver(fork, 0)
    await role(channel(fork), small, own, ot=source, scheme=scheme, rng=rng)


async def gmw(made: Any, party: int, mesh: Any) -> None:
    ots, rng = made[party], coins("gmw", party)
    triples = TripleSource(mesh.fork("triples"), ots.senders, ots.receivers, rng=rng)
    bits = {port.name: np.ones((70, port.n_bits), np.uint8) for port in small.inputs}
    await evaluate_shares(mesh.fork("gmw"), small, bits, batch=70, triples=triples, rng=rng)


async def bits(engine: Any, party: int, mesh: Any) -> None:
    """What any engine for shares of bits does."""
    given = [np.ones((3, 2), np.uint64) if party == owner else None for owner in range(2)]
    shares = [await engine.share(mesh.fork(f"share {i}"), i, one, 3, 70) for i, one in enumerate(given)]
    found = await engine.evaluate(mesh.fork("evaluate"), small, shares, 70)
    await engine.open(mesh.fork("open"), found, frozenset(range(engine.n_parties)))
    await engine.open(mesh.fork("open to one"), found, frozenset({1}))


async def replicated(made: None, party: int, mesh: Any) -> None:
    await bits(await ReplicatedEngine.setup(mesh.fork("setup"), 1, rng=coins("replicated", party)), party, mesh)


async def garbled(made: Any, party: int, mesh: Any) -> None:
    await bits(GarbledEngine(party, made[party], rng=coins("garbled", party)), party, mesh)


async def gmw_engine(made: Any, party: int, mesh: Any) -> None:
    await bits(additive_engine(made, party, mesh, "gmw").boolean, party, mesh)


# ---- arithmetic


async def arithmetic(engine: Any, party: int, mesh: Any, bound_bits: int) -> None:
    """What any engine for shares of ring elements does."""
    everybody, forks = frozenset(range(mesh.n_parties)), iter([mesh.fork(f"call {i}") for i in range(9)])
    values = engine.ring.encode(np.arange(6)) if party == 1 else None
    x = await engine.share(next(forks), 1, values, (6,))
    x = await engine.multiply(next(forks), x, x)
    x = await engine.matmul(next(forks), x.reshape(2, 3, -1), x.reshape(3, 2, -1))
    x = await engine.truncate(next(forks), x.reshape(4, -1), 3, bound_bits=bound_bits)
    drawn = await engine.random_bits(next(forks), (4,))
    await engine.open(next(forks), engine.ring.add(x, drawn), everybody)
    await engine.open(next(forks), drawn, frozenset({0}))


async def conversions(engine: Any, party: int, mesh: Any) -> None:
    """From ring elements to bits, and back."""
    values = engine.ring.encode(np.arange(-3, 3)) if party == 0 else None
    x = await engine.share(mesh.fork("share"), 0, values, (6,))
    await a2b.is_negative(engine, mesh.fork("negative"), x, 8)
    found = await a2b.to_bits(engine, mesh.fork("bits"), x, 8)
    await b2a.to_elements(engine, mesh.fork("elements"), found[:2])
    x = await b2a.compose(engine, mesh.fork("compose"), found, signed=True, rng=coins("compose", party))
    await engine.open(mesh.fork("open"), x, frozenset({0}))


async def shamir(ring: Any, bound_bits: int, made: None, party: int, mesh: Any) -> None:
    engine = await ShamirEngine.setup(mesh.fork("setup"), threshold=1, ring=ring, rng=coins("shamir", party))
    await arithmetic(engine, party, mesh, bound_bits)


async def shamir_conversions(made: None, party: int, mesh: Any) -> None:
    engine = await ShamirEngine.setup(mesh.fork("setup"), threshold=1, ring=MERSENNE127, rng=coins("shamir", party))
    await conversions(engine, party, mesh)


def additive_engine(made: Any, party: int, mesh: Any, kind: Any = None, dealer: int | None = None) -> AdditiveEngine:
    from protocols.arithmetic.dealer import TrustedDealer

    rng, n = coins("additive", party), mesh.n_parties
    keys = PairKeys(party, {peer: bytes([min(party, peer), max(party, peer)]) for peer in mesh.channels})
    helper = None if dealer is None else TrustedDealer(party, n, keys, dealer)
    boolean = AdditiveEngine.boolean_engine(mesh.fork("boolean"), keys, made[party], kind, rng=rng)
    return AdditiveEngine(party, n, keys, made[party], boolean, dealer=helper, rng=rng)


async def additive(dealer: int | None, made: Any, party: int, mesh: Any) -> None:
    engine = additive_engine(made, party, mesh, dealer=dealer)
    await arithmetic(engine, party, mesh, 40)
    if dealer is None:
        made_ahead = await engine.triples.make(mesh.fork("triples"), 5)
        x = engine.public(engine.ring.encode(np.arange(5)))
        await engine.multiply(mesh.fork("spend"), x, x, triples=made_ahead)
        whole = await engine.triples.make_matrix(mesh.fork("matrix"), (2, 2), (2, 1))
        square, column = x[:4].reshape(2, 2, -1), x[:2].reshape(2, 1, -1)
        await engine.matmul(mesh.fork("spend matrix"), square, column, triple=whole)


async def additive_conversions(made: Any, party: int, mesh: Any) -> None:
    await conversions(additive_engine(made, party, mesh), party, mesh)


async def keys(made: None, party: int, mesh: Any) -> None:
    await setup_pairs(mesh.fork("pairs"), rng=coins("pairs", party))
    await ReplicatedKeys.setup(mesh.fork("sets"), 1, rng=coins("sets", party))


async def bandwidth(made: None, party: int, mesh: Any) -> None:
    await agree_on_scheme(channel(mesh), garbling=party == 0)


TALKS: dict[str, list[Talk]] = {
    "ot_base": [Talk("base", 2, nothing, base_ot), Talk("one-shot", 2, nothing, one_shot)],
    "ot_setup": [Talk(f"setup-k{k}", 2, nothing, partial(set_up_ot, k)) for k in (2, 4)],
    "ot_extension": [
        Talk(f"k{k}", 2, partial(trusted_ots, k=k), partial(extension, count))
        for k, count in ((1, COUNT), (2, 130), (4, COUNT), (8, COUNT))
    ],
    "garbled": [
        Talk("half-gates", 2, trusted_ots, partial(garble, "half-gates")),
        Talk("three-halves", 2, trusted_ots, partial(garble, "three-halves")),
        Talk("engine", 2, trusted_ots, garbled),
    ],
    "gmw": [
        Talk("two", 2, trusted_ots, gmw),
        Talk("three", 3, trusted_ots, gmw),
        Talk("engine", 3, trusted_ots, gmw_engine),
    ],
    "replicated": [Talk("three", 3, nothing, replicated), Talk("keys", 3, nothing, keys)],
    "shamir": [
        Talk("three", 3, nothing, partial(shamir, MERSENNE127, 40)),
        Talk("four", 4, nothing, partial(shamir, MERSENNE61, 12)),
    ],
    "additive": [
        Talk("two", 2, trusted_ots, partial(additive, None)),
        Talk("three", 3, trusted_ots, partial(additive, None)),
        Talk("dealer", 3, trusted_ots, partial(additive, 0)),
    ],
    "conversion": [
        Talk("shamir", 3, nothing, shamir_conversions),
        Talk("additive", 2, trusted_ots, additive_conversions),
    ],
    "bandwidth": [Talk("probe", 2, nothing, bandwidth)],
}
