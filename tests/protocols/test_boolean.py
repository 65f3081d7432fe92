"""Levels, blocks, triples that are spent once, and wrong arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from circuits import Bit, UInt, circuit
from circuits.ir import AND, XOR, Circuit
from circuits.lib.aes import aes_128
from circuits.passes import and_levels
from circuits.plain import evaluate_bits
from circuits.program import schedule
from protocols import boolean
from protocols.boolean import gmw, levels
from protocols.boolean.copies import copies_of, joined, repeat, stretches
from protocols.boolean.triples import Correlations, Triples, combine
from protocols.errors import StateError
from protocols.ot.derive import first_bits
from tests.kit.channels import run_pair
from tests.kit.circuits import random_bits
from tests.kit.garbling import make_circuit
from tests.kit.gmw import Dealer, run_gmw, shares_of
from tests.kit.ideal import to_bits, to_words
from tests.kit.mesh import make_meshes, run_all
from tests.kit.ot_makers import softspoken


@circuit
def deep(x: UInt[8], y: UInt[8]) -> Bit:
    return x * y + 3 < y


def test_a_level_is_a_run_of_and_gates() -> None:
    program = schedule(aes_128, "rounds")
    found = levels.levels_of(program)
    widths = np.bincount(and_levels(aes_128)[aes_128.first_gate :][aes_128.op == AND])
    assert [level.width for level in found if level.width] == widths[1:].tolist()
    assert len([level for level in found if level.width]) == aes_128.and_depth
    assert sum(level.xors.stop - level.xors.start + level.width for level in found) == program.n_gates


def test_blocks_cover_the_batch() -> None:
    program = schedule(deep, "rounds")
    for batch in (0, 1, 64, levels.MAX_BLOCK, levels.MAX_BLOCK + 1):
        blocks = levels.blocks_of(program, batch)
        assert sum(count for _, count in blocks) == batch
        assert all(start % 64 == 0 for start, _ in blocks)


@pytest.mark.parametrize("batch", [1, 63, 64, 65, 130, 200])
async def test_blocks_change_nothing(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "BLOCK_BYTES", 1)
    monkeypatch.setattr(gmw, "PART_TRIPLES", 64)
    bits = random_bits(batch, batch, deep.n_inputs)
    assert (await run_gmw(make_meshes(3), deep, bits) == evaluate_bits(deep, bits)).all()


def test_triples_are_spent_once() -> None:
    parts = np.arange(30, dtype=np.uint8).reshape(3, 10)
    triples = Triples(*parts)
    first, second = triples.take(4), triples.take(6)
    assert all((np.concatenate(pair) == part).all() for *pair, part in zip(first, second, parts, strict=True))
    assert triples.left == 0
    with pytest.raises(StateError, match="8 triples are asked for, but 0 are left"):
        triples.take(1)
    with pytest.raises(ValueError, match="at least 0"):
        triples.take(-1)
    short = Triples(*parts)
    with pytest.raises(StateError, match="but 80 are left"):
        short.take(11)
    assert short.left == 10
    assert repr(short) == "<Triples, 80 left>"
    with pytest.raises(ValueError, match="one shape"):
        Triples(parts[0], parts[1], parts[2][:3])


def test_first_bits_are_those_of_the_messages() -> None:
    messages = np.zeros((11, 16), np.uint8)
    messages[[0, 3, 10], 0] = [1, 255, 3]
    messages[5] = 254
    assert first_bits(messages).tolist() == [0b1001, 0b100]


def test_combining_two_ideal_pairs() -> None:
    rng = np.random.default_rng(4)
    a, m0, r = rng.integers(0, 256, (3, 2, 50), dtype=np.uint8)
    b = r  # two parties: b of each is the pad towards the other
    u = [m0[1] ^ (a[0] & r[1]), m0[0] ^ (a[1] & r[0])]
    c = [combine(a[i], b[i], {1 - i: Correlations(m0[i], r[i], u[i])}, {}) for i in (0, 1)]
    assert ((a[0] ^ a[1]) & (b[0] ^ b[1]) == c[0] ^ c[1]).all()


@pytest.mark.parametrize("n_parties", [2, 3, 5])
async def test_triples_are_right_and_balanced(n_parties: int) -> None:
    meshes = make_meshes(n_parties)
    sources = await run_all([boolean.TripleSource.setup(mesh) for mesh in meshes])
    parts: list[list[Any]] = [[], [], []]
    for count in (5, 4000, 0):
        made = await run_all([source.make(count) for source in sources])
        for into, of_all in zip(parts, zip(*(one.take(one.left) for one in made), strict=True), strict=True):
            into.append(np.array(of_all))
    a, b, c = (np.concatenate(part, axis=1) for part in parts)
    whole = [np.bitwise_xor.reduce(part) for part in (a, b, c)]
    assert (whole[0] & whole[1] == whole[2]).all()
    bits = np.unpackbits(np.concatenate([a, b, c]), axis=1)
    assert bits.shape == (3 * n_parties, 4008)
    # 4,008 fair coins: 6 standard deviations are 190; each share alone, and any two of them against each other
    assert (abs(bits.sum(axis=1, dtype=int) - 2004) < 190).all()
    for i in range(len(bits)):
        for j in range(i):
            if n_parties == 2 and j == 4:
                continue  # both shares of c: their XOR is 1 in a quarter of the cases
            assert abs(int((bits[i] ^ bits[j]).sum()) - 2004) < 190, (i, j)


async def test_a_source_serves_many_evaluations_and_one_at_a_time() -> None:
    meshes = make_meshes(2)
    sources = await run_all([boolean.TripleSource.setup(mesh.fork("triples")) for mesh in meshes])
    bits = random_bits(5, 9, deep.n_inputs)
    for turn in range(2):
        mine = shares_of(deep, bits, 2)
        roles = [
            boolean.evaluate_shares(mesh.fork(f"{turn}"), deep, share, batch=9, triples=source)
            for mesh, share, source in zip(meshes, mine, sources, strict=True)
        ]
        one, other = await run_all(roles)
        assert (one ^ other == evaluate_bits(deep, bits)).all()
    with pytest.raises(StateError, match="being made"):
        await run_all([sources[0].make(8), sources[0].make(8)])
    with pytest.raises(StateError, match="set up anew"):
        await sources[0].make(8)
    for count in (-1, True, 1.5):
        with pytest.raises(ValueError, match="number of triples"):
            await sources[1].make(count)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"batch": -1}, "batch is a number"),
        ({"batch": True}, "batch is a number"),
        ({"batch": 3}, r"\(3, 8\) or \(1, 8\)"),
        ({"bits": {"x": np.zeros((2, 8), np.uint8)}}, "'y' are missing"),
        ({"bits": {"x": np.zeros((2, 8), np.uint8), "y": np.full((2, 8), 2, np.uint8)}}, "0 or 1"),
    ],
)
async def test_wrong_arguments_say_nothing(change: dict[str, Any], match: str) -> None:
    mesh = make_meshes(2)[0]
    call: dict[str, Any] = {"bits": {name: np.zeros((2, 8), np.uint8) for name in "xy"}, "batch": 2} | change
    with pytest.raises(ValueError, match=match):
        await boolean.evaluate_shares(mesh, deep, call["bits"], batch=call["batch"])
    assert mesh.n_bytes() == {1: 0}


async def test_without_and_gates_nothing_is_said() -> None:
    made: Circuit = make_circuit({"a": 2, "b": 2}, [(XOR, 2, 4), (XOR, 6, 1)], [6, 7, 0, 1, 3])
    bits = random_bits(1, 10, 4)
    meshes = make_meshes(3)
    assert (await run_gmw(meshes, made, bits, ideal=False) == evaluate_bits(made, bits)).all()
    assert all(n == 0 for mesh in meshes for n in mesh.n_bytes().values())


async def test_packed_inputs_rows_for_all_and_progress() -> None:
    bits = random_bits(3, 20, deep.n_inputs)
    bits[:, 8:] = bits[0, 8:]
    meshes, dealer, seen = make_meshes(2), Dealer(2), []
    roles = []
    for mesh, share in zip(meshes, shares_of(deep, bits, 2), strict=True):
        share["y"] = bits[:1, 8:] * (mesh.party_id == 1)
        share = {name: np.packbits(rows, axis=1, bitorder="little") for name, rows in share.items()}
        options: dict[str, Any] = {"batch": 20, "packed": True, "triples": dealer.of(mesh.party_id)}
        roles.append(boolean.evaluate_shares(mesh, deep, share, progress=lambda *now: seen.append(now), **options))
    one, other = await run_all(roles)
    assert (one ^ other == evaluate_bits(deep, bits)).all()
    assert seen[-1] == (20 * deep.and_count, 20 * deep.and_count)
    assert len(seen) == 2 * deep.and_depth


async def test_random_ot_takes_choices() -> None:
    """What triples are made of: a receiver that chooses, and messages at random."""
    sender, receiver, _ = await softspoken(seed=3)
    choices = random_bits(2, 1, 300)[0]
    pairs, (said, got) = await run_pair(sender.random(300), receiver.random(300, choices=choices))
    assert (said == choices).all()
    assert (got == pairs[np.arange(300), choices]).all()
    for wrong in (choices[:299], choices + 1, choices[None]):
        with pytest.raises(ValueError, match="choices must"):
            await receiver.random(300, choices=wrong)


@pytest.mark.parametrize(("n_words", "copies"), [(0, 1), (1, 1), (7, 7), (64, 60), (1563, 64), (2, 1)])
def test_copies_of_a_circuit_do_what_it_does(n_words: int, copies: int) -> None:
    """Any number of copies, on stretches of the batch, with room behind the last one."""
    rows = np.random.default_rng(copies).integers(0, 1 << 64, (deep.n_inputs, n_words), np.uint64)
    wide = repeat(deep, copies)
    ports = [stretches(rows[deep.input_slice(port.name)], copies) for port in deep.inputs]
    inputs = np.concatenate(ports)
    bits = np.ascontiguousarray(to_bits(inputs, 64 * inputs.shape[1]).T)
    found = joined(to_words(np.ascontiguousarray(evaluate_bits(wide, bits).T)), copies, n_words)
    expected = evaluate_bits(deep, np.ascontiguousarray(to_bits(rows, 64 * n_words).T))
    assert (expected == to_bits(found, 64 * n_words).T).all()
    assert wide.and_count == copies * deep.and_count


def test_copies_follow_from_the_circuit_and_the_batch() -> None:
    assert [copies_of(deep, n) for n in (0, 1, 5, 32, 33, 1000)] == [1, 1, 5, 16, 17, 20]
    assert copies_of(aes_128, 1000) == 1
    assert copies_of(make_circuit({}, [], []), 3) == 3
