"""Two parties evaluate a circuit on bits; each ends with a share of every output bit.

    garbler                                             evaluator
    seed, delta at random (and a key for random bits, for three halves)
    seed                                  --->  tables  start of the keys, active labels of the garbler's bits
    correlated OT with delta             <--->  ot      active labels of its own bits                   (each block)
    tables of a chunk of gates            --->  tables  active labels of these gates                    (each chunk)
    share: color bits of zero labels                    share: color bits of active labels

XOR of the two shares is the output: the color bit of an active label is that of the zero label, flipped where the
wire is 1. Who learns an output is decided by who sends its share to whom, see `protocols.garbling.evaluation`.

The garbler works up to AHEAD chunks ahead of what the network took, the evaluator evaluates one chunk while the next
arrives, and the OT of the next block goes on beside both. Memory depends on the circuit's width, not on the number of
gates or instances. Arithmetic longer than some milliseconds runs in a thread.

Security: semi-honest. A garbler that deviates can make the outputs wrong or make them depend on the evaluator's bits.
An evaluator that deviates in OT, whose extension has no consistency check, can find delta where it sees any output,
and with it the garbler's bits and its shares of shared bits. Leaks the circuit, the batch and the roles. The hash and
its bound are in `protocols.kernels.mitccrh`, for three halves in `protocols.garbling.three_halves`; the labels in
`protocols.garbling.labels`; OT is that of `protocols.ot`.
Cost: the garbler sends 32 bytes, and 32 for each AND gate of each instance that is not dead (25 with three halves), in
messages of 1 MiB; the evaluator sends nothing. Besides, OT for each bit of an "evaluator" or "shared" port: 16 bytes of
the garbler and 8 of the evaluator (k = 2), and its setup, see `protocols.ot`.
Source: Zahur, Rosulek, Evans, ePrint 2014/756, or Rosulek, Roy, ePrint 2021/749, over Yao's protocol as in Lindell and
Pinkas, ePrint 2004/175.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from circuits.ir import Circuit
from protocols.channel import Channel
from protocols.garbling.evaluator import Evaluator
from protocols.garbling.garbler import Garbler
from protocols.garbling.inputs import Bits, InputBits, InputRole, Roles
from protocols.garbling.labels import SEED_BYTES, Public, Words, draw_delta
from protocols.garbling.layout import CHUNK_BYTES, Block, Chunk, Layout
from protocols.garbling.scheme import Scheme, find_scheme
from protocols.garbling.tiles import choices_of
from protocols.ot import OtReceiver, OtSender, prepare
from protocols.ot.work import run, together
from protocols.rng import Rng, system_rng

__all__ = ["HALF_GATES", "Progress", "evaluate_shares", "garble_shares", "warm_up"]

HALF_GATES = "half-gates"
Progress = Callable[[int, int], None]
"""Called with the AND gates done so far and those there are, over all instances; in the event loop."""

AHEAD = 3  # chunks that are garbled and not yet sent
ARRIVED = 2  # chunks that have come and are not yet evaluated
LONG_WORK = 200_000  # AND gates, and an eighth for each XOR, from where on work runs in a thread: 1 or 2 ms
LONG_WORK_PORTABLE = 1_000
LONG_CIRCUIT = 10_000  # gates, from where on scheduling runs in a thread


async def garble_shares(
    channel: Channel,
    circuit: Circuit,
    bits: Mapping[str, Bits],
    roles: Mapping[str, InputRole],
    *,
    ot: OtSender | None = None,
    batch: int = 1,
    packed: bool = False,
    scheme: str = HALF_GATES,
    progress: Progress | None = None,
    rng: Rng = system_rng,
) -> Bits:
    """The garbler's side: its XOR share of every output bit.

    Both sides must call with the same circuit, roles, batch and scheme: `protocols.garbling.garble` compares them
    first, whoever calls this has done so.

    Args:
        channel: to the evaluator; used for this call alone, its forks "tables" and "ot" are taken.
        circuit: what is evaluated.
        bits: for each port whose role is "garbler" or "shared" its bits: uint8 of shape (batch, n_bits), or
            (1, n_bits) for the same in every instance.
        roles: for each input port "garbler", "evaluator" or "shared" (XOR of a share at each side).
        ot: a sender set up with the evaluator's receiver, to be used for this call; set up on a fork by default.
        batch: instances; with 0 nothing is said.
        packed: the arrays of `bits` are packed along their last axis (`protocols.bits.pack`).
        scheme: the garbling scheme.
        progress: see `Progress`; counts what was sent.
        rng: the source of randomness.
    Returns:
        uint8 of shape (batch, n_outputs).
    Raises:
        TypeError, ValueError: an argument is wrong; nothing was sent.
        MessageError: the evaluator's message has a wrong length or is invalid.
    """
    job = await _Job.prepare(circuit, roles, batch, scheme)
    own = InputBits(job.roles.of_garbler, bits, batch, packed=packed)
    if batch == 0:
        return job.joined([])
    tables = channel.fork("tables")
    seed, delta = rng(SEED_BYTES), draw_delta(rng)
    secret = rng(job.layout.scheme.secret_bytes) if job.layout.scheme.secret_bytes else b""
    if ot is None and len(job.roles.transferred):
        ot = await OtSender.setup(channel.fork("ot"), rng=rng)
    garbler = Garbler(job.layout, job.roles, own, Public.derive(channel.session_id, seed), delta, secret)
    labels: asyncio.Queue[Words] = asyncio.Queue(1)
    free: asyncio.Queue[NDArray[np.uint8]] = asyncio.Queue()
    ready: asyncio.Queue[tuple[Chunk, NDArray[np.uint8]] | None] = asyncio.Queue()
    shares: list[Bits] = []
    for _ in range(AHEAD):
        free.put_nowait(np.empty(CHUNK_BYTES + job.layout.scheme.slack, np.uint8))

    async def transfer() -> None:
        for block in job.layout.blocks():
            count = len(job.roles.transferred) * block.n_instances
            await labels.put(_words(await ot.correlated(count, delta)) if ot is not None and count else _no_labels())

    async def garble() -> None:
        for block in job.layout.blocks():
            transferred, part = await labels.get(), job.new_shares(block)
            for chunk in job.layout.chunks(block):
                buffer = await free.get()
                await run(garbler.fill, chunk, buffer, block, transferred, part, long=_is_long(chunk))
                ready.put_nowait((chunk, buffer))
            shares.append(part)
        ready.put_nowait(None)

    async def send() -> None:
        await tables.send(seed)
        n_done = 0
        while (item := await ready.get()) is not None:
            chunk, buffer = item
            if chunk.n_bytes:
                await tables.send(buffer[: chunk.n_bytes])
            free.put_nowait(buffer)
            n_done += chunk.and_gates
            if progress is not None:
                progress(n_done, job.layout.and_gates)

    await together(transfer(), together(garble(), send()))
    return job.joined(shares)


async def evaluate_shares(
    channel: Channel,
    circuit: Circuit,
    bits: Mapping[str, Bits],
    roles: Mapping[str, InputRole],
    *,
    ot: OtReceiver | None = None,
    batch: int = 1,
    packed: bool = False,
    scheme: str = HALF_GATES,
    progress: Progress | None = None,
    rng: Rng = system_rng,
) -> Bits:
    """The evaluator's side; as `garble_shares`, with the bits of the ports whose role is "evaluator" or "shared".

    Args:
        ot: a receiver set up with the garbler's sender.
        progress: counts what was evaluated.
    """
    job = await _Job.prepare(circuit, roles, batch, scheme)
    own = InputBits(job.roles.of_evaluator, bits, batch, packed=packed)
    if batch == 0:
        return job.joined([])
    tables = channel.fork("tables")
    if ot is None and len(job.roles.transferred):
        ot = await OtReceiver.setup(channel.fork("ot"), rng=rng)
    labels: asyncio.Queue[Words] = asyncio.Queue(1)
    seeds: asyncio.Queue[bytes] = asyncio.Queue()
    arrived: asyncio.Queue[memoryview | bytes] = asyncio.Queue(ARRIVED - 1)  # one more is held while the queue is full
    shares: list[Bits] = []

    async def transfer() -> None:
        for block in job.layout.blocks():
            choices = choices_of(job.layout, block, own)
            await labels.put(_words(await ot.correlated(choices)) if ot is not None and len(choices) else _no_labels())

    async def receive() -> None:
        seeds.put_nowait(bytes(await tables.receive(SEED_BYTES)))
        for block in job.layout.blocks():
            for chunk in job.layout.chunks(block):
                await arrived.put(await tables.receive(chunk.n_bytes) if chunk.n_bytes else b"")

    async def evaluate() -> None:
        evaluator = Evaluator(job.layout, job.roles, Public.derive(channel.session_id, await seeds.get()))
        n_done = 0
        for block in job.layout.blocks():
            transferred, part = await labels.get(), job.new_shares(block)
            for chunk in job.layout.chunks(block):
                message = np.frombuffer(await arrived.get(), np.uint8)
                await run(evaluator.read, chunk, message, block, transferred, part, long=_is_long(chunk))
                n_done += chunk.and_gates
                if progress is not None:
                    progress(n_done, job.layout.and_gates)
            shares.append(part)

    await together(transfer(), together(receive(), evaluate()))
    return job.joined(shares)


class _Job:
    """What both sides derive from their arguments."""

    def __init__(self, circuit: Circuit, roles: Roles, layout: Layout) -> None:
        self.roles, self.layout, self._n_outputs = roles, layout, circuit.n_outputs

    @classmethod
    async def prepare(cls, circuit: Circuit, roles: Mapping[str, InputRole], batch: int, scheme: str) -> _Job:
        if type(batch) is not int or batch < 0:
            raise ValueError(f"batch is a number of instances, from 0 on, not {batch!r}")
        who = Roles.of(circuit, roles)
        loaded = await run(_load, scheme, long=not _warm)
        long = circuit.n_gates > LONG_CIRCUIT
        return cls(circuit, who, await run(Layout.of, circuit, loaded, batch, len(who.transferred), long=long))

    def new_shares(self, block: Block) -> Bits:
        return np.empty((block.n_instances, self._n_outputs), np.uint8)

    def joined(self, parts: list[Bits]) -> Bits:
        return np.concatenate([np.empty((0, self._n_outputs), np.uint8), *parts])


def _is_long(chunk: Chunk) -> bool:
    from protocols.kernels import cpu

    return chunk.work > (LONG_WORK_PORTABLE if cpu.path() == "portable" else LONG_WORK)


def _words(labels: NDArray[np.uint8]) -> Words:
    return np.ascontiguousarray(labels).view(np.uint64)


def _no_labels() -> Words:
    return np.empty((0, 2), np.uint64)


_warm: set[tuple[str, str]] = set()


def warm_up(scheme: str = HALF_GATES) -> str:
    """Load all kernels of the two roles, OT included, for the CPU in use; compile them where this machine has not yet.

    Takes half a second, or some ten to compile, once for a process. The roles do it by themselves; whoever keeps a
    deadline does it before.

    Returns:
        the path in use, see `protocols.kernels.cpu`: "vaes512", "vaes", "aesni" or "portable".
    Raises:
        ValueError: there is no such scheme.
        RuntimeError: the AES of this machine does not reproduce FIPS-197.
    """
    _load(scheme)
    prepare()
    from protocols.kernels import cpu

    return cpu.path()


def _load(name: str) -> Scheme:
    scheme = find_scheme(name)
    from protocols.kernels import cpu

    if (name, cpu.path()) not in _warm:
        scheme.prepare()
        _warm.add((name, cpu.path()))
    return scheme
