"""What was measured on: processor, load, versions."""

from __future__ import annotations

import os
import platform
import ssl
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

__all__ = ["describe", "load_average"]

_PACKAGES = ("mpcnet", "numpy", "numba", "cryptography", "pynacl", "rbcl")


def describe() -> dict[str, str]:
    """Processor, cores, path of the kernels, system and versions, as lines of a table."""
    from protocols.kernels import cpu

    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "kernels": f"{cpu.path()} (there are {', '.join(cpu.available())})",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}, {ssl.OPENSSL_VERSION}",
        "versions": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
    }


def load_average() -> str:
    """Processes that ran or waited, on average over 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def _processor() -> str:
    """The name that the system gives the processor, with family and model where it tells: names alone say little."""
    facts: dict[str, str] = {}
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            facts.setdefault(key.strip(), value.strip())
    if "model name" not in facts:
        return platform.processor() or platform.machine()
    if "cpu family" not in facts:
        return facts["model name"]
    return f"{facts['model name']} (family {facts['cpu family']}, model {facts.get('model', '?')})"
