"""What the operations of the additive engine say on the wire: formulas, held against the wire by tests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from circuits.ir import Circuit
from circuits.program import schedule
from protocols.arithmetic import truncation
from protocols.arithmetic.contract import Cost, Engine
from protocols.arithmetic.matrices import Factors, MatrixPlan
from protocols.boolean import levels
from protocols.boolean.triples import PART_TRIPLES
from protocols.ot.pairwise import random_ot_bytes

__all__ = ["WORD_BYTES", "of"]

WORD_BYTES = 8
WORD_BITS = 64
PRODUCT_BYTES = WORD_BITS * (WORD_BYTES + 1) // 2  # 8 bits each of 8, 7, ..., 1 bytes


def of(
    engine: Engine,
    k: int,
    dealer: int | None,
    operation: str,
    shape: tuple[int, ...],
    options: Mapping[str, Any],
) -> Cost:
    """See `AdditiveEngine.cost`."""
    count = math.prod(shape)
    if operation == "share" or not count:
        return Cost(0, 0)
    if operation == "open":
        recipients = frozenset(options["to"]) - {engine.party_id}
        return Cost(1, WORD_BYTES * count * len(recipients))
    if operation in ("multiply", "matmul"):
        return _product(engine, k, dealer, operation, count, options)
    if operation in ("random_bits", "from_summands_of_bits"):
        return exclusive_or(engine, k, count, WORD_BYTES)
    if operation == "truncate":
        n_bits = options["n_bits"]
        if not n_bits:
            return Cost(0, 0)
        width = truncation.correction_bytes(n_bits)
        if engine.n_parties == 2:
            return Cost(2, random_ot_bytes(count, k) if engine.party_id else width * count)
        out_bits = min(truncation.wrap_bits(engine.n_parties), n_bits)
        circuit = truncation.wraps(engine.n_parties, out_bits, engine.boolean.style)
        return gmw(engine, k, circuit, count) + exclusive_or(engine, k, out_bits * count, width)
    raise ValueError(f"there is no operation {operation!r}")


def _product(
    engine: Engine, k: int, dealer: int | None, operation: str, count: int, options: Mapping[str, Any]
) -> Cost:
    n_peers = engine.n_parties - 1
    if operation == "multiply":
        opened, n_ots, corrections = 2 * count, WORD_BITS * count, count
    else:
        factors = Factors.of(options["left"], options["right"])
        plan = MatrixPlan(*factors.left, factors.right[2])
        opened = math.prod(factors.left) + math.prod(factors.right)
        n_ots, corrections = WORD_BITS * plan.n_units, plan.n_units * plan.n_columns
    if not opened:
        return Cost(0, 0)
    if options.get("triples"):
        return Cost(1, WORD_BYTES * opened * n_peers)
    if dealer is not None:
        return Cost(1, WORD_BYTES * opened * (n_peers if engine.party_id == dealer else n_peers - 1))
    return Cost(2, n_peers * (random_ot_bytes(n_ots, k) + PRODUCT_BYTES * corrections)) if n_ots else Cost(0, 0)


def exclusive_or(engine: Engine, k: int, count: int, width: int) -> Cost:
    """Of `cross.exclusive_or`."""
    before, behind = engine.party_id, engine.n_parties - 1 - engine.party_id
    return Cost(engine.n_parties, before * random_ot_bytes(count, k) + behind * width * count)


def gmw(engine: Engine, k: int, circuit: Circuit, count: int) -> Cost:
    """Of `GmwEngine.evaluate` on inputs that the parties own."""
    n_peers = engine.n_parties - 1
    strings = levels.strings_of(schedule(circuit, "rounds"), count)
    if not strings:
        return Cost(0, 0)
    n_triples, made = 8 * sum(levels.string_bytes(n_bits) for n_bits in strings), 0
    for start in range(0, n_triples, PART_TRIPLES):
        part = min(PART_TRIPLES, n_triples - start)
        made += n_peers * random_ot_bytes(part, k) + (n_peers - 1) * (part // 8)
    opened = n_peers * sum(levels.string_bytes(2 * n_bits) for n_bits in strings)
    return Cost((2 if n_peers > 1 else 1) + len(strings), made + opened)
