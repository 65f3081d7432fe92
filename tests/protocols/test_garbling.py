"""Half gates, labels, the cutting of a batch and the arguments: what needs no channel."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from circuits.ir import AND, XOR, Circuit
from protocols.garbling import half_gates, inputs, labels, layout, scheme
from protocols.garbling.agreement import STATEMENT_BYTES, Statement
from protocols.garbling.evaluator import Evaluator
from protocols.garbling.garbler import Garbler
from protocols.garbling.layout import Layout
from protocols.garbling.tiles import choices_of
from protocols.garbling.two_party import warm_up
from protocols.kernels import cpu
from tests.kit.garbling import make_circuit
from tests.kit.rng import seeded_rng

SESSION = bytes(range(32))
WIDTHS = {"a": 3, "b": 2, "c": 4}
ROLES: dict[str, inputs.InputRole] = {"a": "garbler", "b": "evaluator", "c": "shared"}


def half_gates_scheme() -> scheme.Scheme:
    return scheme.find_scheme("half-gates")


@pytest.mark.parametrize(("color_a", "color_b", "a", "b"), list(itertools.product((0, 1), repeat=4)))
def test_a_half_gate_is_an_and_gate(color_a: int, color_b: int, a: int, b: int) -> None:
    rng = np.random.default_rng(color_a + 2 * color_b)
    delta, zero_a, zero_b = (int.from_bytes(rng.bytes(16), "little") | 1 for _ in range(3))
    zero_a, zero_b = zero_a ^ color_a, zero_b ^ color_b
    keys = half_gates.gate_keys(12345, 77)
    t_g, t_e, zero_c = half_gates.garble_and(zero_a, zero_b, delta, keys, 3)
    active = half_gates.evaluate_and(zero_a ^ a * delta, zero_b ^ b * delta, t_g, t_e, keys, 3)
    assert active == zero_c ^ (a & b) * delta
    assert half_gates.color_bit(active) ^ half_gates.color_bit(zero_c) == a & b


def test_the_hash_by_hand() -> None:
    """FIPS-197 C.1 gives AES of one block; the label is the one that s maps to this block."""
    key = int.from_bytes(bytes(range(16)), "little")
    block = int.from_bytes(bytes.fromhex("00112233445566778899aabbccddeeff"), "little")
    high, low = block >> 64, block & (2**64 - 1)
    label = low << 64 | (high ^ low)  # s(high, low) = (high ^ low, high)
    expected = int.from_bytes(bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a"), "little") ^ block
    assert half_gates.hash_label(label, key, 0) == expected
    assert half_gates.hash_label(label, key, 1) != expected
    assert half_gates.gate_keys(0, 5) == (10, 11)


def test_delta_is_random_but_for_its_color_bit() -> None:
    rng = seeded_rng("delta")
    deltas = [labels.draw_delta(rng) for _ in range(200)]
    assert all(delta[0] & 1 for delta in deltas)
    assert len(set(deltas)) == 200
    bits = np.unpackbits(np.frombuffer(b"".join(deltas), np.uint8), bitorder="little").reshape(200, 128)
    assert (np.abs(bits[:, 1:].mean(axis=0) - 0.5) < 0.2).all()


def test_public_values_depend_on_seed_and_session() -> None:
    some = [
        labels.Public.derive(session, seed)
        for session in (SESSION, bytes(32))
        for seed in (bytes(32), bytes(31) + b"\x01")
    ]
    assert len({public.start for public in some}) == 4
    assert len({public.label_key for public in some}) == 4
    assert labels.Public.derive(SESSION, bytes(32)) == some[0]


def test_active_labels_are_one_stream() -> None:
    public = labels.Public.derive(SESSION, bytes(32))
    whole = public.active_labels(0, (50,))
    assert (public.active_labels(20, (5, 6)).reshape(-1, 2) == whole[20:]).all()
    assert len({row.tobytes() for row in whole}) == 50
    assert public.active_labels(7, (0, 3)).shape == (0, 3, 2)


def test_labels_look_random() -> None:
    """Each bit of a label, the color bit too, is 1 half of the time; sigma of the mean of 20,000 is 0.0035."""
    words = labels.Public.derive(SESSION, b"s" * 32).active_labels(0, (20_000,))
    bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
    assert (np.abs(bits.mean(axis=0) - 0.5) < 0.02).all()
    assert (np.abs((bits[1:] == bits[:-1]).mean(axis=0) - 0.5) < 0.02).all()
    assert len({row.tobytes() for row in words}) == 20_000


def test_zero_labels_are_delta_away_where_the_bit_is_one() -> None:
    active = np.arange(12, dtype=np.uint64).reshape(2, 3, 2)
    bits = np.array([[0, 1, 0], [1, 1, 0]], np.uint8)
    delta = labels.words_of(bytes(range(1, 17)))
    zero = labels.zero_labels(active.copy(), bits, delta)
    assert ((active ^ zero) == bits[..., None] * delta).all()
    assert labels.halves(bytes(range(1, 17))) == tuple(delta.tolist())


def circuit_of(n_ands: int, widths: dict[str, int] = WIDTHS) -> Circuit:
    n_inputs = sum(widths.values())
    gates = [(AND, 2 + i % n_inputs, 2 + n_inputs + i - 1 if i else 3) for i in range(n_ands)]
    return make_circuit(widths, gates, [2 + n_inputs + n_ands - 1] if n_ands else [2])


@pytest.mark.parametrize(
    ("n_ands", "batch"), [(0, 1), (0, 200), (1, 1), (7, 63), (7, 64), (7, 65), (700, 130), (40, 9000)]
)
def test_chunks_cover_every_gate_of_every_tile_once(n_ands: int, batch: int) -> None:
    cut = Layout.of(circuit_of(n_ands), half_gates_scheme(), batch, 6)
    keys: set[int] = set()
    done = {first: 0 for block in cut.blocks() for first, _ in cut.tiles(block)}
    instances = 0
    for block in cut.blocks():
        assert block.first_instance == instances
        instances += block.n_instances
        for chunk in cut.chunks(block):
            assert chunk.n_bytes == 32 * chunk.and_gates <= layout.CHUNK_BYTES
            offset = 0
            for piece in chunk.pieces:
                assert piece.offset == offset
                assert piece.first_gate == done[piece.first_instance]
                done[piece.first_instance] = piece.last_gate
                ands = int(np.count_nonzero(cut.program.op[piece.first_gate : piece.last_gate]))
                assert ands == piece.n_ands
                offset += 32 * piece.n_ands * piece.n_instances
                used = set(range(piece.first_key, piece.first_key + 2 * ands))
                assert not used & keys, "a key is used twice"
                keys |= used
            assert offset == chunk.n_bytes
    assert instances == batch
    assert set(done.values()) == {cut.program.n_gates}
    assert len(keys) == 2 * n_ands * len(done)


def test_large_tables_go_in_full_chunks() -> None:
    cut = Layout.of(circuit_of(3000), half_gates_scheme(), 128, 6)
    (block,) = cut.blocks()
    sizes = [chunk.n_bytes for chunk in cut.chunks(block)]
    assert sum(sizes) == 32 * 3000 * 128
    assert min(sizes[:-1]) > layout.CHUNK_BYTES - 2048


def test_blocks_shrink_with_the_labels_of_an_instance() -> None:
    circuit = circuit_of(2)
    for n_ot_bits, instances in ((0, 4096), (6, 4096), (1000, 512), (1 << 30, 64)):
        assert Layout.of(circuit, half_gates_scheme(), 10**6, n_ot_bits).block == instances


def test_very_wide_circuits_get_narrow_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "TILE_BYTES", 16 * 20 * 5)
    cut = Layout.of(make_circuit({"a": 18}, [], [2]), half_gates_scheme(), 1000, 0)
    assert cut.tile == 5
    assert cut.block % 5 == 0
    monkeypatch.setattr(layout, "TILE_BYTES", 1)
    assert Layout.of(make_circuit({"a": 18}, [], [2]), half_gates_scheme(), 1000, 0).tile == 1


def test_a_batch_beyond_the_numbers_of_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        Layout.of(circuit_of(3), half_gates_scheme(), 1 << 61, 0)


def test_the_computation_of_both_sides() -> None:
    """Garbler and evaluator over the same chunks, with labels as OT would give them."""
    circuit = make_circuit(WIDTHS, [(AND, 2, 5), (XOR, 7, 11), (AND, 11, 12)], [13, 12, 2, 5, 7, 1, 0])
    rng = np.random.default_rng(1)
    batch = 150
    bits = rng.integers(0, 2, (batch, 9), dtype=np.uint8)
    share = rng.integers(0, 2, (batch, 4), dtype=np.uint8)
    cut = Layout.of(circuit, half_gates_scheme(), batch, 6)
    who = inputs.Roles.of(circuit, ROLES)
    left = inputs.InputBits(who.of_garbler, {"a": bits[:, :3], "c": share}, batch, packed=False)
    right = inputs.InputBits(who.of_evaluator, {"b": bits[:, 3:5], "c": bits[:, 5:] ^ share}, batch, packed=False)
    public, delta = labels.Public.derive(SESSION, bytes(32)), labels.draw_delta(rng.bytes)
    garbler, evaluator = Garbler(cut, who, left, public, delta), Evaluator(cut, who, public)
    (block,) = cut.blocks()
    choices = choices_of(cut, block, right)
    zero = rng.integers(0, 2**64, (len(choices), 2), dtype=np.uint64)
    active = labels.zero_labels(zero.copy(), choices, labels.words_of(delta))
    shares = np.empty((2, batch, 7), np.uint8)
    for chunk in cut.chunks(block):
        buffer = np.empty(chunk.n_bytes + cut.scheme.slack, np.uint8)
        garbler.fill(chunk, buffer, block, zero, shares[0])
        evaluator.read(chunk, buffer[: chunk.n_bytes], block, active, shares[1])
    a, b, c = bits[:, 0], bits[:, 3], bits[:, 5]
    first = a & b
    expected = np.stack([(c ^ first) & first, c ^ first, a, b, c, np.ones_like(a), np.zeros_like(a)], axis=1)
    assert (shares[0] ^ shares[1] == expected).all()
    # masks that say nothing: of gates and of the evaluator's bits they are fair coins
    for column in (0, 1, 3, 4):
        assert 0.3 < shares[0][:, column].mean() < 0.7


def test_roles_name_what_is_wrong() -> None:
    circuit = make_circuit(WIDTHS, [], [2])
    who = inputs.Roles.of(circuit, ROLES)
    assert who.public.tolist() == [0, 1, 2, 5, 6, 7, 8]
    assert who.transferred.tolist() == [3, 4, 5, 6, 7, 8]
    for roles, word in (
        ({"a": "garbler"}, "b, c"),
        ({**ROLES, "d": "shared"}, "'d'"),
        ({**ROLES, "b": "both"}, "'both'"),
    ):
        with pytest.raises(ValueError, match=word):
            inputs.Roles.of(circuit, roles)


def test_input_bits_name_what_is_wrong_and_no_value() -> None:
    ports = make_circuit(WIDTHS, [], [2]).inputs[:2]
    good = {"a": np.zeros((5, 3), np.uint8), "b": np.ones((1, 2), np.uint8)}
    bits = inputs.InputBits(ports, good, 5, packed=False)
    assert bits.n_bits == 5
    assert bits.of_tile(3, 2).tolist() == [[0, 0]] * 3 + [[1, 1]] * 2
    for change, word in (
        ({"a": np.zeros((4, 3), np.uint8)}, r"shape \(5, 3\)"),
        ({"a": np.zeros((5, 2), np.uint8)}, r"shape \(5, 3\)"),
        ({"a": np.zeros((5, 3), np.int64)}, "int64"),
        ({"a": np.full((5, 3), 7, np.uint8)}, "0 or 1"),
        ({"z": good["a"]}, "'z'"),
    ):
        with pytest.raises(ValueError, match=word) as caught:
            inputs.InputBits(ports, {**good, **change}, 5, packed=False)
        assert "7" not in str(caught.value)
    with pytest.raises(ValueError, match="'b' are missing"):
        inputs.InputBits(ports, {"a": good["a"]}, 5, packed=False)
    with pytest.raises(TypeError, match="list"):
        inputs.InputBits(ports, {**good, "a": [[0, 0, 0]]}, 5, packed=False)


def test_packed_bits_are_the_same_bits() -> None:
    ports = make_circuit({"a": 11, "b": 1}, [], [2]).inputs
    rng = np.random.default_rng(4)
    dense = {port.name: rng.integers(0, 2, (9, port.n_bits), dtype=np.uint8) for port in ports}
    packed = {name: np.packbits(bits, axis=1, bitorder="little") for name, bits in dense.items()}
    one = inputs.InputBits(ports, dense, 9, packed=False).of_tile(2, 6)
    assert (inputs.InputBits(ports, packed, 9, packed=True).of_tile(2, 6) == one).all()
    with pytest.raises(ValueError, match=r"shape \(9, 2\)"):
        inputs.InputBits(ports, dense, 9, packed=True)


def test_a_statement_differs_in_whatever_it_says() -> None:
    circuit = make_circuit(WIDTHS, [], [2])
    first = Statement("garbler", "half-gates", "both", circuit, {"a"}, 3)
    others = [
        Statement("evaluator", "half-gates", "both", circuit, {"a"}, 3),
        Statement("garbler", "three-halves", "both", circuit, {"a"}, 3),
        Statement("garbler", "half-gates", "garbler", circuit, {"a"}, 3),
        Statement("garbler", "half-gates", "both", make_circuit(WIDTHS, [], [3]), {"a"}, 3),
        Statement("garbler", "half-gates", "both", circuit, {"a", "b"}, 3),
        Statement("garbler", "half-gates", "both", circuit, {"a"}, None),
    ]
    encoded = {statement.encode() for statement in (first, *others)}
    assert len(encoded) == 7
    assert {len(data) for data in encoded} == {STATEMENT_BYTES}


@pytest.mark.parametrize("path", cpu.available())
def test_warm_up_reports_the_path(path: cpu.Path) -> None:
    with cpu.use(path):
        assert warm_up() == path


def test_unknown_schemes_are_refused() -> None:
    with pytest.raises(ValueError, match="half-gates"):
        scheme.find_scheme("quarter-gates")


COMPILED = """
import asyncio, sys
import numpy as np
from protocols.kernels import cpu
with cpu.use(sys.argv[1]):
    from protocols import garbling
    garbling.warm_up()
    from numba.core.dispatcher import Dispatcher
    def signatures():
        modules = [module for name, module in sys.modules.items() if name.startswith("protocols.kernels.")]
        found = {f for module in modules for f in vars(module).values() if isinstance(f, Dispatcher)}
        return {f.__name__: set(f.signatures) for f in found}
    before = signatures()
    from tests.kit.circuits import random_bits
    from tests.kit.garbling import make_circuit, run_shares
    circuit = make_circuit({"a": 2, "b": 2}, [(0, 2, 4), (1, 3, 6), (1, 7, 5)], [8])
    for batch in (1, 2, 70):
        asyncio.run(run_shares(circuit, random_bits(1, batch, 4), {"a": "garbler", "b": "shared"}, ideal=False))
    after = signatures()
new = {name: after[name] - before.get(name, set()) for name in after if after[name] - before.get(name, set())}
assert before and not new, new
"""


@pytest.mark.parametrize("path", [cpu.available()[0], "portable"])
def test_nothing_is_compiled_after_warm_up(path: cpu.Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", COMPILED, path], cwd=root, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
