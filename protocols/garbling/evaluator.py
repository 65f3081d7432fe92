"""The evaluator's computation: output shares from tables and active labels. No I/O; a chunk is one call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.garbling.inputs import Bits, Roles
from protocols.garbling.labels import Public, Words
from protocols.garbling.layout import Block, Chunk, Layout
from protocols.garbling.tiles import TileWires

__all__ = ["Evaluator"]


class Evaluator:
    """One evaluation of a batch.

    Args:
        layout: how the batch is cut.
        roles: who gives which input bit.
        public: from the seed that the garbler sent.
    """

    def __init__(self, layout: Layout, roles: Roles, public: Public) -> None:
        self._layout, self._public, self._n_public = layout, public, len(roles.public)
        self._wires = TileWires(layout, roles)

    def read(self, chunk: Chunk, tables: NDArray[np.uint8], block: Block, transferred: Words, shares: Bits) -> None:
        """Evaluate a chunk; as `Garbler.fill`, over active labels.

        Args:
            tables: uint8, the message of this chunk.
            transferred: the active labels that OT gave for the block.
            shares: takes the output shares of finished tiles.
        """
        layout = self._layout
        for piece in chunk.pieces:
            wires = self._wires.of(piece)
            if piece.first_gate == 0:
                shape = (self._n_public, piece.n_instances)
                active = self._public.active_labels(piece.first_instance * shape[0], shape)
                labels = self._wires.labels_of(piece, block, transferred)
                self._wires.set_inputs(piece, active, labels)
            layout.scheme.evaluate(
                layout.program,
                piece.first_gate,
                piece.last_gate,
                wires,
                piece.n_instances,
                self._public.start,
                piece.first_key,
                tables[piece.offset :],
            )
            if piece.last_gate == layout.program.n_gates:
                self._wires.read_shares(piece, block, shares)
