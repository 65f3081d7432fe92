"""A trivial program of three: the sum of one number of each, shown to all. See `mpcnet.bench.fresh`.

What it needs is imported with this module, before the party connects, and the kernels are loaded: Numba imports most of
itself when it loads its first one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import mpcnet.array
import mpcnet.wire.transport  # noqa: F401
import protocols.arithmetic.shamir  # noqa: F401
from mpcnet.bench.workloads import check
from protocols.sharing.ring import MERSENNE127, warm_up

if TYPE_CHECKING:
    from mpcnet.session import Session

__all__ = ["main"]

warm_up(MERSENNE127)
_cpu = time.process_time()


async def main(session: Session, *, clock: bool = False) -> list[float] | None:
    """Run at every party.

    Args:
        clock: return when this party began to connect and when it had the result, by `time.perf_counter`, and the
            processor time in between.
    """
    began = session.stats.started
    sh = session.shamir(threshold=1)
    numbers = [
        sh.input(number if party == session.name else None, owner=party, shape=())
        for number, party in enumerate(session.parties)
    ]
    total = await sum(numbers[1:], numbers[0]).reveal()
    check(total == sum(range(session.n_parties)))
    return [began, time.perf_counter(), time.process_time() - _cpu] if clock else None
