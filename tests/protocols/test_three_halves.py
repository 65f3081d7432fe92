"""One gate of three halves: it opens, what the evaluator sees is uniform, and its hash asks no less than it must."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from protocols.garbling import three_halves
from protocols.garbling.three_halves import HALF, HALF_BITS
from protocols.kernels import garble_three_halves as kernels

BITS = (0, 1)
PAIRS = tuple(itertools.product(BITS, BITS))
KEYS = three_halves.gate_keys(0xFEDC << 100 | 12345, 77)
Hash = Callable[[int, int, int], int]


def number(rng: np.random.Generator) -> int:
    return int.from_bytes(rng.bytes(16), "little")


def rank(rows: list[int]) -> int:
    """Of a matrix over GF(2), a row in each number."""
    basis: dict[int, int] = {}
    for row in rows:
        while row and row.bit_length() in basis:
            row ^= basis[row.bit_length()]
        if row:
            basis[row.bit_length()] = row
    return len(basis)


def halves(label: int) -> tuple[int, int]:
    return label & HALF, label >> HALF_BITS


@pytest.mark.parametrize("e", PAIRS)
@pytest.mark.parametrize("colors", PAIRS)
def test_a_gate_is_an_and_gate(colors: tuple[int, int], e: tuple[int, int]) -> None:
    rng = np.random.default_rng(colors[0] + 2 * colors[1])
    delta = number(rng) | 1
    a, b = (number(rng) & ~1 | color for color in colors)
    g, z, c = three_halves.garble_and(a, b, delta, KEYS, 3, e)
    assert all(half <= HALF for half in g)
    assert 0 <= z < 32
    for x, y in PAIRS:
        active = three_halves.evaluate_and(a ^ x * delta, b ^ y * delta, g, z, KEYS, 3)
        assert active == c ^ (x & y) * delta
        assert three_halves.color_bit(active) ^ three_halves.color_bit(c) == x & y


@pytest.mark.parametrize("one", PAIRS)
@pytest.mark.parametrize("at", PAIRS)
def test_control_bits_at_one_place_say_nothing_of_the_gate(one: tuple[int, int], at: tuple[int, int]) -> None:
    """Over the garbler's random bits they are uniform, wherever the gate's 1 stands."""
    assert {three_halves.control_bits(*one, e, *at) for e in PAIRS} == set(PAIRS)


def test_without_random_bits_they_would() -> None:
    """The reason why there are any: at a place other than 00 they give the gate's 1 away."""
    for at in PAIRS[1:]:
        assert len({three_halves.control_bits(*one, (0, 0), *at) for one in PAIRS}) == 4


def replaced_hash(known: dict[tuple[int, int], int], hidden: tuple[int, int, int]) -> Hash:
    """A hash of given values: of the evaluator's labels, and for each key of the other label."""

    def hash_label(label: int, key: int, instance: int) -> int:
        return known.get((label, key), hidden[KEYS.index(key)])

    return hash_label


