"""Two parties evaluate a circuit on values, and open the outputs to one of them or both.

    garbler                                  evaluator
    statement                         <--->  statement          do both mean the same evaluation?
    base OT                           <--->  base OT            beside it; no secret goes in
    its share of the outputs          <--->  its share          by `garble_shares` and `evaluate_shares`
    evaluator's share                 <---                      if the garbler is to learn them
                                       --->  garbler's share    if the evaluator is
    outputs: XOR of the shares               outputs

Security, leakage and source: `protocols.garbling.two_party`. Whoever learns the outputs learns what follows from them.
Cost: beside that of the shares 106 bytes each way, and a bit for each output bit and recipient. A small evaluation
takes at most three round trips, setup of OT included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import numpy as np

from circuits.batch import batch_size, decode_outputs, encode_batch
from circuits.ir import Circuit
from protocols.bits import pack, unpack
from protocols.channel import Channel, exchange
from protocols.garbling.agreement import MAX_BATCH, REVEAL_TO, RevealTo, Statement, agree
from protocols.garbling.inputs import Bits, InputRole
from protocols.garbling.scheme import SCHEMES
from protocols.garbling.two_party import HALF_GATES, Progress, evaluate_shares, garble_shares
from protocols.ot import OtReceiver, OtSender
from protocols.rng import Rng, system_rng

__all__ = ["evaluate", "garble"]

REVEAL_BYTES = 1 << 20  # of shares, in one message

T = TypeVar("T")


async def garble(
    channel: Channel,
    circuit: Circuit,
    inputs: Mapping[str, Any],
    *,
    reveal_to: RevealTo = "both",
    batch: int | None = None,
    ot: OtSender | None = None,
    scheme: str = HALF_GATES,
    progress: Progress | None = None,
    rng: Rng = system_rng,
) -> Any:
    """Evaluate a circuit with another party, as its garbler.

    Each side gives the ports it owns; together they give each port once. Two such calls on one channel need a fork
    each: `channel.fork("first")`.

    Args:
        channel: to the evaluator; for this call alone.
        circuit: the same at both sides.
        inputs: for each port of this side one value, or a batch along the first axis.
        reveal_to: who learns the outputs: "garbler", "evaluator" or "both"; the same at both sides.
        batch: how many instances, as a check, or where no input of either side says so.
        ot: a sender set up with the evaluator's receiver; set up for this call by default.
        scheme: the garbling scheme; the same at both sides.
        progress: called with the AND gates done and those there are, over all instances.
        rng: the source of randomness.
    Returns:
        what `circuit(...)` would return: the value of its output, or a tuple of several, arrays over the batch if
        there is one; None where the outputs are not revealed to this side.
    Raises:
        CircuitError, WidthError: an input is of no port or does not fit it.
        ValueError: another argument is wrong. Nothing was sent in either case.
        CheckFailed: the other side means another circuit, batch, reveal_to or split of the ports; no secret was sent.
        MessageError: the other side's message has a wrong length or is invalid.
    """
    mine, bits = _prepare("garbler", circuit, inputs, reveal_to, batch, scheme)
    setup = None
    if ot is None and len(mine.own) < len(circuit.inputs) and mine.batch != 0:
        setup = OtSender.setup(channel.fork("ot"), rng=rng)
    n, ot = await _agree_beside(channel, mine, setup, ot)
    roles: dict[str, InputRole] = {p.name: "garbler" if p.name in mine.own else "evaluator" for p in circuit.inputs}
    count = 1 if n is None else n
    shares = await garble_shares(
        channel, circuit, bits, roles, ot=ot, batch=count, scheme=scheme, progress=progress, rng=rng
    )
    opened = await _open(channel, shares, mine)
    return None if opened is None else decode_outputs(circuit.outputs, opened, n)


async def evaluate(
    channel: Channel,
    circuit: Circuit,
    inputs: Mapping[str, Any],
    *,
    reveal_to: RevealTo = "both",
    batch: int | None = None,
    ot: OtReceiver | None = None,
    scheme: str = HALF_GATES,
    progress: Progress | None = None,
    rng: Rng = system_rng,
) -> Any:
    """Evaluate a circuit with another party, as its evaluator; as `garble`.

    Args:
        channel: to the garbler; for this call alone.
        ot: a receiver set up with the garbler's sender.
    """
    mine, bits = _prepare("evaluator", circuit, inputs, reveal_to, batch, scheme)
    setup = None
    if ot is None and mine.own and mine.batch != 0:
        setup = OtReceiver.setup(channel.fork("ot"), rng=rng)
    n, ot = await _agree_beside(channel, mine, setup, ot)
    roles: dict[str, InputRole] = {p.name: "evaluator" if p.name in mine.own else "garbler" for p in circuit.inputs}
    count = 1 if n is None else n
    shares = await evaluate_shares(
        channel, circuit, bits, roles, ot=ot, batch=count, scheme=scheme, progress=progress, rng=rng
    )
    opened = await _open(channel, shares, mine)
    return None if opened is None else decode_outputs(circuit.outputs, opened, n)


def _prepare(
    role: Literal["garbler", "evaluator"],
    circuit: Circuit,
    inputs: Mapping[str, Any],
    reveal_to: RevealTo,
    batch: int | None,
    scheme: str,
) -> tuple[Statement, dict[str, Bits]]:
    """Check all arguments and encode the inputs, before the first byte."""
    if reveal_to not in REVEAL_TO:
        raise ValueError(f'reveal_to is "garbler", "evaluator" or "both", not {reveal_to!r}')
    if scheme not in SCHEMES:
        raise ValueError(f"no garbling scheme {scheme!r}; there are {', '.join(SCHEMES)}")
    if batch is not None and (type(batch) is not int or not 0 <= batch <= MAX_BATCH):
        raise ValueError(f"batch is a number of instances, 0 to {MAX_BATCH}, not {batch!r}")
    ports = [port for port in circuit.inputs if port.name in inputs]
    encoded = encode_batch(ports, inputs)
    found = batch_size(encoded)
    if batch is not None and found not in (None, batch):
        raise ValueError(f"the inputs are a batch of {found}, the argument batch says {batch}")
    mine = Statement(role, scheme, reveal_to, circuit, frozenset(encoded), batch if found is None else found)
    return mine, {name: bits for name, (bits, _) in encoded.items()}


async def _agree_beside(channel: Channel, mine: Statement, setup: Any, ot: T) -> tuple[int | None, T]:
    """Agree while OT is set up, if it is; what the sides disagree in comes before any error of the setup."""
    task = None if setup is None else asyncio.ensure_future(setup)
    try:
        n = await agree(channel, mine)
        return n, ot if task is None or n == 0 else await task
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _open(channel: Channel, shares: Bits, mine: Statement) -> Bits | None:
    """Send and receive shares as `reveal_to` says; all output bits, or None at a side that does not learn them."""
    packed = pack(shares.reshape(-1))
    theirs = np.empty_like(packed)
    sends = mine.reveal_to != mine.role
    learns = mine.reveal_to in (mine.role, "both")
    for start in range(0, len(packed), REVEAL_BYTES):
        piece = packed[start : start + REVEAL_BYTES]
        if sends and learns:
            theirs[start : start + len(piece)] = np.frombuffer(
                await exchange(channel, piece, n_bytes=len(piece)), np.uint8
            )
        elif sends:
            await channel.send(piece)
        else:
            theirs[start : start + len(piece)] = np.frombuffer(await channel.receive(len(piece)), np.uint8)
    if not learns:
        return None
    return unpack(packed ^ theirs, shares.size).reshape(shares.shape)
