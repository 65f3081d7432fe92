"""Random circuits: every path makes the tables and labels of plain Python, wherever it is cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.ir import Circuit
from circuits.program import schedule
from protocols.kernels import cpu
from tests.kit.circuits import circuits
from tests.protocols.test_kernels_garble import PATHS, check


@given(circuits(max_gates=30), st.integers(1, 12), st.integers(0, 2**32), st.data())
@settings(max_examples=60, deadline=None)
def test_every_path_agrees_with_plain_python(circuit: Circuit, n: int, seed: int, data: st.DataObject) -> None:
    program = schedule(circuit, "depth" if n == 1 else "memory")
    cuts = data.draw(st.lists(st.integers(0, program.n_gates), max_size=3))
    for path in PATHS:
        with cpu.use(path):
            check(program, n, seed, cuts)
