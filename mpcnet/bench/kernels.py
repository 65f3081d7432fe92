"""Rows of one process and one thread: raw AES, and garbling and evaluating AES-128 as the two roles do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcnet.bench.rows import Row, Work, make_row
from mpcnet.bench.timing import repeat
from mpcnet.bench.workloads import check, find_workload

__all__ = ["measure_aes", "measure_garbling"]

AES_BYTES = 1 << 20  # of one call
EVALUATED = 256  # instances whose tables are kept, and evaluated again and again


def measure_aes(work: Work, count: int, repeats: int, on_done: Callable[[int], None]) -> Row:
    """AES-128-ECB of `cryptography`, 1 MiB a call, from memory to memory."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    encryptor = Cipher(algorithms.AES(bytes(16)), modes.ECB()).encryptor()
    n_bytes = min(AES_BYTES, 16 * count)
    source, target = bytes(n_bytes), bytearray(n_bytes + 16)
    calls = 16 * count // n_bytes

    def encrypt() -> None:
        for _ in range(calls):
            encryptor.update_into(source, target)

    samples = repeat(encrypt, repeats, on_done)
    return make_row(work, "local", calls * n_bytes // 16, calls * n_bytes, {"local": samples}, "cryptography")


def measure_garbling(work: Work, count: int, repeats: int, on_done: Callable[[int], None]) -> Row:
    """Garble or evaluate AES-128, a chunk a call, input labels and output shares included; no OT and no network."""
    from protocols.kernels import cpu

    role, _, shape = work.name.partition("-")
    circuit = find_workload("yao-aes").circuit
    instances = max(1, round(count / circuit.and_count))
    at_once = 1 if shape == "single" else max(2, min(instances, 1 << 20 if role == "garble" else EVALUATED))
    rounds = max(1, instances // at_once)
    bench = _Garbling(at_once)
    function = bench.garble if role == "garble" else bench.evaluate

    def all_rounds() -> None:
        for _ in range(rounds):
            function()

    if role == "evaluate":
        bench.garble(keep=True)
    samples = repeat(all_rounds, repeats, on_done)
    bench.check()
    total = rounds * bench.layout.and_gates
    return make_row(work, "local", total, total * bench.layout.scheme.table_bytes, {"local": samples}, cpu.path())


class _Garbling:
    """AES-128, both inputs the garbler's: no label comes from OT."""

    def __init__(self, batch: int) -> None:
        from protocols.garbling.inputs import InputBits, Roles
        from protocols.garbling.labels import SEED_BYTES, Public, draw_delta
        from protocols.garbling.layout import CHUNK_BYTES, Layout
        from protocols.garbling.scheme import find_scheme
        from protocols.rng import system_rng

        self.batch, self.workload = batch, find_workload("yao-aes")
        circuit = self.workload.circuit
        scheme = find_scheme("half-gates")
        self.layout = Layout.of(circuit, scheme, batch, 0)
        self.roles = Roles.of(circuit, {port.name: "garbler" for port in circuit.inputs})
        self.own = InputBits(self.roles.of_garbler, self.workload.all_bits(batch), batch, packed=False)
        self.public = Public.derive(bytes(32), system_rng(SEED_BYTES))
        self.delta = draw_delta(system_rng)
        self.no_labels = np.empty((0, 2), np.uint64)
        self.buffer = np.empty(CHUNK_BYTES + scheme.slack, np.uint8)
        self.tables: list[Any] = []
        self.shares: dict[str, list[Any]] = {}

    def garble(self, *, keep: bool = False) -> None:
        """The whole batch, chunk after chunk into one buffer."""
        from protocols.garbling.garbler import Garbler

        garbler = Garbler(self.layout, self.roles, self.own, self.public, self.delta)
        parts = self.shares["garbler"] = []
        for block in self.layout.blocks():
            part = self._new_shares(block)
            for chunk in self.layout.chunks(block):
                garbler.fill(chunk, self.buffer, block, self.no_labels, part)
                if keep:
                    self.tables.append(self.buffer[: chunk.n_bytes].copy())
            parts.append(part)

    def evaluate(self) -> None:
        """The whole batch, from the tables that were kept."""
        from protocols.garbling.evaluator import Evaluator

        evaluator, tables = Evaluator(self.layout, self.roles, self.public), iter(self.tables)
        parts = self.shares["evaluator"] = []
        for block in self.layout.blocks():
            part = self._new_shares(block)
            for chunk in self.layout.chunks(block):
                evaluator.read(chunk, next(tables), block, self.no_labels, part)
            parts.append(part)

    def check(self) -> None:
        """Both shares give AES, where both were made."""
        if len(self.shares) == 2:
            garbler, evaluator = (np.concatenate(parts) for parts in self.shares.values())
            check(np.array_equal(garbler ^ evaluator, self.workload.expected(self.batch)))

    def _new_shares(self, block: Any) -> Any:
        return np.empty((block.n_instances, self.workload.circuit.n_outputs), np.uint8)
