"""Parties as processes over TLS: all is well."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from mpcnet import local
from mpcnet.config import Deadlines
from tests.integration import programs


@pytest.mark.parametrize("n_parties", [2, 3, 10])
def test_full_mesh(n_parties: int) -> None:
    results = local.run(programs.names, n_parties, args=(1, "two"), kwargs={"x": (3, [4.5])}, seconds=100)
    names = [f"party{i}" for i in range(n_parties)]
    assert [result.name for result in results] == names
    for result in results:
        assert (result.error, result.exit_code) == (None, 0), result.stderr
        assert result.value["heard"] == [name for name in names if name != result.name]
        assert (result.value["args"], result.value["kwargs"]) == ((1, "two"), {"x": (3, [4.5])})
        assert result.value["pid"] == result.pid
        assert result.stdout == [f"hello from {result.name}"]
    assert len({result.value["id"] for result in results}) == 1
    assert len({result.pid for result in results} | {os.getpid()}) == n_parties + 1


@pytest.mark.parametrize("owner_of_b", ["lender", "bank"])
def test_evaluation_between_processes(owner_of_b: str) -> None:
    a, b = np.arange(50), np.arange(50)[::-1] * 7
    owners = {"a": "bureau", "b": owner_of_b}
    results = local.run(
        programs.add,
        names=["lender", "bureau", "bank"],
        kwargs={"values": {"a": a, "b": b}, "owners": owners, "reveal_to": ["lender", "bank"]},
        seconds=60,
        check=True,
    )
    lender, bureau, bank = results
    for result in (lender, bank):
        assert len(result.value) == 3
        assert all(np.array_equal(one, a + b) for one in result.value)
    assert bureau.value == [None] * 3
    for result in results:
        assert result.stats["instances"] == 150
        assert result.stats["bytes_sent"] > 0
        assert result.stats["evaluations"][0]["owners"] == owners
    sent: dict[str, Any] = {result.name: result.stats["bytes_by_peer"] for result in results}
    assert sent["bureau"]["lender"]["sent"] > 500


def test_each_party_its_own_arguments() -> None:
    each = {"party0": {"y": 1}, "party1": {"y": np.arange(3)}}
    one, two = local.run(programs.names, 2, kwargs={"x": 0}, each=each, seconds=60, check=True)
    assert one.value["kwargs"] == {"x": 0, "y": 1}
    assert two.value["kwargs"]["y"].tolist() == [0, 1, 2]


def test_party_may_compute_for_a_while_without_talking() -> None:
    results = local.run(
        programs.blocks_its_loop, 3, kwargs={"seconds": 1.0}, seconds=60, deadlines=Deadlines(liveness=3)
    )
    assert [result.value for result in results] == ["done"] * 3
