"""What each of the two processes does: one task after the other, each some times, in step with the other process.

Before each repetition the two exchange a byte, so that both start at the same time; each measures its own time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from mpcnet.bench.plain import open_plain_link
from mpcnet.bench.timing import Sample, Stopwatch, peak_bytes
from mpcnet.bench.workloads import FIPS_BLOCK, FIPS_KEY, FIPS_RESULT, Workload, check, find_workload
from protocols.channel import Channel, exchange

if TYPE_CHECKING:
    from mpcnet.session import Session

__all__ = ["EVALUATOR", "GARBLER", "main"]

EVALUATOR, GARBLER = "evaluator", "garbler"
MESSAGE_BYTES = 1 << 20

Once = Callable[[Channel], Awaitable[Any]]


async def main(session: Session, *, tasks: Sequence[Mapping[str, Any]], link: str, path: str) -> list[dict[str, Any]]:
    """Run at both parties; see `mpcnet.bench.crew`.

    Args:
        tasks: see `mpcnet.bench.crew.Task`.
        link: "tls" for the session's own link, "tcp" for one without TLS.
        path: the AES kernels to use.
    Returns:
        for each task what `mpcnet.bench.crew.Measured` holds, of this party.
    """
    from protocols.kernels import cpu

    with cpu.use(path):  # type: ignore[arg-type]
        await asyncio.to_thread(_warm_up)
        async with AsyncExitStack() as stack:
            bench = await _Bench.open(session, link, stack)
            return [await bench.run(number, **task) for number, task in enumerate(tasks)]


def _warm_up() -> None:
    from protocols import ot
    from protocols.garbling import warm_up

    ot.prepare()
    warm_up()


class _Bench:
    """One party's end of the link that is measured."""

    def __init__(
        self, session: Session, channel: Callable[[str], Channel], bytes_sent: Callable[[], int], root: Channel
    ) -> None:
        self.session, self.channel, self.bytes_sent, self.root = session, channel, bytes_sent, root
        self.garbles = session.name == GARBLER

    @classmethod
    async def open(cls, session: Session, link: str, stack: AsyncExitStack) -> _Bench:
        (peer,) = session.peers
        if link == "tls":
            return cls(
                session,
                lambda label: session.channel(peer, label),
                lambda: session.stats.bytes_sent,
                session.channel(peer, "step"),
            )
        plain = await open_plain_link(session)
        stack.push_async_callback(plain.close)
        return cls(session, plain.channel, lambda: plain.bytes_sent, session.channel(peer, "step"))

    async def run(self, number: int, name: str, count: int, repeats: int, instances: int) -> dict[str, Any]:
        """One task: once to warm up, then `repeats` times with a stopwatch."""
        channel = self.channel(f"{number}/{name}")
        real_count, once = await self.prepare(name, count, instances, channel.fork("setup"))
        samples: list[Sample] = []
        n_bytes = 0
        for i in range(repeats + 1):
            fork = channel.fork(str(i))
            await self._step()
            before, watch = self.bytes_sent(), Stopwatch()
            await once(fork)
            if i:
                samples.append(watch.stop())
                n_bytes = self.bytes_sent() - before
            if self.garbles:
                print(json.dumps({"name": name, "done": i, "of": repeats}), flush=True)
        return {
            "count": real_count,
            "bytes": n_bytes,
            "peak_bytes": peak_bytes(),
            "samples": [[s.seconds, s.cpu_seconds, s.system_seconds] for s in samples],
        }

    async def _step(self) -> None:
        await exchange(self.root, b"\1", n_bytes=1)

    async def prepare(self, name: str, count: int, instances: int, setup: Channel) -> tuple[int, Once]:
        """What a repetition counts and does, with everything that is not measured done before."""
        if name == "yao-aes-once":
            return 1, self._one_call(find_workload(name))
        if name.startswith("yao-"):
            workload = find_workload(name)
            return await self._yao(workload, instances or workload.batch(count), setup)
        if name == "base-ot":
            return count, self._base_ot(count)
        if name == "tls-stream":
            return count // MESSAGE_BYTES * MESSAGE_BYTES, self._stream(count // MESSAGE_BYTES)
        return count, await self._ot(name, count, setup)

    async def _yao(self, workload: Workload, batch: int, setup: Channel) -> tuple[int, Once]:
        from protocols.bits import pack, unpack
        from protocols.garbling import evaluate_shares, garble_shares
        from protocols.ot import OtReceiver, OtSender

        circuit, roles = workload.circuit, workload.roles
        n_outputs = batch * circuit.n_outputs
        own = workload.bits_of("garbler" if self.garbles else "evaluator", batch)
        if self.garbles:
            sender = await OtSender.setup(setup)

            async def garble(channel: Channel) -> None:
                shares = await garble_shares(channel, circuit, own, roles, ot=sender, batch=batch)
                await channel.send(pack(shares.reshape(-1)))

            return batch * circuit.and_count, garble
        receiver = await OtReceiver.setup(setup)
        expected = workload.expected(batch)

        async def evaluate(channel: Channel) -> None:
            shares = await evaluate_shares(channel, circuit, own, roles, ot=receiver, batch=batch)
            theirs = np.frombuffer(await channel.receive(-(-n_outputs // 8)), np.uint8)
            check(np.array_equal(shares.reshape(-1) ^ unpack(theirs, n_outputs), expected.reshape(-1)))

        return batch * circuit.and_count, evaluate

    def _one_call(self, workload: Workload) -> Once:
        owners = {"key": GARBLER, "block": EVALUATOR}
        inputs = {"key": FIPS_KEY} if self.garbles else {"block": FIPS_BLOCK}

        async def call(_: Channel) -> None:
            result = await self.session.evaluate(workload.circuit, inputs, owners=owners, reveal_to=EVALUATOR)
            check(self.garbles or result == FIPS_RESULT)

        return call

    def _base_ot(self, count: int) -> Once:
        from protocols.ot import base

        async def send(channel: Channel) -> None:
            await base.send(channel, count)

        async def receive(channel: Channel) -> None:
            await base.receive(channel, (np.arange(count) & 1).astype(np.uint8))

        return send if self.garbles else receive

    async def _ot(self, name: str, count: int, setup: Channel) -> Once:
        from protocols.ot import OtReceiver, OtSender

        k = 4 if name == "random-ot-k4" else 2
        if self.garbles:
            sender = await OtSender.setup(setup, k=k)
            messages = np.arange(32 * count, dtype=np.int64).astype(np.uint8).reshape(count, 2, 16)

            async def send(_: Channel) -> None:
                await (sender.chosen(messages) if name == "chosen-ot" else sender.random(count))

            return send
        receiver = await OtReceiver.setup(setup, k=k)
        choices = np.random.default_rng(1).integers(0, 2, count, dtype=np.uint8)

        async def receive(_: Channel) -> None:
            await (receiver.chosen(choices) if name == "chosen-ot" else receiver.random(count))

        return receive

    def _stream(self, n_messages: int) -> Once:
        async def send(channel: Channel) -> None:
            message = np.zeros(MESSAGE_BYTES, np.uint8)
            for _ in range(n_messages):
                await channel.send(message)

        async def receive(channel: Channel) -> None:
            for _ in range(n_messages):
                await channel.receive(MESSAGE_BYTES)

        return send if self.garbles else receive
