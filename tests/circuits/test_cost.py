"""The cost report, by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given

from circuits import bristol
from circuits.cost import PortCost, report
from circuits.ir import AND, ONE, Circuit
from tests.kit.circuits import circuits

# out = a0 & b0 and (x ^ ~x) & (a0 & b0), where x = a1 & b1
SMALL = """5 9
2 2 2
1 2

2 1 0 2 7 AND
2 1 1 3 4 AND
1 1 4 5 INV
2 1 4 5 6 XOR
2 1 6 7 8 AND
"""


def test_report() -> None:
    cost = report(bristol.loads(SMALL, name="small"))
    assert (cost.and_count, cost.xor_count, cost.not_count) == (3, 1, 1)
    assert (cost.and_depth, cost.and_width) == (2, 2)
    assert cost.inputs == (PortCost("in0", "UInt[2]", 2), PortCost("in1", "UInt[2]", 2))
    assert cost.outputs == (PortCost("out0", "UInt[2]", 2),)
    assert cost.half_gates_table_bytes == 96
    assert cost.half_gates_evaluator_bit_bytes == 8 + 16 + 1 / 8
    assert (cost.gmw_rounds, cost.gmw_online_bytes, cost.gmw_triple_bytes) == (2, 1.5, 48)
    assert report(bristol.loads(SMALL), k=8).half_gates_evaluator_bit_bytes == 2 + 16 + 1 / 8


def test_as_dict_is_ready_for_json() -> None:
    cost = report(bristol.loads(SMALL, name="small"))
    plain = json.loads(json.dumps(cost.as_dict()))
    assert plain == cost.as_dict()
    assert plain["name"] == "small"
    assert plain["inputs"][1] == {"name": "in1", "type": "UInt[2]", "n_bits": 2}


def test_text() -> None:
    lines = report(bristol.loads(SMALL, name="small")).text().splitlines()
    assert lines[0] == "small(in0: UInt[2], in1: UInt[2]) -> UInt[2]"
    assert lines[3].split(maxsplit=2) == ["AND", "3", "depth 2, at most 2 at one level"]
    assert "96 B" in lines[6]


def test_k_is_checked() -> None:
    with pytest.raises(ValueError, match="k must be from 1 to 8, not 9"):
        report(bristol.loads(SMALL), k=9)


@given(circuits())
def test_every_gate_is_counted_once(circuit: Circuit) -> None:
    cost = report(circuit)
    assert cost.and_count + cost.xor_count + cost.not_count == circuit.n_gates
    assert cost.and_count == np.count_nonzero(circuit.op == AND)
    n_not = sum(
        op != AND and ONE in (left, right)
        for op, left, right in zip(circuit.op, circuit.left, circuit.right, strict=True)
    )
    assert cost.not_count == n_not
    assert bool(cost.and_width) == bool(cost.and_count)
