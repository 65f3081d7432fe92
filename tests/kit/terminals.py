"""The commands of the demo as people type them: processes, what they print, and what they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MPCNET = [sys.executable, "-m", "mpcnet"]
SECONDS = 110


def environment(folder: Path) -> dict[str, str]:
    """As a user has it, with a place for temporary files that can be looked at afterwards."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(temporary), "NO_COLOR": "1"}


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MPCNET, "demo", *arguments],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def left_behind(folder: Path) -> list[Path]:
    """Keys and records that should be gone: any file that the demo itself made, but not what a library unpacks."""
    return [path for path in (folder / "tmp").iterdir() if path.name.startswith("mpcnet")]


class Terminals:
    """The terminals of several people."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.running: dict[str, subprocess.Popen[str]] = {}

    def start(self, party: str, *arguments: str) -> None:
        config = self._folder / party / "party.toml"
        self.running[party] = subprocess.Popen(
            [*MPCNET, "score", "--config", str(config), *arguments],
            cwd=self._folder,
            env=environment(self._folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self) -> dict[str, tuple[int, str, str]]:
        """(exit code, stdout, stderr) of each."""
        ended = {}
        for party, process in self.running.items():
            out, err = process.communicate(timeout=SECONDS)
            ended[party] = (process.returncode, out, err)
        return ended

    def kill(self) -> None:
        """End whatever still runs."""
        for process in self.running.values():
            process.kill()
            process.communicate()
