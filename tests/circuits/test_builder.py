"""The builder: what folds, what is shared, what it refuses."""

from __future__ import annotations

import pytest

from circuits import Bit, Builder, Circuit, CircuitError, InvalidCircuit, UInt, circuit
from circuits.ir import AND, ONE, XOR, ZERO


def fresh(n_bits: int = 4) -> tuple[Builder, list[int]]:
    b = Builder("t")
    return b, b.input("x", UInt[n_bits])


def built(b: Builder, *wires: int) -> Circuit:
    b.output("out0", UInt[len(wires)], wires)
    return b.build()


def test_what_folds_makes_no_gate() -> None:
    b, (x, y, *_) = fresh()
    not_x = b.not_(x)
    assert b.xor(x, x) == ZERO
    assert b.xor(x, not_x) == ONE
    assert b.xor(x, ZERO) == x
    assert b.xor(ONE, x) == not_x
    assert b.xor(b.xor(x, ONE), ONE) == x
    assert b.not_(b.not_(x)) == x
    assert b.and_(x, x) == x
    assert b.and_(x, not_x) == ZERO
    assert b.and_(x, ZERO) == ZERO
    assert b.and_(ONE, x) == x
    assert b.or_(x, x) == x
    assert b.or_(x, not_x) == ONE
    assert b.or_(x, ONE) == ONE
    assert b.or_(ZERO, x) == x
    assert b.mux(ONE, x, y) == x
    assert b.mux(ZERO, x, y) == y
    assert b.mux(x, y, y) == y
    assert b.mux(x, ONE, ZERO) == x
    assert b.mux(x, ZERO, ONE) == not_x
    assert b.all_([]) == ONE
    assert b.any_([]) == ZERO
    assert b.any_([x]) == x
    assert b.n_gates == 0


def test_equal_gates_are_made_once() -> None:
    b, (x, y, *_) = fresh()
    assert b.xor(x, y) == b.xor(y, x)
    assert b.xor(x ^ 1, y) == b.xor(x, y) ^ 1 == b.xor(x, y ^ 1), "complements slide through XOR"
    assert b.and_(x, y) == b.and_(y, x)
    assert b.and_(x ^ 1, y) != b.and_(x, y)
    assert b.n_gates == 3
    assert b.mux(x, y, y ^ 1) == b.xor(x, y) ^ 1
    assert b.mux(x, y, ZERO) == b.and_(x, y)
    assert b.n_gates == 3


def test_multiplexer_costs_one_and() -> None:
    b, (c, x, y, _) = fresh()
    made = built(b, b.mux(c, x, y))
    assert (made.and_count, made.n_gates) == (1, 3)


def test_trees_are_balanced() -> None:
    b, wires = fresh(8)
    made = built(b, b.all_(wires), b.any_(wires))
    assert (made.and_count, made.and_depth) == (14, 3)


def test_dead_gates_are_gone() -> None:
    b, (x, y, z, _) = fresh()
    b.and_(b.and_(x, y), b.xor(z, y))
    made = built(b, b.and_(x, z))
    assert (made.and_count, made.n_gates) == (1, 1)


def test_a_complement_becomes_one_gate_where_it_is_read_first() -> None:
    b, (x, y, z, _) = fresh()
    p = b.and_(x, y)
    q = b.and_(p ^ 1, z)
    r = b.and_(p ^ 1, x)
    made = built(b, q, r, p, z ^ 1)
    x, y, z = 2, 3, 4
    assert made.op.tolist() == [AND, XOR, AND, AND, XOR]
    assert made.left.tolist() == [x, 6, z, x, z]
    assert made.right.tolist() == [y, ONE, 7, 7, ONE]
    assert made.output_wires.tolist() == [8, 9, 6, 10]


def test_outputs_may_be_inputs_constants_and_complements() -> None:
    b, (x, *_) = fresh()
    made = built(b, x, x ^ 1, ZERO, ONE, x)
    assert made(5) == 0b11001
    assert made(4) == 0b01010
    assert made.n_gates == 1


def test_inlining_folds_and_shares() -> None:
    @circuit
    def adder(x: UInt[4], y: UInt[4]) -> UInt[5]:
        return x + y

    b = Builder("t")
    x, y = b.input("x", UInt[4]), b.input("y", UInt[4])
    first = b.inline(adder, [*x, *y])
    gates = b.n_gates
    assert b.inline(adder, [*x, *y]) == first
    assert b.n_gates == gates, "the same again costs nothing"
    assert b.inline(adder, [*x, ZERO, ZERO, ZERO, ZERO]) == [*x, ZERO]
    assert b.n_gates == gates
    b.output("out0", UInt[5], first)
    made = b.build()
    assert made.and_count == adder.and_count
    assert made([3, 15], [9, 15]).tolist() == [12, 30]
    with pytest.raises(InvalidCircuit, match="adder has 8 input bits, but 4 wires"):
        Builder("t").inline(adder, x)


def test_refusals() -> None:
    b, (x, y, *_) = fresh()
    b.and_(x, y)
    with pytest.raises(InvalidCircuit, match="input 'late' comes after the first gate"):
        b.input("late", Bit)
    with pytest.raises(InvalidCircuit, match=r"output 'o' is a UInt\[2\], but has 1 wires"):
        b.output("o", UInt[2], [x])
    with pytest.raises(CircuitError, match="t has no output"):
        b.build()
    b.output("o", Bit, [x])
    b.build()
    with pytest.raises(CircuitError, match="t is built already"):
        b.build()
    with pytest.raises(ValueError, match="style is one of few_ands, low_depth, not 'fast'"):
        Builder("t", style="fast")


def test_the_same_function_gives_the_same_circuit() -> None:
    def make() -> Circuit:
        @circuit
        def f(x: UInt[16], y: UInt[16]):  # type: ignore[no-untyped-def]
            return x * y + x // y, x < y

        return f

    assert make().digest == make().digest
