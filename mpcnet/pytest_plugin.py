"""Fixtures for tests of programs that use mpcnet; installed with it, and imports nothing until one is used.

def test_my_program(mpc_parties):
    one, two = mpc_parties(my_program.main, names=["one", "two"], each={"one": {"x": 5}, "two": {"x": 7}})
    assert one.value == 12
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mpcnet.local import Result

__all__ = ["mpc_parties", "mpc_simulation"]


@pytest.fixture
def mpc_parties() -> Callable[..., list[Result]]:
    """`mpcnet.local.run`, which raises the first failure unless `check=False`: n processes over TLS on this machine."""
    from mpcnet import local

    def run(program: Any, n_parties: int | None = None, **options: Any) -> list[Result]:
        return local.run(program, n_parties, **{"check": True, **options})

    return run


@pytest.fixture
def mpc_simulation() -> Callable[..., Any]:
    """`mpcnet.simulate.simulate`, to be awaited: all parties in this event loop, in memory."""
    from mpcnet.simulate import simulate

    return simulate
