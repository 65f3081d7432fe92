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
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protocols import bits
from protocols.channel import Channel
from protocols.errors import StateError
from protocols.hashing import digest, tccr, tccr_bits
from protocols.ot import base, pprf
from protocols.ot.contract import Blocks, Packed
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

Words = NDArray[np.uint64]
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


class _Rows:
    """Space for messages: a row for each tree, a row for each bit of Delta, a column for each OT.

    It is kept from one message to the next, and shared by forks, because the system takes as long to find new memory
    as the AES does. There is as much of it as threads were at work at the same time.
    """

    def __init__(self, n_trees: int) -> None:
        self._n_trees = n_trees
        self._free: list[tuple[Words, ...]] = []

    @contextmanager
    def lend(self, count: int) -> Iterator[tuple[Words, Words, Words]]:
        from protocols.kernels.prg import ROW_WORDS

        n_words = -(-count // (64 * ROW_WORDS)) * ROW_WORDS
        try:
            space = self._free.pop()
        except IndexError:
            space = ()
        if not space or space[1].size < KAPPA * n_words:
            space = tuple(np.empty(n * n_words, np.uint64) for n in (self._n_trees, KAPPA, KAPPA))
        u, v, columns = space
        yield (
            u[: self._n_trees * n_words].reshape(self._n_trees, n_words),
            v[: KAPPA * n_words].reshape(KAPPA, n_words),
            columns[: 2 * count].reshape(count, 2),
        )
        self._free.append(space)


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
        rows: _Rows | None = None,
    ) -> None:
        self._channel, self._depths, self._streams, self._delta_bits = channel, depths, streams, delta
        self._delta = bits.pack(delta).view(np.uint64)
        self._delta_masks = bits.masks(delta)
        self._tree_of_row = np.repeat(np.arange(len(depths)), depths)
        self._counters, self._forks = _Counters(channel.session_id, run_id), _Forks(channel.session_id, run_id)
        self._rows = _Rows(len(depths)) if rows is None else rows

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

    async def extend(self, out: Blocks) -> None:
        """Write the next random pairs to `out`, uint8 of shape (n, 2, 16): one message from the receiver."""
        await self._extend(len(out), lambda key, columns: self._finish(key, columns, out))

    async def extend_bits(self, count: int, zeros: Packed, ones: Packed) -> None:
        """Write bit 0 of both messages of the next pairs, packed: one message from the receiver."""

        def finish(key: bytes, columns: Words) -> None:
            tccr_bits(key, columns, np.zeros(2, np.uint64), zeros)
            tccr_bits(key, columns, self._delta, ones)

        await self._extend(count, finish)

    async def _extend(self, count: int, finish: Callable[[bytes, Words], None]) -> None:
        first, key = self._counters.take(count)
        message = await self._channel.receive(len(self._depths) * bits.packed_bytes(count))
        await run(self._expand, first, key, message, count, finish, long=_is_long(count, self._streams))

    def _expand(
        self, first: int, key: bytes, message: memoryview, count: int, finish: Callable[[bytes, Words], None]
    ) -> None:
        from protocols.kernels.prg import correct
        from protocols.kernels.transpose import transpose

        with self._rows.lend(count) as (d, q, columns):
            self._streams.fold(first, d, q)
            row_bytes = bits.packed_bytes(count)
            d.view(np.uint8)[:, :row_bytes] = np.frombuffer(message, np.uint8).reshape(len(d), row_bytes)
            correct(q, self._delta_masks, self._tree_of_row, d)
            finish(key, transpose(q, count, out=columns))

    def _finish(self, key: bytes, columns: Words, out: Blocks) -> None:
        from protocols.kernels.prg import spread

        spread(columns, self._delta, out.reshape(len(out), 32).view(np.uint64))
        tccr(key, out, out=out)


class SoftSpokenReceiver:
    """The side that chooses (`contract.RandomOtReceiver`)."""

    max_count = MESSAGE_OTS

    def __init__(
        self, channel: Channel, depths: tuple[int, ...], streams: Streams, run_id: bytes, rows: _Rows | None = None
    ) -> None:
        self._channel, self._depths, self._streams = channel, depths, streams
        self._counters, self._forks = _Counters(channel.session_id, run_id), _Forks(channel.session_id, run_id)
        self._rows = _Rows(len(depths)) if rows is None else rows

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

    async def extend(self, choices: NDArray[np.uint8], out: Blocks) -> None:
        """Write the chosen ones of the next pairs to `out`, uint8 of shape (n, 16): one message to the sender."""

        def finish(key: bytes, columns: Words) -> None:
            out[:] = columns.view(np.uint8)
            tccr(key, out, out=out)

        await self._extend(len(choices), bits.pack(choices), finish)

    async def extend_bits(self, count: int, choices: Packed, out: Packed) -> None:
        """Write bit 0 of the chosen ones of the next pairs, packed as the choices are: one message to the sender."""
        await self._extend(count, choices, lambda key, columns: tccr_bits(key, columns, np.zeros(2, np.uint64), out))

    async def _extend(self, count: int, choices: Packed, finish: Callable[[bytes, Words], None]) -> None:
        first, key = self._counters.take(count)
        message = await run(self._expand, first, key, choices, count, finish, long=_is_long(count, self._streams))
        await self._channel.send(message)

    def _expand(
        self, first: int, key: bytes, choices: Packed, count: int, finish: Callable[[bytes, Words], None]
    ) -> NDArray[np.uint8]:
        from protocols.kernels.transpose import transpose

        with self._rows.lend(count) as (u, v, columns):
            self._streams.fold(first, u, v)
            d = u.view(np.uint8)[:, : len(choices)] ^ choices
            finish(key, transpose(v, count, out=columns))
        if count % 8:
            d[:, -1] &= (1 << count % 8) - 1
        return d


def _is_long(count: int, streams: Streams) -> bool:
    return count > _INLINE or streams.path == "portable"


def prepare() -> None:
    """Load the kernels for the CPU in use, and compile them where this machine has not yet: some seconds, once.

    Raises:
        RuntimeError: the AES of this machine does not reproduce FIPS-197.
    """
    from protocols.kernels import aes, cpu
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
    tccr(bytes(16), pairs.view(np.uint8).reshape(1, 2, 16))
    tccr_bits(bytes(16), pairs.reshape(2, 2), pairs[0, :2], np.empty(1, np.uint8))
    _prepared.add(cpu.path())


_prepared: set[str] = set()
