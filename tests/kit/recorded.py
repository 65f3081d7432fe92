"""Runs of three parties with a record each, over sessions in memory."""

from __future__ import annotations

import json
from typing import Any

from mpcnet.errors import RecordError
from mpcnet.record.keeper import Keeper
from mpcnet.session import Session
from tests.kit.agreement import MINE, NAMES, OWNERS, Institutions, approve
from tests.kit.links import plain_sessions, run_sessions

JOB = bytes(range(32))


class Recorded:
    """What `mpcnet.connect` does with a record, over sessions in memory."""

    def __init__(self, three: Institutions, job_name: str = "march") -> None:
        self.paths = {name: three.configs[name].record_path for name in NAMES}
        self.roster = three.configs["bank"].load_roster()
        self.identities = {name: three.configs[name].load_identity() for name in NAMES}
        self._job_name = job_name
        self._muted: set[str] = set()

    async def run(self, role: Any, made: Any = plain_sessions) -> dict[str, Any]:
        self.keepers = {
            name: Keeper(self.paths[name], self.identities[name], self.roster, JOB, self._job_name) for name in NAMES
        }
        returned: dict[str, Any] = {}

        async def kept(session: Session) -> Any:
            self.keepers[session.name].start(session)
            returned[session.name] = await role(session)
            if session.name not in self._muted:
                await self.keepers[session.name].settle(session)
            return returned[session.name]

        sessions = made(NAMES)
        results = await run_sessions(sessions, kept)
        self.failures: dict[str, Any] = dict.fromkeys(NAMES)
        for name, result in results.items():
            try:
                self.keepers[name].end(sessions[name], result if isinstance(result, BaseException) else None)
            except RecordError as error:
                self.failures[name] = error
        return results

    def mute(self, name: str) -> None:
        """A party signs nothing."""
        self._muted.add(name)

    def entries(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.paths[name].read_bytes().splitlines()]


async def ask(session: Session) -> Any:
    return await session.evaluate(approve, MINE[session.name], owners=OWNERS, reveal_to=["lender"])
