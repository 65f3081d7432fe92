"""Circuits on the bits of fixed-point numbers that `functions` needs, as functions of traced values.

A raw integer X with its top bit at place k is c 2**(k + 1) with a mantissa 1/2 <= c < 1 of g bits; f is how many of its
bits are fractional. For 0, which has no place, the mantissa is 1/2 all the same, so that what follows stays in range.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import circuits
from circuits.lib.normalize import combine_places, mantissa, power_of_two, top_place

__all__ = ["NORMAL"]


def _with_top(x: Any, place: Any, g: int) -> Any:
    """The mantissa with its top bit set, whatever x is."""
    return mantissa(x, place, g) | (1 << (g - 1))


def _reciprocal(x: Any, g: int, f: int) -> Any:
    size = abs(x)
    place = top_place(size)
    unit = combine_places(place, lambda k: 1 << (2 * f - 1 - k) if k < 2 * f else 0)
    return _with_top(size, place, g), circuits.select(x < 0, -unit, unit)


def _sqrt(x: Any, g: int, f: int) -> Any:
    size = x.wrap(x.type.n_bits - 1).as_uint()  # x is not negative
    place = top_place(size)
    whole = mantissa(size, place, g)
    is_odd = combine_places(place, lambda k: (k + 1 + f) % 2)[0]
    some = combine_places(place, lambda k: 1)[0]
    low = circuits.select(is_odd, whole >> 1, whole)
    unit = combine_places(place, lambda k: 1 << ((k + 2 + f) // 2))
    return low | ((~some).as_uint() << (g - 1)), unit


def _log(x: Any, g: int, f: int) -> Any:
    size = x.wrap(x.type.n_bits - 1).as_uint()  # x is not negative
    place = top_place(size)
    return _with_top(size, place, g), combine_places(place, lambda k: k + 1)


def _exp(y: Any, g: int, f: int, n: int) -> Any:
    fraction = y.wrap(g).as_uint()
    return fraction, power_of_two((y >> g) + f, n)


def _quotient(x: Any, y: Any, g: int, f: int) -> Any:
    sizes = [abs(x), abs(y)]
    places = [top_place(size) for size in sizes]
    ups = [combine_places(place, lambda k: k + 1) for place in places]
    some = combine_places(places[1], lambda k: 1)[0]
    shift = ups[0] - ups[1] + f
    tops = [_with_top(size, place, g) for size, place in zip(sizes, places, strict=True)]
    return *tops, shift, (x < 0) ^ (y < 0), some & combine_places(places[0], lambda k: 1)[0]


def _scale(negative: Any, some: Any, q: Any, e: Any, g: int, n: int) -> Any:
    """q 2**(e - g) with a sign, cut to n bits; 0 unless `some`."""
    digits = n.bit_length()
    up = e.wrap(e.type.n_bits).wrap(circuits.UInt[digits]) if e.type.n_bits > digits else e.as_uint()
    size = (q.as_uint() << up).wrap(g + n - 1)[g:].as_uint()
    kept = circuits.select(some & (e >= 0), size, 0)
    return circuits.select(negative, -kept, kept)


def _scale_and_look(negative: Any, some: Any, q: Any, e: Any, g: int, n: int) -> Any:
    """And whether q 2**(e - g), with 1/2 < q 2**-g < 2, needs more bits."""
    beyond = some & ((e >= n) | ((e >= n - 1) & (q >= 1 << g)))
    return _scale(negative, some, q, e, g, n), beyond


def _clamp(x: Any, n: int) -> Any:
    return x.saturate(n)


NORMAL: Final[dict[str, Callable[..., Any]]] = {
    "reciprocal": _reciprocal,
    "sqrt": _sqrt,
    "log": _log,
    "exp": _exp,
    "quotient": _quotient,
    "scale": _scale,
    "scale and look": _scale_and_look,
    "clamp": _clamp,
}
