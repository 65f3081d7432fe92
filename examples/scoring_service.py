"""A party inside a web service: it answers scoring requests while other requests go on.

    python examples/scoring_service.py                  (needs pip install aiohttp)

Three institutions, each a service of its own with one long session to the others. A request at the lender becomes a
fork of that session: any number of them run at once over the same links, and one that fails, or whose client goes away,
ends by itself. The bureau and the bank decide on their own whether they take part. In real life each runs on a machine
of its own; here all three share this process and this event loop, which nothing of the package minds.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

import mpcnet
from circuits import Bit, UInt, circuit, select
from mpcnet.provision import create_network

MOST_BYTES = 64 * 1024
OWNERS = {"balance": "bank", "late": "bureau", "amount": "lender", "cutoff": "lender"}
RECORDS: dict[str, dict[str, dict[str, int]]] = {  # in real life each has only its own line
    "bank": {f"A{i}": {"balance": 137 * i % 5000} for i in range(40)},
    "bureau": {f"A{i}": {"late": i % 4} for i in range(40)},
    "lender": {f"A{i}": {"amount": 97 * i % 4000, "cutoff": 60} for i in range(40)},
}


@circuit
def scorecard(balance: UInt[16], late: UInt[8], amount: UInt[16], cutoff: UInt[8]) -> (UInt[8], Bit):
    """Points, and whether they are enough."""
    points = select(balance > amount, 50, 15) + select(late == 0, 45, select(late == 1, 20, 0))
    return points.wrap(8), points >= cutoff


class Institution:
    """One party: it keeps a session to the others, and takes part in what is asked.

    The session lives in a task of its own, because it cancels the task that entered it when a peer is lost.
    """

    def __init__(self, name: str, config: Path, sock: socket.socket) -> None:
        self.name, self._config, self._socket = name, config, sock
        self._session: mpcnet.Session | None = None
        self._stands = asyncio.Event()
        self._numbers = itertools.count()
        self._answers: set[asyncio.Task[None]] = set()

    async def live(self, app: web.Application) -> AsyncIterator[None]:
        """For `cleanup_ctx` of aiohttp: as long as the service runs."""
        task = asyncio.create_task(self._keep_session())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, mpcnet.MPCNetError):  # another party may be gone already
            await task

    async def _keep_session(self) -> None:
        async with mpcnet.connect(self._config, listen_socket=self._socket) as session:
            self._session = session
            self._requests = {peer: session.channel(peer, "requests", secret=False) for peer in session.peers}
            self._stands.set()
            if self.name == "lender":
                await asyncio.Event().wait()
            while True:  # what the lender asks for, one after the other; the answers overlap
                n_bytes = int.from_bytes(await self._requests["lender"].receive(4), "little")
                if n_bytes > MOST_BYTES:
                    raise mpcnet.ConfigError("a request is longer than this party takes")
                asked = json.loads(bytes(await self._requests["lender"].receive(n_bytes)))
                answer = asyncio.create_task(self._take_part(str(asked["number"]), list(asked["applicants"])))
                self._answers.add(answer)
                answer.add_done_callback(self._answers.discard)

    async def _take_part(self, number: str, applicants: list[str]) -> None:
        """One request at a holder: its fork ends at all parties together, and takes nothing else with it."""
        with contextlib.suppress(mpcnet.MPCNetError):  # the lender has heard of it
            await self._evaluate(number, applicants)

    async def score(self, applicants: list[str]) -> list[dict[str, Any]]:
        """One request at the lender."""
        await asyncio.wait_for(self._stands.wait(), 60)
        number = str(next(self._numbers))
        message = json.dumps({"number": number, "applicants": applicants}).encode()
        for channel in self._requests.values():
            await channel.send(len(message).to_bytes(4, "little"))
            await channel.send(message)
        points, accepted = await self._evaluate(number, applicants)
        found = zip(applicants, points, accepted, strict=True)
        return [{"applicant": a, "points": int(p), "accepted": bool(d)} for a, p, d in found]

    async def _evaluate(self, number: str, applicants: list[str]) -> Any:
        assert self._session is not None
        async with self._session.fork(f"request-{number}") as fork:
            records = [RECORDS[self.name].get(applicant) for applicant in applicants]
            if not records or None in records:
                raise mpcnet.ConfigError("an applicant is unknown here")  # which one, stays here
            inputs = {column: [record[column] for record in records if record] for column in records[0] or {}}
            return await fork.evaluate(scorecard, inputs, owners=OWNERS, reveal_to=["lender"])

    def service(self) -> web.Application:
        """The web application around it."""

        async def post_score(request: web.Request) -> web.Response:
            try:
                return web.json_response(await self.score((await request.json())["applicants"]))
            except mpcnet.MPCNetError as error:
                return web.json_response({"error": str(error)}, status=409)

        async def get_health(request: web.Request) -> web.Response:
            peers = list(self._session.peers) if self._session is not None else []
            return web.json_response({"party": self.name, "connected": peers})

        app = web.Application()
        app.cleanup_ctx.append(self.live)
        app.router.add_get("/health", get_health)
        if self.name == "lender":
            app.router.add_post("/score", post_score)
        return app


@contextlib.asynccontextmanager
async def three_services(folder: Path) -> AsyncIterator[str]:
    """Three institutions on this machine; the address of the lender's service."""
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in RECORDS}
    addresses = {name: "{}:{}".format(*bound.getsockname()) for name, bound in sockets.items()}
    configs = create_network(folder, addresses, deadlines=mpcnet.Deadlines(total=0))  # as long as the services run
    async with contextlib.AsyncExitStack() as stack:
        for name, config in configs.items():
            runner = web.AppRunner(Institution(name, config, sockets[name]).service())
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            if name == "lender":
                address = "http://{}:{}".format(*runner.addresses[0])
        yield address


async def main() -> None:
    """Twelve requests at once, and the service's other answers beside them."""
    with tempfile.TemporaryDirectory() as folder:
        async with three_services(Path(folder)) as lender, ClientSession(lender) as client:

            async def ask(applicants: list[str]) -> Any:
                async with client.post("/score", json={"applicants": applicants}) as response:
                    return response.status, await response.json()

            print(await ask(["A1", "A2"]))
            requests = [[f"A{3 * i + j}" for j in range(3)] for i in range(12)]
            answers = asyncio.gather(*(ask(applicants) for applicants in requests))
            slowest, looks = 0.0, 0
            while not answers.done():
                started = time.perf_counter()
                async with client.get("/health") as response:
                    assert (await response.json())["connected"] == ["bank", "bureau"]
                slowest, looks = max(slowest, time.perf_counter() - started), looks + 1
                await asyncio.sleep(0.01)
            for status, rows in await answers:
                assert status == 200
                for row in rows:
                    known = {k: v for records in RECORDS.values() for k, v in records[row["applicant"]].items()}
                    assert (row["points"], row["accepted"]) == scorecard(**known)
            print(f"{len(requests)} requests at once, all right; {looks} health checks beside them, the slowest "
                  f"{1000 * slowest:.0f} ms")  # fmt: skip
            print(await ask(["A1", "A99"]))
            print(await ask(["A5"]))


if __name__ == "__main__":
    asyncio.run(main())
