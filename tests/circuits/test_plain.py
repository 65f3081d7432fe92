"""Evaluation in the clear: against a gate-by-gate evaluator, over every way to hand in values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import bristol, circuit, plain
from circuits.errors import CircuitError, WidthError
from circuits.ir import Circuit, Port
from circuits.plain import evaluate_bits
from circuits.types import Bit, Int, UInt, Vec
from tests.kit.circuits import circuits, evaluate_naively, random_bits


def wires(inputs: dict[str, object], outputs: dict[str, object]) -> Circuit:
    """A circuit without gates: its outputs are its inputs."""
    ports = [tuple(Port(name, kind) for name, kind in side.items()) for side in (inputs, outputs)]  # type: ignore[arg-type]
    n = sum(port.n_bits for port in ports[1])
    none = np.zeros(0, dtype=np.int32)
    return Circuit("wires", *ports, none.astype(np.uint8), none, none, np.arange(2, 2 + n, dtype=np.int32))


AND3 = bristol.loads("1 9\n2 3 3\n1 3\n6 3 0 1 2 3 4 5 6 7 8 MAND\n", name="and3")


@given(circuits(), st.integers(0, 70), st.integers(0, 2**32))
def test_equals_the_naive_evaluator(circuit: Circuit, batch: int, seed: int) -> None:
    bits = random_bits(seed, batch, circuit.n_inputs)
    got = evaluate_bits(circuit, bits)
    assert (got.dtype, got.shape) == (np.uint8, (batch, circuit.n_outputs))
    np.testing.assert_array_equal(got, evaluate_naively(circuit, bits))


def test_batches_are_cut_to_bound_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    slices = []
    whole = plain._evaluate_slice

    def spy(circuit: Circuit, gates: object, bits: np.ndarray) -> np.ndarray:
        slices.append(len(bits))
        return whole(circuit, gates, bits)  # type: ignore[arg-type]

    monkeypatch.setattr(plain, "_evaluate_slice", spy)
    monkeypatch.setattr(plain, "MEMORY_BYTES", 8 * AND3.n_wires * 2)
    bits = random_bits(3, 1000, AND3.n_inputs)
    np.testing.assert_array_equal(evaluate_bits(AND3, bits), bits[:, :3] & bits[:, 3:])
    assert max(slices) == 128
    assert sum(slices) == 1000


def test_evaluate_bits_takes_bools() -> None:
    bits = random_bits(4, 5, 6)
    np.testing.assert_array_equal(evaluate_bits(AND3, bits.astype(bool)), evaluate_bits(AND3, bits))


@pytest.mark.parametrize(
    ("bits", "error", "message"),
    [
        (np.zeros((2, 6), dtype=np.int64), TypeError, "expected bits as uint8 or bool, got int64"),
        (np.zeros((2, 5), dtype=np.uint8), ValueError, r"expected bits of shape \(batch, 6\), got \(2, 5\)"),
        (np.zeros(6, dtype=np.uint8), ValueError, r"expected bits of shape \(batch, 6\), got \(6,\)"),
        (np.full((2, 6), 2, dtype=np.uint8), ValueError, "expected bits 0 and 1 only"),
    ],
)
def test_evaluate_bits_refuses(bits: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        evaluate_bits(AND3, bits)


def test_inputs_by_position_and_by_name() -> None:
    assert AND3(6, 3) == AND3(6, in1=3) == AND3(in1=3, in0=6) == 2
    assert type(AND3(6, 3)) is int


def test_one_value_beside_a_batch_counts_in_every_instance() -> None:
    np.testing.assert_array_equal(AND3(np.arange(8), 5), np.arange(8) & 5)
    np.testing.assert_array_equal(AND3([1, 2, 3], in1=[3, 2, 1]), [1, 2, 1])
    assert AND3([6], 3).shape == (1,)
    assert AND3(np.zeros(0, dtype=int), 3).shape == (0,)


def test_one_output_is_a_value_and_several_are_a_tuple() -> None:
    assert wires({"a": UInt[3]}, {"x": UInt[3]})(5) == 5
    assert wires({"a": UInt[3]}, {"x": Bit, "y": Int[2]})(5) == (True, -2)
    assert wires({"a": UInt[3]}, {})(5) == ()
    left, right = wires({"a": UInt[3]}, {"x": Bit, "y": UInt[2]})([1, 6])
    assert (left.tolist(), right.tolist()) == ([True, False], [0, 3])


def test_wide_ports_are_python_integers() -> None:
    same = wires({"a": UInt[100]}, {"x": UInt[100]})
    assert same(2**99 + 1) == 2**99 + 1
    batch = same([2**99, 3])
    assert batch.dtype == object
    assert batch.tolist() == [2**99, 3]


def test_vectors() -> None:
    split = wires({"a": Vec[UInt[4], 2]}, {"x": UInt[8]})
    assert split([1, 2]) == 0x21
    assert split([[1, 2], [3, 4]]).tolist() == [0x21, 0x43]


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "and3: no value for input 'in0', 'in1'"),
        ((1,), {}, "and3: no value for input 'in1'"),
        ((1, 2, 3), {}, r"and3 takes 2 inputs \(in0, in1\), but 3 are given"),
        ((1, 2), {"in0": 3}, "and3: input 'in0' is given twice, by position and by name"),
        ((1,), {"b": 3}, "and3 has no input 'b'; its inputs are in0, in1"),
    ],
)
def test_missing_doubled_and_unknown_inputs_are_named(
    args: tuple[int, ...], kwargs: dict[str, int], message: str
) -> None:
    with pytest.raises(CircuitError, match=message):
        AND3(*args, **kwargs)


def test_values_that_do_not_fit_are_named_but_not_shown() -> None:
    with pytest.raises(WidthError, match=r"'in1'.*0 \.\. 7") as caught:
        AND3(1, 123456)
    assert "123456" not in str(caught.value)
    with pytest.raises(WidthError, match="'in0' is a batch of 2, input 'in1' one of 3"):
        AND3([1, 2], [1, 2, 3])


def test_a_circuit_called_with_secrets_becomes_part_of_the_trace() -> None:
    @circuit
    def masked(a: UInt[3], b: UInt[3]) -> UInt[3]:
        return AND3(in1=AND3(a, 5), in0=b)

    assert masked.and_count == 2  # the public 5 folds
    assert [masked(a, b) for a, b in ((7, 7), (5, 4), (2, 7))] == [5, 4, 0]


@pytest.mark.parametrize("make", [list, tuple, lambda parts: np.array(parts, dtype=object)])
def test_secrets_inside_a_list_count_as_secrets(make: Callable[[list[object]], object]) -> None:
    split = wires({"a": Vec[UInt[4], 2]}, {"x": UInt[8]})

    @circuit
    def swapped(a: UInt[4], b: UInt[4]) -> UInt[8]:
        return split(make([b, a]))

    assert swapped(1, 2) == 0x12
