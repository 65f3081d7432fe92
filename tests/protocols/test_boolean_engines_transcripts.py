"""Frozen transcripts of the Boolean engines: the same coins say the same bytes."""

from __future__ import annotations

import pytest

from circuits.plain import evaluate_bits
from tests.kit.boolean_contract import Maker, assemble
from tests.kit.boolean_makers import gmw_with_dealer, replicated
from tests.kit.circuits import random_bits
from tests.kit.frozen import check_frozen
from tests.kit.garbling import make_circuit

CIRCUIT = make_circuit(
    {"a": 3, "b": 3}, [(1, 2, 5), (0, 8, 3), (1, 9, 6), (1, 4, 7), (0, 10, 1), (1, 11, 12)], [8, 12, 13]
)
ENGINES: dict[str, tuple[Maker, int]] = {
    "replicated/parties=3/threshold=1": (replicated(1), 3),
    "replicated/parties=5/threshold=2": (replicated(2), 5),
    "gmw-engine/parties=3": (gmw_with_dealer, 3),
}


@pytest.mark.parametrize("name", ENGINES)
async def test_whole_evaluation(name: str) -> None:
    parties, bits = await assemble(*ENGINES[name]), random_bits(4, 21, CIRCUIT.n_inputs)
    outputs = await parties.evaluate(CIRCUIT, bits)
    assert (evaluate_bits(CIRCUIT, bits) == (await parties.reveal(outputs)).T).all()
    check_frozen(f"boolean/{name}/wire", "".join(mesh.hash()[:16] for mesh in parties.meshes.values()))
