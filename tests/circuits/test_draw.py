"""Drawings, against golden text."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given

from circuits import bristol
from circuits.draw import dot, text
from circuits.errors import CircuitError
from circuits.ir import AND, ONE, XOR, ZERO, Circuit, Port
from circuits.types import Bit, UInt
from tests.kit.circuits import circuits

DOT = """digraph "small" {
  rankdir=LR;
  node [shape=box];
  subgraph cluster_in0 {
    label="a: UInt[2]";
    in0 [label="a[0]", shape=ellipse];
    in1 [label="a[1]", shape=ellipse];
  }
  subgraph cluster_in1 {
    label="b: Bit";
    in2 [label="b", shape=ellipse];
  }
  subgraph cluster_out0 {
    label="out0: UInt[2]";
    out0 [label="out0[0]", shape=ellipse];
    out1 [label="out0[1]", shape=ellipse];
  }
  g0 [label=AND];
  g1 [label=INV];
  const0 [label=0, shape=plaintext];
  in0 -> g0;
  in2 -> g0;
  g0 -> g1;
  g1 -> out0;
  const0 -> out1;
}
"""
TEXT = """small(a: UInt[2], b: Bit) -> (out0: UInt[2])
  g0 = a[0] AND b
  g1 = INV g0
  out0[0] = g1
  out0[1] = 0
"""


def small(name: str = "small") -> Circuit:
    return Circuit(
        name,
        (Port("a", UInt[2]), Port("b", Bit)),
        (Port("out0", UInt[2]),),
        np.array([AND, XOR], dtype=np.uint8),
        np.array([2, ONE], dtype=np.int32),
        np.array([4, 5], dtype=np.int32),
        np.array([6, ZERO], dtype=np.int32),
    )


def test_dot() -> None:
    assert dot(small()) == DOT


def test_text() -> None:
    assert text(small()) == TEXT


def test_names_are_quoted() -> None:
    assert dot(small('a "b" \\')).startswith('digraph "a \\"b\\" \\\\" {\n')


def test_large_circuits_are_refused_with_a_hint() -> None:
    chain = "".join(f"1 1 {i} {i + 1} INV\n" for i in range(1001))
    circuit = bristol.loads(f"1001 1002\n1 1\n1 1\n{chain}", name="long")
    for draw in (dot, text):
        with pytest.raises(CircuitError, match=r"long has 1,001 gates, too many to draw \(at most 1,000\): .*report"):
            draw(circuit)
        assert draw(circuit, max_gates=1001)


@given(circuits())
def test_every_edge_is_drawn_once_and_every_node_is_named(circuit: Circuit) -> None:
    drawing = dot(circuit)
    nodes = re.findall(r"^ +(\w+) \[label", drawing, re.MULTILINE)
    edges = re.findall(r"^ +(\w+) -> (\w+);", drawing, re.MULTILINE)
    assert len(nodes) == len(set(nodes))
    assert {node for edge in edges for node in edge} <= set(nodes)
    inv = drawing.count("[label=INV]")
    assert len(edges) == 2 * circuit.n_gates - inv + circuit.n_outputs
    assert len(text(circuit).splitlines()) == 1 + circuit.n_gates + circuit.n_outputs
