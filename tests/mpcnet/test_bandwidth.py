"""Which garbling scheme a session takes: by name, or by the link as it is."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from circuits import Bit, UInt, circuit
from mpcnet import bandwidth
from mpcnet.bandwidth import agree_on_scheme
from mpcnet.errors import AgreementError, ConfigError
from mpcnet.session import Session
from mpcnet.simulate import simulate
from mpcnet.wire.memory import memory_mesh
from protocols.errors import MessageError
from tests.kit.channels import channel_pair, run_pair

OWNERS = {"a": "bank", "b": "lender"}
BATCH = {"bank": {"a": np.arange(2000)}, "lender": {"b": np.arange(2000)[::-1].copy()}}


@circuit
def below(a: UInt[32], b: UInt[32]) -> Bit:
    return a < b


async def run(scheme: str | dict[str, str], **options: Any) -> tuple[Any, int]:
    """The result, and what the garbler sent."""
    sent = {}

    async def main(session: Session) -> Any:
        named = scheme if isinstance(scheme, str) else scheme[session.name]
        result = await session.evaluate(
            below, BATCH[session.name], owners=OWNERS, reveal_to=["bank", "lender"], scheme=named
        )
        sent[session.name] = session.stats.bytes_sent
        return result

    results = await simulate(main, ["bank", "lender"], **options)
    assert all(np.array_equal(result, below(**BATCH["bank"], **BATCH["lender"])) for result in results.values())
    return results, max(sent.values())


async def test_a_scheme_by_name() -> None:
    tables = 2000 * 32
    _, half = await run("half-gates")
    _, three = await run("three-halves")
    assert 0 <= half - three - 7 * tables < 1000  # and fewer frames


async def test_parties_that_name_different_schemes_are_told() -> None:
    with pytest.raises(AgreementError, match="bank and lender differ in scheme"):
        await run({"bank": "half-gates", "lender": "auto"})


async def test_a_scheme_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="no garbling scheme 'quarter'; there are half-gates, three-halves, auto"):
        await run("quarter")


@pytest.mark.parametrize(("bytes_a_second", "expected"), [(50e6, "three-halves"), (None, "half-gates")])
async def test_the_link_decides(bytes_a_second: float | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandwidth, "SLOW_LINK_BYTES", 60e6)  # far from what memory does, on the busiest machine
    links, _ = memory_mesh(["bank", "lender"], bandwidth=bytes_a_second)
    bank, lender = links[0]["lender"].channel("probe"), links[1]["bank"].channel("probe")
    chosen = await run_pair(agree_on_scheme(bank, garbling=True), agree_on_scheme(lender, garbling=False))
    assert chosen == (expected, expected)
    for mine in links:
        for link in mine.values():
            await link.close()


async def test_small_evaluations_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    _, half = await run("half-gates")
    _, auto = await run("auto")
    assert auto == half
    monkeypatch.setattr("mpcnet.evaluate.LARGE_BYTES", 1)
    monkeypatch.setattr(bandwidth, "SLOW_LINK_BYTES", 0.0)
    _, measured = await run("auto")
    assert measured >= half + bandwidth.PROBE_BYTES


async def test_a_choice_that_does_not_exist_is_the_garblers_fault() -> None:
    left, right = channel_pair(names=("garbler", "evaluator"))

    async def hostile() -> None:
        for _ in range(2):
            await left.send(b"\0")
            await left.receive(1)
        await left.send(bytes(bandwidth.PROBE_BYTES))
        await left.receive(1)
        await left.send(b"\7")

    with pytest.raises(MessageError, match="garbler: chose a garbling scheme that does not exist"):
        await run_pair(hostile(), agree_on_scheme(right, garbling=False))


async def test_an_evaluator_that_comes_late_does_not_make_the_link_look_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandwidth, "SLOW_LINK_BYTES", 60e6)
    links, _ = memory_mesh(["bank", "lender"], bandwidth=10e6)
    bank, lender = links[0]["lender"].channel("probe"), links[1]["bank"].channel("probe")

    async def late() -> str:
        await asyncio.sleep(0.3)
        return await agree_on_scheme(lender, garbling=False)

    assert await run_pair(agree_on_scheme(bank, garbling=True), late()) == ("three-halves", "three-halves")
    for mine in links:
        for link in mine.values():
            await link.close()


@pytest.mark.parametrize("portable_side", ["garbler", "evaluator"])
async def test_portable_kernels_are_slower_than_any_link(portable_side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from protocols.kernels import cpu

    monkeypatch.setattr(bandwidth, "SLOW_LINK_BYTES", float("inf"))
    left, right = channel_pair(names=("garbler", "evaluator"))

    async def role(channel: Any, name: str) -> str:
        with cpu.use("portable" if name == portable_side else cpu.available()[0]):
            return await agree_on_scheme(channel, garbling=name == "garbler")

    assert await run_pair(role(left, "garbler"), role(right, "evaluator")) == ("half-gates", "half-gates")
