"""What conversions between arithmetic shares and shares of bits must do, over any engine: compared with integers.

await check_conversions(parties)        `parties` as from `engine_contract.assemble`
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from protocols.conversion import a2b, b2a
from tests.kit.engine_contract import Parties
from tests.kit.ideal import to_bits
from tests.kit.mesh import run_all


async def convert(parties: Parties, function: Any, shares: list[Any], *arguments: Any, **options: Any) -> list[Any]:
    """A conversion at every party."""
    return await run_all(
        [
            function(engine, mesh, share, *arguments, **options)
            for engine, mesh, share in zip(parties.engines, parties.forks(), shares, strict=True)
        ]
    )


async def open_bits(parties: Parties, shares: list[Any]) -> Any:
    """The bits, uint8 of shape (count, n_bits), as every party sees them."""
    everybody = frozenset(range(parties.n))
    opened = await run_all(
        [
            engine.boolean.open(mesh, share, everybody)
            for engine, mesh, share in zip(parties.engines, parties.forks(), shares, strict=True)
        ]
    )
    assert all((one == opened[0]).all() for one in opened)
    return to_bits(opened[0], shares[0].count).T


def numbers(parties: Parties, value_bits: int, count: int) -> Any:
    """Signed numbers with |x| < 2**(value_bits - 1), edges first."""
    top = (1 << (value_bits - 1)) - 1
    edges = [0, 1, -1, top, -top, top // 2, -(top // 2) - 1]
    random = [int.from_bytes(parties.random.bytes(16), "little") % (2 * top + 1) - top for _ in range(count)]
    return np.array([max(-top, min(top, one)) for one in edges] + random, dtype=object)


async def check_conversions(parties: Parties) -> None:
    """There and back, over widths."""
    ring = parties.ring
    for value_bits in sorted({2, 8, 34, ring.n_bits - 1, *([ring.n_bits] if not ring.is_field else [])}):
        x = numbers(parties, value_bits, 70)
        shares = await parties.share(x, parties.n - 1)
        negative = await open_bits(parties, await convert(parties, a2b.is_negative, shares, value_bits))
        assert (negative[:, 0] == (x < 0)).all(), value_bits
        zero = await open_bits(parties, await convert(parties, a2b.is_zero, shares, value_bits))
        assert (zero[:, 0] == (x == 0)).all(), value_bits
        digits = await convert(parties, a2b.to_bits, shares, value_bits)
        found = await open_bits(parties, digits)
        assert all(
            sum(int(bit) << i for i, bit in enumerate(row)) == one % (1 << value_bits)
            for row, one in zip(found, x, strict=True)
        ), value_bits
        for signed, expected in ((True, x), (False, x % (1 << value_bits))):
            back = await convert(parties, b2a.compose, digits, signed=signed)
            parties.check_shares(back, x.shape)
            assert (await parties.reveal(back) == expected % ring.modulus).all(), (value_bits, signed)
    elements = await convert(parties, b2a.to_elements, [one[:3] for one in digits])
    parties.check_shares(elements, (len(x), 3))
    assert (await parties.reveal(elements) == found[:, :3]).all()


async def check_wrong_widths(parties: Parties) -> None:
    shares = await parties.share([1, 2], 0)
    for function in (a2b.is_negative, a2b.is_zero, a2b.to_bits):
        for value_bits in (0, parties.ring.n_bits + 1):
            with pytest.raises(ValueError, match="signed numbers"):
                await convert(parties, function, shares, value_bits)
