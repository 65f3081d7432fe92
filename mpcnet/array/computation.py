"""A computation on secret arrays: one engine, its arrays, and the program that all parties follow."""

from __future__ import annotations

import builtins
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mpcnet.array.dtypes import BIT, DType, Limits
from mpcnet.array.node import Node
from mpcnet.array.position import caller, misused
from mpcnet.array.runner import LONG, Runner
from mpcnet.stats import ComputationRecord
from protocols.arithmetic.contract import Engine
from protocols.channel import Mesh

if TYPE_CHECKING:
    from mpcnet.array.program import Program
    from mpcnet.array.secret import SecretArray
    from mpcnet.room import Room

__all__ = ["Computation", "EngineChoice"]


@dataclass(frozen=True)
class EngineChoice:
    """Which engine, and what is known of it before it is there.

    Attributes:
        text: for people and for the agreement, such as "shamir(threshold=1)".
        limits: of its numbers.
        ring: of its shares.
        setup: makes the engine.
        spare: how many parties may be lost once inputs are shared.
    """

    text: str
    limits: Limits
    ring: Any
    setup: Callable[[Mesh], Awaitable[Engine]]
    spare: int = 0


class DTypes:
    """The types of elements that a computation offers."""

    choice: EngineChoice
    bit: DType = BIT
    """0 and 1, or False and True."""

    def int(self, n_bits: builtins.int = 32) -> DType:
        """Integers of n bits, from -2**(n-1) to 2**(n-1) - 1.

        Raises:
            ValueError: fewer than 2 bits, or more than this engine offers.
        """
        most = self.choice.limits.int_bits
        if not _is_count(n_bits) or not 2 <= n_bits <= most:
            raise ValueError(f"int(n_bits): n_bits is a public integer from 2 to {most} with {self.choice.text}")
        return DType("int", builtins.int(n_bits))

    def fixed(self, frac_bits: builtins.int = 16, *, n_bits: builtins.int | None = None) -> DType:
        """Fixed-point numbers: multiples of 2**-frac_bits between -2**(n-1-f) and 2**(n-1-f).

        Args:
            frac_bits: f, bits behind the point.
            n_bits: n, of the whole number, its sign included; by default f + 33, which holds all of int(32), or as many
                as this engine has room for.
        Raises:
            ValueError: the engine has no room for products of such numbers.
        """
        if not _is_count(frac_bits) or not 1 <= frac_bits <= 40:
            raise ValueError("fixed(frac_bits): frac_bits is a public integer from 1 to 40; for 0 take int(n_bits)")
        most = self.choice.limits.fixed_bits(frac_bits)
        if most < frac_bits + 2:
            raise ValueError(
                f"fixed({frac_bits}): with {self.choice.text} a product has no room for so many bits behind the point; "
                f"take fewer"
            )
        if n_bits is None:
            n_bits = min(most, frac_bits + 33)
        if not _is_count(n_bits) or not frac_bits + 2 <= n_bits <= most:
            raise ValueError(
                f"fixed({frac_bits}, n_bits=n): n is a public integer from {frac_bits + 2} to {most} with "
                f"{self.choice.text}, where a product has room"
            )
        return DType("fixed", builtins.int(n_bits), builtins.int(frac_bits))


