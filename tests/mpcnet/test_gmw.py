"""`session.evaluate(..., protocol="gmw")`: the same results as "yao", among any number of parties."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import Bit, Circuit, UInt, circuit, with_style
from mpcnet.errors import AgreementError, ConfigError
from mpcnet.evaluate import Progress
from mpcnet.plan import Plan
from mpcnet.session import Session
from mpcnet.simulate import simulate
from tests.kit.channels import TEMPERS, Temper
from tests.kit.circuits import circuits, random_bits
from tests.kit.garbling import make_circuit
from tests.kit.links import plain_sessions, run_sessions
from tests.mpcnet.test_evaluate import BATCH, CIRCUIT, FOUR, NAMES, OWNERS, VALUES, evaluate, same


@circuit
def less(x: UInt[16], y: UInt[16]) -> Bit:
    return x < y


async def gmw(owners: Mapping[str, str], reveal_to: Any, values: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    return await evaluate(owners, reveal_to, values, protocol="gmw", **options)


@pytest.mark.parametrize("values", [VALUES, BATCH], ids=["one", "batch"])
@pytest.mark.parametrize("owners", OWNERS, ids=["four", "two", "three", "one"])
async def test_result_is_what_the_plain_call_returns(owners: dict[str, str], values: dict[str, Any]) -> None:
    results = await gmw(owners, ["lender", "shop"], values)
    assert same(results["lender"], CIRCUIT(**values)), results
    assert same(results["shop"], CIRCUIT(**values))
    assert results["bank"] is results["bureau"] is None


@pytest.mark.parametrize("n_parties", [2, 3, 5])
async def test_every_number_of_parties(n_parties: int) -> None:
    names = ("bank", "bureau", "lender", "shop", "town")[:n_parties]
    owners = {port: names[i % n_parties] for i, port in enumerate(VALUES)}
    results = await gmw(owners, names, BATCH, names=names)
    assert all(same(result, CIRCUIT(**BATCH)) for result in results.values())


@pytest.mark.parametrize("temper", TEMPERS)
async def test_slow_networks_do_not_block(temper: Temper) -> None:
    results = await gmw(FOUR, NAMES, BATCH, temper=temper)
    assert all(same(result, CIRCUIT(**BATCH)) for result in results.values())


@pytest.mark.parametrize("network", [{}, {"window_bytes": 16384}])
async def test_over_real_links(network: dict[str, Any]) -> None:
    async def role(session: Session) -> Any:
        mine = {port: value for port, value in BATCH.items() if FOUR[port] == session.name}
        return await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to=NAMES, protocol="gmw")

    results = await simulate(role, NAMES, **network)
    assert all(same(result, CIRCUIT(**BATCH)) for result in results.values())


async def test_each_output_to_others() -> None:
    reveal_to = {"xor": ["bank", "shop"], "both": "lender", "vec": [], "flag": ["bureau", "lender"]}
    results = await gmw(FOUR, reveal_to, VALUES)
    xor, both, _, flag = CIRCUIT(**VALUES)
    assert same(results["bank"], (xor, None, None, None))
    assert same(results["lender"], (None, both, None, flag))
    assert same(results["bureau"], (None, None, None, flag))


@settings(max_examples=10, deadline=None)
@given(made=circuits(max_gates=30, max_ports=3, min_inputs=1), batch=st.integers(0, 9), seed=st.integers(0, 2**32))
def test_both_protocols_agree_on_any_circuit(made: Circuit, batch: int, seed: int) -> None:
    if not made.outputs:
        return
    rng = np.random.default_rng(seed)
    owners = {port.name: NAMES[int(rng.integers(3))] for port in made.inputs}
    bits = random_bits(seed, batch, made.n_inputs)
    values = {p.name: np.packbits(bits[:, made.input_slice(p.name)], 1, "little")[:, 0] for p in made.inputs}
    call: Any = {"circuit": made, "names": NAMES[:3], "batch": batch}
    one = asyncio.run(evaluate(owners, "bank", values, **call))
    other = asyncio.run(evaluate(owners, "bank", values, protocol="gmw", **call))
    assert same(other["bank"], one["bank"]), (one, other)


async def test_the_low_depth_form_runs_and_is_on_record() -> None:
    seen: list[Progress] = []
    sessions = plain_sessions(NAMES[:3])

    async def role(session: Session) -> Any:
        mine = {"x": [1, 500]} if session.name == "bank" else {"y": 300} if session.name == "lender" else {}
        owners = {"x": "bank", "y": "lender"}
        results = []
        for protocol in ("gmw", "yao", "gmw"):
            progress = seen.append if session.name == "bank" else None
            results.append(
                await session.evaluate(
                    less, mine, owners=owners, reveal_to="bureau", protocol=protocol, on_progress=progress
                )
            )
        return results

    results = await run_sessions(sessions, role)
    assert [got.tolist() for got in results["bureau"]] == [[True, False]] * 3
    low = with_style(less, "low_depth")
    for session in sessions.values():
        first, yao, last = session.stats.evaluations
        assert first.circuit_digest == last.circuit_digest == low.digest.hex() != yao.circuit_digest
        assert (first.protocol, yao.protocol) == ("gmw", "yao")
        assert first.compute == NAMES[:3]
        assert first.and_gates == 2 * low.and_count
        assert first.as_dict()["protocol"] == "gmw"
        assert session.stats.seconds["ot"] > 0
    phases = [progress.phase for progress in seen]
    assert phases.count("ot") == 4  # of gmw once and of yao once, at the beginning and the end
    assert {"agree", "prepare", "inputs", "evaluate"} <= set(phases)
    ends = [p.done for p in seen if p.phase == "evaluate" and p.done == p.total]
    assert ends == [2 * low.and_count, 2 * less.and_count, 2 * low.and_count]


async def test_another_protocol_is_a_disagreement_that_names_it() -> None:
    async def role(session: Session) -> Any:
        mine = {port: value for port, value in VALUES.items() if FOUR[port] == session.name}
        protocol = "yao" if session.name == "lender" else "gmw"
        return await session.evaluate(CIRCUIT, mine, owners=FOUR, reveal_to="lender", protocol=protocol)

    results = await run_sessions(plain_sessions(NAMES), role)
    for name, error in results.items():
        assert isinstance(error, AgreementError), error
        assert "differ in protocol" in str(error), name
    assert "has: gmw" in str(results["bank"])
    assert "has: yao" in str(results["lender"])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"protocol": "magic"}, "no protocol 'magic'; there are yao, gmw"),
        ({"protocol": "gmw", "compute": ("bank", "shop")}, 'compute is for protocol "yao"'),
        ({"protocol": "gmw", "scheme": "three-halves"}, 'scheme is for protocol "yao"'),
    ],
)
def test_wrong_calls(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        Plan.make(CIRCUIT, NAMES, FOUR, "lender", **options)


async def test_no_instances_and_no_and_gates() -> None:
    results = await gmw({"x": "bank", "y": "bank"}, "lender", {"x": [], "y": []}, circuit=less)
    assert results["lender"].shape == (0,)
    made = make_circuit({"a": 2, "b": 2}, [(0, 2, 4), (0, 6, 1)], [6, 7])
    results = await gmw({"a": "bank", "b": "shop"}, "lender", {"a": 3, "b": 1}, circuit=made)
    assert results["lender"] == made(3, 1)


async def test_shares_of_inputs_are_seeds_and_outputs_are_masked() -> None:
    """An owner that computes with others sends them 32 bytes, and the shares that a learner gets are no inputs."""
    identity = make_circuit({"a": 32, "b": 32}, [(0, 2, 0)] * 0, list(range(2, 66)))
    owners = {"a": "bank", "b": "shop"}
    values = {"a": np.zeros(512, np.uint32), "b": np.zeros(512, np.uint32)}
    sessions = plain_sessions(NAMES)
    wires = {peer: sessions["bank"]._links[peer].wire for peer in ("bureau", "lender")}  # type: ignore[attr-defined]

    async def role(session: Session) -> Any:
        mine = {port: value for port, value in values.items() if owners[port] == session.name}
        return await session.evaluate(identity, mine, owners=owners, reveal_to="lender", protocol="gmw")

    results = await run_sessions(sessions, role)
    assert (results["lender"] == 0).all()
    to_bureau = [data for who, _, data in wires["bureau"].messages if who == "bank"]
    assert sorted(map(len, to_bureau))[0] == 1  # done
    assert 32 in map(len, to_bureau)
    assert max(map(len, to_bureau)) < 512
    (share,) = [data for who, _, data in wires["lender"].messages if who == "bank" and len(data) == 512 * 8]
    ones = int(np.unpackbits(np.frombuffer(share, np.uint8)).sum())
    assert abs(ones - 512 * 32) < 6 * 91  # 32,768 fair coins, six standard deviations
