"""What a session has of secret arrays: one program, of the operations of all its computations in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mpcnet.array.agreement import Agreement
from mpcnet.array.computation import Computation, EngineChoice
from mpcnet.array.node import Node
from mpcnet.array.recovery import Recovery
from protocols.errors import StateError

if TYPE_CHECKING:
    from mpcnet.room import Room

__all__ = ["Program"]


class Program:
    """One party's side; made with the first computation of a session.

    Args:
        session: entered.
    """

    def __init__(self, session: Room) -> None:
        label = ".program"
        mesh = session.mesh_of(label, {peer: session.open_channel(peer, label) for peer in session.peers})
        names = {party: channel.peer for party, channel in mesh.channels.items()}
        self.session = session
        self.agreement = Agreement(mesh, session.name, names, self._wake, session.fail)
        self.agreement.start()
        self._mesh = mesh
        self._recovery: Recovery | None = None
        self._computations: list[Computation] = []
        self._n_operations = 0
        self._ended = self._ended_everywhere = False

    def compute(self, choice: EngineChoice, *, checked: bool) -> Computation:
        """One more computation."""
        if self.session.outlives and choice.spare and not self._computations:
            self._recovery = Recovery(self._mesh.fork("recovery"), self)
        made = Computation(self, choice, f".array/{len(self._computations) + 1}", checked=checked)
        self._computations.append(made)
        made.begin()
        return made

    @property
    def computations(self) -> tuple[Computation, ...]:
        """All of them."""
        return tuple(self._computations)

    def next_number(self) -> int:
        """Of an operation that is being made.

        Raises:
            StateError: the program has ended.
        """
        if self._ended:
            raise StateError("the program has ended, and with it its secret arrays: make no more operations of them")
        return self._n_operations

    def add(self, node: Node) -> None:
        """The next operation."""
        self._n_operations += 1
        if self._recovery is not None:
            self._recovery.keep(node)
        self.agreement.add(node)

    def done(self, node: Node) -> None:
        """An operation is done here."""
        if self._recovery is not None:
            self._recovery.note(node)
        else:
            node.forget()

    # ---- going on without a party

    def outlives(self, peer: str, why: str) -> bool:
        """Whether the program goes on without a party that was lost; if so, it sees to that."""
        if self._recovery is None or self._ended_everywhere:
            return False
        party = self.session.parties.index(peer)
        spare = min(computation.choice.spare for computation in self._computations)
        if party not in self._recovery.lost and len(self._recovery.lost) >= spare:
            return False
        self._recovery.lose(party, why)
        return True

    def note_loss(self, name: str) -> None:
        """For people and records."""
        for computation in self._computations:
            computation.record.lost.append(name)

    async def pause(self) -> None:
        """Let all operations rest."""
        for computation in self._computations:
            await computation.rest()

    def go_on(self, again: Sequence[Node], lost: frozenset[int]) -> None:
        """After a pause: run some operations again, without the lost parties."""
        for computation in self._computations:
            computation.go_on([node for node in again if node.owner is computation], lost)

    async def finish(self) -> BaseException | None:
        """Wait until the programs of all parties have ended; what went wrong, if anything."""
        self._ended = True
        try:
            self.agreement.end()
            await self.agreement.wait_for_end()
            self._ended_everywhere = True
        except BaseException as error:
            return error
        return None

    async def stop(self) -> None:
        """End all tasks."""
        self._ended = True
        await self.pause()
        if self._recovery is not None:
            await self._recovery.stop()
        await self.agreement.stop()

    def _wake(self) -> None:
        for computation in self._computations:
            computation.wake()
