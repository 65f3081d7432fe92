"""The garbler's computation: tables and output shares from zero labels. No I/O; a chunk is one call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.garbling.inputs import Bits, InputBits, Roles
from protocols.garbling.labels import Public, Words, halves, words_of, zero_labels
from protocols.garbling.layout import Block, Chunk, Layout, Piece
from protocols.garbling.tiles import TileWires

__all__ = ["Garbler"]


class Garbler:
    """One garbling of a batch.

    Args:
        layout: how the batch is cut.
        roles: who gives which input bit.
        bits: the garbler's bits.
        public: from the seed that the evaluator gets.
        delta: 16 bytes, from `draw_delta`; for this garbling alone.
        secret: the scheme's `secret_bytes` random bytes, likewise.
    """

    def __init__(
        self, layout: Layout, roles: Roles, bits: InputBits, public: Public, delta: bytes, secret: bytes = b""
    ) -> None:
        self._layout, self._bits, self._public = layout, bits, public
        self._n_public = len(roles.public)
        self._secrets = (*halves(delta), *(halves(secret) if secret else ()))
        self._delta_words = words_of(delta)
        self._wires = TileWires(layout, roles)

    def fill(self, chunk: Chunk, buffer: NDArray[np.uint8], block: Block, transferred: Words, shares: Bits) -> None:
        """Garble a chunk; chunks come in their order, each once.

        Args:
            chunk: of `block`.
            buffer: uint8, takes the tables from the front; the scheme's slack longer than the chunk.
            block: whose input labels are given.
            transferred: the zero labels that OT gave for it, in the order of `TileWires`.
            shares: uint8 of shape (instances of the block, n_outputs), takes the output shares of finished tiles.
        """
        layout = self._layout
        for piece in chunk.pieces:
            wires = self._wires.of(piece)
            if piece.first_gate == 0:
                self._open(wires, piece, self._wires.labels_of(piece, block, transferred))
            layout.scheme.garble(
                layout.program,
                piece.first_gate,
                piece.last_gate,
                wires,
                piece.n_instances,
                self._secrets,
                self._public.start,
                piece.first_key,
                buffer[piece.offset :],
            )
            if piece.last_gate == layout.program.n_gates:
                self._wires.read_shares(piece, block, shares)

    def _open(self, wires: Words, piece: Piece, transferred: Words) -> None:
        n = piece.n_instances
        wires[1, :n] = self._delta_words
        shape = (self._n_public, n)
        active = self._public.active_labels(piece.first_instance * shape[0], shape)
        bits = self._bits.of_tile(piece.first_instance, n)
        self._wires.set_inputs(piece, zero_labels(active, bits, self._delta_words), transferred)
