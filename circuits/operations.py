"""What each operator of a traced number means: the type of its result, and the gates.

One rule gives the types: the result has the smallest type that holds every possible result of the operand types, a
public number counting as itself. docs/integer-semantics.md has the whole table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from circuits.errors import TraceError, WidthError
from circuits.ir import ZERO
from circuits.lib import arith, compare, divide, fixed, multiply, shift
from circuits.source import an, fail
from circuits.types import Bit, BitType, FixedType, IntType, PortType, ScalarType, UIntType

if TYPE_CHECKING:
    from circuits.values import Scalar

MAX_SHIFTED = 1 << 14
"""Bits that x << secret may have."""


def fitting_type(low: int, high: int, frac_bits: int = 0, *, is_fixed: bool = False) -> ScalarType:
    """The smallest UInt, Int or Fixed type that holds the raw integers low .. high."""
    signed = low < 0 or is_fixed
    n_bits = max(1, max((v if v >= 0 else ~v).bit_length() for v in (low, high)) + signed)
    if is_fixed:
        return FixedType(n_bits, frac_bits)
    return IntType(n_bits) if signed else UIntType(n_bits)


def _is_fixed(*values: Scalar) -> bool:
    return any(isinstance(value.type, FixedType) for value in values)


def scaled(x: Scalar, count: int) -> Scalar:
    """The same number with `count` more bits behind the point."""
    if not count:
        return x
    low, high = (bound << count for bound in x.bounds)
    type = fitting_type(low, high, x.frac_bits + count, is_fixed=True)
    value = x.derive(type, lambda n: fixed.scale_up(x.low(max(0, n - count)), count)[:n], x)
    value.known_bounds = (low, high)
    return value


def _aligned(x: Scalar, y: Scalar) -> tuple[Scalar, Scalar, int]:
    """Both numbers with the same bits behind the point, and how many."""
    frac = max(x.frac_bits, y.frac_bits)
    return scaled(x, frac - x.frac_bits), scaled(y, frac - y.frac_bits), frac


# Arithmetic


def add(x: Scalar, y: Scalar) -> Scalar:
    is_fixed = _is_fixed(x, y)
    x, y, frac = _aligned(x, y)
    (a, b), (c, d) = x.bounds, y.bounds
    type = fitting_type(a + c, b + d, frac, is_fixed=is_fixed)
    return x.derive(type, lambda n: arith.add(x.builder, x.low(n), y.low(n)), x, y)


def subtract(x: Scalar, y: Scalar) -> Scalar:
    is_fixed = _is_fixed(x, y)
    x, y, frac = _aligned(x, y)
    (a, b), (c, d) = x.bounds, y.bounds
    type = fitting_type(a - d, b - c, frac, is_fixed=is_fixed)
    return x.derive(type, lambda n: arith.subtract(x.builder, x.low(n), y.low(n)), x, y)


def negate(x: Scalar) -> Scalar:
    low, high = x.bounds
    type = fitting_type(-high, -low, x.frac_bits, is_fixed=_is_fixed(x))
    return x.derive(type, lambda n: arith.negate(x.builder, x.low(n)), x)


def absolute(x: Scalar) -> Scalar:
    """|x|; Int[n] gives UInt[n], Fixed[n, f] gives Fixed[n + 1, f]."""
    if not x.type.signed:
        return x
    type = fitting_type(0, -x.type.low, x.frac_bits, is_fixed=_is_fixed(x))
    return x.new(type, arith.extend(arith.absolute(x.builder, x.wires), type.n_bits, False))


def multiply_values(x: Scalar, y: Scalar) -> Scalar:
    if y.public is None and x.public is not None:
        x, y = y, x
    corners = [p * q for p in x.bounds for q in y.bounds]
    type = fitting_type(min(corners), max(corners), x.frac_bits + y.frac_bits, is_fixed=_is_fixed(x, y))
    factor, same = y.public, x is y

    def make(n: int) -> list[int]:
        p, p_signed = x.low(min(n, x.n_bits)), x.type.signed and n >= x.n_bits
        if factor is not None:
            return multiply.multiply_constant(x.builder, p, p_signed, factor, n)
        if same:
            return multiply.square(x.builder, p, n, p_signed)
        q, q_signed = y.low(min(n, y.n_bits)), y.type.signed and n >= y.n_bits
        return multiply.multiply(x.builder, p, q, n, p_signed, q_signed)

    return x.derive(type, make, x, y, postpone=True)


def power(x: Scalar, exponent: int) -> Scalar:
    """x ** exponent for a public exponent of at least 1, by squaring."""
    result = None
    while True:
        if exponent & 1:
            result = x if result is None else multiply_values(result, x)
        exponent >>= 1
        if not exponent:
            assert result is not None
            return result
        x = multiply_values(x, x)


def divide_values(x: Scalar, y: Scalar, symbol: str, *, remainder: bool) -> tuple[Scalar, Scalar]:
    """x // y, an integer, and x % y, with the fractional bits of both."""
    unit = 1 << max(0, x.frac_bits - y.frac_bits)  # the smallest divisor above 0, once aligned
    is_fixed = _is_fixed(x, y)
    x, y, frac = _aligned(x, y)
    return _divide_raw(x, y, unit, symbol, remainder, None, frac if is_fixed else None)


