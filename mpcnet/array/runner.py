"""Runs the operations of a program when their operands are there, as many side by side as there are.

Work without messages is done in the event loop, in slices, or in a thread where it is long. An operation that talks
gets a task and a mesh of its own, once all parties have agreed on it. Those that run have at most BUDGET channels to
each peer, as many as a peer that is behind lets this one open. The first operation that is not done may always begin:
so the first that is not done anywhere goes on at every party, and all come to an end.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from mpcnet.array.agreement import Agreement
from mpcnet.array.node import Node
from mpcnet.array.traffic import Conversation, Traffic
from mpcnet.errors import MPCNetError, PeerDisconnected
from protocols.arithmetic.contract import Engine
from protocols.channel import Mesh
from protocols.ot.work import run

__all__ = ["LONG", "Runner"]

LONG: Final = 1 << 16
"""Elements whose work belongs in a thread."""
BUDGET: Final = 960
SLICE_SECONDS: Final = 0.005


class Runner:
    """The operations of one computation at one party.

    Args:
        mesh: each operation that talks gets a fork of it.
        agreement: says which may talk.
        on_error: called with an operation and its error.

    Attributes:
        engine: set by the first operation.
        traffic: of all operations.
    """

    def __init__(self, mesh: Mesh, agreement: Agreement, on_error: Callable[[Node, Exception], None]) -> None:
        self.engine: Engine | None = None
        self.traffic = Traffic()
        self._mesh, self._agreement, self._on_error = mesh, agreement, on_error
        self._first: Node | None = None
        self._turns = 0
        self._local: deque[Node] = deque()
        self._ready: list[tuple[int, Node]] = []  # a heap of those that talk and have their operands
        self._open = 0  # the first turn that is not done
        self._channels = 0  # of all that run
        self._done_ahead: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = self._stopped = False
        self._loop = asyncio.get_running_loop()

    def add(self, node: Node) -> None:
        """The next operation of the program; it begins as soon as it can."""
        if node.talks:
            node.turn = self._turns
            self._turns += 1
        needs = [operand for operand in node.operands or self._setup if not operand.done]
        self._first = self._first or node
        node.waiting = len(needs)
        for operand in needs:
            operand.consumers.append(node)
        if not needs:
            self._queue(node)

    @property
    def _setup(self) -> tuple[Node, ...]:
        """What operations without operands wait for."""
        return () if self._first is None else (self._first,)

    def _queue(self, node: Node) -> None:
        if node.talks:
            heapq.heappush(self._ready, (node.turn, node))
        else:
            self._local.append(node)
        self.wake()

    def wake(self) -> None:
        """Look again what can begin."""
        if not self._woken and not self._stopped:
            self._woken = True
            self._loop.call_soon(self._pump)

    async def stop(self) -> None:
        """End everything that runs."""
        self._stopped = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _pump(self) -> None:
        self._woken = False
        until = time.perf_counter() + SLICE_SECONDS
        while self._local and not self._stopped:
            node = self._local.popleft()
            if node.long:
                self._spawn(self._in_thread(node))
            else:
                self._here(node)
            if time.perf_counter() > until:
                if self._local:
                    self.wake()
                break
        while self._ready and not self._stopped:
            turn, node = self._ready[0]
            room = turn == self._open or self._channels + node.channels <= BUDGET
            if not room or node.checkpoint >= self._agreement.agreed:
                break
            heapq.heappop(self._ready)
            self._channels += node.channels
            self._spawn(self._talk(node))

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _here(self, node: Node) -> None:
        try:
            value = node.work(self.engine, *(operand.value for operand in node.operands))
        except Exception as error:
            self._failed(node, error)
            return
        self._finish(node, value)

    async def _in_thread(self, node: Node) -> None:
        values = [operand.value for operand in node.operands]
        try:
            value = await run(node.work, self.engine, *values, long=True)
        except Exception as error:
            self._failed(node, error)
            return
        self._finish(node, value)

    async def _talk(self, node: Node) -> None:
        try:
            conversation = Conversation(self._mesh.fork(str(node.number)), self.traffic)
            value = await node.work(self.engine, conversation, *(operand.value for operand in node.operands))
        except asyncio.CancelledError:
            if not self._stopped:
                self._failed(node, MPCNetError("a part of the operation was cancelled"))
            raise
        except Exception as error:  # its channels stay open: the peers are to hear why before they see them close
            self._failed(node, error)
            return
        conversation.close()
        self._channels -= node.channels
        if node is self._first:
            self.engine = value
        self._done_ahead.add(node.turn)
        while self._open in self._done_ahead:
            self._done_ahead.discard(self._open)
            self._open += 1
        self._finish(node, value)
        self.wake()

    def _finish(self, node: Node, value: object) -> None:
        if not self._stopped:
            for consumer in node.finish(value):
                self._queue(consumer)

    def _failed(self, node: Node, error: Exception) -> None:
        if self._stopped:
            return
        if isinstance(error, PeerDisconnected) and error.peer:
            self._spawn(self._judge(node, error))
        else:
            self._on_error(node, error)

    async def _judge(self, node: Node, error: PeerDisconnected) -> None:
        """A party left: because all have ended, or because programs part, which is not this operation's fault."""
        if self._agreement.has_ended(error.peer) or await self._agreement.has_word_of(error.peer):
            return
        self._on_error(node, error)
