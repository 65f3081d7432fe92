"""Where parties compute: a session, or a fork of one that runs beside others."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from mpcnet.links import SessionMesh, derive
from protocols.channel import Channel

if TYPE_CHECKING:
    from circuits import Circuit
    from mpcnet.agreement.guard import Guard
    from mpcnet.array import Computation
    from mpcnet.array.engines import EngineChoice
    from mpcnet.array.program import Program
    from mpcnet.evaluate import Evaluator, Progress
    from mpcnet.stats import EvaluationRecord, Stats

__all__ = ["Room"]

S = TypeVar("S")


class Room(ABC):
    """What evaluations and secret arrays need of a session.

    Attributes:
        name: this party.
        parties: the names of all parties, in order of their party_id.
        session_id: 32 bytes, the same at every party, different for every session and every fork.
        stats: counters.
        guard: what holds the parties to their job, where they have one.
        watchers: called with the `Progress` of every evaluation, beside the call's own `on_progress`.
        secret_moved: something that depends on a secret input may have been sent or received.
        agreed: the evaluations that began here.
        outlives: whether a program on secret arrays may go on without a party that is lost, see `drop`.
    """

    outlives = False
    name: str
    parties: tuple[str, ...]
    session_id: bytes
    stats: Stats
    guard: Guard | None
    watchers: list[Callable[[Progress], None]]
    secret_moved: bool
    agreed: list[EvaluationRecord]

    def __init__(self) -> None:
        self.agreed: list[EvaluationRecord] = []
        self._evaluator: Evaluator | None = None
        self._program: Program | None = None

    @abstractmethod
    def open_channel(self, peer: str, label: str, *, secret: bool = True) -> Channel:
        """As `channel`, for labels of the session's own protocols, which begin with a dot; those say when a secret is
        about to move on a channel that was opened without one: `secret_moved`.
        """

    @abstractmethod
    def phase(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Count the time of a phase, and see to it that it does not stand still."""

    @abstractmethod
    async def set_up(self, key: str, make: Callable[[Room], Awaitable[S]], fork: Callable[[S, Room], S]) -> S:
        """What is made once in a session and used by all its forks, such as OT.

        Args:
            key: what it is, the same at every party.
            make: makes it, in the session.
            fork: a copy for a fork of the session, which says nothing.
        """

    @abstractmethod
    def fail(self, error: Exception, *, where: str = "") -> None:
        """End it at every party because something that runs beside the body failed: the body is cancelled wherever it
        waits, and ends with this error. Does nothing once it is ending.

        Args:
            error: what the body's caller gets.
            where: added to what the others get to read: no secret, please.
        """

    def drop(self, peer: str) -> None:
        """Go on without a peer, and tell it so if it is there after all."""
        raise NotImplementedError

    @abstractmethod
    async def abort(self, reason: str, *, culprit: str | None = None) -> None:
        """End it at every party.

        Args:
            reason: what the others get to read: no secret, please.
            culprit: the party at fault; by default this one.
        """

    @property
    def party_id(self) -> int:
        """This party's number, 0..n_parties-1."""
        return self.parties.index(self.name)

    @property
    def n_parties(self) -> int:
        return len(self.parties)

    @property
    def peers(self) -> tuple[str, ...]:
        """The other parties, in order."""
        return tuple(party for party in self.parties if party != self.name)

    def channel(self, peer: str, label: str, *, secret: bool = True) -> Channel:
        """A channel to one peer; both ends use the same label, each label once a session.

        Args:
            secret: whether anything that depends on a secret input may travel on it. While no such channel was opened,
                a run whose connection is lost may begin again.
        Raises:
            ValueError: no such peer, or a label that was used or is reserved (it begins with a dot).
            StateError: the session is over.
        """
        if label.startswith("."):
            raise ValueError(f"label {label!r} is reserved: labels with a leading dot belong to the session itself")
        return self.open_channel(peer, label, secret=secret)

    def mesh(self, label: str, *, secret: bool = True) -> SessionMesh:
        """Channels to all other parties, under one label; every party calls it with the same one."""
        return self.mesh_of(label, {peer: self.channel(peer, label, secret=secret) for peer in self.peers})

    def mesh_of(self, label: str, by_name: Mapping[str, Channel]) -> SessionMesh:
        """A mesh of channels that are open already, one to each peer, all of them of one label."""
        channels = {self.parties.index(peer): channel for peer, channel in by_name.items()}
        return SessionMesh(self.party_id, self.n_parties, derive(self.session_id, label), channels)

    async def evaluate(
        self,
        circuit: Circuit,
        inputs: Mapping[str, Any],
        *,
        owners: Mapping[str, str],
        reveal_to: str | Sequence[str] | Mapping[str, str | Sequence[str]],
        compute: Sequence[str] | None = None,
        batch: int | None = None,
        scheme: str = "half-gates",
        protocol: str = "yao",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Any:
        """Evaluate a circuit on inputs of several parties; every party makes the same call with its own inputs.

        With protocol "yao" two parties compute: one garbles, one evaluates. Any other owner hands XOR shares of its
        inputs to the two, so its inputs stay private as long as those two do not put their heads together. With "gmw"
        all parties compute, and all but one may put their heads together; it takes a round for each level of AND
        gates, and a circuit of `@circuit` is traced anew for few of them. Security: semi-honest; see
        `mpcnet.evaluate` and `mpcnet.gmw`.

        Args:
            circuit: the same at every party.
            inputs: this party's own ports: one value each, or a batch along the first axis; {} if it owns none.
            owners: which party gives each input port.
            reveal_to: who learns the outputs: the names for all of them, or for each output port the names.
            compute: (garbler, evaluator); by default the owner of most input bits garbles and the next evaluates.
            batch: how many instances, as a check, or where no input says so.
            scheme: "half-gates"; "three-halves", with 25 bytes for an AND gate instead of 32 and more work; or "auto",
                which measures the link of the two that compute, see `mpcnet.bandwidth`.
            protocol: "yao" or "gmw"; `compute` and `scheme` are for "yao".
            on_progress: called with a `Progress` now and then.
        Returns:
            What `circuit(...)` would return: a value, or a tuple of several, batched where an input was. None at a
            party that learns nothing, and None in place of an output it does not learn.
        Raises:
            ConfigError, WidthError, ValueError: this party's arguments are wrong; the others are told, nothing secret
                was sent, and the session is over.
            AgreementError: the parties did not make the same call; names the field and the parties.
            MPCNetError, ProtocolError: a peer failed; the session is over.
        """
        from mpcnet.evaluate import Evaluator

        if self._evaluator is None:
            self._evaluator = Evaluator(self)
        return await self._evaluator.evaluate(
            circuit,
            inputs,
            owners=owners,
            reveal_to=reveal_to,
            compute=compute,
            batch=batch,
            scheme=scheme,
            protocol=protocol,
            on_progress=self._watched(on_progress),
        )

    def _watched(self, on_progress: Callable[[Progress], None] | None) -> Callable[[Progress], None] | None:
        """Who hears of progress: the caller and the watchers; None where nobody does."""
        hearers = [*self.watchers, *([on_progress] if on_progress is not None else [])]
        if len(hearers) < 2:
            return hearers[0] if hearers else None

        def tell(progress: Progress) -> None:
            for hear in hearers:
                hear(progress)

        return tell

    def shamir(self, threshold: int = 1, *, checked: bool = False) -> Computation:
        """Secret arrays among three or more parties, of which at most `threshold` may put their heads together.

        Every party makes the same call, and then the same operations in the same order; see `mpcnet.array`. Shares are
        Shamir's, modulo 2**127 - 1. Security: semi-honest, an honest majority; see `protocols.arithmetic.shamir`.

        Args:
            threshold: t, at least 1 and below half of the parties.
            checked: look for overflow, at the cost of comparisons; see `mpcnet.array.checks`.
        Raises:
            ConfigError: there are too few parties for the threshold.
        """
        from mpcnet.array.engines import shamir

        return self._compute(shamir(self.n_parties, threshold), checked=checked)

    def additive(self, *, dealer: str | None = None, checked: bool = False) -> Computation:
        """Secret arrays among two or more parties, of which all but one may put their heads together.

        As `shamir`, with additive shares modulo 2**64 and oblivious transfer. Security: semi-honest, see
        `protocols.arithmetic.additive`.

        Args:
            dealer: a party that makes the products' randomness, and is trusted to collude with nobody: faster, and a
                much stronger assumption; see `protocols.arithmetic.dealer`. By default there is none.
            checked: as for `shamir`.
        Raises:
            ConfigError: there is no such party, or there are two parties and a dealer.
        """
        from mpcnet.array.engines import additive

        return self._compute(additive(self.parties, dealer), checked=checked)

    def _compute(self, choice: EngineChoice, *, checked: bool) -> Computation:
        if self.guard is not None:
            self.guard.compute(choice.text)
        if self._program is None:
            from mpcnet.array.program import Program

            self._program = Program(self)
        return self._program.compute(choice, checked=checked)
