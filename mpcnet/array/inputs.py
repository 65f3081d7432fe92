"""Arrays that come from outside: what one party knows, and what everybody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mpcnet.array.base import digest_of, is_secret, make_array, size_of
from mpcnet.array.dtypes import BIT, DType
from mpcnet.array.logic import packed_bits
from mpcnet.array.operands import bounds_of
from mpcnet.array.position import misused
from protocols.arithmetic.contract import Elements, Engine
from protocols.boolean.contract import BitShares
from protocols.channel import Mesh
from protocols.ot.work import run

if TYPE_CHECKING:
    from mpcnet.array.computation import Computation
    from mpcnet.array.secret import SecretArray

__all__ = ["make_constant", "make_input"]

LONG = 1 << 16  # numbers that take milliseconds to encode


def make_input(
    computation: Computation, values: Any, owner: str, shape: int | tuple[int, ...] | None, dtype: DType
) -> SecretArray:
    """As `Computation.input`."""
    if not isinstance(owner, str):
        raise misused(f"input: owner is the name of one party, not {type(owner).__name__}")
    computation.parties(owner, "input: owner")
    _check_dtype(dtype)
    me, raw = computation.session.name, None
    given = None if shape is None else _shape(shape)
    if owner != me:
        if values is not None:
            raise misused(f"input: the values belong to {owner}, and this is {me}: pass None here")
        if given is None:
            raise misused(f"input: {me} does not see the values of {owner}, and has to say their shape=")
    elif values is None:
        raise misused(f"input: {me} owns this array, and gives no values")
    else:
        if is_secret(values):
            raise TypeError("input: the values are a secret array already; use it as it is")
        raw = dtype.encode(values)
        if given is None:
            given = raw.shape
        elif raw.shape != given:
            raise ValueError(f"input: the values have shape {raw.shape}, but shape={given} was agreed on")
    assert given is not None
    computation.record.inputs[owner] = computation.record.inputs.get(owner, 0) + size_of(given)
    party = computation.number_of(owner)
    work = _share_bits(party, raw, size_of(given)) if dtype == BIT else _share(party, raw, given)
    return make_array(
        computation,
        "input",
        (),
        work,
        talks=True,
        shape=given,
        dtype=dtype,
        bounds=dtype.bounds,
        width=1 if dtype == BIT else 0,
        params=[party],
        needs_all=frozenset([party]),
    )


def _share(owner: int, raw: Any, shape: tuple[int, ...]) -> Any:
    async def work(engine: Engine, mesh: Mesh) -> Elements:
        known = None if raw is None else await run(engine.ring.encode, raw, long=raw.size > LONG)
        return await engine.share(mesh, owner, known, shape)

    return work


def _share_bits(owner: int, raw: Any, count: int) -> Any:
    async def work(engine: Engine, mesh: Mesh) -> BitShares:
        words = None if raw is None else packed_bits(raw)
        return await engine.boolean.share(mesh, owner, words, 1, count)

    return work


def make_constant(computation: Computation, values: Any, dtype: DType | None) -> SecretArray:
    """As `Computation.constant`."""
    array = np.asarray(values)
    if dtype is None:
        kinds = {"b": BIT, "f": computation.fixed()}
        dtype = kinds.get(array.dtype.kind, computation.int())
    _check_dtype(dtype)
    raw = dtype.encode(array)

    def elements(engine: Engine) -> Elements:
        return engine.public(engine.ring.encode(raw))

    def bits(engine: Engine) -> BitShares:
        return engine.boolean.public(packed_bits(raw), raw.size)

    return make_array(
        computation,
        "constant",
        (),
        bits if dtype == BIT else elements,
        shape=raw.shape,
        dtype=dtype,
        bounds=bounds_of(raw) if raw.size else dtype.bounds,
        width=1 if dtype == BIT else 0,
        params=[digest_of(raw)],
    )


def _check_dtype(dtype: Any) -> None:
    if not isinstance(dtype, DType):
        raise TypeError(f"a dtype is made by the computation, as in sh.int(32) or sh.fixed(16); not {dtype!r}")


def _shape(shape: Any) -> tuple[int, ...]:
    given = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if not all(isinstance(n, int | np.integer) and n >= 0 for n in given):
        raise ValueError(f"input: a shape is made of integers from 0 on, not {shape!r}")
    return tuple(int(n) for n in given)
