"""Division of binary words, rounding down as Python's // and % do; words as in `arith`.

One step for each bit of the dividend x, as by hand. While the partial remainder is short, a step subtracts the divisor
y where it fits (restoring): 2 ANDs a bit of the remainder. Once the remainder is longer than half of y, a step adds or
subtracts y and leaves the sign for the next step (non-restoring): 1 AND a bit of y. The quotient's bits are the same in
both. A 64-bit division takes 3,197 ANDs; the circuit published in Bristol Fashion takes 4,094.

Signed operands: floor(x / y) = floor(-x / -y), and floor(x / y) = NOT floor(NOT x / y) for x below 0 and y above, so
that one unsigned division serves, and NOT is free.

Division by zero: x // 0 is the largest number of the result's type for x >= 0 and the smallest for x < 0; x % 0 is x,
cut to the width of the result.
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.builder import Builder
from circuits.ir import ONE, ZERO
from circuits.lib.arith import Wires, add, extend, negate_if, wrap_plain

__all__ = ["divide", "divide_plain", "divide_unsigned"]


def divide_plain(x: int, y: int, quotient: tuple[int, bool], remainder: tuple[int, bool]) -> tuple[int, int]:
    """x // y and x % y, with the results for y = 0.

    Args:
        quotient, remainder: bits of the result, and whether it is signed.
    """
    if y:
        return divmod(x, y)
    n_bits, signed = quotient
    if x < 0:
        return -(1 << (n_bits - 1)) if signed else 0, wrap_plain(x, *remainder)
    return (1 << (n_bits - signed)) - 1, wrap_plain(x, *remainder)


def divide(
    b: Builder, x: Sequence[int], x_signed: bool, y: Sequence[int], y_signed: bool, *, n_remainder: int
) -> tuple[Wires, bool, Wires]:
    """x // y and x % y.

    Args:
        n_remainder: bits of the remainder, enough for every one; 0 if it is not wanted.
    Returns:
        the quotient, whether it is signed, the remainder.
    Cost: as `divide_unsigned`, and len(x) + len(y) for a signed y, 2 * len(y) for the remainder of a signed x, and
    len(y) for the remainder by a signed y.
    """
    dividend, divisor = list(x), list(y)
    y_sign = divisor[-1] if y_signed else ZERO
    if y_signed:
        dividend = negate_if(b, y_sign, extend(dividend, len(dividend) + 1, x_signed))
        divisor = negate_if(b, y_sign, divisor)
    x_sign = dividend[-1] if x_signed or y_signed else ZERO
    if x_signed or y_signed:
        dividend = [b.xor(wire, x_sign) for wire in dividend[:-1]]
    while len(divisor) > 1 and divisor[-1] == ZERO:
        divisor.pop()
    q, r = divide_unsigned(b, dividend, divisor, remainder=n_remainder > 0)
    signed = x_signed or y_signed
    q = [b.xor(wire, x_sign) for wire in q] + ([x_sign] if signed else [])
    if not n_remainder:
        return q, signed, []
    if x_sign != ZERO:  # NOT x = q y + r gives x = (NOT q) y + (y - 1 - r)
        n = max(len(r), len(divisor))
        shown = [b.xor(wire, x_sign) for wire in extend(r, n, False)]
        r = add(b, shown, extend([b.and_(wire, x_sign) for wire in divisor], n, False))
    # Where the result is wider than the divisor, x % 0 has bits that no other remainder has.
    by_zero = _reaches(b, divisor)[0] ^ 1
    r = [*r, *(b.and_(wire, by_zero) for wire in extend(x, n_remainder, x_signed)[len(r) :])]
    return q, signed, negate_if(b, y_sign, r[:n_remainder])


def divide_unsigned(b: Builder, x: Sequence[int], y: Sequence[int], *, remainder: bool) -> tuple[Wires, Wires]:
    """floor(x / y) in len(x) bits, and x mod y in min(len(x), len(y)) bits; all ones and x modulo 2**len(y) for y = 0.

    Zeros that y is known to end in leave with as many bits of x.

    Cost, n bits each: about 3/4 n**2 + 2n ANDs, 2n more with the remainder; about (n - k + 1) * k by a public y of k
    bits.
    """
    zeros = 0
    while zeros < len(y) - 1 and y[zeros] == ZERO:
        zeros += 1
    low, x, y = list(x[:zeros]), list(x[zeros:]), list(y[zeros:])
    if not x:
        return [b.any_(y) ^ 1] * zeros, low
    steps, n = len(x), len(y)
    restoring = _restoring_steps(steps, n, constant=all(wire < 2 for wire in y))
    above = _reaches(b, y)
    quotient: Wires = []
    rest: Wires = []
    for step in range(1, restoring + 1):
        rest = [x[steps - step], *rest]  # at most n bits, as restoring <= n
        less, difference = _try_subtract(b, rest, y[:step])
        fits = b.and_(less ^ 1, above[step] ^ 1)
        rest = [b.mux(fits, p, q) for p, q in zip(difference, rest, strict=True)]
        quotient.append(fits)
    if restoring < steps:
        rest = extend(rest, n + 1, False)
        fits = ONE  # the rest is not negative: subtract
        for step in range(restoring + 1, steps + 1):
            addend = [*(b.xor(wire, fits) for wire in y), fits]
            rest = add(b, [x[steps - step], *rest[:-1]], addend, fits)
            fits = rest[-1] ^ 1
            # By y = 0 the rest outgrows its n + 1 bits after n steps, and its sign means nothing: say that it fits.
            quotient.append(fits if step <= n else b.or_(fits, above[0] ^ 1))
        if remainder:
            correction = [b.and_(wire, rest[-1]) for wire in y]
            rest = add(b, rest[:-1], correction)
    quotient.reverse()
    quotient += [above[0] ^ 1] * zeros
    return quotient, [*low, *rest[: min(steps, n)]]


def _reaches(b: Builder, y: Sequence[int]) -> Wires:
    """For each k up to len(y), whether y has a 1 at bit k or higher; one AND for each bit that is asked for."""
    above = [ZERO] * (len(y) + 1)
    for k in range(len(y) - 1, -1, -1):
        above[k] = b.or_(above[k + 1], y[k])
    return above


def _try_subtract(b: Builder, x: Sequence[int], y: Sequence[int]) -> tuple[int, Wires]:
    """Whether x < y, and x - y modulo 2**n; n ANDs."""
    n = len(x) + 1
    difference = add(b, extend(x, n, False), [wire ^ 1 for wire in extend(y, n, False)], ONE)
    return difference[-1], difference[:-1]


def _restoring_steps(steps: int, n: int, constant: bool) -> int:
    """How many steps to do the restoring way, which costs 2k + 1 ANDs at step k, where the other costs n."""
    if constant:  # its top bit is 1: nothing fits, nor costs, before step n
        return min(steps, n - 1)
    restoring = max(0, min(steps, (n - 1) // 2))
    tests = n - 1  # the tests whether y reaches above a bit
    if restoring == steps:
        return restoring
    return restoring if sum(2 * k + 1 for k in range(1, restoring + 1)) + tests < restoring * n else 0
