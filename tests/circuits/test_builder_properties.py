"""Random gates: the circuit that is built computes what the gates said."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import Builder, UInt
from circuits.passes import remove_dead
from circuits.plain import evaluate_bits

STEPS = st.lists(
    st.tuples(st.sampled_from("xaomn"), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 6))
def test_built_circuits_compute_their_gates(steps: list[tuple[str, int, int, int]], n_inputs: int) -> None:
    b = Builder("random")
    bits = ((np.arange(1 << n_inputs)[:, None] >> np.arange(n_inputs)) & 1).astype(np.uint8)
    wires = [0, 1, *b.input("x", UInt[n_inputs])]
    values = [np.zeros(len(bits), np.uint8), np.ones(len(bits), np.uint8), *bits.T]
    for kind, i, j, k in steps:
        p, q, r = (index % len(wires) for index in (i, j, k))
        if kind == "x":
            wires.append(b.xor(wires[p], wires[q]))
            values.append(values[p] ^ values[q])
        elif kind == "a":
            wires.append(b.and_(wires[p], wires[q]))
            values.append(values[p] & values[q])
        elif kind == "o":
            wires.append(b.or_(wires[p], wires[q]))
            values.append(values[p] | values[q])
        elif kind == "m":
            wires.append(b.mux(wires[p], wires[q], wires[r]))
            values.append(np.where(values[p] == 1, values[q], values[r]))
        else:
            wires.append(b.not_(wires[p]))
            values.append(1 - values[p])
    b.output("out0", UInt[len(wires)], wires)
    made = b.build()
    assert np.array_equal(evaluate_bits(made, bits), np.array(values).T)
    assert remove_dead(made) is made, "nothing dead is left"
    gates = {(int(op), int(p), int(q)) for op, p, q in zip(made.op, made.left, made.right, strict=True)}
    assert len(gates) == made.n_gates, "no gate is there twice"
