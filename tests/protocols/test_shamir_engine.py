"""The Shamir engine keeps the contract of engines, with every party there and with one lost; what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.arithmetic.shamir import SIGMA, ShamirEngine
from protocols.errors import CheckFailed, MessageError
from protocols.sharing.ring import MERSENNE61, MERSENNE127, RING64, Ring
from protocols.sharing.shamir import lagrange, point
from tests.kit.channels import TEMPERS, Temper
from tests.kit.conversion_contract import check_conversions, check_wrong_widths
from tests.kit.engine_contract import Maker, Parties, assemble, check_costs, check_engine
from tests.kit.frozen import check_frozen
from tests.kit.mesh import MemoryMesh, make_meshes, run_all
from tests.kit.rng import seeded_rng

SIZES = [(3, 1), (4, 1), (5, 2), (7, 3)]
ROOM = {3: 85, 4: 84, 5: 83, 7: 81}  # bits of a value that a mask hides modulo 2**127 - 1


def maker(threshold: int, ring: Ring = MERSENNE127, seed: str = "") -> Maker:
    async def make(meshes: Sequence[MemoryMesh]) -> list[Any]:
        return await run_all(
            [
                ShamirEngine.setup(
                    mesh,
                    threshold=threshold,
                    ring=ring,
                    **({"rng": seeded_rng(f"{seed}/{mesh.party_id}")} if seed else {}),
                )
                for mesh in meshes
            ]
        )

    return make


@pytest.mark.parametrize(("n_parties", "threshold"), SIZES)
async def test_contract(n_parties: int, threshold: int) -> None:
    await check_engine(maker(threshold), n_parties, bound_bits=ROOM[n_parties])


@pytest.mark.parametrize("temper", TEMPERS)
async def test_contract_in_the_smaller_field(temper: Temper) -> None:
    await check_engine(maker(1, MERSENNE61), 3, bound_bits=19, temper=temper)


@pytest.mark.parametrize(("n_parties", "threshold"), SIZES)
def test_costs(n_parties: int, threshold: int) -> None:
    check_costs(maker(threshold), n_parties, bound_bits=20)


@pytest.mark.parametrize(
    ("n_parties", "threshold", "ring"),
    [(3, 1, MERSENNE127), (3, 1, MERSENNE61), (5, 2, MERSENNE61), (7, 3, MERSENNE127)],
    ids=lambda value: getattr(value, "name", value),
)
async def test_conversions(n_parties: int, threshold: int, ring: Ring) -> None:
    parties = await assemble(maker(threshold, ring), n_parties)
    await check_conversions(parties)
    await check_wrong_widths(parties)


async def without(parties: Parties, lost: int) -> Parties:
    """The same engines on meshes without one party."""
    meshes = []
    for mesh in parties.meshes:
        channels = {peer: channel.fork("on") for peer, channel in mesh.channels.items() if peer != lost}
        meshes.append(MemoryMesh(mesh.party_id, mesh.n_parties, bytes(31) + b"L", channels))
    rest = Parties.__new__(Parties)
    rest.engines = [engine for engine in parties.engines if engine.party_id != lost]
    rest.meshes = [mesh for mesh in meshes if mesh.party_id != lost]
    rest.ring, rest.n, rest.random, rest._calls = parties.ring, len(rest.engines), parties.random, 0
    return rest


@pytest.mark.parametrize("lost", [0, 1, 4])
@pytest.mark.parametrize(("n_parties", "threshold"), [(5, 1), (6, 2)])
async def test_it_goes_on_without_a_party(n_parties: int, threshold: int, lost: int) -> None:
    parties = await assemble(maker(threshold), n_parties)
    x, y = parties.integers((40,)), np.array([3, -7, 1 << 70, -5] * 10, dtype=object)
    xs, ys = await parties.share(x, lost), await parties.share(y, 2)
    rest = await without(parties, lost)
    left = [party for party in range(n_parties) if party != lost]
    xs, ys = [xs[party] for party in left], [ys[party] for party in left]
    everybody = frozenset(left)
    product = await rest.call("multiply", xs, ys)
    opened = await rest.call("open", product, everybody)
    assert (rest.residues(opened[0]) == x * y % rest.ring.modulus).all()
    cut = await rest.call("truncate", ys, 4, bound_bits=72)
    found = rest.ring.decode((await rest.call("open", cut, everybody))[1])
    assert (abs(found * 16 - y) <= parties.engines[0].truncation_ulps * 16).all()
    bits = await rest.call("random_bits", (50,))
    assert set(rest.ring.decode((await rest.call("open", bits, everybody))[0])) == {0, 1}


async def test_too_few_parties_to_multiply() -> None:
    parties = await assemble(maker(1), 3)
    xs = await parties.share([1, 2], 0)
    rest = await without(parties, 2)
    with pytest.raises(ValueError, match="3 parties are needed to multiply, and 2 are present"):
        await rest.call("multiply", xs[:2], xs[:2])


@pytest.mark.parametrize("threshold", [0, 2, 5])
async def test_no_honest_majority(threshold: int) -> None:
    with pytest.raises(ValueError, match="below half of the 3 parties"):
        await maker(threshold)(make_meshes(3))


async def test_a_ring_that_is_no_field() -> None:
    with pytest.raises(ValueError, match="needs a field, and ring64 is none"):
        await ShamirEngine.setup(make_meshes(3)[0], ring=RING64)


async def test_values_too_wide_for_a_mask() -> None:
    parties = await assemble(maker(1), 3)
    xs = await parties.share([1], 0)
    with pytest.raises(ValueError, match=f"1 to 85 bits among 3 parties, with {SIGMA} bits to spare, not of 86"):
        await parties.call("truncate", xs, 3, bound_bits=86)
    with pytest.raises(ValueError, match="not by -1"):
        await parties.call("truncate", xs, -1, bound_bits=8)


async def test_shapes_that_differ() -> None:
    parties = await assemble(maker(1), 3)
    xs, ys = await parties.share([1, 2], 0), await parties.share([1], 0)
    with pytest.raises(ValueError, match=r"equal shapes, not \(2,\) and \(1,\)"):
        await parties.call("multiply", xs, ys)


@settings(max_examples=15, deadline=None)
@given(
    values=st.lists(st.integers(-(1 << 80), 1 << 80), min_size=1, max_size=20),
    n_bits=st.integers(1, 40),
    owner=st.integers(0, 2),
)
def test_truncation_over_its_range(values: list[int], n_bits: int, owner: int) -> None:
    async def main() -> None:
        parties = await assemble(maker(1), 3)
        xs = await parties.share(np.array(values, dtype=object), owner)
        cut = await parties.call("truncate", xs, n_bits, bound_bits=81)
        found = parties.ring.decode((await parties.call("open", cut, frozenset({0})))[0])
        for got, value in zip(found, values, strict=True):
            assert abs((int(got) << n_bits) - value) <= 2 << n_bits

    asyncio.run(main())


async def test_truncation_is_right_on_average() -> None:
    parties = await assemble(maker(1), 3)
    count = 20_000
    xs = await parties.share(np.full(count, 5 * 256 + 77), 0)
    cut = await parties.call("truncate", xs, 8, bound_bits=20)
    found = parties.ring.decode((await parties.call("open", cut, frozenset({0})))[0]).astype(float)
    assert abs(found.mean() - (5 + 77 / 256)) < 6 * 0.8 / count**0.5  # six standard deviations


async def test_what_is_opened_to_truncate_is_masked() -> None:
    """What the parties see is spread over SIGMA bits more than the widest value has, whatever the value is."""
    seen: dict[str, list[bytes]] = {"p1": [], "p2": []}

    def listen(who: str, path: str, _: int, message: bytes) -> list[bytes]:
        if who in seen and path.endswith("call 2"):
            seen[who].append(message)
        return [message]

    parties = await tampered(listen)
    xs = await parties.share(np.zeros(400, int), 0)
    await parties.call("truncate", xs, 8, bound_bits=20)
    ring = parties.ring
    first, second = (ring.unpack(seen[who][0], (400,), peer=who) for who in ("p1", "p2"))
    opened = ring.combine(lagrange(ring, [point(1), point(2)], 0), [first, second])
    values = sorted(int(value) % ring.modulus for value in ring.decode(opened))
    assert len(set(values)) == 400
    assert values[200] > 1 << (ROOM[3] + SIGMA)  # the middle of a sum of three


async def tampered(tamper: Any) -> Parties:
    meshes = make_meshes(3, tamper=tamper)
    engines = await maker(1)([mesh.fork("setup") for mesh in meshes])
    return Parties(engines, [mesh.fork("calls") for mesh in meshes])


@pytest.mark.parametrize("operation", ["share", "multiply", "open", "truncate"])
@pytest.mark.parametrize("wrong", [b"\xff" * 16, bytes(15), bytes(17), b"\xff" * 15 + b"\x7f", b""])
async def test_messages_that_are_cut_or_not_canonical_name_their_sender(operation: str, wrong: bytes) -> None:
    def lie(who: str, path: str, _: int, message: bytes) -> list[bytes]:
        return [wrong] if who == "p1" and path.endswith("call 2") else [message]

    parties = await tampered(lie)
    xs = await parties.share([5], 0)
    calls: dict[str, Any] = {
        "share": (1, [None, parties.ring.encode([1]), None], (1,)),
        "multiply": (xs, xs),
        "open": (xs, frozenset({0})),
        "truncate": (xs, 3),
    }
    with pytest.raises(MessageError, match="p1"):
        await parties.call(operation, *calls[operation], **({"bound_bits": 20} if operation == "truncate" else {}))


async def test_a_wrong_share_of_an_opened_value() -> None:
    for n_parties, threshold, blamed in [(3, 1, ""), (4, 1, "p1")]:
        parties = await assemble(maker(threshold), n_parties)
        xs = await parties.share([5, 6], 0)
        xs[1] = parties.ring.add(xs[1], parties.ring.encode([0, 1]))
        with pytest.raises(CheckFailed) as caught:
            await parties.call("open", xs, frozenset({0}))
        assert caught.value.peer == blamed


async def test_transcripts() -> None:
    for ring in (MERSENNE61, MERSENNE127):
        parties = await assemble(maker(1, ring, seed=f"shamir/{ring.name}"), 3)
        xs = await parties.share([1, 2, 3], 0)
        ys = await parties.call("multiply", xs, xs)
        await parties.call("truncate", ys, 2, bound_bits=10)
        await parties.call("random_bits", (5,))
        await parties.reveal(ys)
        check_frozen(f"shamir-engine/{ring.name}", parties.meshes[0].hash())


async def test_nothing_is_shown() -> None:
    engine = (await maker(1)(make_meshes(3)))[0]
    assert repr(engine) == "<ShamirEngine of party 0 of 3, threshold 1>"
