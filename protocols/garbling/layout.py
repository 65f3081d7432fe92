"""How a batch is cut: blocks for oblivious transfer, tiles for the kernels, chunks for the wire.

    batch   instances 0 .. batch - 1
    block   some thousand instances, whose input labels come from one call of OT and are held in memory together
    tile    up to 64 instances, garbled gate by gate, all instances of a gate at once
    chunk   one message of tables, CHUNK_BYTES or a little less: pieces of tiles, one after the other

Everything follows from the program, the batch and the scheme, so both parties cut alike, and memory depends neither on
the batch nor on the number of gates. A chunk without AND gates is work, but no message.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from circuits.ir import Circuit
from circuits.program import Program, schedule
from protocols.garbling.scheme import Scheme

__all__ = ["Block", "Chunk", "Layout", "Piece"]

CHUNK_BYTES = 1 << 20
BLOCK_BYTES = 1 << 23  # of labels from OT, for one block
BLOCK_INSTANCES = 1 << 12
TILE_BYTES = 1 << 27  # of labels in a tile; a circuit that is very wide gets narrower tiles
LABEL_BYTES = 16
MAX_KEYS = 1 << 63


@dataclass(frozen=True)
class Piece:
    """A stretch of gates of one tile.

    Attributes:
        first_instance, n_instances: the tile.
        first_gate, last_gate: the stretch, without its end.
        first_key: number of its first key.
        n_ands: AND gates in it.
        offset: where its tables stand in the chunk, in bytes.
    """

    first_instance: int
    n_instances: int
    first_gate: int
    last_gate: int
    first_key: int
    n_ands: int
    offset: int


@dataclass(frozen=True)
class Chunk:
    """Work between two messages, and the length of the message."""

    pieces: tuple[Piece, ...]
    n_bytes: int

    @property
    def and_gates(self) -> int:
        """AND gates, over all instances."""
        return sum(piece.n_ands * piece.n_instances for piece in self.pieces)

    @property
    def work(self) -> int:
        """A measure of the time it takes: AND gates, and an eighth for every other gate."""
        other = sum((piece.last_gate - piece.first_gate) * piece.n_instances for piece in self.pieces)
        return self.and_gates + other // 8


@dataclass(frozen=True)
class Block:
    """Instances whose input labels are made together."""

    first_instance: int
    n_instances: int


@dataclass(frozen=True)
class Layout:
    """The cutting of a batch.

    Attributes:
        program: of the circuit; gates of one instance are ordered for depth, those of a batch for memory.
        scheme: how gates are garbled.
        batch: instances.
        tile: instances in a tile; the last one may have fewer.
        block: instances in a block; a multiple of `tile`.
    """

    program: Program
    scheme: Scheme
    batch: int
    tile: int
    block: int

    @classmethod
    def of(cls, circuit: Circuit, scheme: Scheme, batch: int, n_ot_bits: int) -> Layout:
        """Cut a batch; `n_ot_bits` are the input bits of one instance that come from OT.

        Raises:
            ValueError: the batch is so large that the numbers of the keys would not fit.
        """
        program = schedule(circuit, "depth" if batch == 1 else "memory")
        if batch * max(1, program.and_count) * scheme.keys_per_and >= MAX_KEYS:
            raise ValueError(f"a batch of {batch} is too large for one garbling of {program.and_count} AND gates")
        tile = max(1, min(scheme.tile, TILE_BYTES // (LABEL_BYTES * program.n_slots)))
        block = min(BLOCK_INSTANCES, BLOCK_BYTES // (LABEL_BYTES * max(1, n_ot_bits)))
        return cls(program, scheme, batch, tile, max(1, block // tile) * tile)

    @property
    def and_gates(self) -> int:
        """AND gates that are garbled, over all instances."""
        return self.batch * self.program.and_count

    def blocks(self) -> Iterator[Block]:
        """The blocks of the batch, in order."""
        for first in range(0, self.batch, self.block):
            yield Block(first, min(self.block, self.batch - first))

    def tiles(self, block: Block) -> Iterator[tuple[int, int]]:
        """(first instance, number of instances) of the tiles of a block, in order."""
        end = block.first_instance + block.n_instances
        for first in range(block.first_instance, end, self.tile):
            yield first, min(self.tile, end - first)

    def chunks(self, block: Block) -> Iterator[Chunk]:
        """The chunks of a block, in order; none reaches into another block."""
        pieces: list[Piece] = []
        offset = 0
        for first_instance, n_instances in self.tiles(block):
            row = self.scheme.table_bytes * n_instances
            first_and = first_gate = 0
            while first_gate < self.program.n_gates or not first_gate:
                room = (CHUNK_BYTES - offset) // row
                if room == 0 and offset:
                    yield Chunk(tuple(pieces), offset)
                    pieces, offset = [], 0
                    continue
                n_ands = min(max(1, room), self.program.and_count - first_and)
                last_gate = self._gate_behind(first_and + n_ands)
                key = (first_instance // self.tile * self.program.and_count + first_and) * self.scheme.keys_per_and
                pieces.append(Piece(first_instance, n_instances, first_gate, last_gate, key, n_ands, offset))
                offset += n_ands * row
                first_and, first_gate = first_and + n_ands, last_gate
                if not self.program.n_gates:
                    break
        if pieces:
            yield Chunk(tuple(pieces), offset)

    def _gate_behind(self, n_ands: int) -> int:
        """Where the gates end of which the first `n_ands` AND gates are the last to be taken."""
        if n_ands == self.program.and_count:
            return self.program.n_gates
        return int(self.program.and_gates[n_ands - 1]) + 1
