"""Before a secret moves, the two sides find out whether they mean the same evaluation.

Each sends one statement of fixed length: protocol and scheme, its role, who learns the outputs, the circuit, which
input ports the garbler gives, and the batch as far as it knows one. Both see both statements, so both come to the same
end. Where only the ports differ, they exchange which ones they give, to name those given twice or by nobody.

Nothing here is secret from the other side; the channel keeps it from everybody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from circuits.ir import Circuit
from protocols.bits import pack, packed_bytes, unpack
from protocols.channel import Channel, exchange
from protocols.errors import CheckFailed

__all__ = ["MAX_BATCH", "REVEAL_TO", "RevealTo", "Statement", "agree"]

RevealTo = Literal["garbler", "evaluator", "both"]
REVEAL_TO: tuple[RevealTo, ...] = ("garbler", "evaluator", "both")
PROTOCOL = "mpcnet garbling 1"
MAX_BATCH = 1 << 32
MAX_BATCH_UNNAMED = 1 << 24  # a side that has single values only takes no more on the other's word
NO_BATCH = -1
DIGEST_BYTES = 32
STATEMENT_BYTES = 3 * DIGEST_BYTES + 2 + 8


@dataclass(frozen=True)
class Statement:
    """What one side means.

    Attributes:
        role: "garbler" or "evaluator", its own.
        scheme: name of the garbling scheme.
        reveal_to: who learns the outputs.
        circuit: what is evaluated.
        own: names of the input ports that it gives.
        batch: instances, or None if it has single values only.
    """

    role: Literal["garbler", "evaluator"]
    scheme: str
    reveal_to: RevealTo
    circuit: Circuit
    own: Collection[str]
    batch: int | None

    @property
    def given(self) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        """For each input port of the circuit 1 where this side gives it."""
        return np.array([port.name in self.own for port in self.circuit.inputs], dtype=np.uint8)

    def encode(self) -> bytes:
        """STATEMENT_BYTES bytes."""
        by_garbler = self.given if self.role == "garbler" else 1 - self.given
        return b"".join(
            (
                _digest("protocol", f"{PROTOCOL}, {self.scheme}".encode()),
                self.circuit.digest,
                _digest("ports", pack(by_garbler).tobytes()),
                bytes([self.role == "evaluator", REVEAL_TO.index(self.reveal_to)]),
                (NO_BATCH if self.batch is None else self.batch).to_bytes(8, "little", signed=True),
            )
        )


async def agree(channel: Channel, mine: Statement) -> int | None:
    """Compare statements with the other side.

    Returns:
        the batch; None if neither side has one.
    Raises:
        CheckFailed: the sides differ; says in what, what this side has, and what to compare.
        MessageError: the other side's message has a wrong length.
    Cost: 1 message of 106 bytes each way; if only the ports differ one more, of a bit for each port.
    """
    encoded = mine.encode()
    theirs = bytes(await exchange(channel, encoded, n_bytes=STATEMENT_BYTES))
    protocol, circuit, ports, rest = (slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES) for i in range(4))
    role, reveal_to, batch_bytes = theirs[rest][0], theirs[rest][1], theirs[rest][2:]
    peer = channel.peer

    def differ(what: str) -> CheckFailed:
        return CheckFailed(f"the two sides do not agree: {what}", peer=peer)

    if theirs[protocol] != encoded[protocol]:
        raise differ(f"this side speaks {PROTOCOL} with {mine.scheme}; compare versions and scheme")
    if role == encoded[rest][0]:
        raise differ(f"both want to be the {mine.role}; one calls garble, the other evaluate")
    if theirs[circuit] != encoded[circuit]:
        name, digest = mine.circuit.name, mine.circuit.digest.hex()[:16]
        raise differ(f"the circuits are not the same; here it is {name} with digest {digest}")
    if reveal_to != encoded[rest][1]:
        raise differ(f'who learns the outputs; here reveal_to="{mine.reveal_to}"')
    if theirs[ports] != encoded[ports]:
        raise differ(await _compare_ports(channel, mine))
    batch = int.from_bytes(batch_bytes, "little", signed=True)
    if batch != NO_BATCH and not 0 <= batch <= MAX_BATCH:
        raise differ("the other side names an impossible batch")
    if mine.batch is not None and batch not in (NO_BATCH, mine.batch):
        raise differ(f"the batch is {mine.batch} instances here and {batch} there")
    agreed = mine.batch if batch == NO_BATCH else batch
    if agreed is not None and agreed > MAX_BATCH_UNNAMED and (mine.batch is None or batch == NO_BATCH):
        raise differ(
            f"one side names {agreed} instances and the other no batch; beyond {MAX_BATCH_UNNAMED} both have to: "
            f"pass batch={agreed}"
        )
    return agreed


async def _compare_ports(channel: Channel, mine: Statement) -> str:
    given = mine.given
    message = await exchange(channel, pack(given), n_bytes=packed_bytes(len(given)))
    theirs = unpack(np.frombuffer(message, np.uint8), len(given))
    names = [port.name for port in mine.circuit.inputs]
    twice = [name for name, here, there in zip(names, given, theirs, strict=True) if here and there]
    missing = [name for name, here, there in zip(names, given, theirs, strict=True) if not here and not there]
    parts = [f"input {', '.join(twice)} is given by both"] if twice else []
    parts += [f"input {', '.join(missing)} is given by neither"] if missing else []
    return "; ".join(parts) or "who gives which input"


def _digest(what: str, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES, key=what.encode(), person=b"mpcnet-garbling").digest()
