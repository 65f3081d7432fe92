"""Two roles with three halves, over channels in memory: batches, splits of the inputs, paths; and published vectors."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuits.ir import AND, ONE, XOR, Circuit
from circuits.lib.aes import aes_128
from protocols import garbling
from protocols.errors import CheckFailed
from protocols.garbling import layout, two_party
from protocols.kernels import cpu
from tests.kit.channels import TEMPERS, Temper, channel_pair, run_pair
from tests.kit.circuits import circuits, evaluate_naively, random_bits
from tests.kit.garbling import make_circuit, run_shares

SCHEME = "three-halves"
ROLES = ("garbler", "evaluator", "shared")


def small() -> Circuit:
    """Three ports of 2 bits, gates of both kinds, outputs of every origin."""
    gates = [(AND, 2, 4), (XOR, 8, 6), (AND, 9, 5), (XOR, 10, ONE), (AND, 3, 7), (AND, 11, 12), (AND, 13, ONE)]
    return make_circuit({"a": 2, "b": 2, "c": 2}, gates, [13, 14, 11, 9, 2, 4, 6, 0, 1, 13])


@pytest.mark.parametrize("temper", TEMPERS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(circuit=circuits(), batch=st.sampled_from((1, 2, 9)), seed=st.integers(0, 99), data=st.data())
def test_random_circuits(temper: Temper, circuit: Circuit, batch: int, seed: int, data: st.DataObject) -> None:
    roles = {port.name: data.draw(st.sampled_from(ROLES)) for port in circuit.inputs}
    bits = random_bits(seed, batch, circuit.n_inputs)
    left, right, _ = asyncio.run(run_shares(circuit, bits, roles, temper=temper, scheme=SCHEME))
    assert (left ^ right == evaluate_naively(circuit, bits)).all()


@pytest.mark.parametrize("batch", [0, 1, 2, 63, 64, 65, 1000])
@pytest.mark.parametrize("roles", [("garbler",) * 3, ("evaluator",) * 3, ("shared",) * 3, ROLES])
async def test_every_batch_and_split(batch: int, roles: tuple[str, ...]) -> None:
    circuit, bits = small(), random_bits(batch, batch, 6)
    left, right, channel = await run_shares(circuit, bits, dict(zip("abc", roles, strict=True)), scheme=SCHEME)
    assert left.shape == right.shape == (batch, 10)
    assert (left ^ right == evaluate_naively(circuit, bits)).all()
    assert bool(channel.wire.messages) == bool(batch)


@pytest.mark.parametrize("path", cpu.available())
async def test_every_path_with_real_oblivious_transfer(path: cpu.Path) -> None:
    circuit, bits = small(), random_bits(1, 70, 6)
    with cpu.use(path):
        left, right, _ = await run_shares(
            circuit, bits, dict(zip("abc", ROLES, strict=True)), ideal=False, scheme=SCHEME
        )
    assert (left ^ right == evaluate_naively(circuit, bits)).all()


@pytest.mark.parametrize("batch", [1, 67])
async def test_the_two_sides_may_take_different_paths(batch: int) -> None:
    left, right = channel_pair()
    a, b, c = np.random.default_rng(2).integers(0, 4, (3, batch))

    async def on(path: cpu.Path, role: Any) -> Any:
        with cpu.use(path):
            return await role

    one, other = await run_pair(
        on(cpu.available()[0], garbling.garble(left, small(), {"a": a, "c": c}, scheme=SCHEME)),
        on("portable", garbling.evaluate(right, small(), {"b": b}, scheme=SCHEME)),
    )
    assert np.array_equal(one, small()(a, b, c))
    assert np.array_equal(other, one)


@pytest.mark.parametrize("batch", [1, 300])
async def test_small_chunks_and_blocks(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many messages and many blocks, tiles cut over chunks, with work in threads."""
    monkeypatch.setattr(layout, "CHUNK_BYTES", 2001 if batch > 1 else 77)
    monkeypatch.setattr(two_party, "CHUNK_BYTES", 2001)
    monkeypatch.setattr(layout, "BLOCK_INSTANCES", 128)
    monkeypatch.setattr(two_party, "LONG_WORK", 0)
    rng = np.random.default_rng(3)
    gates = [(XOR if i % 3 else AND, *rng.integers(0, 18 + i, 2).tolist()) for i in range(80)]
    circuit = make_circuit({"a": 8, "b": 8}, gates, list(range(18, 98)))
    bits = random_bits(5, batch, 16)
    left, right, channel = await run_shares(circuit, bits, {"a": "shared", "b": "evaluator"}, scheme=SCHEME)
    assert (left ^ right == evaluate_naively(circuit, bits)).all()
    assert channel.wire.n_messages("garbler") > 5


async def test_both_schemes_open_to_the_clear_result() -> None:
    circuit, bits = small(), random_bits(9, 100, 6)
    roles = dict(zip("abc", ROLES, strict=True))
    results = []
    for scheme in garbling.SCHEMES:
        left, right, channel = await run_shares(circuit, bits, roles, scheme=scheme)
        results.append((left ^ right, channel.wire.n_bytes("garbler")))
    clear = evaluate_naively(circuit, bits)
    assert len(results) == 2
    assert all(np.array_equal(result, clear) for result, _ in results)
    assert results[1][1] < results[0][1]


async def test_sides_that_mean_different_schemes_find_out() -> None:
    left, right = channel_pair()
    results = await asyncio.gather(
        garbling.garble(left, small(), {"a": 1, "c": 2}, scheme=SCHEME),
        garbling.evaluate(right, small(), {"b": 3}),
        return_exceptions=True,
    )
    assert all(isinstance(result, CheckFailed) and "scheme" in str(result) for result in results)
    assert {path for _, path, _ in left.wire.messages} <= {"", "/ot"}


@pytest.mark.parametrize("path", [cpu.available()[0], "portable"])
async def test_aes_on_fips_197(path: cpu.Path) -> None:
    """Appendix C.1, key and plaintext of one party each; and a batch with it as its last instance."""
    key, block = 0x000102030405060708090A0B0C0D0E0F, 0x00112233445566778899AABBCCDDEEFF
    expected = 0x69C4E0D86A7B0430D8CDB78070B4C55A
    left, right = channel_pair()
    with cpu.use(path):
        one, other = await run_pair(
            garbling.garble(left, aes_128, {"key": key}, scheme=SCHEME),
            garbling.evaluate(right, aes_128, {"block": block}, scheme=SCHEME),
        )
    assert one == other == expected


async def test_aes_over_a_batch() -> None:
    """65 instances: a whole tile and one of a single instance."""
    blocks = [17**40 * i % 2**128 for i in range(65)]
    left, right = channel_pair()
    one, other = await run_pair(
        garbling.garble(left, aes_128, {"key": 2**127 + 12345}, scheme=SCHEME),
        garbling.evaluate(right, aes_128, {"block": blocks}, scheme=SCHEME),
    )
    expected = aes_128(key=2**127 + 12345, block=blocks)
    assert np.array_equal(one, expected)
    assert np.array_equal(other, expected)


@pytest.mark.parametrize("path", cpu.available())
def test_warm_up_reports_the_path(path: cpu.Path) -> None:
    with cpu.use(path):
        assert garbling.warm_up(SCHEME) == path
