"""Frozen transcripts of three halves: the same coins say the same bytes, today and on every path of the kernels."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from circuits.ir import AND, XOR, Circuit
from protocols.kernels import cpu
from tests.kit.circuits import random_bits
from tests.kit.frozen import check_frozen
from tests.kit.garbling import make_circuit, run_shares
from tests.kit.rng import seeded_rng


def circuit_of(n_gates: int) -> Circuit:
    rng = np.random.default_rng(n_gates)
    gates = [(XOR if i % 3 else AND, *rng.integers(0, 14 + i, 2).tolist()) for i in range(n_gates)]
    return make_circuit({"a": 4, "b": 4, "c": 4}, gates, list(range(14 + n_gates - 5, 14 + n_gates)))


@pytest.mark.parametrize("path", cpu.available())
@pytest.mark.parametrize("batch", [1, 3, 70])
async def test_shares(batch: int, path: cpu.Path) -> None:
    with cpu.use(path):
        left, right, channel = await run_shares(
            circuit_of(90),
            random_bits(batch, batch, 12),
            {"a": "garbler", "b": "evaluator", "c": "shared"},
            ideal=False,
            scheme="three-halves",
            rngs=(seeded_rng("garbler"), seeded_rng("evaluator")),
        )
    check_frozen(f"garbling/three-halves/batch={batch}/wire", channel.wire.hash())
    check_frozen(
        f"garbling/three-halves/batch={batch}/shares", hashlib.sha256(left.tobytes() + right.tobytes()).hexdigest()
    )
