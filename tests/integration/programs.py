"""What the parties of the integration tests run, each in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np

from circuits.ir import AND, XOR, Circuit, Port
from circuits.types import UInt
from mpcnet.evaluate import Progress
from mpcnet.session import Session
from protocols.channel import exchange


def adder(n_bits: int = 16) -> Circuit:
    """a + b modulo 2**n_bits, rippled: n_bits - 1 AND gates... and one for each bit that nobody needs."""
    op, left, right, outputs, carry = [], [], [], [], 0
    next_wire = 2 + 2 * n_bits

    def gate(kind: int, x: int, y: int) -> int:
        nonlocal next_wire
        op.append(kind)
        left.append(x)
        right.append(y)
        next_wire += 1
        return next_wire - 1

    for i in range(n_bits):
        a, b = 2 + i, 2 + n_bits + i
        ac, bc = gate(XOR, a, carry), gate(XOR, b, carry)
        outputs.append(gate(XOR, ac, b))
        carry = gate(XOR, gate(AND, ac, bc), carry)
    ports = (Port("a", UInt[n_bits]), Port("b", UInt[n_bits]))
    arrays = [np.array(op, np.uint8), *(np.array(x, np.int32) for x in (left, right, outputs))]
    return Circuit("adder", ports, (Port("sum", UInt[n_bits]),), *arrays)


async def names(session: Session, *args: Any, **kwargs: Any) -> Any:
    """Everybody says its name to everybody."""
    print("hello from", session.name)
    mesh = session.mesh("names")
    own = session.name.encode().ljust(40)
    said = await asyncio.gather(*(exchange(c, own, n_bytes=40) for c in mesh.channels.values()))
    heard = sorted(bytes(message).decode().strip() for message in said)
    return {
        "me": session.name,
        "heard": heard,
        "id": session.session_id,
        "args": args,
        "kwargs": kwargs,
        "pid": os.getpid(),
    }


async def add(session: Session, *, values: Any, reveal_to: Any, owners: dict[str, str]) -> Any:
    """a + b, over and over."""
    mine = {port: value for port, value in values.items() if owners[port] == session.name}
    return [await session.evaluate(adder(), mine, owners=owners, reveal_to=reveal_to) for _ in range(3)]


async def ends_in_the_middle(session: Session, *, victim: str, how: str) -> None:
    """A long evaluation, in the middle of which the victim ends as `how` says."""

    def strike(progress: Progress) -> None:
        if session.name == victim and progress.phase == "evaluate" and progress.done * 4 > progress.total:
            end(how)

    rng = np.random.default_rng(1)
    values = {"a": rng.integers(0, 1 << 16, 80_000), "b": rng.integers(0, 1 << 16, 80_000)}
    owners = {"a": "bank", "b": "lender"}
    mine = {port: value for port, value in values.items() if owners[port] == session.name}
    print("pid", os.getpid())
    await session.evaluate(adder(), mine, owners=owners, reveal_to=["lender"], on_progress=strike)


async def ends_while_idle(session: Session, *, victim: str, how: str) -> None:
    """The victim ends while the others wait for something that is no message."""
    await names(session)  # now every party is there
    print("pid", os.getpid())
    if session.name == victim:
        await asyncio.sleep(0.3)
        end(how)
    await asyncio.Event().wait()


def end(how: str) -> None:
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if how == "exit":
        os._exit(0)
    if how == "raise":
        raise ZeroDivisionError("1234567890")
    if how == "term":
        os.kill(os.getpid(), signal.SIGTERM)


async def blocks_its_loop(session: Session, *, seconds: float) -> str:
    """One party computes in its event loop for a while, within the liveness deadline."""
    if session.name == "party0":
        time.sleep(seconds)  # noqa: ASYNC251
    await names(session)
    return "done"


async def leaves_things_behind(session: Session, *, folder: str) -> None:
    """A child process, a thread and an open channel, and an error at one party."""
    await names(session)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])  # noqa: ASYNC220
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    with open(f"{folder}/{session.name}", "w") as file:  # noqa: ASYNC230, PTH123
        file.write(f"{os.getpid()} {child.pid}")
    if session.name == "party1":
        raise LookupError("x")
    await asyncio.Event().wait()


async def hangs(session: Session) -> None:
    """In a way that no cancellation ends."""
    await names(session)
    while True:
        time.sleep(1000)  # noqa: ASYNC251


async def disagrees(session: Session) -> None:
    """Each party names itself as the one that learns."""
    mine = {"a": 1, "b": 2} if session.name == "bank" else {}
    await session.evaluate(adder(), mine, owners={"a": "bank", "b": "bank"}, reveal_to=[session.name])


async def wrong_input(session: Session) -> None:
    await names(session)
    mine = {"bank": {"a": 70_000}, "lender": {"b": 5}}.get(session.name, {})
    await session.evaluate(adder(), mine, owners={"a": "bank", "b": "lender"}, reveal_to=["lender"])


async def returns_what_cannot_travel(session: Session) -> Any:
    return object()


async def talks(session: Session, lines: int = 3) -> int:
    for i in range(lines):
        print(f"line {i}")
        print(f"complaint {i}", file=sys.stderr)
    return session.party_id


async def main(session: Session, *args: str) -> str:
    return f"{session.name} of {session.n_parties} got {' '.join(args)}"


async def waits_for_ever(session: Session) -> None:
    print("waiting", flush=True)
    await asyncio.Event().wait()


async def kills_itself(session: Session) -> None:
    await names(session)
    if session.name == "party1":
        end("kill")
    await asyncio.Event().wait()
