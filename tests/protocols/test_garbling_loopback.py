"""Two roles over channels in memory: every kind of circuit, batch, split of the inputs and of the outputs."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuits.errors import CircuitError, WidthError
from circuits.ir import AND, ONE, XOR, Circuit
from protocols import garbling
from protocols.bits import pack
from protocols.errors import CheckFailed
from protocols.garbling import layout, two_party
from protocols.kernels import cpu
from protocols.ot import OtReceiver, OtSender
from tests.kit.channels import TEMPERS, MemoryChannel, Temper, channel_pair, run_pair
from tests.kit.circuits import circuits, evaluate_naively, random_bits
from tests.kit.garbling import make_circuit, run_shares

ROLES = ("garbler", "evaluator", "shared")
each_temper = pytest.mark.parametrize("temper", TEMPERS)


def small() -> Circuit:
    """Three ports of 2 bits, gates of both kinds, outputs of every origin."""
    gates = [(AND, 2, 4), (XOR, 8, 6), (AND, 9, 5), (XOR, 10, ONE), (AND, 3, 7), (AND, 11, 12)]
    return make_circuit({"a": 2, "b": 2, "c": 2}, gates, [13, 11, 9, 2, 4, 6, 0, 1, 13])


def comparator(n_bits: int = 8) -> Circuit:
    """a < b for unsigned numbers; not of the library, so that its faults are not shared."""
    first = 2 + 2 * n_bits
    gates, borrow = [], 0
    for i in range(n_bits):
        a, b = 2 + i, 2 + n_bits + i
        base = first + len(gates)
        gates += [(XOR, a, borrow), (XOR, base, ONE), (XOR, b, borrow), (AND, base + 1, base + 2)]
        gates += [(XOR, base + 3, borrow)]  # the majority of not a, b and borrow
        borrow = base + 4
    return make_circuit({"a": n_bits, "b": n_bits}, gates, [borrow])


@each_temper
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(circuit=circuits(), batch=st.sampled_from((1, 2, 9)), seed=st.integers(0, 99), data=st.data())
def test_random_circuits(temper: Temper, circuit: Circuit, batch: int, seed: int, data: st.DataObject) -> None:
    roles = {port.name: data.draw(st.sampled_from(ROLES)) for port in circuit.inputs}
    bits = random_bits(seed, batch, circuit.n_inputs)
    left, right, _ = asyncio.run(run_shares(circuit, bits, roles, temper=temper))
    assert (left ^ right == evaluate_naively(circuit, bits)).all()


@pytest.mark.parametrize("batch", [1, 2, 63, 64, 65, 1000])
@pytest.mark.parametrize("roles", [("garbler",) * 3, ("evaluator",) * 3, ("shared",) * 3, ROLES])
async def test_every_batch_and_split(batch: int, roles: tuple[str, ...]) -> None:
    circuit, bits = small(), random_bits(batch, batch, 6)
    left, right, _ = await run_shares(circuit, bits, dict(zip("abc", roles, strict=True)))
    assert left.shape == right.shape == (batch, 9)
    assert left.dtype == right.dtype == np.uint8
    assert (left ^ right == evaluate_naively(circuit, bits)).all()


@each_temper
async def test_with_real_oblivious_transfer(temper: Temper) -> None:
    circuit, bits = small(), random_bits(1, 70, 6)
    roles = {"a": "garbler", "b": "evaluator", "c": "shared"}
    left, right, _ = await run_shares(circuit, bits, roles, temper=temper, ideal=False)
    assert (left ^ right == evaluate_naively(circuit, bits)).all()


@pytest.mark.parametrize(("here", "there"), [(a, b) for a in cpu.available() for b in cpu.available() if a != b])
async def test_the_two_sides_may_take_different_paths(here: cpu.Path, there: cpu.Path) -> None:
    circuit, batch = comparator(), 67
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 256, (2, batch))
    left, right = channel_pair()

    async def on(path: cpu.Path, role: Any) -> Any:
        with cpu.use(path):
            return await role

    one, other = await run_pair(
        on(here, garbling.garble(left, circuit, {"a": a})), on(there, garbling.evaluate(right, circuit, {"b": b}))
    )
    assert (one == (a < b)).all()
    assert (other == (a < b)).all()


@pytest.mark.parametrize("batch", [1, 300])
async def test_small_chunks_and_blocks(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many messages and many blocks, with work in threads."""
    monkeypatch.setattr(layout, "CHUNK_BYTES", 2048 if batch > 1 else 96)
    monkeypatch.setattr(two_party, "CHUNK_BYTES", 2048)
    monkeypatch.setattr(layout, "BLOCK_INSTANCES", 128)
    monkeypatch.setattr(two_party, "LONG_WORK", 0)
    circuit, bits = comparator(), random_bits(5, batch, 16)
    left, right, channel = await run_shares(circuit, bits, {"a": "shared", "b": "evaluator"})
    assert (left ^ right == evaluate_naively(circuit, bits)).all()
    assert channel.wire.n_messages("garbler") >= 1 + circuit.and_count * min(batch, 64) * 32 // 2048


