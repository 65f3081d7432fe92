"""Colleagues learn the sum and the mean of their salaries, and nobody learns another's.

    python examples/salaries.py

runs one process for each colleague. The program is the same for all of them: each gives its own salary, and every
operation on secret numbers is one that all take part in.
"""

from __future__ import annotations

import asyncio

import mpcnet
from mpcnet import array as xp

SALARIES = {"anna": 52_000, "bruno": 61_500, "clara": 48_300, "dario": 75_250, "elena": 58_900}


async def main(session: mpcnet.Session, salary: int) -> tuple[int, float]:
    """What one colleague does.

    Args:
        salary: its own, below a million.
    """
    # shares of a number are points of a random polynomial: two colleagues together know nothing, three know all
    sh = session.shamir(threshold=2)
    money = sh.int(21)

    # an input has one owner; the others pass no value and get a share
    salaries = xp.stack(
        [
            sh.input(salary if owner == session.name else None, owner=owner, shape=(), dtype=money)
            for owner in session.parties
        ]
    )

    # adding shares needs no message; both results are opened to all in the same round
    total, mean = await asyncio.gather(xp.sum(salaries).reveal(), xp.mean(salaries).reveal())
    return int(total), float(mean)


if __name__ == "__main__":
    import mpcnet.local

    results = mpcnet.local.run(
        main, names=list(SALARIES), each={name: {"salary": salary} for name, salary in SALARIES.items()}, check=True
    )
    for result in results:
        total, mean = result.value
        print(f"{result.name}: together {total:,}, on average {mean:,.2f}")
        assert total == sum(SALARIES.values())
        assert abs(mean - total / len(SALARIES)) < 0.01
    print(f"{results[0].stats['bytes_sent']:,} bytes from {results[0].name}")
