"""What is particular to one way of garbling: how long a table is, how many keys a gate takes, and two kernels.

    half-gates     32 bytes for an AND gate; the faster one to compute    `protocols.garbling.half_gates`
    three-halves   25 bytes; for links where bytes cost more              `protocols.garbling.three_halves`

All else in this package is the same for every scheme. Another one is one more entry of `SCHEMES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

__all__ = ["SCHEMES", "Scheme", "find_scheme"]


@dataclass(frozen=True)
class Scheme:
    """A garbling scheme over free XOR and point and permute.

    Attributes:
        name: as callers and both parties' agreement name it.
        table_bytes: bytes of an AND gate of one instance.
        keys_per_and: keys of the hash that an AND gate uses up.
        tile: instances that may share the keys of a gate, at most.
        slack: bytes behind a chunk of tables that `garble` may overwrite.
        secret_bytes: of a secret that the garbler draws for each garbling, beside delta: 0 or 16.
        prepare: load or compile the kernels of the path in use.
        new_wires, garble, evaluate: as in `protocols.kernels.garble`; where there is such a secret, `garble` takes its
            halves behind those of delta.
    """

    name: str
    table_bytes: int
    keys_per_and: int
    tile: int
    slack: int
    secret_bytes: int
    prepare: Callable[[], None]
    new_wires: Callable[..., Any]
    garble: Callable[..., None]
    evaluate: Callable[..., None]


@cache
def _half_gates() -> Scheme:
    from protocols.kernels import garble

    return Scheme(
        name="half-gates",
        table_bytes=garble.TABLE_BYTES,
        keys_per_and=garble.KEYS_PER_AND,
        tile=garble.TILE,
        slack=garble.SLACK,
        secret_bytes=0,
        prepare=garble.prepare,
        new_wires=garble.new_wires,
        garble=garble.garble_gates,
        evaluate=garble.evaluate_gates,
    )


@cache
def _three_halves() -> Scheme:
    from protocols.kernels import garble_three_halves as garble

    return Scheme(
        name="three-halves",
        table_bytes=garble.TABLE_BYTES,
        keys_per_and=garble.KEYS_PER_AND,
        tile=garble.TILE,
        slack=garble.SLACK,
        secret_bytes=garble.SECRET_BYTES,
        prepare=garble.prepare,
        new_wires=garble.new_wires,
        garble=garble.garble_gates,
        evaluate=garble.evaluate_gates,
    )


SCHEMES: dict[str, Callable[[], Scheme]] = {"half-gates": _half_gates, "three-halves": _three_halves}


def find_scheme(name: str) -> Scheme:
    """The scheme of a name; loads its kernels.

    Raises:
        ValueError: there is no such scheme.
    """
    if name not in SCHEMES:
        raise ValueError(f"no garbling scheme {name!r}; there are {', '.join(SCHEMES)}")
    return SCHEMES[name]()