async def test_packed_inputs() -> None:
    circuit, bits = comparator(11), random_bits(6, 40, 22)
    packed = dict(zip("ab", (pack(part) for part in np.hsplit(bits, 2)), strict=True))
    left, right = channel_pair()
    roles = {"a": "garbler", "b": "evaluator"}
    shares = await run_pair(
        garbling.garble_shares(left, circuit, {"a": packed["a"]}, roles, batch=40, packed=True),
        garbling.evaluate_shares(right, circuit, {"b": packed["b"]}, roles, batch=40, packed=True),
    )
    assert (shares[0] ^ shares[1] == evaluate_naively(circuit, bits)).all()


async def test_no_instances_are_no_messages() -> None:
    left, right, channel = await run_shares(small(), random_bits(1, 0, 6), dict.fromkeys("abc", "shared"), ideal=False)
    assert left.shape == right.shape == (0, 9)
    assert not channel.wire.messages


async def test_one_setup_of_ot_serves_many_evaluations() -> None:
    circuit = comparator()
    left, right = channel_pair()
    sender, receiver = await run_pair(OtSender.setup(left.fork("ot")), OtReceiver.setup(right.fork("ot")))
    for i in range(3):
        channels = left.fork(f"run {i}"), right.fork(f"run {i}")
        one, _ = await run_pair(
            garbling.garble(channels[0], circuit, {"a": i}, ot=sender),
            garbling.evaluate(channels[1], circuit, {"b": 1}, ot=receiver),
        )
        assert one == (i < 1)


@pytest.mark.parametrize("reveal_to", ["garbler", "evaluator", "both"])
@pytest.mark.parametrize("batch", [None, 1, 70])
async def test_who_learns_the_outputs(reveal_to: Any, batch: int | None) -> None:
    circuit = comparator()
    rng = np.random.default_rng(3)
    a, b = (3, 200) if batch is None else rng.integers(0, 256, (2, batch))
    left, right = channel_pair()
    one, other = await run_pair(
        garbling.garble(left, circuit, {"a": a}, reveal_to=reveal_to),
        garbling.evaluate(right, circuit, {"b": b}, reveal_to=reveal_to),
    )
    for result, learns in ((one, reveal_to != "evaluator"), (other, reveal_to != "garbler")):
        if not learns:
            assert result is None
        elif batch is None:
            assert result == 1
        else:
            assert (result == (np.asarray(a) < b)).all()


async def test_one_value_meets_a_batch_of_the_other_side() -> None:
    circuit, b = comparator(), np.arange(0, 256, 5)
    for values in (({"a": 77}, {"b": b}), ({"a": b}, {"b": 77})):
        left, right = channel_pair()
        one, other = await run_pair(
            garbling.garble(left, circuit, values[0]), garbling.evaluate(right, circuit, values[1])
        )
        assert (one == (np.asarray(values[0]["a"]) < values[1]["b"])).all()
        assert (one == other).all()


async def test_no_applicant_at_all() -> None:
    left, right = channel_pair()
    empty = np.empty(0, np.int64)
    one, other = await run_pair(
        garbling.garble(left, comparator(), {"a": empty}), garbling.evaluate(right, comparator(), {"b": 3})
    )
    assert one.shape == other.shape == (0,)


async def test_many_output_bits_are_opened_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.garbling.evaluation.REVEAL_BYTES", 3)
    left, right = channel_pair("lockstep")
    a = np.arange(256)
    one, other = await run_pair(
        garbling.garble(left, comparator(), {"a": a}), garbling.evaluate(right, comparator(), {"b": 100})
    )
    assert (one == (a < 100)).all()
    assert (one == other).all()