class Computation(DTypes):
    """What `Session.shamir` and `Session.additive` return.

    Every party makes the same calls in the same order. Operations on its arrays return at once; they run while the
    program waits for anything, as soon as their operands are there.

    Args:
        program: of the session.
        choice: of the engine.
        label: under which it talks, once in a session.
        checked: whether overflow is looked for, see `checks`.
    """

    def __init__(self, program: Program, choice: EngineChoice, label: str, *, checked: bool = False) -> None:
        session = program.session
        self._program, self.choice, self.checked = program, choice, checked
        mesh = session.mesh_of(label, {peer: session.open_channel(peer, label) for peer in session.peers})
        self._mesh = mesh
        self._runner = Runner(mesh.fork("all"), program.agreement, program.done, self._failed)
        self.flags: list[tuple[Node, str]] = []  # checks that nobody has looked at yet, and of what: see `checks`
        self.flag: Node | None = None
        self.looked: Node | None = None
        self.suspects: list[str] = []
        self.record = ComputationRecord(choice.text, self._runner.traffic, started=time.time())
        session.stats.computations.append(self.record)

    def begin(self) -> None:
        """The first operation: set up the engine."""
        checked = ", checked" if self.checked else ""
        params = [self.choice.text, self.checked, list(self.session.parties)]
        everybody = frozenset(range(self.session.n_parties))
        detail = f" of {self.choice.text}{checked}"
        self.emit("setup", (), _Setup(self.choice), talks=True, params=params, detail=detail, needs_all=everybody)

    # ---- arrays

    def input(
        self,
        values: Any = None,
        *,
        owner: str,
        shape: builtins.int | tuple[builtins.int, ...] | None = None,
        dtype: DType | None = None,
    ) -> SecretArray:
        """An array that one party knows.

        Args:
            values: numbers, at the owner; None at every other party.
            owner: who knows them.
            shape: of the array; the owner may leave it out.
            dtype: by default int(32).
        Raises:
            ConfigError: no such party; values are missing at the owner, or given by another party.
            TypeError, ValueError: a value does not fit the dtype, or the values the shape; nothing was sent.
        """
        from mpcnet.array.inputs import make_input

        return make_input(self, values, owner, shape, dtype or self.int())

    def constant(self, values: Any, *, dtype: DType | None = None) -> SecretArray:
        """An array that everybody knows, in secret form; every party gives the same values.

        Args:
            values: numbers.
            dtype: by default bit for bools, int(32) for integers and fixed(16) for floats.
        """
        from mpcnet.array.inputs import make_constant

        return make_constant(self, values, dtype)

    # ---- what the parts of this package use

    @property
    def session(self) -> Room:
        return self._program.session

    @property
    def limits(self) -> Limits:
        return self.choice.limits

    @property
    def ring(self) -> Any:
        return self.choice.ring

    def parties(self, names: Any, what: str) -> tuple[str, ...]:
        """The parties of that name or those names, in their order; all for None.

        Raises:
            ConfigError: there is no such party, or none at all.
        """
        everybody = self.session.parties
        if names is None:
            return everybody
        given = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
        for name in given:
            if name not in everybody:
                raise misused(f"{what}: there is no party {str(name)[:64]!r}; there are {', '.join(everybody)}")
        if not given:
            raise misused(f"{what}: name at least one party")
        return tuple(party for party in everybody if party in given)

    def number_of(self, party: str) -> builtins.int:
        return self.session.parties.index(party)

    def emit(
        self,
        name: str,
        operands: Sequence[Node],
        work: Any,
        *,
        talks: bool = False,
        shape: tuple[builtins.int, ...] = (),
        dtype: DType | None = None,
        form: str = "other",
        width: builtins.int = 0,
        params: Sequence[Any] = (),
        size: builtins.int | None = None,
        detail: str = "",
        needs_all: frozenset[builtins.int] = frozenset(),
    ) -> Node:
        """Make the next operation of the program.

        Args:
            name: for people, and part of what is agreed on.
            operands: operations whose values the work takes.
            work: (engine, *values), or where it `talks` a coroutine function (engine, mesh, *values).
            shape, dtype, form, width: of the result, see `Node`.
            params: public numbers, texts and bytes that the work depends on: part of what is agreed on.
            size: elements that the work goes through, where that is more than the result has.
            detail: more for people, behind the name.
            needs_all: parties without whom it cannot run.
        """
        n_elements = max(int(np.prod(shape, dtype=np.int64)), size or 0)
        node = Node(
            self._program.next_number(),
            name,
            operands,
            work,
            caller(),
            talks=talks,
            shape=shape,
            dtype=dtype,
            form=form,
            width=width,
            params=params,
            long=n_elements > LONG,
            detail=detail,
            needs_all=needs_all,
            owner=self,
        )
        self.record.count(name)
        self._program.add(node)
        self._runner.add(node)
        return node

    # ---- its end

    @property
    def lost(self) -> list[str]:
        """Parties that the computation goes on without."""
        return list(self.record.lost)

    async def rest(self) -> None:
        """End all that runs, for good or until `go_on`."""
        await self._runner.rest()

    def go_on(self, again: Sequence[Node], lost: frozenset[builtins.int]) -> None:
        """Run some operations again, and what follows, without the lost parties."""
        channels = {party: channel for party, channel in self._mesh.channels.items() if party not in lost}
        label = f"without {','.join(map(str, sorted(lost)))}"
        self._runner.go_on(again, replace(self._mesh, channels=channels).fork(label), lost)

    def wake(self) -> None:
        """More operations may talk."""
        self._runner.wake()

    def _failed(self, node: Node, error: Exception) -> None:
        error.add_note(f"in {node.text_here}")
        self.session.fail(error, where=node.text)

    def __repr__(self) -> str:
        return f"<{self.choice.text} among {', '.join(self.session.parties)}>"


class _Setup:
    """The first operation: makes the engine."""

    def __init__(self, choice: EngineChoice) -> None:
        self.choice = choice

    async def __call__(self, engine: None, mesh: Mesh) -> Engine:
        return await self.choice.setup(mesh)


def _is_count(value: object) -> bool:
    return isinstance(value, builtins.int | np.integer) and not isinstance(value, bool)
