"""SoftSpokenOT: from 128 base OTs any number of random OTs, with k as a trade of bytes for AES.

    sender, Delta of 128 bits                         receiver, choices c
    base OT with the bits of Delta        <-------->  base OT, the sender's side
    all leaves but one of each tree       <---------  the trees' corrections             (setup, once)

                                          <---------  d_i = u_i ^ c for each tree i      (for each message of OTs)
    row: q = w ^ Delta_bit & d_i                      row: v
    column j: r_0 = H(j, q_j)                         column j: r_c = H(j, v_j)
              r_1 = H(j, q_j ^ Delta)

There are ceil(128 / k) trees of 2**k leaves (the last may be smaller), one for each k bits of Delta. The streams of a
tree's leaves fold into u and k rows v at the receiver, who has all leaves, and into w = v ^ Delta_bit & u at the
sender, who lacks the one leaf that Delta names. The correction d_i turns u into the choices themselves (the repetition
code), so q_j = v_j ^ c_j Delta: the relation of IKNP, which k = 1 is. The hash breaks the relation to Delta.

Security: semi-honest, correlation-robust hash (`protocols.hashing.tccr`) and AES as a pseudorandom generator; against a
malicious sender also private, because it only receives d, masked by u. A malicious receiver may use different choices
in different trees, test guesses on what it learns later, and so find Delta and both messages of every pair: there is no
consistency check. Leaks k and the counts.
Streams and tweaks are counted and never used twice; the hash changes its key with every message, so that at most 2**16
hashes share one; MAX_OTS bounds the blocks of a stream at 2**33.

A fork goes on with the same trees on another channel, at once and with no message: its seeds are AES of a block made of
that channel's session id under the seeds at hand, its hash keys come from that session id. So forks may run side by
side, and in another order at one party than at the other. Delta is the same, and a fork is nothing but more OTs of one
extension: as a pseudorandom function AES makes seeds that are as good as fresh to whoever lacks the old ones, which for
the sender is still the one leaf that Delta names; the blocks of forks have their highest bit set, so none is a counter
of a stream; and no two OTs under one Delta share a hash key and a tweak. A session id is used for one fork.
Cost: setup 2 messages (3 when k > 1), sender 8192 bytes, receiver 32 + 32 * (128 - trees); then for each message of up
to 32,768 OTs, receiver trees * ceil(count / 8) bytes, which is 16 / k an OT where k divides 128; sender nothing.
Source: Roy, "SoftSpokenOT", ePrint 2022/192, section 3: small-field VOLE and the semi-honest subspace VOLE with the
repetition code. Deviations: the receiver's choices enter directly instead of being random, so all ceil(128 / k)
corrections are sent, the first one too; when k does not divide 128 the last tree is smaller instead of Delta longer;
the hash is TMMO with a key that depends on the session and the message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protocols import bits
from protocols.channel import Channel
from protocols.errors import StateError
from protocols.hashing import digest, tccr, tccr_bits
from protocols.ot import base, pprf
from protocols.ot.contract import Blocks, Packed
from protocols.ot.rows import Rows, Words
from protocols.ot.work import run
from protocols.rng import Rng

if TYPE_CHECKING:
    from protocols.kernels.prg import Streams

__all__ = [
    "KAPPA",
    "MAX_K",
    "MAX_OTS",
    "MESSAGE_OTS",
    "SoftSpokenReceiver",
    "SoftSpokenSender",
    "prepare",
    "tree_depths",
]

KAPPA = 128
MAX_K = 8
MESSAGE_OTS = 1 << 15  # OTs in one message
MAX_OTS = 1 << 40  # OTs from one setup
_INLINE = 2048  # OTs whose arithmetic takes less than 1 ms on the compiled paths


def tree_depths(k: int) -> tuple[int, ...]:
    """Depths of the trees, together 128.

    Raises:
        ValueError: k is not between 1 and 8.
    """
    given: Any = k
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MAX_K:
        raise ValueError(f"k must be an integer from 1 to {MAX_K}, not {k!r}")
    return (k,) * (KAPPA // k) + ((KAPPA % k,) if KAPPA % k else ())


def _groups(depths: tuple[int, ...]) -> list[tuple[slice, slice, int]]:
    """Trees of equal depth: their trees, their base OTs, their depth."""
    whole = depths.count(depths[0])
    groups = [(slice(0, whole), slice(0, whole * depths[0]), depths[0])]
    if whole < len(depths):
        groups.append((slice(whole, len(depths)), slice(whole * depths[0], KAPPA), depths[-1]))
    return groups


def grow_all(depths: tuple[int, ...], pairs: Blocks) -> tuple[Blocks, bytes]:
    """All leaves of all trees, and the corrections to send, from 128 pairs of base OT."""
    seeds, corrections = [], []
    for _, ots, depth in _groups(depths):
        leaves, sums = pprf.grow(pairs[ots].reshape(-1, depth, 2, 16))
        seeds.append(leaves.reshape(-1, 16))
        corrections.append(sums.tobytes())
    return np.concatenate(seeds), b"".join(corrections)


def grow_all_punctured(
    depths: tuple[int, ...], choices: NDArray[np.uint8], received: Blocks, message: bytes | memoryview
) -> tuple[Blocks, NDArray[np.uint8]]:
    """The leaves without the holes, which are set to 0, and the 128 bits of Delta that name them."""
    seeds, delta, start = [], [], 0
    for trees, ots, depth in _groups(depths):
        n_trees = trees.stop - trees.start
        path = 1 - choices[ots].reshape(n_trees, depth)
        end = start + n_trees * (depth - 1) * 32
        sums = np.frombuffer(message[start:end], np.uint8).reshape(n_trees, depth - 1, 2, 16)
        leaves = pprf.grow_punctured(path, received[ots].reshape(n_trees, depth, 16), sums)
        seeds.append(leaves.reshape(-1, 16))
        delta.append(path[:, ::-1].reshape(-1))  # row b of a tree stands for bit b of its leaves' numbers
        start = end
    return np.concatenate(seeds), np.concatenate(delta)


def correction_bytes(depths: tuple[int, ...]) -> int:
    """Length of the trees' corrections."""
    return 32 * (KAPPA - len(depths))