async def test_progress_counts_every_and_gate() -> None:
    circuit = comparator()
    seen: tuple[list[Any], list[Any]] = ([], [])
    left, right = channel_pair()
    await run_pair(
        garbling.garble(left, circuit, {"a": np.arange(200)}, progress=lambda *p: seen[0].append(p)),
        garbling.evaluate(right, circuit, {"b": 9}, progress=lambda *p: seen[1].append(p)),
    )
    for reports in seen:
        assert reports[-1] == (200 * circuit.and_count, 200 * circuit.and_count)
        assert reports == sorted(reports)


async def disagree(left: Any, right: Any, channels: tuple[MemoryChannel, MemoryChannel]) -> tuple[str, str]:
    """The errors of two roles that do not mean the same; neither may have sent more than agreement and base OT."""
    results = await asyncio.wait_for(asyncio.gather(left, right, return_exceptions=True), 30)
    assert [type(result) for result in results] == [CheckFailed, CheckFailed]
    assert {path for _, path, _ in channels[0].wire.messages} <= {"", "/ot"}
    return str(results[0]), str(results[1])


@each_temper
@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ({}, {"circuit": comparator(9)}, ("circuits are not the same", "circuits are not the same")),
        ({"reveal_to": "garbler"}, {}, ('reveal_to="garbler"', 'reveal_to="both"')),
        ({"inputs": {"a": 1, "b": 2}}, {}, ("input b is given by both", "input b is given by both")),
        ({"inputs": {}}, {}, ("input a is given by neither", "input a is given by neither")),
        ({"inputs": {"b": 1}}, {}, ("input b is given by both; input a is given by neither",) * 2),
        ({"inputs": {"a": [1, 2, 3]}}, {"inputs": {"b": [1, 2]}}, ("3 instances here and 2 there", "2 instances here")),
        ({"batch": 4}, {"batch": 5}, ("4 instances here and 5 there", "5 instances here and 4 there")),
        ({"batch": (1 << 24) + 1}, {}, ("both have to: pass batch=16777217",) * 2),
    ],
)
async def test_a_difference_is_named_at_both_sides(
    temper: Temper, ours: dict[str, Any], theirs: dict[str, Any], words: tuple[str, str]
) -> None:
    left, right = channel_pair(temper, names=("lender", "bank"))
    mine = {"circuit": comparator(), "inputs": {"a": 1}, **ours}
    other = {"circuit": comparator(), "inputs": {"b": 2}, **theirs}
    texts = await disagree(garbling.garble(left, **mine), garbling.evaluate(right, **other), (left, right))
    for text, word, peer in zip(texts, words, ("bank", "lender"), strict=True):
        assert word in text
        assert text.startswith(f"{peer}: ")


async def test_two_of_one_role_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for role, word in ((garbling.garble, "both want to be the garbler"), (garbling.evaluate, "the evaluator")):
        channels = channel_pair()
        texts = await disagree(*(role(channel, comparator(), {"a": 1}) for channel in channels), channels)  # type: ignore
        assert all(word in text for text in texts)


