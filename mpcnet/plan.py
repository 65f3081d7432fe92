"""What the parties agree on before an evaluation: which circuit, who gives which input, who learns which output, who
computes, how many instances. Pure: nothing here knows a network, and nothing here is secret.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.errors import WidthError
from circuits.ir import Circuit, Port
from circuits.trace import with_style
from mpcnet.bandwidth import AUTO
from mpcnet.errors import AgreementError, ConfigError

__all__ = ["FIELDS", "GMW", "PROTOCOLS", "STATEMENT_BYTES", "YAO", "Plan", "encode_own", "settle", "state"]

YAO, GMW = "yao", "gmw"
PROTOCOLS = {
    YAO: "mpcnet evaluate 2: garbled circuits, SoftSpokenOT, XOR shares of third parties",
    GMW: "mpcnet evaluate 2: GMW on XOR shares of all parties, triples from SoftSpokenOT",
}
FIELDS = ("protocol", "circuit", "owners", "reveal_to", "compute", "scheme")
SCHEMES = ("half-gates", "three-halves", AUTO)
STATEMENT_BYTES = 32 * len(FIELDS) + 8
NO_BATCH = -1
MAX_BATCH = 1 << 32
MAX_BATCH_UNNAMED = 1 << 24  # a party whose own call names no batch takes no more on the others' word
ENCODE_INSTANCES = 4096


@dataclass(frozen=True)
class Plan:
    """One evaluation as this party understands it; made by `Plan.make`, which checks it.

    Attributes:
        circuit: what is evaluated.
        parties: all names, in order.
        owners: input port -> party, for every port.
        reveal_to: output port -> parties that learn it, in order, for every port.
        garbler, evaluator: the two that compute with garbled circuits; empty where all do.
        scheme: how they garble, one of SCHEMES.
        protocol: one of PROTOCOLS.
    """

    circuit: Circuit
    parties: tuple[str, ...]
    owners: Mapping[str, str]
    reveal_to: Mapping[str, tuple[str, ...]]
    garbler: str
    evaluator: str
    scheme: str = SCHEMES[0]
    protocol: str = YAO

    @classmethod
    def make(
        cls,
        circuit: Circuit,
        parties: Sequence[str],
        owners: Mapping[str, str],
        reveal_to: str | Sequence[str] | Mapping[str, str | Sequence[str]],
        compute: Sequence[str] | None = None,
        scheme: str = SCHEMES[0],
        protocol: str = YAO,
    ) -> Plan:
        """Check a call against the circuit and the parties. For GMW the circuit is traced anew for low depth.

        Raises:
            TypeError: `circuit` is no circuit.
            ConfigError: a port or party that does not exist, or one that is missing; names it.
        """
        _check_type(circuit, Circuit, "a circuit")
        if protocol not in PROTOCOLS:
            raise ConfigError(f"there is no protocol {str(protocol)[:64]!r}; there are {', '.join(PROTOCOLS)}")
        if scheme not in SCHEMES:
            raise ConfigError(f"there is no garbling scheme {str(scheme)[:64]!r}; there are {', '.join(SCHEMES)}")
        names = tuple(parties)
        inputs = [port.name for port in circuit.inputs]
        _match("owners", "input", inputs, owners)
        for port in inputs:
            _check_party(f"owners[{port!r}]", owners[port], names)
        learners = _recipients(circuit, names, reveal_to)
        if protocol == GMW:
            if compute is not None:
                raise ConfigError('compute is for protocol "yao"; with "gmw" every party computes')
            if scheme != SCHEMES[0]:
                raise ConfigError('scheme is for protocol "yao"; with "gmw" nothing is garbled')
            circuit, garbler, evaluator = with_style(circuit, "low_depth"), "", ""
        elif compute is None:
            garbler, evaluator = _choose(circuit, names, owners, learners)
        else:
            if len(compute) != 2 or compute[0] == compute[1]:
                raise ConfigError("compute names two different parties: (garbler, evaluator)")
            garbler, evaluator = compute
            for name in compute:
                _check_party("compute", name, names)
        given = {port: owners[port] for port in inputs}
        return cls(circuit, names, given, learners, garbler, evaluator, scheme, protocol)

    def owned_by(self, party: str) -> tuple[Port, ...]:
        """The input ports that a party gives."""
        return tuple(port for port in self.circuit.inputs if self.owners[port.name] == party)

    def learned_by(self, party: str) -> tuple[Port, ...]:
        """The output ports that a party learns."""
        return tuple(port for port in self.circuit.outputs if party in self.reveal_to[port.name])

    @property
    def computing(self) -> tuple[str, ...]:
        """The parties that compute: (garbler, evaluator), or all of them."""
        return self.parties if self.protocol == GMW else (self.garbler, self.evaluator)

    @property
    def third_owners(self) -> tuple[str, ...]:
        """The owners that do not compute, in order."""
        return tuple(p for p in self.parties if p not in self.computing and self.owned_by(p))

    def columns(self, ports: Sequence[Port], side: str) -> NDArray[np.intp]:
        """The numbers of some ports' bits among all input or output bits."""
        place = self.circuit.input_slice if side == "input" else self.circuit.output_slice
        slices = [place(port.name) for port in ports]
        return np.concatenate([np.arange(s.start, s.stop) for s in slices] or [np.empty(0, np.intp)])

    def field(self, name: str) -> bytes:
        """The field of the plan as bytes that two parties have in common exactly when they agree on it."""
        if name == "protocol":
            return PROTOCOLS[self.protocol].encode()
        if name == "circuit":
            return self.circuit.digest
        if name == "scheme":
            return self.scheme.encode()
        if name == "compute":
            return json.dumps(self.computing).encode()
        mapping = self.owners if name == "owners" else self.reveal_to
        return json.dumps(list(mapping.items())).encode()

    def describe(self, name: str) -> str:
        """The field for people."""
        if name == "circuit":
            return f"{self.circuit.name} with digest {self.circuit.digest.hex()[:16]}"
        if name == "owners":
            return ", ".join(f"{port} of {owner}" for port, owner in self.owners.items()) or "nobody"
        if name == "reveal_to":
            return ", ".join(f"{port} to {'+'.join(who) or 'nobody'}" for port, who in self.reveal_to.items())
        if name == "compute":
            return "every party" if self.protocol == GMW else f"{self.garbler} garbles, {self.evaluator} evaluates"
        if name == "scheme":
            return self.scheme
        return f"{self.protocol} ({PROTOCOLS[self.protocol]})"


