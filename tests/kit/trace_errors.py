"""Functions that cannot be traced, each with what the error says and the line it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from circuits import TraceError, WidthError, circuit

__all__ = ["Cases", "check"]


class Cases(list[Any]):
    """The parameters of a test: (function, text) of each function under `says`."""

    def says(self, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """The function's line marked HERE is the one that the error must name."""

        def mark(function: Callable[..., Any]) -> Callable[..., Any]:
            self.append(pytest.param(function, text, id=function.__name__))
            return function

        return mark


def check(function: Callable[..., Any], text: str) -> None:
    """Trace the function: the error names its line marked HERE, and says `text`."""
    with pytest.raises((TraceError, WidthError, AttributeError)) as caught:
        circuit(function)
    code = function.__code__
    lines = Path(code.co_filename).read_text(encoding="utf-8").splitlines()
    here = next(n for n in range(code.co_firstlineno, len(lines)) if "# HERE" in lines[n - 1])
    place, message = str(caught.value).split(": ", 1)
    assert place == f"{code.co_filename}:{here}"
    assert text in message
