"""Two parties' shares of bits, evaluated by garbling: as a Boolean engine beside GMW.

    share       the owner has the bit, the other one 0: nothing is said
    evaluate    party 0 garbles, party 1 evaluates (`protocols.garbling.two_party`); each ends with an XOR share
    open        each share to the other party

Bits whose owner is known cost less: those of the garbler nothing, those of the evaluator an OT as shared ones do. One
evaluation takes two trips, whatever the depth of the circuit. Small circuits are evaluated several at once, see
`protocols.boolean.copies`.

Security: semi-honest, that of `protocols.garbling.two_party`. The two shares of an output are uniform apart from their
XOR, so an opened bit tells no more than itself. Leaks circuit and batch, and which inputs are whose.
Cost: see `protocols.garbling.two_party`, without a setup of OT; `open` a message of ceil(n_bits * count / 8) bytes.
Source: Yao's protocol, see there; as shares that arithmetic ones turn into and come from, Demmler, Schneider and
Zohner, ABY, NDSS 2015, section III.C. Deviation: the two hold the color bits themselves as XOR shares, instead of
labels that stay garbled from one circuit to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from circuits.ir import Circuit
from protocols import bits
from protocols.boolean import levels
from protocols.boolean.contract import BitShares, Words, n_words
from protocols.boolean.copies import copies_of, joined, repeat, stretches
from protocols.channel import Mesh, exchange
from protocols.garbling.inputs import Bits, InputRole
from protocols.garbling.two_party import HALF_GATES, Progress, evaluate_shares, garble_shares
from protocols.ot.pairwise import PairwiseOt
from protocols.ot.work import run
from protocols.rng import Rng, system_rng

__all__ = ["GarbledEngine"]

GARBLER, EVALUATOR = 0, 1
ROLES: dict[int | None, InputRole] = {GARBLER: "garbler", EVALUATOR: "evaluator", None: "shared"}
LONG_CIRCUIT = 20_000  # gates that take some milliseconds to repeat
LONG_WORDS = 1 << 12  # words whose bits take some tenths of a millisecond to turn


class GarbledEngine:
    """A `BooleanEngine` of two parties.

    Args:
        party_id: 0, the garbler, or 1, the evaluator.
        ots: OT with the other one.
        scheme: the garbling scheme.
        rng: the source of randomness.
    """

    n_parties = 2
    pieces = 1
    style = "few_ands"

    def __init__(self, party_id: int, ots: PairwiseOt, *, scheme: str = HALF_GATES, rng: Rng = system_rng) -> None:
        if party_id not in (GARBLER, EVALUATOR):
            raise ValueError(f"garbling is for two parties, 0 and 1; there is no party {party_id}")
        self.party_id, self._ots, self._scheme, self._rng = party_id, ots, scheme, rng

    async def share(self, mesh: Mesh, owner: int, words: Words | None, n_bits: int, count: int) -> BitShares:
        """As in the contract; the result names its owner. Nothing is said.

        Raises:
            ValueError: there is no such party, or `words` has another shape or is not there.
        """
        if owner not in (GARBLER, EVALUATOR):
            raise ValueError(f"there is no party {owner}: there are 0 and 1")
        shape = (n_bits, n_words(count))
        if owner != self.party_id:
            return BitShares(np.zeros((n_bits, 1, n_words(count)), np.uint64), count, owner)
        if words is None or words.shape != shape or words.dtype != np.uint64:
            raise ValueError(f"the owner shares uint64 of shape {shape}")
        return BitShares(words[:, None], count, owner)

    def public(self, words: Words, count: int) -> BitShares:
        """As in the contract: the bits are those of the garbler, to whom they cost nothing."""
        return BitShares((words if self.party_id == GARBLER else np.zeros_like(words))[:, None], count, GARBLER)

    async def evaluate(
        self,
        mesh: Mesh,
        circuit: Circuit,
        inputs: Sequence[BitShares],
        count: int,
        *,
        progress: Progress | None = None,
    ) -> BitShares:
        """As in the contract. Cost: see the module.

        Raises:
            ValueError: wrong inputs; nothing was sent.
            MessageError: the other party's message has a wrong length.
        """
        inputs_of = levels.joined_inputs(circuit, inputs, count, 1)[:, 0]
        peer, long, words = self._peer(mesh), inputs_of.size > LONG_WORDS, n_words(count)
        roles = {port.name: ROLES[one.owner] for port, one in zip(circuit.inputs, inputs, strict=True)}
        copies = copies_of(circuit, words)
        wide = await run(repeat, circuit, copies, long=copies * circuit.n_gates > LONG_CIRCUIT)
        batch = count if copies == 1 else 64 * -(-words // copies)

        def turn() -> dict[str, Bits]:
            return {
                port.name: _packed(stretches(inputs_of[circuit.input_slice(port.name)], copies), batch)
                for port, one in zip(circuit.inputs, inputs, strict=True)
                if one.owner in (None, self.party_id)
            }

        own, channel = await run(turn, long=long), mesh.channels[peer]
        options: dict[str, Any] = {
            "batch": batch,
            "packed": True,
            "scheme": self._scheme,
            "progress": progress,
            "rng": self._rng,
        }
        if self.party_id == GARBLER:
            found = await garble_shares(channel, wide, own, roles, ot=self._ots.sender(mesh, peer), **options)
        else:
            found = await evaluate_shares(channel, wide, own, roles, ot=self._ots.receiver(mesh, peer), **options)

        def turn_back() -> Words:
            return joined(_sliced(found), copies, words)[:, None]

        return BitShares(await run(turn_back, long=found.size > 64 * LONG_WORDS), count)

    async def open(self, mesh: Mesh, shares: BitShares, to: frozenset[int]) -> Words | None:
        """As in the contract. Cost: see the module.

        Raises:
            ValueError: there is no such recipient; nothing was sent.
            MessageError: the other party's message has a wrong length.
        """
        peer, n_bits, count = self._peer(mesh), shares.n_bits, shares.count
        if not to <= {GARBLER, EVALUATOR}:
            raise ValueError(f"there is no party {max(to)}: there are 0 and 1")
        n_bytes = levels.string_bytes(n_bits * count)
        if not to or not n_bytes:
            return np.zeros((n_bits, n_words(count)), np.uint64) if self.party_id in to else None
        string = levels.gather_rows(shares.words[:, 0], count)
        message = levels.to_wire(string, n_bits * count)
        if self.party_id not in to:
            await mesh.channels[peer].send(message)
            return None
        if peer in to:
            got = await exchange(mesh.channels[peer], message, n_bytes=n_bytes)
        else:
            got = await mesh.channels[peer].receive(n_bytes)
        levels.xor_wire(string, got)
        return levels.scatter_rows(string, n_bits, count)

    def summand_parties(self, mesh: Mesh) -> tuple[int, ...]:
        return (GARBLER, EVALUATOR)

    def summand(self, mesh: Mesh, shares: BitShares) -> Words:
        return np.ascontiguousarray(shares.words[:, 0])

    def _peer(self, mesh: Mesh) -> int:
        """The other party."""
        if 1 - self.party_id not in mesh.channels:
            raise ValueError(f"not present: party {1 - self.party_id}; garbling needs both of its parties")
        return 1 - self.party_id

    def __repr__(self) -> str:
        return f"<GarbledEngine, {'garbler' if self.party_id == GARBLER else 'evaluator'}>"


def _packed(rows: Words, count: int) -> Bits:
    """Bit-sliced words as packed rows: uint8 of shape (count, packed_bytes(n_bits))."""
    by_bit = np.ascontiguousarray(rows).view(np.uint8)[:, : bits.packed_bytes(count)]
    return bits.transpose(by_bit, count)


def _sliced(found: Bits) -> Words:
    """Bits of shape (count, n_bits) as words, uint64 of shape (n_bits, n_words(count))."""
    count, n_bits = found.shape
    rows = np.zeros((n_bits, 8 * n_words(count)), np.uint8)
    rows[:, : bits.packed_bytes(count)] = bits.pack(found.T)
    return rows.view(np.uint64)
