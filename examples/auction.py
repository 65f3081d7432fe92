"""A sealed-bid auction without an auctioneer: the highest bid wins and pays the second highest.

    python examples/auction.py

All learn who wins and at what price, and no more: the winner's own bid stays secret, and so do all others but the one
that is the price.
"""

from __future__ import annotations

import asyncio

import mpcnet
from mpcnet import array as xp

BIDS = {"amsel": 41_000, "buche": 57_500, "dachs": 57_000, "eiche": 12_250}


async def main(session: mpcnet.Session, bid: int) -> tuple[str, int]:
    """What one bidder does.

    Args:
        bid: its own, from 0 to 8,388,607.
    """
    sh = session.additive()  # however many of the others work together, a bid stays its bidder's secret
    bids = xp.stack(
        [
            sh.input(bid if bidder == session.name else None, owner=bidder, shape=(), dtype=sh.int(24))
            for bidder in session.parties
        ]
    )
    winner = xp.argmax(bids)  # a secret number: nobody knows it yet; of equal bids the first wins
    is_winner = winner == list(range(session.n_parties))
    price = xp.max(xp.where(is_winner, 0, bids))  # the highest of the others
    place, paid = await asyncio.gather(winner.reveal(), price.reveal())
    return session.parties[place], int(paid)


if __name__ == "__main__":
    import mpcnet.local

    results = mpcnet.local.run(
        main, names=list(BIDS), each={bidder: {"bid": bid} for bidder, bid in BIDS.items()}, check=True
    )
    highest = sorted(BIDS, key=lambda bidder: BIDS[bidder])
    expected = (highest[-1], BIDS[highest[-2]])
    assert all(tuple(result.value) == expected for result in results)
    print("{} wins and pays {:,}".format(*expected))
