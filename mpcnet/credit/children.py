"""The parties of the demo as processes: `mpcnet score` for each, followed until all have ended, none left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mpcnet.credit.progress import Display, read_step
from mpcnet.errors import MPCNetError

__all__ = ["Child", "PartiesFailed", "raise_failure", "run_children"]

GRACE_SECONDS = 30.0  # once one party has failed the others hear of it within the liveness deadline
FAREWELL_SECONDS = 3.0


class PartiesFailed(MPCNetError):
    """Parties of the demo ended with an error.

    Attributes:
        reasons: (party, what it said), the party at fault first.
        exit_code: of the party at fault, as in `mpcnet.cli.app`.
    """

    def __init__(self, reasons: Sequence[tuple[str, str]], exit_code: int) -> None:
        super().__init__("; ".join(f"{party}: {reason}" for party, reason in reasons), peer=reasons[0][0])
        self.reasons, self.exit_code = tuple(reasons), exit_code


@dataclass
class Child:
    """One party's process and what it said on stderr."""

    name: str
    process: asyncio.subprocess.Process
    errors: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        code = self.process.returncode
        return 1 if code is None else code


async def run_children(
    folder: Path,
    configs: Mapping[str, Path],
    sockets: Mapping[str, socket.socket],
    applicants: int | None,
    protocol: str,
    display: Display,
) -> list[Child]:
    """Start a process for each party, follow them, and leave none behind.

    Args:
        folder: gets NAME.json of each party, what `mpcnet score --json` writes.
        configs: the party.toml of each party, by name.
        sockets: the bound socket that each party is to listen on; closed here.
        applicants: how many to score; None for one for each record.
        protocol: as `mpcnet score --protocol`.
        display: shows the parties' progress.
    """
    children: list[Child] = []
    try:
        for name in configs:
            handed = sockets[name].fileno()
            arguments = ["--config", str(configs[name]), "--json", str(folder / f"{name}.json"), "--progress-json"]
            arguments += ["--listen-fd", str(handed), "--protocol", protocol]
            if applicants is not None:
                arguments += ["--applicants", str(applicants)]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "mpcnet", "score", *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(handed,),
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": _python_path()},
            )  # fmt: skip
            children.append(Child(name, process))
            sockets[name].close()  # the child listens now
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(_follow(child, display))
            waiting = {group.create_task(child.process.wait()) for child in children}
            while waiting:
                failed = any(child.process.returncode not in (None, 0) for child in children)
                ended, waiting = await asyncio.wait(
                    waiting, return_when=asyncio.FIRST_COMPLETED, timeout=GRACE_SECONDS if failed else None
                )
                if failed and not ended:
                    _signal(children, signal.SIGKILL)
    finally:
        await _put_away(children)
    return children


async def _follow(child: Child, display: Display) -> None:
    """Show a child's steps and keep its errors until both streams end."""
    assert child.process.stdout is not None
    assert child.process.stderr is not None

    async def steps(stream: asyncio.StreamReader) -> None:
        async for raw in stream:
            found = read_step(raw.decode("utf-8", "replace"))
            if found is not None:
                display.show(child.name, found[1])

    async def errors(stream: asyncio.StreamReader) -> None:
        async for raw in stream:
            child.errors.append(raw.decode("utf-8", "replace").rstrip())

    await asyncio.gather(steps(child.process.stdout), errors(child.process.stderr))


async def _put_away(children: Sequence[Child]) -> None:
    """End what is left: first so that they can tell each other, then for sure."""
    _signal(children, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FAREWELL_SECONDS):
            await asyncio.gather(*(child.process.wait() for child in children))
    _signal(children, signal.SIGKILL)
    await asyncio.gather(*(child.process.wait() for child in children))


def _signal(children: Sequence[Child], number: signal.Signals) -> None:
    for child in children:
        if child.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(number)


def raise_failure(children: Sequence[Child]) -> None:
    """Raise what went wrong; a party that failed by itself is named before those that lost a peer."""
    from mpcnet.cli.app import EXIT_PEER

    failed = [child for child in children if child.exit_code != 0]
    if not failed:
        return
    failed.sort(key=lambda child: child.exit_code == EXIT_PEER)
    code = failed[0].exit_code
    reasons = [(child.name, _last_words(child)) for child in failed]
    raise PartiesFailed(reasons, 128 - code if code < 0 else code)


def _last_words(child: Child) -> str:
    if child.exit_code < 0:
        return f"its process was ended by signal {-child.exit_code}"
    said = "\n".join(child.errors).strip().removeprefix("mpcnet: ")
    return said or f"its process ended with exit code {child.exit_code}"


def _python_path() -> str:
    """Where the children find this very package, from a checkout as from a wheel."""
    here = str(Path(__file__).parent.parent.parent)
    return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
