"""Where in the user's program an operation was called."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from mpcnet.errors import ConfigError

__all__ = ["Position", "caller", "misused", "user_frame"]

_PACKAGE = str(Path(__file__).parent) + "/"
_ROOM = str(Path(__file__).parent.parent / "room.py")  # where computations are made


@dataclass(frozen=True, slots=True)
class Position:
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def short(self) -> str:
        """Without the folder: what other parties get to see."""
        return f"{self.file.rpartition('/')[2]}:{self.line}"


def user_frame() -> FrameType | None:
    """The innermost frame outside this package and `mpcnet.room`."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((_PACKAGE, _ROOM)):
        frame = frame.f_back
    return frame


def caller() -> Position:
    """The line of the innermost frame outside this package and `mpcnet.room`."""
    frame = user_frame()
    return Position("unknown", 0) if frame is None else Position(frame.f_code.co_filename, frame.f_lineno)


def misused(text: str) -> ConfigError:
    """The error for wrong arguments, with the user's line: errors of this project are shown without a traceback."""
    return ConfigError(f"{text} (at {caller().short})")
