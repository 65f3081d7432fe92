"""What the kernels of three halves have in common: keys, hash inputs, and the linear part of a gate, on registers.

A block of a register is one instance of one gate; its two elements of 64 bits are the left and the right half. Halves
are added, swapped and doubled within their block, so nothing here knows how many blocks a register holds. Control bits
are the lowest bit of an element, as masks all of them.

The formulas are those of `protocols.garbling.three_halves`, rearranged. Pairs of halves are vectors over GF(4), in
which w (x_L, x_R) = (x_L + x_R, x_L). For any two labels A, B

    S_1 (A, B) = w A + B = U        S_2 (A, B) = w^2 U = V        base = (B_L, A_R)

The garbler computes the output's zero label as the evaluator would, from the zero labels of the inputs. Where these
have colors (p_a, p_b), the gate's 1 is at (a, b) = (1 + p_a, 1 + p_b). Let r be the control bits at (p_a, p_b), where
they are e + (a + b, a + b); H'(a) the sum of the hashes of a's two labels; D = (d, d) with d = delta_L + delta_R. The
equations at these colors and the others give

    (G_0, G_1) = (H'(a), H'(b)) + base + a (U + D) + b (V + D) + (r_L w^2 + r_R w) delta
    G_2        = H'(a + b) + a (U_L + U_R + delta_R) + b (U_L + delta_L) + r_L delta_L + r_R delta_R
    (z_2, z_3) = H' of a and b + (a, b),        z_4 = H' of a + b + a + b        for the control bits
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types

from protocols.kernels.garble_emit import shuffle, sigma, spread, store_at
from protocols.kernels.intrinsics import (
    BLOCK,
    I64,
    constants,
    emit,
    encrypt,
    n_lanes_of,
    pointer,
    vector,
)
from protocols.kernels.mitccrh import write_round_keys

__all__ = [
    "GATES",
    "KEYS",
    "Delta",
    "Gate",
    "alpha",
    "draw_bits_of_gates",
    "dup",
    "evaluate_registers",
    "expand_keys_of_gates",
    "garble_registers",
    "hash_inputs",
    "low_bits_to_masks",
]

GATES = 8
"""Gates whose keys are expanded together."""

KEYS = 3 * GATES
"""Their keys: round key r of the key number k, 0 to 2, of gate g stands at block KEYS * r + GATES * k + g."""

LEFT, RIGHT = 0, 1


def _swap(builder: Any, x: Any) -> Any:
    """(x_R, x_L)."""
    return shuffle(builder, x, x, [i ^ 1 for i in range(x.type.count)])


def dup(builder: Any, x: Any, side: int) -> Any:
    """(x_L, x_L) or (x_R, x_R)."""
    return shuffle(builder, x, x, [i & ~1 | side for i in range(x.type.count)])


def _pair(builder: Any, x: Any, y: Any, side: int) -> Any:
    """(x_L, y_L) or (x_R, y_R)."""
    size = x.type.count
    return shuffle(builder, x, y, [place for i in range(0, size, 2) for place in (i + side, size + i + side)])


def _cross(builder: Any, x: Any, y: Any) -> Any:
    """(x_L, y_R)."""
    size = x.type.count
    return shuffle(builder, x, y, [i if i % 2 == 0 else size + i for i in range(size)])


def _times_w(builder: Any, x: Any) -> Any:
    """(x_L + x_R, x_L)."""
    kept = builder.and_(x, constants(x.type, [-1, 0] * (x.type.count // 2)))
    return builder.xor(_swap(builder, x), kept)


def low_bits_to_masks(builder: Any, x: Any) -> Any:
    """For each half all ones where its lowest bit is 1, all zeros where it is 0."""
    size = x.type.count
    bit = builder.and_(x, constants(x.type, [1] * size))
    return builder.sub(constants(x.type, [0] * size), bit)


def alpha(builder: Any, x: Any) -> Any:
    """The linear map of the hash: each half, as four coefficients of 16 bits, times x modulo x^4 + x + 1."""
    size = 4 * x.type.count
    kind = ir.VectorType(ir.IntType(16), size)
    parts, zeros = builder.bitcast(x, kind), constants(kind, [0] * size)
    turned = [i - 1 if i % 4 else i + 3 for i in range(size)]
    carry = [i + 2 if i % 4 == 1 else size for i in range(size)]
    result = builder.xor(shuffle(builder, parts, parts, turned), shuffle(builder, parts, zeros, carry))
    return builder.bitcast(result, x.type)


class Gate(NamedTuple):
    """Registers of labels, and what AES is to encrypt for their hashes."""

    a: Any
    b: Any
    y: tuple[Any, Any, Any]


def hash_inputs(builder: Any, a: Any, b: Any, instances: Any) -> Gate:
    """The inputs of the hashes of a, b and a + b; `instances` is a register of their numbers, or None if all are 0."""
    y_a, y_b = alpha(builder, a), alpha(builder, b)
    y_both = builder.xor(y_a, y_b)
    if instances is not None:
        y_a, y_b, y_both = (builder.xor(y, instances) for y in (y_a, y_b, y_both))
    return Gate(a, b, (y_a, y_b, y_both))


class Delta(NamedTuple):
    """What follows from delta, in all blocks of a register."""

    itself: Any
    in_hash: Any
    by_w: Any
    by_w2: Any
    sum: Any

    @classmethod
    def of(cls, builder: Any, low: Any, high: Any, n_lanes: int) -> Delta:
        delta = spread(builder, low, high, n_lanes)
        by_w2 = sigma(builder, delta)
        total = dup(builder, by_w2, RIGHT)
        return cls(delta, alpha(builder, delta), _times_w(builder, delta), by_w2, total)


class _Linear:
    """What garbler and evaluator compute alike, each from its labels."""

    def __init__(self, builder: Any, gate: Gate, hashes: list[Any]) -> None:
        self.builder, self.hashes = builder, hashes
        a, b = gate.a, gate.b
        self.colors = low_bits_to_masks(builder, _pair(builder, a, b, LEFT))
        self.color_a, self.color_b = (dup(builder, self.colors, side) for side in (LEFT, RIGHT))
        self.differ = builder.xor(self.color_a, self.color_b)
        self.base = _cross(builder, b, a)
        self.u = builder.xor(_times_w(builder, a), b)
        self.v = sigma(builder, self.u)

    def sum(self, *terms: Any) -> Any:
        result = terms[0]
        for term in terms[1:]:
            result = self.builder.xor(result, term)
        return result

    def slice(self, hashes: list[Any], side: int) -> Any:
        """From a part of three hashes what they give to the left and the right of a gate."""
        return self.sum(_pair(self.builder, hashes[0], hashes[1], side), dup(self.builder, hashes[2], side))

    def add_table(self, start: Any, first_two: Any, third: Any) -> Any:
        """start + (i G_0, j G_1) + (i + j) (G_2, G_2), for colors i, j; of control bits likewise."""
        mask_by = self.builder.and_
        return self.sum(start, mask_by(self.colors, first_two), mask_by(self.differ, third))

    def output(self, first_two: Any, third: Any, r: Any) -> Any:
        """The output label, from the table and the control bits at the colors of the labels."""
        builder = self.builder
        r_left, r_right = (dup(builder, r, side) for side in (LEFT, RIGHT))
        start = self.sum(self.slice(self.hashes, LEFT), self.base)
        start = self.sum(start, builder.and_(r_left, self.u), builder.and_(r_right, self.v))
        return self.add_table(start, self.sum(first_two, self.base), third)


def garble_registers(builder: Any, gate: Gate, encrypted: list[Any], delta: Delta, e: Any) -> tuple[Any, ...]:
    """The linear part of garbling, for one register.

    Args:
        gate: zero labels.
        encrypted: AES of y_a, y_b, y_both, then of the same with `delta.in_hash` added.
        delta: from `Delta.of`.
        e: the random bits, in the lowest bit of each half.
    Returns:
        (G_0, G_1); (G_2, G_2); z_0 ... z_4 in the low byte of each left half; the zero label of the output.
    """
    mask_by, flip = builder.and_, builder.not_
    hashes = [builder.xor(x, y) for x, y in zip(encrypted, gate.y, strict=False)]
    linear = _Linear(builder, gate, hashes)
    add = linear.sum
    sums = [add(x, y, delta.in_hash) for x, y in zip(encrypted[:3], encrypted[3:], strict=True)]
    one_a, one_b, ones = flip(linear.color_a), flip(linear.color_b), flip(linear.colors)
    r = add(low_bits_to_masks(builder, e), linear.differ)
    r_left, r_right = (dup(builder, r, side) for side in (LEFT, RIGHT))
    first_two = add(
        _pair(builder, sums[0], sums[1], LEFT),
        linear.base,
        mask_by(one_a, add(linear.u, delta.sum)),
        mask_by(one_b, add(linear.v, delta.sum)),
        mask_by(r_left, delta.by_w2),
        mask_by(r_right, delta.by_w),
    )
    halves = add(
        mask_by(add(r, _swap(builder, ones)), delta.itself),
        mask_by(_cross(builder, linear.differ, one_a), linear.u),
    )
    third = add(dup(builder, sums[2], LEFT), halves, _swap(builder, halves))
    z_23 = add(_pair(builder, sums[0], sums[1], RIGHT), ones)
    z_4 = add(dup(builder, sums[2], RIGHT), linear.differ)
    z_01 = linear.add_table(add(r, linear.slice(hashes, RIGHT)), z_23, z_4)
    return first_two, third, _join_control(builder, z_01, z_23, z_4), linear.output(first_two, third, r)


def evaluate_registers(builder: Any, gate: Gate, encrypted: list[Any], first_two: Any, third: Any, control: Any) -> Any:
    """The linear part of evaluating, for one register: the active label of the output.

    Args:
        gate: active labels.
        encrypted: AES of y_a, y_b, y_both.
        first_two, third: (G_0, G_1) and (G_2, G_2).
        control: z_0 ... z_4, as a number in each half.
    """
    hashes = [builder.xor(x, y) for x, y in zip(encrypted, gate.y, strict=True)]
    linear = _Linear(builder, gate, hashes)
    z_01, z_23, z_4 = (_shift_down(builder, control, places) for places in ((0, 1), (2, 3), (4, 4)))
    r = linear.add_table(builder.xor(z_01, linear.slice(hashes, RIGHT)), z_23, z_4)
    return linear.output(first_two, third, low_bits_to_masks(builder, r))


def _shift_down(builder: Any, x: Any, places: tuple[int, int]) -> Any:
    return builder.lshr(x, constants(x.type, list(places) * (x.type.count // 2)))


def _join_control(builder: Any, z_01: Any, z_23: Any, z_4: Any) -> Any:
    """The control bits of a block as a number, in the low byte of its left half."""
    kind = z_01.type
    n_lanes = kind.count // 2

    def placed(x: Any, left: int, right: int) -> Any:
        bit = builder.and_(x, constants(kind, [1, 1] * n_lanes))
        return builder.shl(bit, constants(kind, [left, right] * n_lanes))

    joined = builder.or_(builder.or_(placed(z_01, 0, 1), placed(z_23, 2, 3)), placed(z_4, 4, 4))
    return builder.or_(joined, _swap(builder, joined))


def _numbers(builder: Any, first: Any, n_lanes: int, which: int, base: int) -> Any:
    """A register of the numbers of key `which` of consecutive gates, from gate `base` on."""
    offsets = [value for lane in range(n_lanes) for value in (3 * (base + lane) + which, 0)]
    return builder.add(spread(builder, first, I64(0), n_lanes), constants(vector(n_lanes), offsets))


@emit
def expand_keys_of_gates(
    typing_context: Any, lanes: Any, start_low: Any, start_high: Any, counter: Any, target: Any
) -> tuple[Any, Callable[..., Any]]:
    """expand_keys_of_gates(lanes, start_low, start_high, counter, target): round keys of GATES gates, see KEYS.

    `counter` is the number of the first gate's first key.
    """
    n_lanes = n_lanes_of(lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, low, high, counter, target = arguments
        start = spread(builder, low, high, n_lanes)
        places = [(which, base) for which in range(3) for base in range(0, GATES, n_lanes)]
        keys = [builder.xor(start, _numbers(builder, counter, n_lanes, *place)) for place in places]
        write_round_keys(builder, keys, target, [16 * (GATES * which + base) for which, base in places], 16 * KEYS)
        return context.get_dummy_value()

    return types.void(lanes, types.uint64, types.uint64, types.uint64, types.uintp), generate


@emit
def draw_bits_of_gates(
    typing_context: Any, lanes: Any, counter: Any, round_keys: Any, target: Any
) -> tuple[Any, Callable[..., Any]]:
    """draw_bits_of_gates(lanes, counter, round_keys, target): a block of random bits for each of GATES gates.

    The round keys are those of the garbler's key for random bits, 176 bytes; the block of a gate is AES of the number
    of its first key.
    """
    n_lanes = n_lanes_of(lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, counter, round_keys, target = arguments
        states = [_numbers(builder, counter, n_lanes, 0, base) for base in range(0, GATES, n_lanes)]
        keys = pointer(builder, round_keys, BLOCK)
        for i, block in enumerate(encrypt(builder, states, [keys], n_lanes)):
            store_at(builder, block, target, 16 * n_lanes * i)
        return context.get_dummy_value()

    return types.void(lanes, types.uint64, types.uintp, types.uintp), generate
