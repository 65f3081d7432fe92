"""The same work by MPyC, in the same run on the same machine: one of ours, one of theirs, in turn, several times.

Ours: three processes over TLS as in the row of that name. Theirs: three processes as MPyC's own `-M3` starts them, over
TCP. Both measure from shared inputs to shared outputs, warm, and the slowest party counts; for the trivial program the
whole of it counts, from the start of the first process to the end of the last. Where MPyC would take minutes it does a
stated part of the work, and its time is scaled by the number of elements.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from mpcnet.bench.crew import Task, run_parties
from mpcnet.bench.rows import Work, choose
from mpcnet.errors import ConfigError, MPCNetError

__all__ = ["PEERED", "PeerRow", "check_installed", "choose_peered", "measure_peers", "run_mpyc"]

PARTIES = 3
SECONDS = 900.0
PROGRAM = Path(__file__).with_name("mpyc_program.py")

PEERED: Mapping[str, int] = {
    "shamir3-mul": 1_000_000,
    "shamir3-less": 10_000,
    "shamir3-mul-fixed": 10_000,
    "shamir3-matmul-fixed": 128,
    "shamir3-logistic": 1_000,
    "trivial3": 1,
}
"""Rows that MPyC can do, and how much of each it does."""


@dataclass(frozen=True)
class PeerRow:
    """One row of ours beside MPyC.

    Attributes:
        name, unit, count: of the row; what one repetition of ours does.
        seconds: of it, for each repetition.
        n_bytes: that all our parties sent in one, with frames, without TLS.
        peer_count: what one repetition of theirs does.
        peer_seconds: of it, for each repetition.
        peer_bytes: that all their parties sent in one, with frames.
    """

    name: str
    unit: str
    count: int
    seconds: tuple[float, ...]
    n_bytes: int
    peer_count: int
    peer_seconds: tuple[float, ...]
    peer_bytes: int

    @property
    def ours(self) -> float:
        """The median."""
        return median(self.seconds)

    @property
    def theirs(self) -> float:
        """The median, for as much work as ours."""
        return median(self.peer_seconds) * self.count / self.peer_count

    @property
    def ratio(self) -> float:
        """How many times as long as ours theirs took."""
        return self.theirs / self.ours

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "unit": self.unit,
            "count": self.count,
            "seconds": self.ours,
            "samples": list(self.seconds),
            "bytes": self.n_bytes,
            "peer": f"MPyC {_version()}",
            "peer_count": self.peer_count,
            "peer_seconds": median(self.peer_seconds),
            "peer_samples": list(self.peer_seconds),
            "peer_bytes": self.peer_bytes,
            "peer_seconds_scaled": self.theirs,
            "ratio": self.ratio,
        }


def check_installed() -> str:
    """The version of MPyC.

    Raises:
        ConfigError: it is not installed.
    """
    found = _version()
    if not found:
        raise ConfigError("MPyC is not installed: `make bench-peers` does it, or pip install 'mpcnet[bench]'")
    return found


def choose_peered(only: Sequence[str]) -> list[Work]:
    """The works of these names that MPyC can do; all of them where none is named.

    Raises:
        ConfigError: there is no such row, or MPyC has nothing like it.
    """
    works = choose(only)
    alone = [work.name for work in works if work.name not in PEERED]
    if only and alone:
        raise ConfigError(f"{alone[0]}: MPyC has nothing to compare with; there are {', '.join(PEERED)}")
    return [work for work in works if work.name in PEERED]


def measure_peers(
    works: Sequence[Work], *, quick: bool, repeats: int, path: str, on_step: Callable[[str, str, int, int], None]
) -> list[PeerRow]:
    """All rows, one after the other.

    Args:
        works: see `choose_peered`.
        quick: small counts: shows that all of it runs, and nothing else.
        repeats: of each; new processes for each.
        path: the AES kernels to use.
        on_step: called with a row's name, whose turn it is, the repetitions done and those there are.
    Raises:
        PartyFailed, MPCNetError: one of ours or of theirs failed.
    """
    rows = []
    for work in works:
        count = work.quick_count if quick else work.count
        peer_count = min(count, PEERED[work.name])
        mine, theirs = [], []
        for i in range(repeats):
            on_step(work.name, "ours", i, repeats)
            mine.append(_run_ours(work, count, path))
            on_step(work.name, "MPyC", i, repeats)
            theirs.append(_run_theirs(work, peer_count))
        seconds, peer_seconds = (tuple(sample[0] for sample in samples) for samples in (mine, theirs))
        n_bytes, peer_bytes = mine[-1][1], theirs[-1][1]
        rows.append(PeerRow(work.name, work.unit, count, seconds, n_bytes, peer_count, peer_seconds, peer_bytes))
    return rows


def run_mpyc(work: str, count: int, *, program: Path = PROGRAM, limit: float = SECONDS) -> tuple[float, int]:
    """Seconds and bytes of one run of a program under MPyC's launcher; for "trivial" the seconds of the whole.

    Raises:
        MPCNetError: it failed, or took longer than `limit`; no process of it is left.
    """
    argv = [sys.executable, str(program), work, str(count), f"-M{PARTIES}", "--no-log", "-B", str(_free_ports())]
    started = time.perf_counter()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, complaint = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise MPCNetError(f"MPyC, {work}: not done in {limit:g} s") from None
    else:
        elapsed = time.perf_counter() - started
        if process.returncode:
            last = (complaint.strip() or "no message").splitlines()[-1]
            raise MPCNetError(f"MPyC, {work}: exit code {process.returncode}: {last}")
        found = json.loads(output.splitlines()[-1])
        return (elapsed if work == "trivial" else found["seconds"]), found["bytes"]
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Kill what is left of the process and of those it started: MPyC's parties wait for a lost one for ever."""
    if process.returncode != 0:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _run_theirs(work: Work, count: int) -> tuple[float, int]:
    return run_mpyc("trivial" if work.crew == "fresh" else work.name.partition("-")[2], count)


def _run_ours(work: Work, count: int, path: str) -> tuple[float, int]:
    if work.crew == "fresh":
        return _run_trivial(), 0
    (found,) = run_parties([Task(work.name, count, 1)], work.parties, path, lambda *_: None)
    return found.walls[0], found.bytes


def _run_trivial() -> float:
    """`mpcnet local` with three parties, from start to end."""
    argv = [sys.executable, "-m", "mpcnet", "local", "-n", str(PARTIES), "mpcnet.bench.trivial:main"]
    started = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise MPCNetError(f"mpcnet local: exit code {done.returncode}: {done.stderr.strip()}")
    return time.perf_counter() - started


def _free_ports() -> int:
    """The first of as many free ports in a row as there are parties."""
    for _ in range(100):
        with ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            with suppress(OSError, OverflowError):
                for i in range(1, PARTIES):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port + i))
                return port
    raise MPCNetError("found no free ports for MPyC")


def _version() -> str:
    try:
        return version("mpyc")
    except PackageNotFoundError:
        return ""
