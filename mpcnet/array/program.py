"""What a session has of secret arrays: one program, of the operations of all its computations in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpcnet.array.agreement import Agreement
from mpcnet.array.computation import Computation, EngineChoice
from mpcnet.array.node import Node
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
        self._computations: list[Computation] = []
        self._n_operations = 0
        self._ended = False

    def compute(self, choice: EngineChoice, *, checked: bool) -> Computation:
        """One more computation."""
        made = Computation(self, choice, f".array/{len(self._computations) + 1}", checked=checked)
        self._computations.append(made)
        made.begin()
        return made

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
        self.agreement.add(node)

    async def finish(self) -> BaseException | None:
        """Wait until the programs of all parties have ended; what went wrong, if anything."""
        self._ended = True
        try:
            self.agreement.end()
            await self.agreement.wait_for_end()
        except BaseException as error:
            return error
        return None

    async def stop(self) -> None:
        """End all tasks."""
        self._ended = True
        for computation in self._computations:
            await computation.stop()
        await self.agreement.stop()

    def _wake(self) -> None:
        for computation in self._computations:
            computation.wake()