def divide_fixed(x: Scalar, y: Scalar) -> Scalar:
    """x / y, rounded down to the larger number of fractional bits."""
    if not _is_fixed(x, y):
        raise fail(TraceError, "/ between integers: // rounds down, and x.to(Fixed[n, f]) / y keeps f fractional bits")
    frac = max(x.frac_bits, y.frac_bits)
    return _divide_raw(scaled(x, frac - x.frac_bits + y.frac_bits), y, 1, "/", False, frac, None)[0]


def _divide_raw(
    x: Scalar, y: Scalar, unit: int, symbol: str, remainder: bool, q_frac: int | None, r_frac: int | None
) -> tuple[Scalar, Scalar]:
    """Quotient and remainder of the raw integers, each Fixed where its fractional bits are given."""
    if y.public == 0:
        raise fail(TraceError, f"{symbol} by the public number 0")
    (a, b), (c, d) = x.bounds, y.bounds
    corners = [p // v for p in (a, b) for v in (c, -unit, unit, d) if v and c <= v <= d]
    # A remainder by a positive divisor is below it, and at most x if x >= 0; by a negative one mirrored.
    r_low = 0 if c >= 0 else max(c + 1, a) if b <= 0 else c + 1
    r_high = 0 if d <= 0 else min(d - 1, b) if a >= 0 else d - 1
    q_type = fitting_type(min(corners), max(corners), q_frac or 0, is_fixed=q_frac is not None)
    r_type = fitting_type(r_low, r_high, r_frac or 0, is_fixed=r_frac is not None)
    n_remainder = r_type.n_bits if remainder else 0
    q, q_signed, r = divide.divide(x.builder, x.wires, x.type.signed, y.wires, y.type.signed, n_remainder=n_remainder)
    if q_type.signed and len(q) > q_type.n_bits:  # by zero, every bit below the sign is its complement
        q = [*q[: q_type.n_bits - 1], q[-1]]
    return (
        x.new(q_type, arith.extend(q, q_type.n_bits, q_signed)),
        x.new(r_type, arith.extend(r, r_type.n_bits, r_type.signed)),
    )


# Comparison


def equal(x: Scalar, y: Scalar) -> Scalar:
    x, y, _ = _aligned(x, y)
    n = _common_width(x, y)
    return x.new(Bit, [compare.equal(x.builder, x.low(n), y.low(n))])


def less(x: Scalar, y: Scalar) -> Scalar:
    x, y, _ = _aligned(x, y)
    n = _common_width(x, y)
    compare_words = compare.less_signed if x.type.signed or y.type.signed else compare.less
    return x.new(Bit, [compare_words(x.builder, x.low(n), y.low(n))])


def invert(x: Scalar) -> Scalar:
    """Every bit flipped; the type stays."""
    if _is_fixed(x):
        raise fail(TraceError, "~ of a Fixed has no meaning; .as_int() gives its bits as an integer")
    return x.derive(x.type, lambda n: [wire ^ 1 for wire in x.low(n)], x)


def _common_width(x: Scalar, y: Scalar) -> int:
    """Bits of a type that holds both."""
    mixed = x.type.signed != y.type.signed
    return max(value.n_bits + (mixed and not value.type.signed) for value in (x, y))


# Bits


def bitwise(x: Scalar, y: Scalar, symbol: str) -> Scalar:
    """& | ^ as on Python's integers: two's complement without end."""
    gate = {"&": x.builder.and_, "|": x.builder.or_, "^": x.builder.xor}[symbol]
    if x.type is y.type is Bit:
        return x.new(Bit, [gate(x.wires[0], y.wires[0])])
    if _is_fixed(x, y):
        raise fail(TraceError, f"{symbol} of a Fixed has no meaning; .as_int() gives its bits as an integer")
    widths = [value.n_bits for value in (x, y) if not value.type.signed]
    type: ScalarType
    if _is_bit(x) and _is_bit(y):
        type = Bit
    elif symbol == "&" and widths:
        type = UIntType(min(widths))
    elif len(widths) == 2:
        type = UIntType(max(widths))
    else:
        type = IntType(_common_width(x, y))
    return x.derive(type, lambda n: [gate(p, q) for p, q in zip(x.low(n), y.low(n), strict=True)], x, y)


def _is_bit(x: Scalar) -> bool:
    return isinstance(x.type, BitType) or x.public in (0, 1)


def _like(x: Scalar, n_bits: int) -> ScalarType:
    """A type of x's kind with other bits; UInt for a Bit."""
    if isinstance(x.type, FixedType):
        return FixedType(n_bits, x.frac_bits)
    return IntType(n_bits) if x.type.signed else UIntType(n_bits)


def shift_left(x: Scalar, amount: Scalar | int) -> Scalar:
    """x * 2**amount, exact; a Fixed keeps its fractional bits."""
    if isinstance(amount, int):
        count = _shift_count(amount, "<<")
        return x.derive(_like(x, x.n_bits + count), lambda n: ([ZERO] * count + x.low(max(0, n - count)))[:n], x)
    _check_amount(amount, "<<")
    if amount.n_bits > 14 or x.n_bits + (1 << amount.n_bits) - 1 > MAX_SHIFTED:
        raise fail(
            WidthError,
            f"{x.type!r} << a secret {amount.type!r} needs {x.n_bits} + 2**{amount.n_bits} - 1 bits, above the "
            f"{MAX_SHIFTED} allowed; make the amount's range smaller with .wrap(n) or .saturate(n)",
        )
    moved = shift.left(x.builder, x.wires, amount.wires, x.type.signed)
    return x.new(_like(x, len(moved)), moved)


def shift_right(x: Scalar, amount: Scalar | int) -> Scalar:
    """floor(x / 2**amount); a Fixed keeps its fractional bits."""
    if isinstance(amount, int):
        count = _shift_count(amount, ">>")
        if count >= x.n_bits:
            return x.new(_like(x, 1), fixed.drop(x.wires, x.n_bits, x.type.signed))
        return x.derive(_like(x, x.n_bits - count), lambda n: x.low(n + count)[count:], x)
    _check_amount(amount, ">>")
    return x.new(_like(x, x.n_bits), shift.right(x.builder, x.wires, amount.wires, x.type.signed))


def _shift_count(amount: int, symbol: str) -> int:
    if amount < 0:
        raise fail(TraceError, f"{symbol} by a negative number; shift the other way")
    return int(amount)


def _check_amount(amount: Scalar, symbol: str) -> None:
    if amount.type.signed or _is_fixed(amount):
        raise fail(
            TraceError, f"{symbol} by {an(amount.type)}: the amount must be a UInt; .as_uint() or .saturate(UInt[n])"
        )


# Conversion


def narrowed_type(x: Scalar, target: Any, method: str) -> ScalarType:
    """The type that `.wrap(target)` and its like mean: n bits of x's own kind, or a type."""
    if isinstance(target, ScalarType):
        if target.frac_bits != x.frac_bits:
            raise fail(
                TraceError,
                f".{method}({target!r}) of {an(x.type)} would move the point; "
                f".rescale({target.frac_bits}) does that first",
            )
        return target
    if isinstance(target, bool) or not isinstance(target, int):
        what = an(target) if isinstance(target, PortType) else f"{type(target).__name__}"
        raise fail(TraceError, f".{method}() takes a public number of bits or a type such as UInt[8], not {what}")
    if target < 1:
        raise fail(WidthError, f".{method}({target}): at least 1 bit")
    return _like(x, target)


def saturate(x: Scalar, type: ScalarType) -> Scalar:
    """The number of `type` nearest to x."""
    b = x.builder
    if type.low <= x.type.low and x.type.high <= type.high:
        return x.derive(type, x.low, x)
    wires = x.wires
    negative = wires[-1] if x.type.signed else ZERO
    kept = type.n_bits - type.signed  # bits of magnitude
    above = wires[kept : len(wires) - x.type.signed]
    beyond = b.any_([b.xor(wire, negative) for wire in above])
    if not type.signed:
        beyond = b.or_(beyond, negative)
    body = [b.mux(beyond, negative ^ 1, wire) for wire in arith.extend(wires, kept, x.type.signed)]
    return x.new(type, [*body, negative] if type.signed else body)


def convert(x: Scalar, type: PortType) -> Scalar:
    """x as a value of `type`, which must hold every value of x's type.

    Raises:
        WidthError: it does not.
    """
    if not isinstance(type, ScalarType):
        raise fail(WidthError, f"{an(x.type)} is no {type!r}")
    shift_by = type.frac_bits - x.frac_bits
    low, high = x.bounds
    if shift_by < 0:
        raise fail(
            WidthError,
            f"{an(x.type)} has more fractional bits than {type!r}; drop them with "
            + (f".rescale({type.frac_bits})" if isinstance(type, FixedType) else ".floor() or .nearest()"),
        )
    if not (type.low <= low << shift_by and high << shift_by <= type.high):
        raise fail(WidthError, f"{an(x.type)} does not always fit {type!r}; {narrowing_hint(x, type)}")
    wide = scaled(x, shift_by)
    return x.derive(type, wide.low, wide)


def narrowing_hint(x: Scalar, type: ScalarType) -> str:
    point = f".rescale({type.frac_bits})" if isinstance(type, FixedType) and type.frac_bits != x.frac_bits else ""
    target = str(type.n_bits) if point or type.signed == x.type.signed else repr(type)
    if isinstance(type, BitType):
        return "compare it (x != 0), or take one bit (x[0])"
    return f"narrow it with {point}.wrap({target}) or {point}.saturate({target})"


def rescale(x: Scalar, frac_bits: int, nearest: bool) -> Scalar:
    """x with other fractional bits: more are exact, fewer round down or to the nearest (the half up)."""
    count = x.frac_bits - frac_bits
    if count <= 0:
        wide = scaled(x, -count)
        return wide.derive(FixedType(wide.n_bits, frac_bits), wide.low, wide)
    if nearest:
        wires: Sequence[int] = fixed.drop_nearest(x.builder, x.wires, count, x.type.signed)
    else:
        wires = fixed.drop(x.wires, count, x.type.signed)
    return x.new(FixedType(len(wires), frac_bits), wires)
