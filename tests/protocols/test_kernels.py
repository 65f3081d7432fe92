"""The compiled AES and the portable one against FIPS-197, against each other, and how kernels are kept."""

from __future__ import annotations

import asyncio

import numba
import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.kernels import aes, cpu, jit
from protocols.kernels.prg import ROW_WORDS, Streams
from protocols.kernels.tmmo import tmmo
from protocols.kernels.transpose import transpose

PATHS = cpu.available()
each_path = pytest.mark.parametrize("path", PATHS)


def blocks(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 16), np.uint8)


def slow_aes(key: bytes, data: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def test_the_portable_path_is_always_there_and_last() -> None:
    assert PATHS[-1] == "portable"
    assert cpu.path() == PATHS[0]


@each_path
def test_use_is_for_the_block_only(path: cpu.Path) -> None:
    before = cpu.path()
    with cpu.use(path):
        assert cpu.path() == path
        with cpu.use("portable"):
            assert cpu.lanes() == ()
        assert cpu.path() == path
    assert cpu.path() == before


async def test_use_reaches_threads_and_no_other_task() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def inside() -> str:
        with cpu.use("portable"):
            started.set()
            await ended.wait()
            return await asyncio.to_thread(cpu.path)

    task = asyncio.ensure_future(inside())
    await started.wait()
    assert cpu.path() == PATHS[0]
    ended.set()
    assert await task == "portable"


def test_a_path_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "available", lambda: ("portable",))
    with pytest.raises(ValueError, match="vaes"), cpu.use("vaes"):
        pass


