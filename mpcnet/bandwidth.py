"""Which garbling scheme suits a link: measured once in a session, not guessed.

    garbler                       evaluator
    ping                 --->
                         <---     pong, and whether its kernels are the portable ones        (twice)
    PROBE_BYTES          --->
                         <---     pong
    the choice           --->

Three halves sends 25 bytes for an AND gate where half gates sends 32, and on CPUs with AES instructions computes about
half as fast. So it wins where the link is the slower part: below SLOW_LINK_BYTES, well under what one core garbles,
encrypts and sends. The portable kernels are slower than any link worth the name, and slower still with three halves.
The first ping finds out when the evaluator is there, the second how long a round trip takes. On a link with a long
round trip the probe ends before TCP is up to speed, and the link counts as slower than it is.
The probe is zeros: TLS does not compress. It says nothing of any input.
"""

from __future__ import annotations

import asyncio
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

    Cost: 7 messages, three and a half round trips; garbler PROBE_BYTES + 3 bytes, evaluator 3 bytes.
    """
    portable = await asyncio.to_thread(_is_portable)
    if not garbling:
        for _ in range(2):
            await channel.receive(len(_PING))
            await channel.send(bytes([portable]))
        await channel.receive(PROBE_BYTES)
        await channel.send(_PING)
        number = (await channel.receive(1))[0]
        if number >= len(CHOICES):
            raise MessageError("chose a garbling scheme that does not exist", peer=channel.peer)
        return CHOICES[number]
    round_trip = 0.0
    for _ in range(2):
        started = time.perf_counter()
        await channel.send(_PING)
        portable = bool((await channel.receive(1))[0]) or portable
        round_trip = time.perf_counter() - started
    started = time.perf_counter()
    await channel.send(bytes(PROBE_BYTES))
    await channel.receive(len(_PING))
    seconds = time.perf_counter() - started - round_trip
    choice = int(not portable and seconds > 0 and PROBE_BYTES / seconds < SLOW_LINK_BYTES)
    await channel.send(bytes([choice]))
    return CHOICES[choice]


def _is_portable() -> bool:
    from protocols.kernels import cpu

    return cpu.path() == "portable"
