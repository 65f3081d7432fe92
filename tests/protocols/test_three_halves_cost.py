"""What three halves cost on the wire: at most 25 bytes for each AND gate of an instance, whatever the batch."""

from __future__ import annotations

import pytest

from circuits.ir import AND, XOR, Circuit
from protocols import garbling
from protocols.garbling import layout
from protocols.garbling.agreement import STATEMENT_BYTES
from tests.kit.channels import channel_pair, run_pair
from tests.kit.circuits import random_bits
from tests.kit.garbling import make_circuit, run_shares

SCHEME = "three-halves"


def chain(n_ands: int) -> Circuit:
    """AND gates one after the other, with XOR gates between, over two ports of 4 bits; and one dead AND gate."""
    gates = [(XOR, 2, 6)]
    for i in range(n_ands):
        wire = 10 + len(gates) - 1
        gates += [(AND, wire, 2 + i % 8), (XOR, wire + 1, 3)]
    gates.append((AND, 2, 3))
    return make_circuit({"a": 4, "b": 4}, gates, [10 + len(gates) - 2, 2, 10])


@pytest.mark.parametrize("n_ands", [0, 1, 100, 700])
@pytest.mark.parametrize("batch", [1, 63, 64, 65, 130])
async def test_25_bytes_for_each_and_gate(n_ands: int, batch: int) -> None:
    circuit, bits = chain(n_ands), random_bits(1, batch, 8)
    _, _, channel = await run_shares(circuit, bits, {"a": "garbler", "b": "evaluator"}, scheme=SCHEME)
    tables = channel.wire.n_bytes("garbler") - 32
    assert tables == 25 * n_ands * batch
    assert tables <= 25.0 * n_ands * batch
    assert channel.wire.n_bytes("evaluator") == 0
    assert channel.wire.n_messages("garbler") == 1 + -(-tables // layout.CHUNK_BYTES)


async def test_a_whole_evaluation_costs_the_tables_less_and_nothing_more() -> None:
    circuit, sent = chain(40), {}
    for scheme in ("half-gates", SCHEME):
        left, right = channel_pair(names=("garbler", "evaluator"))
        await run_pair(
            garbling.garble(left, circuit, {"a": 3}, scheme=scheme),
            garbling.evaluate(right, circuit, {"b": 5}, scheme=scheme),
        )
        sent[scheme] = [left.wire.n_bytes(side) for side in ("garbler", "evaluator")]
    assert sent["half-gates"][0] - sent[SCHEME][0] == (32 - 25) * 40
    assert sent["half-gates"][1] == sent[SCHEME][1] > STATEMENT_BYTES
