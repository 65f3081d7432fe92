"""Fixed-point numbers as mantissas and powers of two, by circuits on their bits; see `circuits.lib.normalize`.

A raw integer X with its top bit at place k is c 2**(k + 1) with a mantissa 1/2 <= c < 1 of g bits. For 0, which has no
place, the mantissa is 1/2 all the same, so that what follows stays in range, and the power of two is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mpcnet.array.base import make_array
from mpcnet.array.blocks import evaluate
from mpcnet.array.casting import bits_of
from mpcnet.array.dtypes import BIT, Bounds, DType
from protocols.arithmetic.contract import Engine
from protocols.boolean.contract import BitShares
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.secret import SecretArray

__all__ = [
    "clamped",
    "for_exp",
    "for_log",
    "for_quotient",
    "for_reciprocal",
    "for_sqrt",
    "mantissa_dtype",
    "shifted_quotient",
]

Out = tuple[int, DType, Bounds]
"""Bits of an output, signed, its dtype and bounds."""


def mantissa_dtype(g: int) -> DType:
    """Numbers with g fractional bits and some room above 1."""
    return DType("fixed", g + 6, g)


def _by_circuit(
    name: str, arrays: Sequence[SecretArray], outs: Sequence[Out], public: Sequence[int], *, bits: int = 0
) -> list[SecretArray]:
    """The outputs of a circuit on the bits of some arrays of one shape; the first `bits` of them are single bits."""
    computation, shape = arrays[0].computation, arrays[0].shape
    widths = [width for width, _, _ in outs]
    total = sum(max(1, width) for width in widths)

    async def work(engine: Engine, mesh: Mesh, *shares: BitShares) -> BitShares:
        return await evaluate(engine, mesh, name, shares, *widths, bits=bits, public=public)

    nodes = [bits_of(one) for one in arrays]
    whole = make_array(
        computation, name, nodes, work, talks=True, shape=shape, dtype=DType("int", total), width=total,
        params=list(public),
    )  # fmt: skip
    found, start = [], 0
    for width, dtype, bounds in outs:
        n_bits = max(1, width)
        chosen = slice(start, start + n_bits)

        def part(engine: Engine, shares: BitShares, chosen: slice = chosen) -> BitShares:
            return shares[chosen]

        found.append(
            make_array(
                computation, "part", [whole.node], part, shape=shape, dtype=dtype, bounds=bounds, width=n_bits,
                params=[start],
            )
        )  # fmt: skip
        start += n_bits
    return found


def for_reciprocal(x: SecretArray, g: int) -> tuple[SecretArray, SecretArray]:
    """c and the signed integer u with 1 / x = (1 / c) u 2**-f."""
    f = x.dtype.frac_bits
    unit = DType("int", 2 * f + 1), (-(1 << (2 * f - 1)), 1 << (2 * f - 1))
    outs = [(g + 1, mantissa_dtype(g), (1 << (g - 1), 1 << g)), (2 * f + 1, *unit)]
    mantissas, units = _by_circuit("reciprocal", [x], outs, [g, f])
    return mantissas, units


def for_sqrt(x: SecretArray, g: int) -> tuple[SecretArray, SecretArray]:
    """1/4 <= c < 1 and an integer u with sqrt(x) = sqrt(c) u 2**-f."""
    f, width = x.dtype.frac_bits, bits_of(x).width
    top = (width + f) // 2
    outs = [
        (g + 1, mantissa_dtype(g), (1 << (g - 2), 1 << g)),
        (top + 2, DType("int", top + 2), (0, 1 << top)),
    ]
    mantissas, units = _by_circuit("sqrt", [x], outs, [g, f])
    return mantissas, units


def for_log(x: SecretArray, g: int) -> tuple[SecretArray, SecretArray]:
    """c and the integer e with x = c 2**(e - f)."""
    width = bits_of(x).width
    e_bits = width.bit_length() + 1
    outs = [
        (g + 1, mantissa_dtype(g), (1 << (g - 1), 1 << g)),
        (e_bits, DType("int", e_bits), (0, width)),
    ]
    mantissas, exponents = _by_circuit("log", [x], outs, [g, x.dtype.frac_bits])
    return mantissas, exponents


def for_exp(y: SecretArray, f: int, n: int) -> tuple[SecretArray, SecretArray]:
    """0 <= r < 1 and the integer u with 2**y = 2**r u 2**-f; u has at most n - 1 bits, and is 0 beyond either end."""
    g = y.dtype.frac_bits
    outs = [(g + 1, mantissa_dtype(g), (0, 1 << g)), (n, DType("int", n), (0, 1 << (n - 2)))]
    fractions, units = _by_circuit("exp", [y], outs, [g, f, n - 1])
    return fractions, units


def for_quotient(x: SecretArray, y: SecretArray, g: int) -> list[SecretArray]:
    """Mantissas c of x and d of y, the integer e with |x / y| = c / d 2**(e - f), whether the quotient is negative, and
    whether neither is 0.
    """
    f = x.dtype.frac_bits
    e_bits = max(bits_of(x).width, bits_of(y).width, f).bit_length() + 3
    top = mantissa_dtype(g), (1 << (g - 1), 1 << g)
    edge = 1 << (e_bits - 1)
    flag = DType("bit", 1), (0, 1)
    outs = [(g + 1, *top), (g + 1, *top), (e_bits, DType("int", e_bits), (-edge, edge - 1)), (0, *flag), (0, *flag)]
    return _by_circuit("quotient", [x, y], outs, [g, f])


def shifted_quotient(
    q: SecretArray, parts: Sequence[SecretArray], dtype: DType
) -> tuple[SecretArray, SecretArray | None]:
    """The quotient that `for_quotient` prepared, from q = c / d; in checked mode also where it is out of range."""
    exponent, negative, some = parts
    arrays, public = [negative, some, q, exponent], [q.dtype.frac_bits, dtype.n_bits]
    out = dtype.n_bits, dtype, dtype.bounds
    if not q.computation.checked:
        return _by_circuit("scale", arrays, [out], public, bits=2)[0], None
    made, beyond = _by_circuit("scale and look", arrays, [out, (0, BIT, BIT.bounds)], public, bits=2)
    return made, beyond


def clamped(x: SecretArray, n_bits: int) -> SecretArray:
    """The nearest numbers whose raw integers have n bits."""
    edge = 1 << (n_bits - 1)
    return _by_circuit("clamp", [x], [(n_bits, x.dtype, (-edge, edge - 1))], [n_bits])[0]
