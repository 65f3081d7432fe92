"""What the tests of the doctor share."""

from __future__ import annotations

import asyncio
from typing import Any

from mpcnet.doctor import Check, Report, examine
from tests.kit.folders import Folders


async def alone(folders: Folders, name: str = "bank") -> Report:
    return await examine(folders.files[name], alone=True)


async def together(folders: Folders, *names: str, seconds: float = 8.0, **options: Any) -> list[Report]:
    """The doctors of several parties at the same time."""
    looks = [
        examine(folders.files[n], wait_seconds=seconds, listen_socket=folders.sockets.pop(n), **options) for n in names
    ]
    return list(await asyncio.gather(*looks))


def of(report: Report, name: str, party: str = "") -> Check:
    (check,) = [check for check in report.checks if (check.name, check.party) == (name, party)]
    return check