def encode_own(
    plan: Plan, me: str, inputs: Mapping[str, Any], batch: int | None
) -> tuple[dict[str, NDArray[np.uint8]], int | None]:
    """This party's inputs as bits, checked completely before anything is sent.

    Args:
        inputs: its ports, all of them and no others; one value or a batch each.
        batch: what the caller says the batch is, if anything.
    Returns:
        for each of its ports the bits packed along their last axis, uint8 of shape (batch or 1, ceil(n_bits / 8));
        and the batch as far as this party knows it.
    Raises:
        ConfigError: an input is missing, unknown or another party's, or batches differ.
        WidthError: a value does not fit its port. Both name the port and never the value.
    """
    _check_type(inputs, Mapping, "inputs as a mapping of port names to values")
    own = plan.owned_by(me)
    for name in inputs:
        if name not in plan.owners:
            listed = ", ".join(plan.owners) or "none"
            raise ConfigError(f"no input is called {str(name)[:64]!r}; there are {listed}")
        if plan.owners[name] != me:
            raise ConfigError(f"input {name!r} belongs to {plan.owners[name]}, not to {me}; leave it out")
    if batch is not None and (not _is_count(batch) or not 0 <= batch <= MAX_BATCH):
        raise ConfigError("batch is a number of instances, from 0 on")
    packed: dict[str, NDArray[np.uint8]] = {}
    said = None if batch is None else ("the argument batch", int(batch))
    for port in own:
        if port.name not in inputs:
            raise ConfigError(f"input {port.name!r} is missing")
        packed[port.name], found = _encode_port(port, inputs[port.name])
        if found is None:
            continue
        if said is not None and said[1] != found:
            raise ConfigError(f"input {port.name!r} is a batch of {found}, but {said[0]} says {said[1]}")
        said = (f"input {port.name!r}", found)
    return packed, None if said is None else said[1]


def state(plan: Plan, batch: int | None) -> bytes:
    """What this party says of the evaluation to all others: STATEMENT_BYTES bytes."""
    digests = [_digest(name, plan.field(name)) for name in FIELDS]
    return b"".join(digests) + (NO_BATCH if batch is None else batch).to_bytes(8, "little", signed=True)