@pytest.mark.parametrize("truth", PAIRS)
@pytest.mark.parametrize("colors", PAIRS)
def test_what_the_evaluator_sees_is_uniform(
    colors: tuple[int, int], truth: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given its labels, delta and all that it can hash: over random bits and the hashes that it has not got.

    So the table says nothing of what the labels mean: it is of one distribution for all four meanings.
    """
    rng = np.random.default_rng(5)
    delta = number(rng) | 1
    a, b = (number(rng) & ~1 | color for color in colors)
    known = {(x, key): number(rng) >> 63 for x, key in zip((a, b, a ^ b), KEYS, strict=True)}
    zero_a, zero_b = (label ^ bit * delta for label, bit in zip((a, b), truth, strict=True))

    def table(hidden: tuple[int, int, int], e: tuple[int, int]) -> tuple[tuple[int, int, int], int]:
        monkeypatch.setattr(three_halves, "hash_label", replaced_hash(known, hidden))
        g, z, c = three_halves.garble_and(zero_a, zero_b, delta, KEYS, 0, e)
        active = three_halves.evaluate_and(a, b, g, z, KEYS, 0)
        assert active == c ^ (truth[0] & truth[1]) * delta
        return g, z

    top = 1 << HALF_BITS
    seen = {table((x * top, y * top, w * top), e)[1] for x, y, w in itertools.product(BITS, repeat=3) for e in PAIRS}
    assert seen == set(range(32)), "each z comes from one choice of the bits"
    for e in PAIRS:
        pads = tuple(number(rng) & HALF for _ in range(3))
        (g, z), (padded, z_padded) = table((0, 0, 0), e), table((pads[0], pads[1], pads[2]), e)
        assert z == z_padded
        assert tuple(x ^ y for x, y in zip(g, padded, strict=True)) == pads, "a hidden hash pads each ciphertext"


@pytest.mark.parametrize("truth", PAIRS)
@pytest.mark.parametrize("colors", PAIRS)
def test_a_hash_hides_one_of_four_functions_of_delta(
    colors: tuple[int, int], truth: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the hashes away, what is left of a ciphertext depends on delta as the hash is made for."""
    monkeypatch.setattr(three_halves, "hash_label", lambda label, key, instance: 0)
    rng = np.random.default_rng(6)
    a, b = (number(rng) & ~1 | color for color in colors)
    one, other = number(rng) | 1, number(rng) | 1
    left, right = halves(one ^ other)
    found = set()
    for e in PAIRS:
        (g, _, _), (h, _, _) = (
            three_halves.garble_and(*(x ^ t * delta for x, t in zip((a, b), truth, strict=True)), delta, KEYS, 0, e)
            for delta in (one, other)
        )
        assert all(x ^ y in (0, left, right, left ^ right) for x, y in zip(g, h, strict=True))
        found |= {x ^ y for x, y in zip(g, h, strict=True)}
    assert found == {0, left, right, left ^ right}, "each of them occurs"


@pytest.mark.parametrize("choice", PAIRS)
def test_the_hash_keeps_all_of_delta_whatever_it_hides(choice: tuple[int, int]) -> None:
    """The 65 bits of a hash, and 64 of them, as functions of delta: nothing of delta cancels.

    The map of half gates, (x_L, x_R) -> (x_R, x_L ^ x_R), fails where the right half is hidden.
    """

    def hidden(delta: int) -> int:
        left, right = halves(delta)
        return choice[0] * left ^ choice[1] * right

    def of_half_gates(label: int) -> int:
        left, right = halves(label)
        return right | (left ^ right) << HALF_BITS

    units = [1 << k for k in range(128)]
    slices = [three_halves.alpha(unit) & (1 << 65) - 1 ^ hidden(unit) for unit in units]
    assert rank(slices) == 65
    assert rank(slices[1:]) >= 64, "without the color bit, which is not random"
    assert rank([row & HALF for row in slices]) == 64
    assert rank([of_half_gates(unit) & HALF ^ hidden(unit) for unit in units]) == (0 if choice == (0, 1) else 64)


def test_alpha_is_multiplication_outside_gf_4() -> None:
    def times(k: int, label: int) -> int:
        for _ in range(k):
            label = three_halves.alpha(label)
        return label

    label = number(np.random.default_rng(1))
    assert times(4, label) == times(1, label) ^ label
    assert [k for k in range(1, 16) if times(k, label) == label] == [15]
    units = [1 << k for k in range(128)]
    for polynomial in ((1,), (1, 0), (2, 1, 0)):  # of elements of GF(4), the last of those outside GF(2)
        rows = []
        for unit in units:
            row = 0
            for k in polynomial:
                row ^= times(k, unit)
            rows.append(row)
        assert rank(rows) == 128


def test_the_hash_by_hand() -> None:
    """FIPS-197 C.1 gives AES of one block; the label is the one that alpha, which has order 15, maps to this block."""
    key = int.from_bytes(bytes(range(16)), "little")
    block = int.from_bytes(bytes.fromhex("00112233445566778899aabbccddeeff"), "little")
    label = block
    for _ in range(14):
        label = three_halves.alpha(label)
    expected = int.from_bytes(bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a"), "little") ^ block
    assert three_halves.hash_label(label, key, 0) == expected & (1 << 65) - 1
    assert three_halves.hash_label(label, key, 1) != three_halves.hash_label(label, key, 0)
    assert three_halves.gate_keys(0, 5) == (15, 16, 17)
    assert three_halves.random_bits(key, 0, 0) != three_halves.random_bits(key, 0, 1)


def test_random_bits_are_of_gate_and_instance() -> None:
    bits = np.array([three_halves.random_bits(2**99 + 7, gate, i) for gate in range(60) for i in range(64)])
    assert bits.shape == (3840, 2)
    assert (np.abs(bits.mean(axis=0) - 0.5) < 0.05).all()
    assert abs((bits[:, 0] == bits[:, 1]).mean() - 0.5) < 0.05
    by_gate = bits.reshape(60, 128)
    assert len({row.tobytes() for row in by_gate}) == 60
    assert (np.abs(by_gate.mean(axis=0) - 0.5) < 0.35).all()


def test_control_bits_and_colors_of_many_gates_look_random() -> None:
    """Three constant gates, garbled for many instances: the bits of their tables, and of the outputs, are balanced.

    With no input label at random but delta, nothing else could make them so; sigma of a mean is 0.004.
    """
    from circuits.ir import AND, ONE
    from circuits.program import schedule
    from tests.kit.garbling import make_circuit

    program = schedule(make_circuit({"a": 1}, [(AND, 2, ONE), (AND, 2, 0), (AND, 2, 2)], [3, 4, 5]))
    ands, rounds, n = program.and_count, 250, 64
    tables = np.empty((rounds, 25 * n * ands + kernels.SLACK), np.uint8)
    colors = np.empty((rounds, 3, n), np.uint64)
    for i in range(rounds):
        wires = kernels.new_wires(program.n_slots, n)
        wires[1, :n] = (2 * i + 1, 3**30)
        secrets = (2 * i + 1, 3**30, 17, 18)
        kernels.garble_gates(program, 0, program.n_gates, wires, n, secrets, (5, 6), 3 * ands * i, tables[i])
        colors[i] = wires[program.output_slots, :n, 0] & np.uint64(1)
    gates = tables[:, : 25 * n * ands].reshape(rounds, ands, 25 * n)
    control = gates[:, :, 24 * n :]
    assert control.max() < 32
    for k in range(5):
        assert (np.abs((control >> k & 1).mean(axis=(0, 2)) - 0.5) < 0.03).all()
    assert (np.abs(colors.mean(axis=(0, 2)) - 0.5) < 0.03).all()
    octets = np.unpackbits(gates[:, :, : 24 * n].reshape(rounds, -1), axis=1)
    assert abs(octets.mean() - 0.5) < 0.01
