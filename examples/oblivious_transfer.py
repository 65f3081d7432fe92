"""Oblivious transfer: one party holds pairs of messages, the other takes one of each pair; neither learns the rest.

python examples/oblivious_transfer.py                                both parties, on this machine
mpcnet local -n 2 examples/oblivious_transfer.py                     the same
mpcnet run examples/oblivious_transfer.py --config party0/party.toml one party, in its own terminal
"""

from __future__ import annotations

import numpy as np

import mpcnet
from protocols import ot

PAIRS = [(b"red bird at dawn", b"blue fish at six"), (b"meet at the pier", b"meet at the mill")]


async def main(session: mpcnet.Session) -> list[str] | None:
    if session.n_parties != 2:
        raise mpcnet.ConfigError(f"this example is for 2 parties, not {session.n_parties}")
    channel = session.channel(session.peers[0], "example")
    if session.party_id == 0:
        messages = np.frombuffer(b"".join(left + right for left, right in PAIRS), np.uint8).reshape(-1, 2, 16)
        await ot.send(channel, messages)
        print(f"sent {len(messages)} pairs; which of each was taken stays hidden")
        return None
    received = await ot.receive(channel, np.array([1, 0], np.uint8))
    texts = [row.tobytes().decode() for row in received]
    print(f"took {texts}; the others stay hidden")
    return texts


if __name__ == "__main__":
    import mpcnet.local

    sender, receiver = mpcnet.local.run(main, n_parties=2, check=True)
    for result in (sender, receiver):
        print(*(f"{result.name}: {line}" for line in result.stdout), sep="\n")
    assert receiver.value == [PAIRS[0][1].decode(), PAIRS[1][0].decode()]
