"""The machine under this party: processor, load, memory, disk, open files, clock.

Linux tells the most; elsewhere what is not known is left out. No package is needed for it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import ssl
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from mpcnet.doctor.checks import Report, State
from mpcnet.doctor.mends import WRONG_CLOCK

__all__ = ["available_memory", "examine_machine"]

MIB, GIB = 1 << 20, 1 << 30
DISK_BYTES = (100 * MIB, GIB)  # below the first a run fails, below the second somebody should look
MEMORY_BYTES = (256 * MIB, GIB)
OPEN_FILES = 128
CLOCK_SLACK_SECONDS = 300.0  # network file systems have clocks of their own


def examine_machine(folder: Path, report: Report) -> None:
    """Check the machine.

    Args:
        folder: of this party's files.
        report: where the findings go.
    """
    _examine_software(report)
    _examine_processor(report)
    _examine_memory(report)
    _examine_disk(folder, report)
    _examine_open_files(report)
    _examine_clock(folder, report)


def _examine_software(report: Report) -> None:
    from importlib.metadata import version
    from platform import python_version

    found = f"mpcnet {version('mpcnet')}, Python {python_version()}, {ssl.OPENSSL_VERSION}"
    if not ssl.HAS_TLSv1_3:
        report.add(
            "software", State.MEND, f"{found}, without TLS 1.3", "use a Python built with OpenSSL 1.1.1 or newer"
        )
    else:
        report.add("software", State.WELL, found)


def _examine_processor(report: Report) -> None:
    from protocols.kernels import cpu

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    found = f"{cores} core{'s' if cores > 1 else ''}, load {load:.1f}, AES kernels: {cpu.path()}"
    if cpu.path() == "portable":
        mend = "a processor with AES instructions (x86-64) garbles some twenty times faster"
        report.add("processor", State.WARN, found, mend)
    elif load > 2 * cores:
        report.add("processor", State.WARN, found, "other work slows a run down; deadlines may pass")
    else:
        report.add("processor", State.WELL, found)


def _examine_memory(report: Report) -> None:
    free = available_memory()
    if free is None:
        return
    state, found = _judge(free, MEMORY_BYTES), f"{_size(free)} free for this process"
    report.add("memory", state, found, "" if state == State.WELL else "end other programs, or raise the limit")


def available_memory() -> int | None:
    """How much memory this process may still take, in bytes: the machine's, its container's and its own limit."""
    limits = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        limits.append(int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * 1024)
    with contextlib.suppress(OSError, ValueError, IndexError):
        group = Path("/proc/self/cgroup").read_text(encoding="utf-8").rpartition("::/")[2].strip()
        for place in (Path("/sys/fs/cgroup") / group, Path("/sys/fs/cgroup")):
            with contextlib.suppress(OSError, ValueError):
                most = int((place / "memory.max").read_text(encoding="ascii"))
                limits.append(most - int((place / "memory.current").read_text(encoding="ascii")))
    with contextlib.suppress(ImportError, OSError, ValueError, IndexError):
        import resource

        own = resource.getrlimit(resource.RLIMIT_AS)[0]
        if own != resource.RLIM_INFINITY:
            used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
            limits.append(own - used)
    return max(0, min(limits)) if limits else None


def _examine_disk(folder: Path, report: Report) -> None:
    places: dict[int, Path] = {}
    for place in _places_written(folder):
        with contextlib.suppress(OSError):
            places.setdefault(place.stat().st_dev, place)
    if not places:
        return
    least = min(places.values(), key=lambda place: shutil.disk_usage(place).free)
    free = shutil.disk_usage(least).free
    state = _judge(free, DISK_BYTES)
    mend = "" if state == State.WELL else f"make room in {least}"
    report.add("disk", state, f"{_size(free)} free in {least}", mend)


def _places_written(folder: Path) -> Iterable[Path]:
    """Where a run writes: results and records, temporary files, compiled kernels."""
    import protocols.kernels

    yield folder
    yield Path(tempfile.gettempdir())
    yield Path(protocols.kernels.__path__[0])


def _examine_open_files(report: Report) -> None:
    with contextlib.suppress(ImportError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if most < OPEN_FILES:
            report.add(
                "open files", State.WARN, f"at most {most}", "in the shell that starts the party: `ulimit -n 1024`"
            )
        else:
            report.add("open files", State.WELL, f"at most {most}")


def _examine_clock(folder: Path, report: Report) -> None:
    """No file here can be of the future; how far the others' clocks are from this one, their answers tell."""
    newest = 0.0
    with contextlib.suppress(OSError):
        newest = max((entry.stat().st_mtime for entry in folder.iterdir()), default=0.0)
    now = time.time()
    found = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(now))} UTC"
    if newest > now + CLOCK_SLACK_SECONDS:
        found += f", earlier than the newest file in {folder}"
        report.add("clock", State.MEND, found, WRONG_CLOCK)
    else:
        report.add("clock", State.WELL, found)


def _judge(free: int, limits: tuple[int, int]) -> State:
    if free < limits[0]:
        return State.MEND
    return State.WARN if free < limits[1] else State.WELL


def _size(n_bytes: int) -> str:
    return f"{n_bytes / GIB:.1f} GiB" if n_bytes >= GIB else f"{n_bytes // MIB} MiB"