def settle(plan: Plan, me: str, statements: Mapping[str, bytes]) -> int | None:
    """Compare what all parties said; every party that sees the same statements comes to the same end.

    Args:
        statements: of every party, this one's too; each of STATEMENT_BYTES bytes.
    Returns:
        the batch; None if every input is one value.
    Raises:
        AgreementError: names the first field that differs and two parties that differ in it; or a batch too large to
            be taken on the word of others.
    """
    for i, name in enumerate(FIELDS):
        said = {party: statements[party][32 * i : 32 * i + 32] for party in plan.parties}
        first = plan.parties[0]
        for party in plan.parties[1:]:
            if said[party] != said[first]:
                text = f"{first} and {party} differ in {name}; {me} has: {plan.describe(name)}"
                raise AgreementError(text, peer=_other(me, first, party))
    batches = {p: int.from_bytes(statements[p][-8:], "little", signed=True) for p in plan.parties}
    known = {party: batch for party, batch in batches.items() if batch != NO_BATCH}
    for party, batch in known.items():
        first = next(iter(known))
        if not 0 <= batch <= MAX_BATCH:
            raise AgreementError(f"{party} names an impossible batch", peer=party)
        if batch != known[first]:
            raise AgreementError(
                f"{first} and {party} differ in batch: {known[first]} and {batch} instances",
                peer=_other(me, first, party),
            )
    agreed = next(iter(known.values()), None)
    silent = [party for party in plan.parties if party not in known]
    if agreed is not None and agreed > MAX_BATCH_UNNAMED and silent:
        raise AgreementError(
            f"{silent[0]} names no batch, but {next(iter(known))} names {agreed} instances; "
            f"beyond {MAX_BATCH_UNNAMED} every party has to: pass batch={agreed}",
            peer=_other(me, silent[0], next(iter(known))),
        )
    return agreed


def _other(me: str, first: str, second: str) -> str:
    return second if me == first else first if me == second else ""


def _digest(name: str, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32, key=name.encode(), person=b"mpcnet-agree").digest()


def _encode_port(port: Port, value: Any) -> tuple[NDArray[np.uint8], int | None]:
    """Packed bits of one port, made in pieces so that the unpacked ones of a large batch are never all there."""
    pieces: list[Any] = [value]
    whole = isinstance(value, np.ndarray) and value.ndim == len(port.type.shape) + 1
    if whole and len(value) > ENCODE_INSTANCES:
        pieces = [value[i : i + ENCODE_INSTANCES] for i in range(0, len(value), ENCODE_INSTANCES)]
    rows, batch = [], None
    for piece in pieces:
        try:
            bits, batch = port.type.encode_as(piece)
        except WidthError as error:
            named = WidthError(f"input {port.name!r}: {error}")
            for note in getattr(error, "__notes__", ()):
                named.add_note(note)  # stays at this party: only the message is told to others
            raise named from None
        except (TypeError, ValueError, OverflowError):
            raise WidthError(f"input {port.name!r}: the value does not fit {port.type!r}") from None
        rows.append(np.packbits(bits, axis=1, bitorder="little"))
    packed = np.concatenate(rows)
    return packed, None if batch is None else len(packed)


def _is_count(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_type(value: object, kind: type, what: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"expected {what}, not {type(value).__name__}")


def _match(what: str, side: str, ports: Sequence[str], given: object) -> None:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{what} maps each {side} port to parties, and is no {type(given).__name__}")
    for name in given:
        if name not in ports:
            listed = ", ".join(ports) or "none"
            raise ConfigError(f"{what} names {str(name)[:64]!r}, but the {side} ports are {listed}")
    for port in ports:
        if port not in given:
            raise ConfigError(f"{what} does not say anything of {side} port {port!r}")


def _check_party(what: str, name: object, parties: Sequence[str]) -> None:
    if name not in parties:
        raise ConfigError(f"{what}: there is no party {str(name)[:64]!r}; there are {', '.join(parties)}")


def _recipients(circuit: Circuit, parties: Sequence[str], reveal_to: object) -> dict[str, tuple[str, ...]]:
    ports = [port.name for port in circuit.outputs]
    if isinstance(reveal_to, Mapping):
        _match("reveal_to", "output", ports, reveal_to)
        given = dict(reveal_to)
    else:
        given = dict.fromkeys(ports, reveal_to)
    result = {}
    for port in ports:
        who = given[port]
        names = [who] if isinstance(who, str) else who
        if not isinstance(names, Sequence | set | frozenset):
            raise ConfigError(f"reveal_to: give the names of parties, not {type(who).__name__}")
        for name in names:
            _check_party("reveal_to", name, parties)
        result[port] = tuple(party for party in parties if party in names)
    if not any(result.values()):
        raise ConfigError("reveal_to: somebody has to learn an output")
    return result


def _choose(
    circuit: Circuit, parties: Sequence[str], owners: Mapping[str, str], learners: Mapping[str, tuple[str, ...]]
) -> tuple[str, str]:
    """Garbler and evaluator: the two that own most input bits; then those that learn outputs; then in order.

    The garbler's own bits need no oblivious transfer, all others do: so it is the one that owns most.
    """
    owned = dict.fromkeys(parties, 0)
    for port in circuit.inputs:
        owned[owners[port.name]] += port.n_bits
    learning = {name for names in learners.values() for name in names}
    ranked = sorted(parties, key=lambda p: (-owned[p], p not in learning, parties.index(p)))
    return ranked[0], ranked[1]