@pytest.mark.parametrize("machine", ["aarch64", "riscv64"])
def test_other_machines_are_portable(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert cpu._features() == frozenset()


def test_features_that_numba_was_told_to_leave_out_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("numba.core.config.CPU_FEATURES", "+aes,+sse4.1,-vaes")
    assert cpu._features() == {"aes", "sse4.1"}


@each_path
@pytest.mark.parametrize("count", [0, 1, 7, 8, 31, 32, 33, 100])
def test_blocks_under_one_key(path: cpu.Path, count: int) -> None:
    key, data = bytes(range(100, 116)), blocks(count, count)
    with cpu.use(path):
        found = aes.encrypt_blocks(key, data)
    assert found.shape == data.shape
    assert found.tobytes() == slow_aes(key, data.tobytes())


@each_path
def test_blocks_of_any_layout(path: cpu.Path) -> None:
    key, data = bytes(16), blocks(1, 6, 5)
    view = data[::2, ::-1]
    view.setflags(write=False)
    with cpu.use(path):
        assert aes.encrypt_blocks(key, view).tobytes() == slow_aes(key, view.tobytes())


@each_path
@pytest.mark.parametrize(("first", "n_blocks"), [(0, 1), (5, 40), (2**40 - 3, 9), (2**63 - 2, 2)])
def test_keystream_counts_blocks(path: cpu.Path, first: int, n_blocks: int) -> None:
    seeds = blocks(3, 3)
    with cpu.use(path):
        found = aes.keystream(seeds, first, n_blocks)
    counters = b"".join((first + i).to_bytes(16, "little") for i in range(n_blocks))
    assert found.tobytes() == b"".join(slow_aes(seed.tobytes(), counters) for seed in seeds)


@each_path
def test_the_self_check_is_made_and_can_fail(path: cpu.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cpu.use(path):
        aes.self_check()
        aes._check_path.cache_clear()
        monkeypatch.setattr(aes, "_encrypt_blocks", lambda key, data: data)
        with pytest.raises(RuntimeError, match="FIPS-197"):
            aes.encrypt_blocks(bytes(16), blocks(0, 1))
        with pytest.raises(RuntimeError, match="FIPS-197"):
            aes.keystream(blocks(0, 1), 0, 1)
    monkeypatch.undo()
    aes._check_path.cache_clear()


def test_wrong_arguments_of_aes() -> None:
    with pytest.raises(ValueError, match="16 bytes, not 15"):
        aes.encrypt_blocks(bytes(15), blocks(0, 1))
    with pytest.raises(ValueError, match="shape"):
        aes.encrypt_blocks(bytes(16), np.zeros((1, 15), np.uint8))
    with pytest.raises(ValueError, match="shape"):
        aes.keystream(np.zeros(16, np.uint8), 0, 1)
    with pytest.raises(ValueError, match="blocks"):
        aes.keystream(blocks(0, 1), 2**63, 1)
    with cpu.use("portable"), pytest.raises(RuntimeError, match="portable"):
        aes.expand_keys(blocks(0, 1))


def slow_fold(seeds: np.ndarray, depths: tuple[int, ...], first: int, n_words: int, punctured: bool) -> list[int]:
    """u rows and v rows as integers, straight from the definition."""
    counters = b"".join((first + i).to_bytes(16, "little") for i in range(n_words // 2))
    streams = [int.from_bytes(slow_aes(seed.tobytes(), counters), "little") for seed in seeds]
    u_rows, v_rows, start = [], [], 0
    for depth in depths:
        leaves = streams[start : start + 2**depth]
        if punctured:
            leaves[0] = 0
        u = 0
        v = [0] * depth
        for x, leaf in enumerate(leaves):
            u ^= leaf
            for bit in range(depth):
                if x >> bit & 1:
                    v[bit] ^= leaf
        u_rows.append(0 if punctured else u)
        v_rows += v
        start += 2**depth
    return u_rows + v_rows


@each_path
@pytest.mark.parametrize("punctured", [False, True])
@pytest.mark.parametrize("depths", [(1,), (2,), (1, 1, 1), (3, 2), (4, 4, 1), (8,), (5, 3)])
def test_streams_fold_as_defined(path: cpu.Path, depths: tuple[int, ...], punctured: bool) -> None:
    seeds = blocks(sum(depths), sum(2**depth for depth in depths))
    n_words = 3 * ROW_WORDS
    u = np.full((len(depths), n_words), 7, np.uint64)  # what stood there before must not matter
    v = np.full((sum(depths), n_words), 7, np.uint64)
    with cpu.use(path):
        Streams(seeds, depths, punctured=punctured).fold(2**33 - 5, u, v)
    rows = [int.from_bytes(row.tobytes(), "little") for row in (*u, *v)]
    assert rows == slow_fold(seeds, depths, 2**33 - 5, n_words, punctured)


def test_wrong_arguments_of_streams() -> None:
    with pytest.raises(ValueError, match="do not fill"):
        Streams(blocks(0, 3), (1,), punctured=False)
    with pytest.raises(ValueError, match="do not fill"):
        Streams(blocks(0, 1), (0,), punctured=False)
    streams = Streams(blocks(0, 2), (1,), punctured=False)
    with pytest.raises(ValueError, match="do not fit"):
        streams.fold(0, np.zeros((1, 8), np.uint64), np.zeros((1, 8), np.uint64))


@each_path
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 100])
def test_tmmo_as_defined(path: cpu.Path, paired: bool, count: int) -> None:
    key, data = b"public key of 16", blocks(count, count)
    expected = []
    for i, block in enumerate(data):
        inner = slow_aes(key, block.tobytes())
        tweak = (2**40 + (i // 2 if paired else i)).to_bytes(16, "little")
        masked = bytes(a ^ b for a, b in zip(inner, tweak, strict=True))
        expected.append(bytes(a ^ b for a, b in zip(slow_aes(key, masked), inner, strict=True)))
    found = data.view(np.uint64).copy()
    with cpu.use(path):
        tmmo(key, 2**40, found, paired=paired)
    assert found.tobytes() == b"".join(expected)


@pytest.mark.parametrize(("bands", "n_words"), [(1, 1), (2, 1), (2, 33), (1, 64), (3, 5)])
def test_transpose_against_numpy(bands: int, n_words: int) -> None:
    matrix = np.random.default_rng(n_words).integers(0, 2**64, (64 * bands, n_words), np.uint64)
    bits = np.unpackbits(matrix.view(np.uint8), axis=1, bitorder="little")
    expected = np.packbits(np.ascontiguousarray(bits.T), axis=1, bitorder="little").view(np.uint64)
    assert (transpose(matrix) == expected).all()
    n_rows = 64 * n_words - 17
    out = np.empty((n_rows, bands), np.uint64)
    assert transpose(matrix, n_rows, out=out) is out
    assert (out == expected[:n_rows]).all()


def test_wrong_arguments_of_transpose() -> None:
    with pytest.raises(ValueError, match="64"):
        transpose(np.zeros((63, 1), np.uint64))
    with pytest.raises(ValueError, match="uint64"):
        transpose(np.zeros((64, 1), np.int64))
    with pytest.raises(ValueError, match="rows"):
        transpose(np.zeros((64, 1), np.uint64), 65)
    with pytest.raises(ValueError, match="out"):
        transpose(np.zeros((64, 1), np.uint64), 3, out=np.zeros((4, 1), np.uint64))


def test_kept_code_is_stamped_with_every_source_of_the_folder() -> None:
    """Numba alone would keep a kernel whose intrinsics have changed in another file."""
    assert aes._encrypt._cache._cache_file._source_stamp == jit._stamp()


def test_without_a_folder_to_write_kernels_still_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    def njit(**options: object) -> object:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return original(**options)

    original = numba.njit
    monkeypatch.setattr(numba, "njit", njit)

    def double(x: int) -> int:
        return 2 * x

    assert jit.kernel(double)(21) == 42


def test_the_first_compilation_is_told(caplog: pytest.LogCaptureFixture) -> None:
    told = []
    jit.on_compile(lambda: told.append("to who asked"))
    for number in range(2):
        assert numba.njit(lambda x: x + 1)(number) == number + 1
    assert told == ["to who asked"]
    jit._Teller().on_start(None)
    assert [record.getMessage() for record in caplog.records] == [
        "compiling kernels, once on this machine: up to a minute"
    ]
