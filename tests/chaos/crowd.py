"""A crowd of strangers who knock at ports, in a process of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence

__all__ = ["crowd"]

NOISE_BYTES = 300
SECONDS_QUIET = 20.0
SECONDS_NOISY = 1.0


@contextlib.asynccontextmanager
async def crowd(ports: Sequence[int], count: int, *, wait: bool = True) -> AsyncIterator[None]:
    """So many strangers at these ports of loopback while the body runs; unless `wait` is false all have come in before.

    Half of them say nothing and stay, half send nonsense and come again.
    """
    if not count:
        yield
        return
    command = [sys.executable, "-m", __name__, str(count), *map(str, ports)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        expected = b"there\n" if wait else b"knocking\n"
        while await process.stdout.readline() != expected:
            assert process.returncode is None
        yield
    finally:
        process.kill()
        await process.communicate()


async def _knock(count: int, ports: Sequence[int]) -> None:
    there = 0
    print("knocking", flush=True)

    async def stranger(number: int) -> None:
        nonlocal there
        is_noisy, is_new = number % 2, True
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", ports[number % len(ports)])
                writer.write(os.urandom(NOISE_BYTES) if is_noisy else b"")
                there += is_new
                is_new = False
                if there == count:
                    there += 1
                    print("there", flush=True)
                await asyncio.sleep(SECONDS_NOISY if is_noisy else SECONDS_QUIET)
                writer.close()
            await asyncio.sleep(SECONDS_NOISY)

    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(stranger(number))


if __name__ == "__main__":
    asyncio.run(_knock(int(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
