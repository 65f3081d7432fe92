"""Yao's millionaires: two parties learn who is richer, and nothing else.

python examples/millionaires.py 2500000 1900000
mpcnet local -n 2 examples/millionaires.py
"""

from __future__ import annotations

import sys

import mpcnet
from circuits import Bit, UInt, circuit


@circuit
def first_is_richer(first: UInt[64], second: UInt[64]) -> Bit:
    return first > second


async def main(session: mpcnet.Session, fortunes: list[int] = [2_500_000, 1_900_000]) -> bool:  # noqa: B006
    if session.n_parties != 2:
        raise mpcnet.ConfigError(f"this example is for 2 parties, not {session.n_parties}")
    first, second = session.parties
    mine = "first" if session.name == first else "second"
    richer = await session.evaluate(
        first_is_richer,
        {mine: fortunes[session.party_id]},
        owners={"first": first, "second": second},
        reveal_to=[first, second],
    )
    print(f"the richer one is {first if richer else second}")
    return bool(richer)


if __name__ == "__main__":
    import mpcnet.local

    fortunes = [int(argument) for argument in sys.argv[1:]] or [2_500_000, 1_900_000]
    results = mpcnet.local.run(main, names=["anna", "bruno"], args=(fortunes,), check=True)
    for result in results:
        print(*(f"{result.name}: {line}" for line in result.stdout), sep="\n")
    assert all(result.value == (fortunes[0] > fortunes[1]) for result in results)
    print(f"{first_is_richer.and_count} AND gates, {results[0].stats['bytes_sent']:,} bytes from the first party")
