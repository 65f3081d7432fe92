"""Port types: what they take, what they give, what they refuse."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from circuits import Bit, CircuitError, Fixed, Int, Port, UInt, Vec, WidthError
from circuits.batch import batch_size, decode_outputs, encode_batch, encode_inputs
from circuits.types import BitType, FixedType, IntType, UIntType, VecType


def test_the_least_significant_bit_comes_first() -> None:
    assert UInt[8].encode(0b0000_0110).tolist() == [[0, 1, 1, 0, 0, 0, 0, 0]]
    assert Int[4].encode(-2).tolist() == [[0, 1, 1, 1]]
    assert Fixed[8, 4].encode(1.5).tolist() == [[0, 0, 0, 1, 1, 0, 0, 0]]
    assert Vec[UInt[2], 3].encode([1, 2, 3]).tolist() == [[1, 0, 0, 1, 1, 1]]


def test_names_and_equality() -> None:
    types = [Bit, UInt[8], UInt[9], Int[8], Fixed[8, 4], Fixed[8, 3], Vec[UInt[8], 4], Vec[Vec[Bit, 2], 3]]
    assert [repr(t) for t in types] == [
        "Bit", "UInt[8]", "UInt[9]", "Int[8]", "Fixed[8, 4]", "Fixed[8, 3]", "Vec[UInt[8], 4]", "Vec[Vec[Bit, 2], 3]",
    ]  # fmt: skip
    assert len(set(types)) == len(types)
    assert UInt[8] == UInt[8]
    assert hash(Vec[Bit, 2]) == hash(Vec[Bit, 2])
    assert UInt[1] != Bit
    assert isinstance(UInt[8], UIntType)
    assert isinstance(Bit, BitType)
    assert [t.n_bits for t in types] == [1, 8, 9, 8, 8, 8, 32, 6]
    with pytest.raises(AttributeError):
        UInt[8].n_bits = 9


@pytest.mark.parametrize(
    ("type", "value", "batch", "decoded", "dtype"),
    [
        (Bit, True, None, [True], bool),
        (Bit, [0, 1, True, np.True_], 4, [False, True, True, True], bool),
        (UInt[8], 255, None, [255], np.int64),
        (UInt[8], np.array([0, 7], np.uint8), 2, [0, 7], np.int64),
        (UInt[63], [2**63 - 1], 1, [2**63 - 1], np.int64),
        (UInt[64], [2**64 - 1, 0], 2, [2**64 - 1, 0], np.uint64),
        (UInt[65], 2**65 - 1, None, [2**65 - 1], object),
        (UInt[200], [2**199, 1], 2, [2**199, 1], object),
        (Int[1], [-1, 0], 2, [-1, 0], np.int64),
        (Int[64], [-(2**63), 2**63 - 1], 2, [-(2**63), 2**63 - 1], np.int64),
        (Int[64], np.array([5], object), 1, [5], np.int64),
        (Int[65], [-(2**64), 2**64 - 1, -1], 3, [-(2**64), 2**64 - 1, -1], object),
        (Fixed[16, 8], [1.5, -128.0], 2, [1.5, -128.0], np.float64),
        (Fixed[16, 8], [Fraction(1, 256), Decimal("0.25"), 3, True], 4, [1 / 256, 0.25, 3.0, 1.0], np.float64),
        (Fixed[16, 8], np.array([1, 2]), 2, [1.0, 2.0], np.float64),
        (Fixed[16, 8], np.array([0.5], np.float32), 1, [0.5], np.float64),
        (Fixed[80, 8], [-1.25, 2.0**70], 2, [-1.25, 2.0**70], np.float64),
        (Fixed[4, 6], 0.0625, None, [0.0625], np.float64),
        (Vec[UInt[8], 2], [1, 2], None, [[1, 2]], np.int64),
        (Vec[UInt[8], 2], [[1, 2], [3, 4], [5, 6]], 3, [[1, 2], [3, 4], [5, 6]], np.int64),
        (Vec[Vec[Int[4], 2], 2], [[1, 2], [-1, -8]], None, [[[1, 2], [-1, -8]]], np.int64),
        (UInt[8], [], 0, [], np.int64),
        (UInt[70], [], 0, [], object),
    ],
)
def test_values_come_back(type: Any, value: Any, batch: int | None, decoded: Any, dtype: Any) -> None:
    bits, found = type.encode_as(value)
    assert bits.dtype == np.uint8
    assert bits.shape == (1 if batch is None else batch, type.n_bits)
    assert found == batch
    back = type.decode(bits)
    assert back.dtype == dtype
    assert back.tolist() == decoded
    if len(bits):
        one = type.decode_one(bits[0])
        assert np.asarray(one).tolist() == decoded[0]
        assert not isinstance(one, np.generic), "a Python number, or an array for a Vec"


def test_fixed_rounds_to_the_nearest_ties_to_even() -> None:
    t = Fixed[16, 2]
    assert t.decode(t.encode([0.124, 0.126, 0.125, 0.375, -0.125, -0.375])).tolist() == [0, 0.25, 0, 0.5, 0, -0.5]
    exact = [Fraction(124, 1000), Fraction(126, 1000), Fraction(1, 8), Fraction(3, 8), Fraction(-1, 8), Fraction(-3, 8)]
    assert np.array_equal(t.encode(exact), t.encode([float(x) for x in exact]))
    wide = Fixed[90, 2]
    assert wide.decode(wide.encode([0.125, 0.375])).tolist() == [0, 0.5]
    # Rounding may leave the range: 31.9 is nearest to 32, which Fixed[8, 2] does not hold.
    with pytest.raises(WidthError):
        Fixed[8, 2].encode(31.9)


@pytest.mark.parametrize(
    ("type", "value", "says"),
    [
        (UInt[8], 77777, "UInt[8] holds 0 .. 255"),
        (UInt[8], -77777, "UInt[8] holds 0 .. 255"),
        (UInt[8], [1, 77777], "UInt[8] holds 0 .. 255"),
        (UInt[64], 2**64 + 77777, "UInt[64] holds 0 .. 18446744073709551615"),
        (UInt[100], 2**100 + 77777, "UInt[100] holds 0 .. 2**100 - 1"),
        (Int[8], np.array([-129]), "Int[8] holds -128 .. 127"),
        (Int[100], -(2**99) - 77777, "Int[100] holds -2**99 .. 2**99 - 1"),
        (Bit, 77777, "Bit holds 0 .. 1"),
        (Fixed[8, 4], 77777.0, "Fixed[8, 4] holds -8.0 .. 7.9375"),
        (Fixed[8, 4], [Fraction(77777)], "Fixed[8, 4] holds -8.0 .. 7.9375"),
        (Fixed[60, 4], 1e300, "Fixed[60, 4] holds -2**55 .. 2**55 - 2**-4"),
        (Fixed[8, 4], float("nan"), "Fixed[8, 4] holds"),
        (Fixed[80, 4], float("inf"), "no infinity or nan"),
        (Fixed[80, 4], "77777", "takes real numbers, not str"),
        (UInt[8], 77.777, "UInt[8] takes integers, not float"),
        (UInt[8], [7, 77.777], "UInt[8] takes integers, not float"),
        (UInt[8], "77777", "UInt[8] takes integers, not str"),
        (UInt[8], None, "UInt[8] takes integers, not NoneType"),
        (UInt[8], [[7]], "UInt[8] takes one number, or a batch of shape (batch,); got shape (1, 1)"),
        (Vec[UInt[8], 3], [7, 7], "takes an array of shape (3,), or a batch of shape (batch, 3); got shape (2,)"),
        (Vec[UInt[8], 3], 7, "got shape ()"),
        (Vec[UInt[8], 2], [[7], [7, 7]], "all elements need the same shape"),
    ],
)
def test_what_does_not_fit_is_refused_without_its_value(type: Any, value: Any, says: str) -> None:
    with pytest.raises(WidthError) as caught:
        type.encode(value)
    assert says in str(caught.value)
    assert "777" not in str(caught.value)


def test_the_place_of_a_bad_value_is_a_note_that_stays_at_home() -> None:
    with pytest.raises(WidthError) as caught:
        UInt[8].encode([0, 1, 300])
    assert caught.value.__notes__ == ["the first value out of range is number 2, counted from 0"]
    assert "2" not in str(caught.value).replace("255", "")
    for type, value, place in [
        (Vec[UInt[4], 2], [[1, 2], [3, 777]], "1, element 1"),
        (Vec[UInt[4], 2], [1, 777], "1"),
        (Vec[Vec[UInt[4], 2], 1], [[[1, 2]], [[777, 4]]], "1, element 0, 0"),
        (Fixed[8, 2], [1.5, float("nan"), 777.0], "1"),
        (Vec[Fixed[8, 2], 2], [[1.5, 777.0]], "0, element 1"),
        (UInt[100], [1, 2**100], "1"),
        (Fixed[8, 2], 777.0, "0"),
        (UInt[8], 777, "0"),
    ]:
        with pytest.raises(WidthError) as caught:
            type.encode(value)
        assert caught.value.__notes__ == [f"the first value out of range is number {place}, counted from 0"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: UInt[0],
        lambda: UInt[-1],
        lambda: Int["8"],
        lambda: UInt[True],
        lambda: Fixed[8],
        lambda: Fixed[8, -1],
        lambda: Fixed[8, 4, 2],
        lambda: Vec[UInt[8]],
        lambda: Vec[8, 4],
        lambda: Vec[UInt[8], 0],
    ],
)
def test_types_that_make_no_sense(make: Any) -> None:
    with pytest.raises(WidthError):
        make()


def test_decode_checks_the_shape() -> None:
    for bits in (np.zeros(8, np.uint8), np.zeros((1, 7), np.uint8)):
        with pytest.raises(WidthError, match=r"read from bits of shape \(batch, 8\)"):
            UInt[8].decode(bits)


PORTS = (Port("a", UInt[4]), Port("b", Vec[UInt[2], 2]), Port("c", Bit))


def test_one_value_beside_a_batch_counts_in_every_instance() -> None:
    bits, batch = encode_inputs(PORTS, {"a": [1, 2, 3], "b": [1, 2], "c": True})
    assert batch == 3
    assert bits.tolist() == [[*a, 1, 0, 0, 1, 1] for a in ([1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0])]
    bits, batch = encode_inputs(PORTS, {"a": 1, "b": [1, 2], "c": 0})
    assert batch is None
    assert bits.shape == (1, 9)


def test_encode_batch_keeps_ports_apart() -> None:
    encoded = encode_batch(PORTS[:2], {"b": [[1, 2], [0, 0]], "a": 9})
    assert list(encoded) == ["a", "b"]
    assert encoded["a"][0].shape == (1, 4)
    assert [batch for _, batch in encoded.values()] == [None, 2]
    assert batch_size(encoded) == 2
    assert batch_size({}) is None


def test_bad_inputs_are_named() -> None:
    good = {"a": 1, "b": [1, 2], "c": 0}
    with pytest.raises(WidthError, match=r"input 'a': out of range: UInt\[4\] holds 0 .. 15") as caught:
        encode_inputs(PORTS, good | {"a": [1, 16]})
    assert caught.value.__notes__
    with pytest.raises(WidthError, match=r"input 'a' is a batch of 2, input 'c' one of 3"):
        encode_inputs(PORTS, good | {"a": [1, 2], "c": [1, 1, 1]})
    with pytest.raises(CircuitError, match="no value for a, c"):
        encode_inputs(PORTS, {"b": [1, 2]})
    with pytest.raises(CircuitError, match="no input is called 'd'; there are a, b, c"):
        encode_inputs(PORTS, good | {"d": 1})


def test_outputs_come_back_alone_or_as_a_tuple() -> None:
    bits = np.array([[1, 0, 0, 0, 1, 0, 0, 1, 1]], np.uint8)
    a, b, c = decode_outputs(PORTS, bits, None)
    assert (a, b.tolist(), c) == (1, [1, 2], True)
    assert type(a) is int
    assert type(c) is bool
    assert decode_outputs(PORTS[:1], bits[:, :4], None) == 1
    assert decode_outputs(PORTS[:1], bits[:, :4], 1).tolist() == [1]


def test_brackets_and_classes_are_the_same_types() -> None:
    assert (UIntType(8), IntType(8), FixedType(8, 4), VecType(Bit, 2)) == (UInt[8], Int[8], Fixed[8, 4], Vec[Bit, 2])