async def test_another_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from protocols.garbling import agreement

    def other_version(self: agreement.Statement) -> bytes:
        monkeypatch.setattr(agreement, "PROTOCOL", "mpcnet garbling 2")
        data = encode(self)
        monkeypatch.undo()
        return data

    encode = agreement.Statement.encode
    left, right = channel_pair()
    first = asyncio.ensure_future(garbling.garble(left, comparator(), {"a": 1}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    monkeypatch.setattr(agreement.Statement, "encode", other_version)
    second = asyncio.ensure_future(garbling.evaluate(right, comparator(), {"b": 1}))
    texts = await disagree(first, second, (left, right))
    assert all("compare versions and scheme" in text for text in texts)


@pytest.mark.parametrize(
    ("change", "error", "word"),
    [
        ({"inputs": {"x": 1}}, CircuitError, "'x'"),
        ({"inputs": {"a": 256}}, WidthError, "'a'"),
        ({"inputs": {"a": [1, 2], "b": [1]}}, WidthError, "'b'"),
        ({"inputs": {"a": [1, 2]}, "batch": 3}, ValueError, "batch of 2"),
        ({"batch": -1}, ValueError, "batch"),
        ({"batch": True}, ValueError, "batch"),
        ({"reveal_to": "everybody"}, ValueError, "everybody"),
        ({"scheme": "none"}, ValueError, "half-gates"),
    ],
)
@pytest.mark.parametrize("role", [garbling.garble, garbling.evaluate])
async def test_wrong_arguments_are_found_before_the_first_byte(
    role: Any, change: dict[str, Any], error: type[Exception], word: str
) -> None:
    left, _ = channel_pair()
    with pytest.raises(error, match=word):
        await role(left, **{"circuit": comparator(), "inputs": {"a": 1}, **change})
    assert not left.wire.messages


@pytest.mark.parametrize("role", [garbling.garble_shares, garbling.evaluate_shares])
async def test_wrong_bits_are_found_before_the_first_byte(role: Any) -> None:
    left, _ = channel_pair()
    roles, good = dict.fromkeys("abc", "shared"), {name: np.zeros((3, 2), np.uint8) for name in "abc"}
    for change in (
        {"bits": {"a": good["a"]}},
        {"bits": {**good, "b": np.full((3, 2), 2, np.uint8)}},
        {"batch": 4},
        {"batch": -1},
        {"batch": 2.0},
        {"roles": {"a": "shared"}},
        {"scheme": "?"},
    ):
        with pytest.raises(ValueError, match=r"port|batch|scheme"):
            await role(left, small(), **{"bits": good, "roles": roles, "batch": 3, **change})
    assert not left.wire.messages


async def test_a_slow_evaluator_holds_the_garbler_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many chunks there are, no more are made than are taken, and a few ahead."""
    monkeypatch.setattr(layout, "CHUNK_BYTES", 4096)
    made, taken, most = 0, 0, 0
    fill = two_party.Garbler.fill

    def counted(self: Any, chunk: Any, *arguments: Any) -> None:
        nonlocal made, most
        fill(self, chunk, *arguments)
        made += 1
        most = max(most, made - taken)

    monkeypatch.setattr(two_party.Garbler, "fill", counted)
    receive = MemoryChannel.receive

    async def slow(self: MemoryChannel, n_bytes: int) -> memoryview:
        nonlocal taken
        if self.me == "evaluator" and self.path.endswith("/tables") and n_bytes > 32:
            for _ in range(30):
                await asyncio.sleep(0)
            message = await receive(self, n_bytes)
            taken += 1
            return message
        return await receive(self, n_bytes)

    monkeypatch.setattr(MemoryChannel, "receive", slow)
    circuit, bits = comparator(), random_bits(5, 1000, 16)
    left, right, _ = await run_shares(circuit, bits, {"a": "garbler", "b": "evaluator"}, temper="lockstep")
    assert (left ^ right == evaluate_naively(circuit, bits)).all()
    assert made == taken > 50
    assert 2 <= most <= two_party.AHEAD + 1


async def test_a_fast_garbler_does_not_fill_the_evaluators_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The evaluator takes a chunk off the wire only when it is about to need it."""
    monkeypatch.setattr(layout, "CHUNK_BYTES", 4096)
    received, read, most = 0, 0, 0
    read_chunk = two_party.Evaluator.read

    def counted(self: Any, *arguments: Any) -> None:
        nonlocal read, most
        most = max(most, received - read)
        read_chunk(self, *arguments)
        read += 1

    monkeypatch.setattr(two_party.Evaluator, "read", counted)
    receive = MemoryChannel.receive

    async def counting(self: MemoryChannel, n_bytes: int) -> memoryview:
        nonlocal received
        message = await receive(self, n_bytes)
        received += self.path.endswith("/tables") and n_bytes > 32
        return message

    monkeypatch.setattr(MemoryChannel, "receive", counting)
    bits = random_bits(5, 1000, 16)
    await run_shares(comparator(), bits, {"a": "garbler", "b": "evaluator"})
    assert received == read > 50
    assert most <= two_party.ARRIVED + 1


async def test_a_failing_progress_ends_the_role_and_leaves_no_task() -> None:
    left, right = channel_pair()
    other = asyncio.ensure_future(garbling.evaluate(right, comparator(), {"b": 9}))

    def fail(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        await garbling.garble(left, comparator(), {"a": 1}, progress=fail)
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}
