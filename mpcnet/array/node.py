"""One operation of a program on secret arrays: what it takes, what it does, and at last its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgpack

from mpcnet.array.dtypes import DType
from mpcnet.array.position import Position
from protocols.arithmetic.contract import Elements, Engine
from protocols.boolean.contract import BitShares
from protocols.channel import Mesh

__all__ = ["Node", "Value"]

ROUNDS = frozenset({"input", "multiply", "matmul", "truncate", "reveal"})
"""Operations that are one call of an engine."""
FEW_CHANNELS, MANY_CHANNELS = 4, 16

Value = Elements | BitShares | Any


class Node:
    """One operation.

    Attributes:
        number: its place in the program, the same at every party.
        name: what it does; `detail` says more of it, for people.
        shape, dtype: of the array that results.
        form: "elements", "bits", or "other" for what is no array.
        width: with form "bits", how many bits a number has, in two's complement but for dtype bit.
        position: the user's line.
        operands: whose values it takes; forgotten when it is done.
        work: (engine, *values of the operands) -> value; where it talks a coroutine function (engine, mesh, *values).
        signature: what all parties have to agree on, besides everything before it.
        long: whether its work belongs in a thread.
        owner: the computation that it belongs to.
        needs_all: parties without whom it cannot run, by number.
        channels: about how many it opens to each peer before that one does.
        turn: its number among those that talk; -1 for those that do not.
        checkpoint: which of the messages of `agreement` has to be the same everywhere before it may talk.
        twins: the same array in other forms, once somebody asked: see `casting`.
    """

    __slots__ = (
        "channels",
        "checkpoint",
        "consumers",
        "detail",
        "done",
        "dtype",
        "form",
        "listeners",
        "long",
        "name",
        "needs_all",
        "number",
        "operands",
        "owner",
        "position",
        "shape",
        "signature",
        "talks",
        "turn",
        "twins",
        "value",
        "waiting",
        "width",
        "work",
    )

    def __init__(
        self,
        number: int,
        name: str,
        operands: Sequence[Node],
        work: Any,
        position: Position,
        *,
        talks: bool,
        shape: tuple[int, ...] = (),
        dtype: DType | None = None,
        form: str = "other",
        width: int = 0,
        params: Sequence[Any] = (),
        long: bool = False,
        detail: str = "",
        needs_all: frozenset[int] = frozenset(),
        owner: Any = None,
    ) -> None:
        self.number, self.name, self.detail, self.position = number, name, detail, position
        self.operands, self.work, self.talks, self.long = tuple(operands), work, talks, long
        self.shape, self.dtype, self.form, self.width = shape, dtype, form, width
        self.needs_all, self.owner = needs_all, owner
        self.turn = self.checkpoint = -1
        self.channels = FEW_CHANNELS if name in ROUNDS else MANY_CHANNELS
        self.done, self.waiting = False, 0
        self.value: Value = None
        self.consumers: list[Node] = []
        self.listeners: list[Callable[[Node], None]] = []
        self.twins: dict[Any, Node] = {}
        self.signature: bytes = msgpack.packb(
            [name, talks, [node.number for node in operands], list(shape), repr(dtype), form, width, list(params)]
        )

    @property
    def text(self) -> str:
        """For people at every party: no value, and no folder of this one."""
        made = "" if self.form == "other" else f" -> {self.dtype} {self.shape}"
        return f"operation {self.number}: {self.name}{self.detail}{made} at {self.position.short}"

    @property
    def text_here(self) -> str:
        """For people at this party."""
        return f"operation {self.number}: {self.name}{self.detail} at {self.position}"

    def finish(self, value: Value) -> list[Node]:
        """Keep the result, and tell who waited: the operations that may go on now."""
        self.value, self.done = value, True
        ready = []
        for consumer in self.consumers:
            consumer.waiting -= 1
            if not consumer.waiting:
                ready.append(consumer)
        self.consumers = []
        listeners, self.listeners = self.listeners, []
        for listener in listeners:
            listener(self)
        return ready

    def forget(self) -> None:
        """It will not run again: its operands are not held any longer."""
        self.operands, self.work = (), _done

    def reset(self) -> None:
        """It is to run again."""
        self.value, self.done, self.waiting = None, False, 0
        self.consumers = []

    def __repr__(self) -> str:
        return f"<{self.text}, {'done' if self.done else 'to come'}>"


def _done(engine: Engine, *values: Value, mesh: Mesh | None = None) -> Value:
    raise AssertionError("this operation is done")
