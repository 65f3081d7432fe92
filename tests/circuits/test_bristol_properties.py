"""Any circuit survives a round trip; no file, however damaged, raises anything but BristolError."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import bristol
from circuits.errors import BristolError
from circuits.ir import Circuit
from circuits.plain import evaluate_bits
from tests.kit.circuits import circuits, random_bits

FILE = """6 12
2 3 3
2 1 2

2 1 0 3 6 XOR
1 1 6 7 INV
2 1 1 4 8 AND
2 1 2 5 9 AND
2 1 7 8 11 XOR
2 1 9 9 10 AND
"""
EXTENDED = """6 11
1 4
1 4

1 1 1 4 EQ
1 1 4 5 EQW
4 2 0 2 1 3 9 6 MAND
1 1 6 7 NOT
2 1 7 5 8 AND
1 1 9 10 EQW
"""


def assert_same_function(one: Circuit, other: Circuit) -> None:
    bits = random_bits(1, 64, one.n_inputs)
    np.testing.assert_array_equal(evaluate_bits(one, bits), evaluate_bits(other, bits))


@given(circuits(max_gates=30))
def test_round_trip(circuit: Circuit) -> None:
    text = bristol.dumps(circuit)
    again = bristol.loads(text)
    assert (again.inputs, again.outputs, again.and_count) == (circuit.inputs, circuit.outputs, circuit.and_count)
    assert_same_function(again, circuit)
    if circuit.n_inputs:  # without inputs, constants are EQ gates, which reading dissolves
        assert bristol.dumps(again) == text


@given(circuits(max_gates=30, max_ports=2, min_inputs=1))
def test_round_trip_in_the_old_format(circuit: Circuit) -> None:
    if len(circuit.outputs) > 1:
        try:
            bristol.dumps(circuit, old_format=True)
        except BristolError:
            return
        raise AssertionError("two outputs went into the old format")
    again = bristol.loads(bristol.dumps(circuit, old_format=True))
    assert (again.inputs, again.outputs, again.and_count) == (circuit.inputs, circuit.outputs, circuit.and_count)
    assert_same_function(again, circuit)


@given(circuits(max_gates=30), st.randoms(use_true_random=False))
def test_gates_in_any_order_mean_the_same(circuit: Circuit, random: object) -> None:
    head, _, body = bristol.dumps(circuit).partition("\n\n")
    gates = body.splitlines()
    random.shuffle(gates)  # type: ignore[attr-defined]
    shuffled = bristol.loads("\n".join([head, *gates]))
    assert shuffled.and_count == circuit.and_count
    assert_same_function(shuffled, circuit)


mutations = st.lists(
    st.tuples(
        st.sampled_from(("delete", "insert", "replace", "swap", "cut", "double")),
        st.integers(0, 10**6),
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from((b"-1", b"0", b"7", b"12", b"99999999", b"4294967297", b"10" * 20, b"\n", b" ", b"MAND")),
        ),
    ),
    min_size=1,
    max_size=4,
)


def mutate(text: str, steps: list[tuple[str, int, bytes]]) -> bytes:
    data = text.encode()
    for what, at, extra in steps:
        tokens = data.split(b" ")
        index = at % len(tokens)
        place = at % (len(data) + 1)
        if what == "delete":
            data = b" ".join(tokens[:index] + tokens[index + 1 :])
        elif what == "replace":
            data = b" ".join([*tokens[:index], extra, *tokens[index + 1 :]])
        elif what == "insert":
            data = data[:place] + extra + data[place:]
        elif what == "swap":
            other = (at // len(tokens)) % len(tokens)
            tokens[index], tokens[other] = tokens[other], tokens[index]
            data = b" ".join(tokens)
        elif what == "cut":
            data = data[:place]
        else:
            lines = data.split(b"\n")
            data = b"\n".join([*lines, lines[at % len(lines)]])
    return data


@settings(max_examples=400)
@given(st.sampled_from((FILE, EXTENDED, "1 3\n1 1 1\n2 1 0 1 2 AND\n")), mutations)
def test_damaged_files(text: str, steps: list[tuple[str, int, bytes]]) -> None:
    bristol.loads(text)  # the file itself is fine
    try:
        circuit = bristol.loads(mutate(text, steps))
    except BristolError:
        return
    # What still loads is a circuit like any other.
    assert bristol.loads(bristol.dumps(circuit)).n_outputs == circuit.n_outputs


@given(
    st.one_of(
        st.binary(max_size=60), st.text(max_size=20), st.text(alphabet="0123456789 \nXORANDINVEQWM-", max_size=80)
    )
)
def test_noise(text: bytes | str) -> None:
    n_lines = len((text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")).split(b"\n"))
    with contextlib.suppress(BristolError):
        bristol.loads(text)
        return
    with pytest.raises(BristolError) as caught:
        bristol.loads(text)
    assert 0 <= caught.value.line <= n_lines
