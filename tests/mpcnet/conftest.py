"""What several tests of the network share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.kit.network import Net, make_net, nothing_left


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    """Three parties; whatever a test does, no task and no file stays behind."""
    async with nothing_left():
        made = make_net(tmp_path, "bank", "bureau", "lender")
        yield made
        made.close()
