"""The wires of a tile: input labels in, color bits of the outputs out. The same for both parties.

Labels that OT gives for a block stand tile after tile, within a tile bit after bit, instance after instance: the order
in which a tile's wires take them. The choices of the evaluator stand likewise.
"""

from __future__ import annotations

import numpy as np

from protocols.garbling.inputs import Bits, InputBits, Roles
from protocols.garbling.labels import Words
from protocols.garbling.layout import Block, Layout, Piece

__all__ = ["TileWires", "choices_of"]


class TileWires:
    """Labels of one tile at a time, in an array that is used for all of them."""

    def __init__(self, layout: Layout, roles: Roles) -> None:
        self._layout = layout
        slots = layout.program.input_slots
        both, in_public, in_transferred = np.intersect1d(roles.public, roles.transferred, True, True)
        self._public, self._transferred = slots[roles.public], slots[roles.transferred]
        self._both, self._in_public, self._in_transferred = slots[both], in_public, in_transferred
        self._n_instances = 0
        self._wires: Words = np.empty((0, 0, 2), np.uint64)

    def of(self, piece: Piece) -> Words:
        """The wires of a piece's tile: as its last piece left them, or of another tile, to be filled."""
        if piece.n_instances != self._n_instances:
            self._wires = self._layout.scheme.new_wires(self._layout.program.n_slots, piece.n_instances)
            self._n_instances = piece.n_instances
        return self._wires

    def labels_of(self, piece: Piece, block: Block, transferred: Words) -> Words:
        """The tile's part of a block's labels from OT, uint64 of shape (n_bits, n_instances, 2)."""
        n_bits = len(transferred) // block.n_instances
        before = (piece.first_instance - block.first_instance) * n_bits
        part = transferred[before : before + n_bits * piece.n_instances]
        return part.reshape(n_bits, piece.n_instances, 2)

    def set_inputs(self, piece: Piece, public: Words, transferred: Words) -> None:
        """Fill the input wires of a new tile; bits of both kinds get XOR of their two labels."""
        n = piece.n_instances
        self._wires[self._public, :n] = public
        self._wires[self._transferred, :n] = transferred
        if len(self._both):
            self._wires[self._both, :n] = public[self._in_public] ^ transferred[self._in_transferred]

    def read_shares(self, piece: Piece, block: Block, shares: Bits) -> None:
        """The color bits of the outputs of a finished tile, into the block's shares."""
        colors = self._wires[self._layout.program.output_slots, : piece.n_instances, 0] & np.uint64(1)
        start = piece.first_instance - block.first_instance
        shares[start : start + piece.n_instances] = colors.T


def choices_of(layout: Layout, block: Block, bits: InputBits) -> Bits:
    """The evaluator's choices for the OT of a block: uint8 of shape (n_bits * n_instances,)."""
    tiles = [bits.of_tile(first, count).reshape(-1) for first, count in layout.tiles(block)]
    return np.concatenate(tiles)
