"""Circuits over sessions: every split of the inputs, every way to reveal, every disagreement."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import WidthError
from circuits.ir import AND, FIRST_INPUT, XOR, Circuit, Port
from circuits.types import Bit, Int, UInt, Vec
from mpcnet.errors import AgreementError, ConfigError, PeerAborted, PeerDisconnected
from mpcnet.evaluate import Progress
from mpcnet.handout import PIECE_BITS, ShareStream, dense_rows, packed_rows, pieces
from mpcnet.session import Session
from mpcnet.simulate import simulate
from protocols.errors import MessageError, StateError
from tests.kit.channels import TEMPERS, Temper
from tests.kit.circuits import circuits, random_bits
from tests.kit.links import plain_sessions, run_sessions

NAMES = ("bank", "bureau", "lender", "shop")


def mixed_circuit() -> Circuit:
    """Four inputs of 8, 8, 4 and 2 x 3 bits; outputs: a ^ b, a & b (as a signed number), late & table bits, one bit."""
    inputs = (Port("a", UInt[8]), Port("b", UInt[8]), Port("late", UInt[4]), Port("table", Vec[UInt[3], 2]))
    outputs = (Port("xor", UInt[8]), Port("both", Int[8]), Port("vec", Vec[UInt[2], 2]), Port("flag", Bit))
    a, b, late, table = (FIRST_INPUT + start for start in (0, 8, 16, 20))
    left = [a + i for i in range(8)] * 2 + [late + i for i in range(4)] + [table + 4]
    right = [b + i for i in range(8)] * 2 + [table + i for i in range(4)] + [table + 5]
    op = [XOR] * 8 + [AND] * 13
    arrays = [np.array(x, dtype) for x, dtype in ((op, np.uint8), (left, np.int32), (right, np.int32))]
    return Circuit("mixed", inputs, outputs, *arrays, np.arange(28, 49, dtype=np.int32))


CIRCUIT = mixed_circuit()
VALUES: dict[str, Any] = {"a": 0b11001010, "b": 0b10100110, "late": 0b1011, "table": [6, 5]}
BATCH: dict[str, Any] = {
    "a": np.arange(100),
    "b": np.arange(100)[::-1] * 2,
    "late": 9,
    "table": np.stack([np.arange(100) % 8, np.arange(100) // 13], axis=1),
}
FOUR = {"a": "bank", "b": "bureau", "late": "lender", "table": "shop"}
OWNERS = [
    FOUR,
    {"a": "bank", "b": "lender", "late": "lender", "table": "bank"},
    {"a": "bank", "b": "bureau", "late": "lender", "table": "lender"},
    dict.fromkeys(FOUR, "lender"),
]


async def evaluate(
    owners: Mapping[str, str],
    reveal_to: Any,
    values: Mapping[str, Any],
    *,
    circuit: Circuit = CIRCUIT,
    names: tuple[str, ...] = NAMES,
    temper: Temper = "buffered",
    **options: Any,
) -> dict[str, Any]:
    async def role(session: Session) -> Any:
        mine = {port: value for port, value in values.items() if owners[port] == session.name}
        return await session.evaluate(circuit, mine, owners=owners, reveal_to=reveal_to, **options)

    return await run_sessions(plain_sessions(names, temper), role)


def same(got: Any, expected: Any) -> bool:
    """Equal in value, type, dtype and shape."""
    if isinstance(expected, tuple):
        return isinstance(got, tuple) and len(got) == len(expected) and all(map(same, got, expected))
    if isinstance(expected, np.ndarray):
        return isinstance(got, np.ndarray) and got.dtype == expected.dtype and np.array_equal(got, expected)
    return type(got) is type(expected) and got == expected


@pytest.mark.parametrize("values", [VALUES, BATCH], ids=["one", "batch"])
@pytest.mark.parametrize("owners", OWNERS, ids=["four", "two", "three", "one"])
async def test_result_is_what_the_plain_call_returns(owners: dict[str, str], values: dict[str, Any]) -> None:
    results = await evaluate(owners, ["lender", "shop"], values)
    expected = CIRCUIT(**values)
    assert same(results["lender"], expected), results
    assert same(results["shop"], expected)
    assert results["bank"] is None
    assert results["bureau"] is None


@pytest.mark.parametrize("n_parties", [2, 3, 4])
async def test_every_number_of_parties(n_parties: int) -> None:
    names = NAMES[:n_parties]
    owners = {port: names[i % n_parties] for i, port in enumerate(VALUES)}
    results = await evaluate(owners, names, VALUES, names=names)
    assert all(same(result, CIRCUIT(**VALUES)) for result in results.values())


@pytest.mark.parametrize("temper", TEMPERS)
async def test_slow_networks_do_not_block(temper: Temper) -> None:
    results = await evaluate(FOUR, NAMES, BATCH, temper=temper)
    assert all(same(result, CIRCUIT(**BATCH)) for result in results.values())


@pytest.mark.parametrize("network", [{}, {"latency_seconds": 0.002, "bandwidth": 1e6}, {"window_bytes": 16384}])
async def test_over_real_links(network: dict[str, Any]) -> None:
    async def role(session: Session) -> Any:
        mine = {port: value for port, value in BATCH.items() if FOUR[port] == session.name}
        return await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to=NAMES)

    results = await simulate(role, NAMES, **network)
    assert all(same(result, CIRCUIT(**BATCH)) for result in results.values())


@pytest.mark.parametrize("compute", [("shop", "bureau"), ("bureau", "lender"), ("lender", "bank")])
async def test_any_two_may_compute(compute: tuple[str, str]) -> None:
    results = await evaluate(FOUR, ["bank", "shop"], BATCH, compute=compute)
    assert same(results["bank"], CIRCUIT(**BATCH))
    assert same(results["shop"], CIRCUIT(**BATCH))
    assert results["bureau"] is results["lender"] is None


async def test_each_output_to_others() -> None:
    reveal_to = {"xor": ["bank", "shop"], "both": "lender", "vec": [], "flag": ["bureau", "lender"]}
    results = await evaluate(FOUR, reveal_to, VALUES)
    xor, both, _, flag = CIRCUIT(**VALUES)
    assert same(results["bank"], (xor, None, None, None))
    assert same(results["shop"], (xor, None, None, None))
    assert same(results["lender"], (None, both, None, flag))
    assert same(results["bureau"], (None, None, None, flag))


async def test_one_output_is_not_a_tuple() -> None:
    one = Circuit("and", (Port("x", Bit), Port("y", Bit)), (Port("z", Bit),), *map(np.array, ([1], [2], [3], [4])))
    results = await evaluate({"x": "bank", "y": "lender"}, "lender", {"x": 1, "y": True}, circuit=one)
    assert results["lender"] is True
    many = await evaluate({"x": "bank", "y": "lender"}, "bank", {"x": [0, 1], "y": 1}, circuit=one)
    assert same(many["bank"], np.array([False, True]))


async def test_batch_argument_where_no_input_says_it() -> None:
    results = await evaluate(FOUR, "bank", VALUES, batch=3)
    assert [item.shape[0] for item in results["bank"]] == [3, 3, 3, 3]
    assert all(same(tuple(np.asarray(item[i]).tolist() for item in results["bank"]), plain(VALUES)) for i in range(3))


def plain(values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(np.asarray(item).tolist() for item in CIRCUIT(**values))


async def test_empty_batch() -> None:
    empty = {**BATCH, "a": np.empty(0, int), "b": [], "table": np.empty((0, 2), int)}
    results = await evaluate(FOUR, ["bank"], empty)
    assert same(results["bank"], CIRCUIT(**empty))


async def test_batch_of_one_stays_a_batch() -> None:
    results = await evaluate(FOUR, ["shop"], {**VALUES, "a": [VALUES["a"]]})
    assert same(results["shop"], CIRCUIT(**{**VALUES, "a": [VALUES["a"]]}))


@given(circuits(max_gates=25, min_inputs=1), st.integers(0, 2**32), st.data())
@settings(max_examples=25, deadline=None)
def test_random_circuits_split_at_random(circuit: Circuit, seed: int, data: st.DataObject) -> None:
    if not circuit.outputs:
        return
    names = NAMES[:3]
    owners = {port.name: data.draw(st.sampled_from(names)) for port in circuit.inputs}
    reveal_to = {port.name: data.draw(st.lists(st.sampled_from(names), min_size=1)) for port in circuit.outputs}
    bits = random_bits(seed, 3, circuit.n_inputs)
    values = {port.name: port.type.decode(bits[:, circuit.input_slice(port.name)]) for port in circuit.inputs}
    expected = circuit(**values)
    if len(circuit.outputs) == 1:
        expected = (expected,)
    results = asyncio.run(evaluate(owners, reveal_to, values, circuit=circuit, names=names))
    for name, result in results.items():
        learned = [name in reveal_to[port.name] for port in circuit.outputs]
        wanted = tuple(value if known else None for value, known in zip(expected, learned, strict=True))
        if not any(learned):
            assert result is None
        else:
            assert same(result if len(circuit.outputs) > 1 else (result,), wanted)


async def test_large_batch_in_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpcnet.handout.PIECE_BITS", 97)
    results = await evaluate(FOUR, NAMES, BATCH, compute=("bank", "bureau"))
    assert all(same(result, CIRCUIT(**BATCH)) for result in results.values())


async def test_ot_is_set_up_once_for_each_direction() -> None:
    async def role(session: Session) -> list[Any]:
        results = []
        for compute in (("bank", "shop"), ("bank", "shop"), ("shop", "bank"), ("bank", "shop")):
            mine = {port: value for port, value in VALUES.items() if FOUR[port] == session.name}
            results.append(await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to="lender", compute=compute))
        assert session._evaluator is not None
        if session.name in ("bank", "shop"):
            assert set(session._evaluator._ot) == {("bank", "shop"), ("shop", "bank")}
        else:
            assert not session._evaluator._ot
        return results

    results = await run_sessions(plain_sessions(NAMES), role)
    assert all(same(one, CIRCUIT(**VALUES)) for one in results["lender"])
    assert len(results["lender"]) == 4


async def test_concurrent_calls_take_turns_in_their_order() -> None:
    async def role(session: Session) -> list[Any]:
        def call(values: dict[str, Any]) -> Any:
            mine = {port: value for port, value in values.items() if FOUR[port] == session.name}
            return session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to="lender")

        return await asyncio.gather(call(VALUES), call(BATCH), call(VALUES))

    results = await run_sessions(plain_sessions(NAMES), role)
    one, many, again = results["lender"]
    assert same(one, CIRCUIT(**VALUES))
    assert same(again, CIRCUIT(**VALUES))
    assert same(many, CIRCUIT(**BATCH))


async def test_statistics_and_progress() -> None:
    seen: dict[str, list[Progress]] = {name: [] for name in NAMES}
    stats = {}

    async def role(session: Session) -> None:
        mine = {port: value for port, value in BATCH.items() if FOUR[port] == session.name}
        await session.evaluate(
            CIRCUIT,
            mine,
            owners=FOUR,
            reveal_to="lender",
            compute=("bank", "lender"),
            on_progress=seen[session.name].append,
        )
        stats[session.name] = session.stats

    await run_sessions(plain_sessions(NAMES), role)
    assert [step.phase for step in seen["bank"]][:5] == ["agree", "agree", "agree", "prepare", "prepare"]
    for name in ("bank", "lender"):
        steps = [step for step in seen[name] if step.phase == "evaluate"]
        assert (steps[-1].done, steps[-1].total) == (1300, 1300)
        assert stats[name].seconds["evaluate"] > 0
        assert stats[name].seconds["ot"] > 0
    assert {step.phase for step in seen["bureau"]} == {"agree", "inputs"}
    assert all(step.done <= step.total and step.bytes_sent >= 0 for steps in seen.values() for step in steps)
    for one in stats.values():
        assert (one.and_gates, one.instances) == (1300, 100)
        facts = one.as_dict()["evaluations"][0]
        assert facts["owners"] == FOUR
        assert facts["reveal_to"] == {"xor": ["lender"], "both": ["lender"], "vec": ["lender"], "flag": ["lender"]}
        assert facts["compute"] == ["bank", "lender"]
        assert facts["circuit_digest"] == CIRCUIT.digest.hex()
    assert stats["bank"].bytes_sent > stats["bureau"].bytes_sent > 0


async def test_third_owner_sends_a_seed_and_one_masked_copy() -> None:
    sessions = plain_sessions(NAMES)

    async def role(session: Session) -> None:
        mine = {port: value for port, value in BATCH.items() if FOUR[port] == session.name}
        await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to="lender", compute=("bank", "lender"))

    await run_sessions(sessions, role)
    links: Any = sessions["bureau"]._links
    assert links["bank"].bytes_sent == 200 + 32 + 1
    assert links["lender"].bytes_sent == 200 + 100 + 1
    assert links["shop"].bytes_sent == 200 + 1


async def test_shares_of_third_owners_are_masked() -> None:
    """What each of the two that compute gets from a third owner has nothing of the input in it."""
    zeros = {**BATCH, "b": np.zeros(100, int)}
    messages = []
    for _ in range(2):
        sessions = plain_sessions(NAMES)

        async def role(session: Session) -> None:
            mine = {port: value for port, value in zeros.items() if FOUR[port] == session.name}
            await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to="lender", compute=("bank", "lender"))

        await run_sessions(sessions, role)
        links: Any = sessions["bureau"]._links
        sent = {peer: [m for who, _, m in link.wire.messages if who == "bureau"] for peer, link in links.items()}
        seed, masked = sent["bank"][1], sent["lender"][1]
        assert np.array_equal(
            ShareStream(seed, sessions["bureau"].session_id).take(100), np.frombuffer(masked, np.uint8)
        )
        messages.append(masked)
        ones = np.unpackbits(np.frombuffer(masked, np.uint8)).sum()
        assert 300 < ones < 500  # of 800; 7 standard deviations
    assert messages[0] != messages[1]


DIFFERENT: dict[str, dict[str, Any]] = {
    "circuit": {"circuit": Circuit("mixed", CIRCUIT.inputs, CIRCUIT.outputs, *map(np.array, (
        [0] * 21, CIRCUIT.left, CIRCUIT.right, CIRCUIT.output_wires)))},
    "owners": {"owners": {**FOUR, "late": "bank"}, "compute": ("bank", "bureau")},
    "reveal_to": {"reveal_to": ["lender", "bank"]},
    "compute": {"compute": ("bureau", "bank")},
    "batch": {"batch": 7},
}  # fmt: skip


@pytest.mark.parametrize("field", DIFFERENT)
async def test_every_disagreement_ends_everywhere_before_a_secret_moves(field: str) -> None:
    sessions = plain_sessions(NAMES)

    async def role(session: Session) -> Any:
        call: dict[str, Any] = {
            "circuit": CIRCUIT,
            "owners": FOUR,
            "reveal_to": ["lender"],
            "compute": ("bank", "bureau"),
        }
        call |= {"batch": 5} if session.name != "shop" else DIFFERENT[field]
        mine = {port: value for port, value in VALUES.items() if call["owners"][port] == session.name}
        return await session.evaluate(call.pop("circuit"), mine, **call)

    results = await run_sessions(sessions, role)
    for name, error in results.items():
        assert isinstance(error, AgreementError), (name, error)
        assert f"bank and shop differ in {field}" in str(error)
    for session in sessions.values():
        for link in session._links.values():
            assert all(len(message) == 200 for _, _, message in link.wire.messages)  # type: ignore[attr-defined]


async def test_session_goes_on_after_a_disagreement() -> None:
    async def role(session: Session) -> Any:
        mine = {port: value for port, value in VALUES.items() if FOUR[port] == session.name}
        with pytest.raises(AgreementError):
            await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to=[session.name])
        return await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to="shop")

    results = await run_sessions(plain_sessions(NAMES), role)
    assert same(results["shop"], CIRCUIT(**VALUES))


SECRET = 4711
WRONG_INPUTS: list[tuple[Any, type[Exception], str]] = [
    ({}, ConfigError, "input 'b' is missing"),
    ({"b": 1, "a": 1}, ConfigError, "input 'a' belongs to bank, not to bureau"),
    ({"b": 1, "x": 1}, ConfigError, "no input is called 'x'"),
    ({"b": SECRET}, WidthError, "input 'b': "),
    ({"b": [1, SECRET]}, WidthError, "input 'b': "),
    ({"b": "secret"}, WidthError, "input 'b': "),
    ({"b": object()}, WidthError, "input 'b': "),
]


@pytest.mark.parametrize(("inputs", "kind", "message"), WRONG_INPUTS)
async def test_wrong_input_is_told_to_all_by_name_alone(inputs: Any, kind: type[Exception], message: str) -> None:
    async def role(session: Session) -> Any:
        mine = {port: value for port, value in VALUES.items() if FOUR[port] == session.name}
        return await session.evaluate(
            CIRCUIT, inputs if session.name == "bureau" else mine, owners=FOUR, reveal_to=["lender"]
        )

    results = await run_sessions(plain_sessions(NAMES), role, seconds=20)
    own = results.pop("bureau")
    assert isinstance(own, kind)
    assert str(own).startswith(message)
    for error in results.values():
        assert isinstance(error, PeerAborted)
        assert error.peer == "bureau"
        assert str(error).startswith(f"bureau ended the run: {message}")
    for error in (own, *results.values()):
        assert str(SECRET) not in str(error)
        assert "secret" not in str(error)


async def test_wrong_mapping_is_told_to_all() -> None:
    async def role(session: Session) -> Any:
        owners = {**FOUR, "late": "nobody"} if session.name == "shop" else FOUR
        mine = {port: value for port, value in VALUES.items() if FOUR[port] == session.name}
        return await session.evaluate(CIRCUIT, mine, owners=owners, reveal_to=["lender"])

    results = await run_sessions(plain_sessions(NAMES), role, seconds=20)
    assert isinstance(results["shop"], ConfigError)
    assert str(results["bank"]).startswith("shop ended the run: owners['late']: there is no party 'nobody'")


async def test_peers_are_told_at_once_even_if_the_caller_swallows_its_error() -> None:
    async def role(session: Session) -> Any:
        if session.name != "bureau":
            return await session.evaluate(CIRCUIT, {}, owners=dict.fromkeys(FOUR, "bureau"), reveal_to=["lender"])
        with pytest.raises(ConfigError):
            await session.evaluate(CIRCUIT, {}, owners=dict.fromkeys(FOUR, "bureau"), reveal_to=["lender"])
        with pytest.raises(StateError, match="over"):
            await session.evaluate(CIRCUIT, VALUES, owners=dict.fromkeys(FOUR, "bureau"), reveal_to=["lender"])
        return "went on"

    results = await run_sessions(plain_sessions(NAMES), role, seconds=20)
    assert results.pop("bureau") == "went on"
    assert all(isinstance(error, PeerAborted) for error in results.values())


async def test_timeout_around_an_evaluation_ends_the_session_for_all() -> None:
    async def role(session: Session) -> Any:
        mine = {port: value for port, value in VALUES.items() if FOUR[port] == session.name}
        if session.name == "shop":
            await asyncio.Event().wait()
        async with asyncio.timeout(0.05 if session.name == "bank" else 30):
            return await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to=["lender"])

    results = await run_sessions(plain_sessions(NAMES), role, seconds=20)
    assert isinstance(results.pop("bank"), TimeoutError)
    for error in results.values():
        assert str(error) == "bank ended the run: it was cancelled"


async def test_party_that_dies_in_the_middle() -> None:
    async def role(session: Session) -> Any:
        mine = {port: value for port, value in BATCH.items() if FOUR[port] == session.name}

        def dies(progress: Progress) -> None:
            if session.name == "bureau" and progress.phase == "inputs":
                links: Any = session._links
                for link in links.values():
                    link.fall_silent()

        return await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to="lender", on_progress=dies)

    results = await run_sessions(plain_sessions(NAMES), role, seconds=20)
    for name in ("bank", "lender", "shop"):
        assert isinstance(results[name], PeerAborted | PeerDisconnected)
        assert results[name].peer == "bureau"


async def test_peer_that_talks_of_something_else_is_named() -> None:
    async def role(session: Session) -> Any:
        if session.name == "shop":
            for peer in session.peers:
                await session.open_channel(peer, ".evaluate/1").send(b"too short")
            await asyncio.Event().wait()
        mine = {port: value for port, value in VALUES.items() if FOUR[port] == session.name}
        return await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to=["lender"])

    results = await run_sessions(plain_sessions(NAMES), role, seconds=20)
    for name in ("bank", "bureau", "lender"):
        assert isinstance(results[name], MessageError | PeerAborted)
        assert results[name].peer == "shop"


def test_rows_travel_dense_and_come_back_packed() -> None:
    ports = [Port("a", UInt[3]), Port("b", UInt[9]), Port("c", Bit)]
    rng = np.random.default_rng(5)
    packed = {
        "a": np.packbits(rng.integers(0, 2, (50, 3), np.uint8), axis=1, bitorder="little"),
        "b": np.packbits(rng.integers(0, 2, (50, 9), np.uint8), axis=1, bitorder="little"),
        "c": np.array([[1]], np.uint8),
    }
    dense = dense_rows(ports, packed, slice(10, 33))
    assert len(dense) == (23 * 13 + 7) // 8
    back = packed_rows(ports, dense, 23)
    assert np.array_equal(back[0], packed["a"][10:33])
    assert np.array_equal(back[1], packed["b"][10:33])
    assert np.array_equal(back[2], np.ones((23, 1), np.uint8))


def test_pieces_cover_a_batch() -> None:
    assert list(pieces(10, 0)) == list(pieces(0, 5)) == []
    for n, width in ((1, 1), (PIECE_BITS, 1), (PIECE_BITS + 1, 1), (1000, 5000), (3, PIECE_BITS * 2)):
        cut = list(pieces(n, width))
        assert [piece.start for piece in cut] == [0, *(piece.stop for piece in cut[:-1])]
        assert cut[-1].stop == n
        assert all((piece.stop - piece.start) * width <= max(PIECE_BITS, width) for piece in cut)


def test_share_streams_depend_on_seed_and_session() -> None:
    streams = [(b"1" * 32, bytes(32)), (b"2" * 32, bytes(32)), (b"1" * 32, b"1" * 32)]
    taken = {ShareStream(seed, session_id).take(64).tobytes() for seed, session_id in streams}
    assert len(taken) == 3
    one, two = ShareStream(b"1" * 32, bytes(32)), ShareStream(b"1" * 32, bytes(32))
    assert one.take(7).tobytes() + one.take(57).tobytes() == two.take(64).tobytes()
