"""Labels of the input wires: what both parties derive from a public seed, and what only the garbler can.

A wire has a zero label and a one label, zero_label ^ delta; the evaluator holds the active one, zero_label ^ bit *
delta. The color bit of a label is its lowest bit, and that of delta is 1.

    the garbler's bit     active label from the public seed; the garbler takes zero_label = active ^ bit * delta
    the evaluator's bit   correlated OT: the garbler gets zero_label, the evaluator zero_label ^ bit * delta
    a shared bit          it is XOR of a bit at each party: XOR of the labels of the two kinds
    the constants         label 0 at the evaluator; zero labels 0 and delta

Why the seed may be public: the evaluator would see the active label anyway, and here as there it is uniform and says
nothing of the bit; the other label is delta away, and delta stays with the garbler. It saves 16 bytes for each bit of
the garbler. No label of an input is used for two instances, also where the value is the same in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.hashing import digest
from protocols.rng import Rng

__all__ = ["SEED_BYTES", "Public", "Words", "draw_delta", "halves", "words_of", "zero_labels"]

Words = NDArray[np.uint64]
"""Labels: the last axis has two elements, the low half first."""

SEED_BYTES = 32
LABEL_BYTES = 16


@dataclass(frozen=True)
class Public:
    """What the seed of a garbling says to both parties.

    Attributes:
        start: low and high half of the start of the hash's keys, see `protocols.kernels.mitccrh`.
        label_key: AES key of the stream of active labels.
    """

    start: tuple[int, int]
    label_key: bytes

    @classmethod
    def derive(cls, session_id: bytes, seed: bytes) -> Public:
        """From the garbler's seed, fresh for each garbling, and the session.

        Two garblings of up to 2^t keys each, of one session or of different ones, have a key in common with a
        probability of about 2^(t - 128), whatever the session ids.
        """
        data = digest(session_id, "garbling", seed, n_bytes=2 * LABEL_BYTES)
        return cls(halves(data[:LABEL_BYTES]), data[LABEL_BYTES:])

    def active_labels(self, first: int, shape: tuple[int, ...]) -> Words:
        """Labels first, first + 1, ... of the stream, in an array of this shape and one more axis of 2."""
        from protocols.kernels.aes import keystream

        count = int(np.prod(shape, dtype=np.int64))
        key = np.frombuffer(self.label_key, np.uint8).reshape(1, LABEL_BYTES)
        return keystream(key, first, count).view(np.uint64).reshape(*shape, 2)


def halves(block: bytes) -> tuple[int, int]:
    """A block as its low and high 64 bits."""
    return int.from_bytes(block[:8], "little"), int.from_bytes(block[8:], "little")


def draw_delta(rng: Rng) -> bytes:
    """A fresh offset between the labels of every wire: 16 random bytes, but for the color bit, which is 1."""
    delta = bytearray(rng(LABEL_BYTES))
    delta[0] |= 1
    return bytes(delta)


def words_of(delta: bytes) -> Words:
    """A block as two words."""
    return np.frombuffer(delta, np.uint64)


def zero_labels(active: Words, bits: NDArray[np.uint8], delta: Words) -> Words:
    """Turn active labels, C-contiguous, into zero labels, in place; `bits` has no last axis of 2."""
    from protocols.kernels.correlated import shift_all

    shift_all(active.reshape(-1, 2), bits.reshape(-1), delta)
    return active
