"""Which garbling scheme suits a link: measured once in a session, not guessed.

    garbler                       evaluator
    ping                 --->
                         <---     pong
    PROBE_BYTES          --->
                         <---     pong
    the choice           --->

Three halves sends 25 bytes for an AND gate where half gates sends 32, and computes about half as fast. So it wins where
the link is the slower part: below SLOW_LINK_BYTES, well under what one core garbles, encrypts and sends.
The probe is zeros: TLS does not compress. It says nothing of any input.
"""

from __future__ import annotations

import time

from protocols.channel import Channel
from protocols.errors import MessageError

__all__ = ["AUTO", "LARGE_BYTES", "SLOW_LINK_BYTES", "agree_on_scheme"]

AUTO = "auto"
PROBE_BYTES = 1 << 20
LARGE_BYTES = 16 << 20  # tables of half gates, from where on a probe pays
SLOW_LINK_BYTES = 250e6  # a second
CHOICES = ("half-gates", "three-halves")
_PING = b"\0"


async def agree_on_scheme(channel: Channel, *, garbling: bool) -> str:
    """Measure the link from the garbler to the evaluator, and choose; both sides get the same name.

    Cost: 5 messages, two and a half round trips; garbler PROBE_BYTES + 2 bytes, evaluator 2 bytes.
    """
    if not garbling:
        await channel.receive(len(_PING))
        await channel.send(_PING)
        await channel.receive(PROBE_BYTES)
        await channel.send(_PING)
        number = (await channel.receive(1))[0]
        if number >= len(CHOICES):
            raise MessageError("chose a garbling scheme that does not exist", peer=channel.peer)
        return CHOICES[number]
    started = time.perf_counter()
    await channel.send(_PING)
    await channel.receive(len(_PING))
    answered = time.perf_counter()
    await channel.send(bytes(PROBE_BYTES))
    await channel.receive(len(_PING))
    seconds = (time.perf_counter() - answered) - (answered - started)
    choice = int(seconds > 0 and PROBE_BYTES / seconds < SLOW_LINK_BYTES)
    await channel.send(bytes([choice]))
    return CHOICES[choice]
