"""SoftSpokenOT against a slow twin that follows the paper with Python integers, on every path of the kernels."""

from __future__ import annotations

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.bits import pack
from protocols.errors import StateError
from protocols.hashing import digest
from protocols.kernels import cpu
from protocols.kernels.prg import Streams
from protocols.ot import extension
from protocols.ot.extension import KAPPA, SoftSpokenReceiver, SoftSpokenSender, tree_depths
from tests.kit.channels import run_pair
from tests.kit.ot_makers import channels, softspoken

RUN_ID = bytes(range(32))


def aes(key: bytes, block: int) -> int:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return int.from_bytes(encryptor.update(block.to_bytes(16, "little")), "little")


def tmmo(key: bytes, tweak: int, block: int) -> int:
    inner = aes(key, block)
    return aes(key, inner ^ tweak) ^ inner


def stream(seed: np.ndarray, first: int, count: int) -> list[int]:
    """The first `count` bits of a stream from block `first` on."""
    blocks = [aes(seed.tobytes(), first + i) for i in range(-(-count // 128))]
    return [blocks[j // 128] >> (j % 128) & 1 for j in range(count)]


class SlowTwin:
    """Both sides at once: the relation that they must hold, one OT and one bit at a time."""

    def __init__(self, k: int, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.depths = tree_depths(k)
        self.pairs = self.random.integers(0, 256, (KAPPA, 2, 16), np.uint8)
        self.choices = self.random.integers(0, 2, KAPPA, np.uint8)
        self.leaves, corrections = extension.grow_all(self.depths, self.pairs)
        received = self.pairs[np.arange(KAPPA), self.choices]
        self.punctured, self.delta = extension.grow_all_punctured(self.depths, self.choices, received, corrections)

    def expected(self, message: int, first: int, choices: np.ndarray) -> tuple[bytes, list[tuple[int, int]], list[int]]:
        """The receiver's message, the sender's pairs, what the receiver gets."""
        count = len(choices)
        rows, u, leaf = [], [], 0
        for depth in self.depths:
            streams = [stream(seed, first, count) for seed in self.leaves[leaf : leaf + 2**depth]]
            u.append([sum(column) % 2 for column in zip(*streams, strict=True)])
            for bit in range(depth):
                members = [s for x, s in enumerate(streams) if x >> bit & 1]
                rows.append([sum(column) % 2 for column in zip(*members, strict=True)])
            leaf += 2**depth
        packed = [np.packbits(np.array(row, np.uint8) ^ choices, bitorder="little").tobytes() for row in u]
        delta = sum(int(bit) << i for i, bit in enumerate(self.delta))
        key = digest(bytes(range(32)), "softspoken-hash", RUN_ID, message.to_bytes(8, "little"), n_bytes=16)
        pairs, got = [], []
        for j, choice in enumerate(choices.tolist()):
            v = sum(row[j] << i for i, row in enumerate(rows))
            q = v ^ choice * delta
            pairs.append((tmmo(key, j, q), tmmo(key, j, q ^ delta)))
            got.append(tmmo(key, j, v))
        return b"".join(packed), pairs, got


def to_ints(blocks: np.ndarray) -> list[int]:
    return [int.from_bytes(block.tobytes(), "little") for block in blocks.reshape(-1, 16)]


@pytest.mark.parametrize("path", cpu.available())
@pytest.mark.parametrize("k", [1, 2, 3, 4])
async def test_against_the_slow_twin(k: int, path: cpu.Path) -> None:
    twin = SlowTwin(k, seed=k)
    left, right = channels()
    with cpu.use(path):
        sender = SoftSpokenSender(
            left, twin.depths, Streams(twin.punctured, twin.depths, punctured=True), twin.delta, RUN_ID
        )
        receiver = SoftSpokenReceiver(right, twin.depths, Streams(twin.leaves, twin.depths, punctured=False), RUN_ID)
        first = 0
        for number, count in enumerate((1, 130, 9), start=1):
            choices = twin.random.integers(0, 2, count, np.uint8)
            pairs, got = np.empty((count, 2, 16), np.uint8), np.empty((count, 16), np.uint8)
            begun = await receiver.begin(count, lambda choices=choices: pack(choices))
            await right.send(receiver.blocks(begun, got))
            sender.blocks(await sender.begin(count), pairs)
            message, expected_pairs, expected_got = twin.expected(number, first, choices)
            assert left.wire.messages[-1][2] == message
            assert to_ints(pairs) == [block for pair in expected_pairs for block in pair]
            assert to_ints(got) == expected_got
            assert to_ints(got) == [pair[c] for pair, c in zip(expected_pairs, choices, strict=True)]
            first += -(-count // 128)


@pytest.mark.parametrize("k", range(1, 9))
def test_trees_hold_all_bits_of_delta(k: int) -> None:
    depths = tree_depths(k)
    assert sum(depths) == 128
    assert len(depths) == -(-128 // k)
    assert set(depths[:-1]) == {k}
    twin = SlowTwin(k, seed=100 + k)
    offset = leaf = 0
    for depth in depths:
        hole = int(sum(int(bit) << i for i, bit in enumerate(twin.delta[offset : offset + depth])))
        for y in range(1, 2**depth):
            assert (twin.punctured[leaf + y] == twin.leaves[leaf + (y ^ hole)]).all()
        assert not twin.punctured[leaf].any()
        offset, leaf = offset + depth, leaf + 2**depth


@pytest.mark.parametrize("k", [0, 9, -1, 1.5, 2.0, True, "2", None])
def test_other_k_are_refused(k: object) -> None:
    with pytest.raises(ValueError, match="k must be"):
        tree_depths(k)


def test_nothing_is_counted_twice() -> None:
    counters = extension._Counters(bytes(32), RUN_ID)
    taken = [counters.take(count) for count in (1, 128, 129, extension.MESSAGE_OTS, 1)]
    assert [first for first, _ in taken] == [0, 1, 2, 4, 4 + extension.MESSAGE_OTS // 128]
    assert len({key for _, key in taken}) == 5
    again = extension._Counters(bytes(32), bytes(32))
    assert again.take(1)[1] != taken[0][1]
    for count in (0, -1, extension.MESSAGE_OTS + 1):
        with pytest.raises(ValueError, match="one message"):
            counters.take(count)


def test_one_setup_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "MAX_OTS", 300)
    counters = extension._Counters(bytes(32), RUN_ID)
    counters.take(129)
    with pytest.raises(StateError, match="set up anew"):
        counters.take(45)
    counters.take(44)
    with pytest.raises(StateError, match="set up anew"):
        counters.take(1)


async def test_two_setups_share_nothing() -> None:
    seen = set()
    for _ in range(2):
        sender, receiver, _ = await softspoken(2)
        pairs, _ = await run_pair(sender.random(100), receiver.random(100))
        seen.update(to_ints(pairs))
    assert len(seen) == 400


async def test_long_work_leaves_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    sender, receiver, _ = await softspoken(2)
    threaded = []
    original = asyncio.to_thread

    async def to_thread(function: object, *arguments: object) -> object:
        threaded.append(getattr(function, "__name__", ""))
        return await original(function, *arguments)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    await run_pair(sender.random(1000), receiver.random(1000))
    assert not threaded or cpu.path() == "portable"  # where everything is long
    threaded.clear()
    await run_pair(sender.random(20_000), receiver.random(20_000))
    assert threaded == ["make_all", "make_all"]
    threaded.clear()
    await softspoken(2)
    assert {"choose", "receiver_keys", "compute", "prepare"} <= set(threaded)


def test_preparing_is_done_once_for_each_path(monkeypatch: pytest.MonkeyPatch) -> None:
    from protocols import ot

    ot.prepare()
    monkeypatch.setattr("protocols.kernels.aes.self_check", lambda: pytest.fail("prepared twice"))
    ot.prepare()
