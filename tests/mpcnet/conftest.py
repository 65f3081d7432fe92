"""What several tests of the network share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mpcnet.doctor import look, machine, visit
from tests.kit.folders import Folders
from tests.kit.network import Net, make_net, nothing_left


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    """Three parties; whatever a test does, no task and no file stays behind."""
    async with nothing_left():
        made = make_net(tmp_path, "bank", "bureau", "lender")
        yield made
        made.close()


@pytest.fixture
async def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Folders]:
    monkeypatch.setattr(look, "BULK_SECONDS", 0.02)
    monkeypatch.setattr(look, "STEP_SECONDS", 1.0)
    monkeypatch.setattr(visit, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(machine, "examine_machine", lambda folder, report: None)  # has tests of its own
    async with nothing_left():
        made = Folders(tmp_path / "parties")
        yield made
        made.close()
