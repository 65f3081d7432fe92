"""Several people who follow a document, each in a folder of their own, and exchange nothing but what it says.

In a fenced `sh` block `# at the bank` behind a command says who types it, and `# at each` that all do, at the same
time. A `text` block `to everybody: FILE ...` hands files out: each goes from the one who has it to all others. A Python
block that begins with `# name.py` is a file that the document gives to everybody.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
PERSON = re.compile(r"\s*#\s*at (?:the )?(\w+)$")
HAND_OUT = "to everybody: "
PROGRAM = re.compile(r"# ([\w-]+\.py)\n")
SECONDS = 60


class People:
    """The people of a walk-through.

    Args:
        folder: gets a folder for each.
        names: as the document calls them.

    Attributes:
        places: where each of them is by now.
        handed: names of the files that changed hands.
        said: (who, command, output) of each command that was typed.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        self.places = {name: folder / f"{name}'s machine" for name in names}
        self.handed: list[str] = []
        self.said: list[tuple[str, str, str]] = []
        for place in self.places.values():
            place.mkdir()

    def follow(self, text: str) -> None:
        """Do what a document says, from its beginning to its end."""
        for language, block in FENCE.findall(text):
            program = PROGRAM.match(block)
            if language == "python" and program:
                for place in self.places.values():
                    (place / program[1]).write_text(block, encoding="utf-8")
            elif language == "text" and block.startswith(HAND_OUT):
                for name in block.removeprefix(HAND_OUT).split():
                    self._hand_out(name)
            elif language == "sh":
                lines = [line for line in block.replace("\\\n", "").splitlines() if PERSON.search(line)]
                for _, together in groupby(self._typed(lines), key=lambda step: step[0]):
                    self._type([(who, command) for _, who, command in together])

    def _typed(self, lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
        """(step, who, command): lines of different people that follow each other are one step."""
        step, busy = 0, set[str]()
        for line in lines:
            found = PERSON.search(line)
            assert found is not None
            who = list(self.places) if found[1] == "each" else [found[1]]
            if busy & set(who):
                step, busy = step + 1, set()
            busy |= set(who)
            for name in who:
                yield step, name, line[: found.start()]

    def _hand_out(self, name: str) -> None:
        owners = [place for place in self.places.values() if (place / name).exists()]
        assert owners, f"nobody has {name}"
        self.handed.append(name)
        owner = max(owners, key=lambda place: (place / name).stat().st_mtime_ns)  # who has the newest made it
        for place in self.places.values():
            if place != owner:
                shutil.copy(owner / name, place / name)

    def _type(self, typed: Sequence[tuple[str, str]]) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "NO_COLOR": "1"}
        running = []
        try:
            for who, command in typed:
                where = self._folder / f"{who}.place"
                running.append(
                    subprocess.Popen(
                        ["/bin/sh", "-ec", f'{command}\npwd > "{where}"'], cwd=self.places[who], env=environment,
                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                    )
                )  # fmt: skip
            for (who, command), process in zip(typed, running, strict=True):
                output, _ = process.communicate(timeout=SECONDS)
                self.said.append((who, command, output))
                assert process.returncode == 0, f"{who}$ {command}\nexit code {process.returncode}\n{output}"
                self.places[who] = Path((self._folder / f"{who}.place").read_text(encoding="utf-8").rstrip("\n"))
        finally:
            for process in running:
                process.kill()
                process.communicate()

    def hear(self, who: str, command: str) -> str:
        """What somebody's last command that begins so printed."""
        return [output for name, typed, output in self.said if name == who and typed.startswith(command)][-1]