class _Counters:
    """What must never be used twice: blocks of the streams, and keys of the hash."""

    def __init__(self, session_id: bytes, run_id: bytes) -> None:
        self._session_id, self._run_id = session_id, run_id
        self._blocks = self._messages = 0

    def take(self, count: int) -> tuple[int, bytes]:
        """The first block and the hash key for `count` OTs; both are spent."""
        if not 1 <= count <= MESSAGE_OTS:
            raise ValueError(f"one message holds 1 to {MESSAGE_OTS} OTs, not {count}")
        first = self._blocks
        if 128 * first + count > MAX_OTS:
            raise StateError(f"one setup gives {MAX_OTS} OTs; set up anew")
        self._blocks += -(-count // 128)
        self._messages += 1
        number = self._messages.to_bytes(8, "little")
        return first, digest(self._session_id, "softspoken-hash", self._run_id, number, n_bytes=16)


class _Forks:
    """What forks are keyed with: a block for the seeds and a name of the run; each session id serves once."""

    def __init__(self, session_id: bytes, run_id: bytes) -> None:
        self._run_id, self._used = run_id, {session_id}

    def take(self, session_id: bytes) -> tuple[bytes, bytes]:
        if session_id in self._used:
            raise StateError("there was a fork for this session id: fork the channel with another label")
        self._used.add(session_id)
        derived = digest(session_id, "softspoken-fork", self._run_id, n_bytes=48)
        return derived[:15] + bytes([derived[15] | 128]), derived[16:]


@dataclass(frozen=True)
class _Begun:
    """OTs that have their numbers and what the other side said, or their choices, and are not yet computed."""

    first: int
    key: bytes
    count: int
    message: Callable[[], Packed]


class SoftSpokenSender:
    """The side that gets both messages of each pair (`contract.RandomOtSender`)."""

    max_count = MESSAGE_OTS

    def __init__(
        self,
        channel: Channel,
        depths: tuple[int, ...],
        streams: Streams,
        delta: NDArray[np.uint8],
        run_id: bytes,
        rows: Rows | None = None,
    ) -> None:
        self._channel, self._depths, self._streams, self._delta_bits = channel, depths, streams, delta
        self._delta = bits.pack(delta).view(np.uint64)
        self._delta_masks = bits.masks(delta)
        self._tree_of_row = np.repeat(np.arange(len(depths)), depths)
        self._counters, self._forks = _Counters(channel.session_id, run_id), _Forks(channel.session_id, run_id)
        self._rows = Rows(len(depths)) if rows is None else rows

    @classmethod
    async def setup(cls, channel: Channel, k: int, *, rng: Rng) -> SoftSpokenSender:
        """Run the base OTs; the receiver does the same with the same k.

        Raises:
            ValueError: k is not between 1 and 8.
            MessageError: a message has a wrong length or holds an invalid group element.
        """
        depths = tree_depths(k)
        await run(prepare, long=True)
        choices = bits.random_bits(rng, KAPPA)
        received, run_id = await base.receive_bound(channel, choices, rng=rng)
        message = await channel.receive(correction_bytes(depths)) if correction_bytes(depths) else b""

        def compute() -> SoftSpokenSender:
            from protocols.kernels.prg import Streams

            seeds, delta = grow_all_punctured(depths, choices, received, message)
            return cls(channel, depths, Streams(seeds, depths, punctured=True), delta, run_id)

        return await run(compute, long=True)

    def fork(self, channel: Channel) -> SoftSpokenSender:
        """The same Delta on another channel, for calls that run beside those of this one; some 0.1 ms, no message.

        Args:
            channel: to the same peer, for the fork alone; the peer forks with its end of it.
        Raises:
            StateError: there was a fork for this session id.
        """
        block, run_id = self._forks.take(channel.session_id)
        return SoftSpokenSender(
            channel, self._depths, self._streams.rekeyed(block), self._delta_bits, run_id, self._rows
        )

    async def begin(self, count: int) -> _Begun:
        """Hear what the next OTs need: one message from the receiver."""
        first, key = self._counters.take(count)
        message = await self._channel.receive(len(self._depths) * bits.packed_bytes(count))
        return _Begun(first, key, count, lambda: np.frombuffer(message, np.uint8))

    def blocks(self, begun: _Begun, out: Blocks) -> None:
        """Write their pairs to `out`, uint8 of shape (n, 2, 16)."""
        from protocols.kernels.prg import spread

        with self._columns(begun) as columns:
            spread(columns, self._delta, out.reshape(len(out), 32).view(np.uint64))
        tccr(begun.key, out, out=out)

    def low_bits(self, begun: _Begun, zeros: Packed, ones: Packed) -> None:
        """Write bit 0 of both messages of their pairs, packed."""
        with self._columns(begun) as columns:
            tccr_bits(begun.key, columns, np.zeros(2, np.uint64), zeros)
            tccr_bits(begun.key, columns, self._delta, ones)

    def is_long(self, count: int) -> bool:
        return count > _INLINE or self._streams.path == "portable"

    @contextmanager
    def _columns(self, begun: _Begun) -> Iterator[Words]:
        from protocols.kernels.prg import correct
        from protocols.kernels.transpose import transpose

        with self._rows.lend(begun.count) as (d, q, columns):
            self._streams.fold(begun.first, d, q)
            row_bytes = bits.packed_bytes(begun.count)
            d.view(np.uint8)[:, :row_bytes] = begun.message().reshape(len(d), row_bytes)
            correct(q, self._delta_masks, self._tree_of_row, d)
            yield transpose(q, begun.count, out=columns)


class SoftSpokenReceiver:
    """The side that chooses (`contract.RandomOtReceiver`)."""

    max_count = MESSAGE_OTS

    def __init__(
        self, channel: Channel, depths: tuple[int, ...], streams: Streams, run_id: bytes, rows: Rows | None = None
    ) -> None:
        self._channel, self._depths, self._streams = channel, depths, streams
        self._counters, self._forks = _Counters(channel.session_id, run_id), _Forks(channel.session_id, run_id)
        self._rows = Rows(len(depths)) if rows is None else rows

    @classmethod
    async def setup(cls, channel: Channel, k: int, *, rng: Rng) -> SoftSpokenReceiver:
        """Run the base OTs; the sender does the same with the same k.

        Raises:
            ValueError: k is not between 1 and 8.
            MessageError: a message has a wrong length or holds an invalid group element.
        """
        depths = tree_depths(k)
        await run(prepare, long=True)
        pairs, run_id = await base.send_bound(channel, KAPPA, rng=rng)

        def compute() -> tuple[SoftSpokenReceiver, bytes]:
            from protocols.kernels.prg import Streams

            seeds, corrections = grow_all(depths, pairs)
            return cls(channel, depths, Streams(seeds, depths, punctured=False), run_id), corrections

        receiver, corrections = await run(compute, long=True)
        if corrections:
            await channel.send(corrections)
        return receiver

    def fork(self, channel: Channel) -> SoftSpokenReceiver:
        """The same Delta on another channel, for calls that run beside those of this one; some 0.1 ms, no message.

        Args:
            channel: to the same peer, for the fork alone; the peer forks with its end of it.
        Raises:
            StateError: there was a fork for this session id.
        """
        block, run_id = self._forks.take(channel.session_id)
        return SoftSpokenReceiver(channel, self._depths, self._streams.rekeyed(block), run_id, self._rows)

    async def begin(self, count: int, choose: Callable[[], Packed]) -> _Begun:
        """The next OTs; nothing is said yet."""
        return _Begun(*self._counters.take(count), count, choose)

    def blocks(self, begun: _Begun, out: Blocks) -> Packed:
        """Write the chosen ones of their pairs to `out`, uint8 of shape (n, 16); the message for the sender."""
        with self._columns(begun) as (columns, message):
            out[:] = columns.view(np.uint8)
        tccr(begun.key, out, out=out)
        return message

    def low_bits(self, begun: _Begun, out: Packed) -> Packed:
        """Write bit 0 of the chosen ones, packed as the choices are; the message for the sender."""
        with self._columns(begun) as (columns, message):
            tccr_bits(begun.key, columns, np.zeros(2, np.uint64), out)
        return message

    def is_long(self, count: int) -> bool:
        return count > _INLINE or self._streams.path == "portable"

    @contextmanager
    def _columns(self, begun: _Begun) -> Iterator[tuple[Words, Packed]]:
        from protocols.kernels.transpose import transpose

        choices, count = begun.message(), begun.count
        with self._rows.lend(count) as (u, v, columns):
            self._streams.fold(begun.first, u, v)
            d = u.view(np.uint8)[:, : len(choices)] ^ choices
            if count % 8:
                d[:, -1] &= (1 << count % 8) - 1
            yield transpose(v, count, out=columns), d


def prepare() -> None:
    """Load the kernels for the CPU in use, and compile them where this machine has not yet: some seconds, once.

    Raises:
        RuntimeError: the AES of this machine does not reproduce FIPS-197.
    """
    from protocols.kernels import aes, cpu
    from protocols.kernels.correlated import correct_all, select_all, shift_all
    from protocols.kernels.prg import ROW_WORDS, Streams, correct, spread
    from protocols.kernels.transpose import transpose

    if cpu.path() in _prepared:
        return
    aes.self_check()
    aes.keystream(np.zeros((1, 16), np.uint8), 0, 2)
    aes.encrypt_under_each(np.zeros((1, 16), np.uint8), bytes(16))
    u, v = np.zeros((43, ROW_WORDS), np.uint64), np.zeros((KAPPA, ROW_WORDS), np.uint64)
    depths = tree_depths(3)
    Streams(np.zeros((sum(1 << depth for depth in depths), 16), np.uint8), depths, punctured=False).fold(0, u, v)
    correct(v, np.zeros(KAPPA, np.uint64), np.zeros(KAPPA, np.int64), u)
    pairs = np.empty((1, 4), np.uint64)
    spread(transpose(v, 1), np.zeros(2, np.uint64), pairs)
    corrections, none = correct_all(pairs, pairs[0, :2], np.empty((1, 2), np.uint64)), np.zeros(1, np.uint8)
    select_all(corrections.copy(), none, corrections)
    shift_all(corrections, none, pairs[0, :2])
    tccr(bytes(16), pairs.view(np.uint8).reshape(1, 2, 16))
    tccr_bits(bytes(16), pairs.reshape(2, 2), pairs[0, :2], np.empty(1, np.uint8))
    _prepared.add(cpu.path())


_prepared: set[str] = set()
