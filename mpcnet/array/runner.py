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
from collections.abc import Callable, Sequence
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
        on_done: called with each operation that is done.
        on_error: called with an operation and its error.

    Attributes:
        engine: set by the first operation.
        traffic: of all operations.
    """

    def __init__(
        self,
        mesh: Mesh,
        agreement: Agreement,
        on_done: Callable[[Node], None],
        on_error: Callable[[Node, Exception], None],
    ) -> None:
        self.engine: Engine | None = None
        self.traffic = Traffic()
        self._mesh, self._agreement, self._on_done, self._on_error = mesh, agreement, on_done, on_error
        self._first: Node | None = None
        self._turns = 0
        self._local: deque[Node] = deque()
        self._ready: list[tuple[int, Node]] = []  # a heap of those that talk and have their operands
        self._open = 0  # the first turn that is not done
        self._channels = 0  # of all that run
        self._done_ahead: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._conversations: set[Conversation] = set()
        self._lost: frozenset[int] = frozenset()
        self._woken = self._rests = False
        self._loop = asyncio.get_running_loop()

    def add(self, node: Node) -> None:
        """The next operation of the program; it begins as soon as it can."""
        if node.talks:
            node.turn = self._turns
            self._turns += 1
        self._enter(node)
        self._first = self._first or node

    def _enter(self, node: Node) -> None:
        """Line an operation up, behind its operands where they are not done."""
        needs = [operand for operand in node.operands or self._setup if operand is not node and not operand.done]
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
        if not self._woken and not self._rests:
            self._woken = True
            self._loop.call_soon(self._pump)

    async def rest(self) -> None:
        """End everything that runs; what is not done may run again, see `go_on`."""
        self._rests = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def go_on(self, again: Sequence[Node], mesh: Mesh, lost: frozenset[int]) -> None:
        """Run some operations again, and go on, after a rest.

        Args:
            again: all that are not done, and others, in order.
            mesh: instead of the former, to those that are left.
            lost: the parties that are not.
        """
        self._mesh, self._lost, self._channels = mesh, lost, 0
        for conversation in self._conversations:
            conversation.close()
        self._conversations.clear()
        self._local.clear()
        self._ready.clear()
        for node in again:
            node.reset()
        for node in again:
            self._enter(node)
        turns = {node.turn for node in again if node.talks}
        self._open = min(turns, default=self._turns)
        self._done_ahead = set(range(self._open, self._turns)) - turns
        self._rests = False
        self.wake()

    def _pump(self) -> None:
        self._woken = False
        until = time.perf_counter() + SLICE_SECONDS
        while self._local and not self._rests:
            node = self._local.popleft()
            if node.long:
                self._spawn(self._in_thread(node))
            else:
                self._here(node)
            if time.perf_counter() > until:
                if self._local:
                    self.wake()
                break
        while self._ready and not self._rests:
            turn, node = self._ready[0]
            room = turn == self._open or self._channels + node.channels <= BUDGET
            if not room or node.checkpoint >= self._agreement.agreed:
                break
            heapq.heappop(self._ready)
            gone = min(node.needs_all & self._lost, default=None)
            if gone is not None:
                name = self._agreement.names[gone]
                self._on_error(node, PeerDisconnected(f"{name}: lost before it could take part", peer=name))
                break
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
            self._conversations.add(conversation)
            value = await node.work(self.engine, conversation, *(operand.value for operand in node.operands))
        except asyncio.CancelledError:
            if not self._rests:
                self._failed(node, MPCNetError("a part of the operation was cancelled"))
            raise
        except Exception as error:  # its channels stay open: the peers are to hear why before they see them close
            self._failed(node, error)
            return
        conversation.close()
        self._conversations.discard(conversation)
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
        if not self._rests:
            for consumer in node.finish(value):
                self._queue(consumer)
            self._on_done(node)

    def _failed(self, node: Node, error: Exception) -> None:
        if self._rests:
            return
        if isinstance(error, PeerDisconnected) and error.peer:
            self._spawn(self._judge(node, error))
        else:
            self._on_error(node, error)

    async def _judge(self, node: Node, error: PeerDisconnected) -> None:
        """A party left: all have ended, or programs part, or the others go on; or it is this operation's fault."""
        agreement = self._agreement
        if (
            agreement.has_ended(error.peer)
            or await agreement.has_word_of(error.peer)
            or agreement.is_dropped(error.peer)
        ):
            return
        self._on_error(node, error)
