"""Any circuit among any number of parties gives what it gives in the clear."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.ir import Circuit
from tests.kit.circuits import circuits, evaluate_naively, random_bits
from tests.kit.gmw import run_gmw
from tests.kit.mesh import make_meshes


@pytest.mark.parametrize("n_parties", [2, 3, 5, 7])
@settings(max_examples=30, deadline=None)
@given(circuit=circuits(max_gates=50), batch=st.sampled_from([0, 1, 2, 8, 63, 64, 67]), seed=st.integers(0, 2**32))
def test_circuits(n_parties: int, circuit: Circuit, batch: int, seed: int) -> None:
    bits = random_bits(seed, batch, circuit.n_inputs)
    found = asyncio.run(run_gmw(make_meshes(n_parties), circuit, bits))
    assert (found == evaluate_naively(circuit, bits)).all()


@pytest.mark.parametrize("n_parties", [2, 3, 5])
@settings(max_examples=4, deadline=None)
@given(circuit=circuits(max_gates=50), seed=st.integers(0, 2**32))
def test_circuits_with_real_triples(n_parties: int, circuit: Circuit, seed: int) -> None:
    bits = random_bits(seed, 11, circuit.n_inputs)
    found = asyncio.run(run_gmw(make_meshes(n_parties), circuit, bits, ideal=False))
    assert (found == evaluate_naively(circuit, bits)).all()
