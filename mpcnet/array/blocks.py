"""Circuits of `circuits.lib` on shares of bits, traced for the widths at hand and in the style of the engine."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import circuits
from circuits import Bit, Circuit, Int
from mpcnet.array.bodies import NORMAL
from protocols.arithmetic.contract import Engine
from protocols.boolean.contract import BitShares
from protocols.channel import Mesh
from protocols.ot.work import run

__all__ = ["evaluate", "make_circuit"]

SLOW = frozenset({"floor_divide", "remainder", "divide_by", "remainder_by"})  # to trace


def _cut(x: Any, frac_bits: int) -> Any:
    """The whole part."""
    return circuits.select(x < 0, -((-x) >> frac_bits), x >> frac_bits)


def _better(later: Any, x: Any, i: Any, y: Any, j: Any) -> tuple[Any, Any]:
    return circuits.select(later, y, x), circuits.select(later, j, i)


_BODIES: dict[str, Callable[..., Any]] = {
    "less": lambda x, y: x < y,
    "equal": lambda x, y: x == y,
    "minimum": lambda x, y: circuits.minimum(x, y),
    "maximum": lambda x, y: circuits.maximum(x, y),
    "argmin": lambda x, i, y, j: _better(y < x, x, i, y, j),
    "argmax": lambda x, i, y, j: _better(x < y, x, i, y, j),
    "in order": lambda x, y: tuple(circuits.sort([x, y])),
    "floor_divide": lambda x, y: x // y,
    "remainder": lambda x, y: x % y,
    "divide_by": lambda x, divisor: x // divisor,
    "remainder_by": lambda x, divisor: x % divisor,
    "and": lambda x, y: x & y,
    "or": lambda x, y: x | y,
    "select": lambda c, x, y: circuits.select(c, x, y),
    "cut": _cut,
    **NORMAL,
}


@lru_cache(maxsize=512)
def make_circuit(name: str, widths: tuple[int, ...], outs: tuple[int, ...], style: str, *public: int) -> Circuit:
    """One of _BODIES.

    Args:
        widths: bits of each input, a signed number, or 0 for a single bit.
        outs: bits of each output, likewise; results are widened to it.
        public: further arguments, which everybody knows.
    """
    kind = inspect.Parameter.KEYWORD_ONLY
    ports = [inspect.Parameter(f"x{i}", kind, annotation=Int[n] if n else Bit) for i, n in enumerate(widths)]

    def body(**values: Any) -> Any:
        found = _BODIES[name](*values.values(), *public)
        several = found if isinstance(found, tuple) else (found,)
        made = tuple(one.to(Int[n] if n else Bit) for one, n in zip(several, outs, strict=True))
        return made if len(made) > 1 else made[0]

    body.__signature__ = inspect.Signature(ports)  # type: ignore[attr-defined]
    return circuits.circuit(name=name, style=style)(body)


async def evaluate(
    engine: Engine, mesh: Mesh, name: str, inputs: Sequence[BitShares], *outs: int, bits: int = 0, public: Any = ()
) -> BitShares:
    """Evaluate one of the circuits on shares.

    Args:
        inputs: the first `bits` of them single bits, the others numbers in two's complement.
        outs: bits of each output, 0 for a single bit.
        public: see `make_circuit`.
    """
    widths = tuple(0 if i < bits else one.n_bits for i, one in enumerate(inputs))
    arguments = (name, widths, outs, engine.boolean.style, *public)
    circuit = await run(make_circuit, *arguments, long=name in SLOW)
    return await engine.boolean.evaluate(mesh, circuit, inputs, inputs[0].count)
