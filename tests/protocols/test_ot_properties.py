"""OT for any k, counts, choices and channel."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.channels import TEMPERS, Temper, run_pair
from tests.kit.ot_contract import check_chosen, check_correlated, check_random
from tests.kit.ot_makers import softspoken

bit_lists = st.lists(st.integers(0, 1), max_size=300).map(lambda values: np.array(values, np.uint8))
calls = st.one_of(
    st.tuples(st.just("random"), st.integers(0, 300)),
    st.tuples(st.just("correlated"), bit_lists),
    st.tuples(st.just("chosen"), bit_lists),
)


@settings(max_examples=20, deadline=None)
@given(
    k=st.integers(1, 8),
    temper=st.sampled_from(TEMPERS),
    sequence=st.lists(calls, min_size=1, max_size=5),
    delta=st.binary(min_size=16, max_size=16),
    seed=st.integers(0, 2**32),
)
async def test_any_sequence_of_calls(
    k: int, temper: Temper, sequence: list[tuple[str, object]], delta: bytes, seed: int
) -> None:
    sender, receiver, _ = await softspoken(k, temper, seed=seed)
    for name, argument in sequence:
        if name == "random":
            await check_random(sender, receiver, argument)
        elif name == "correlated":
            await check_correlated(sender, receiver, argument, delta)
        else:
            messages = np.random.default_rng(seed).integers(0, 256, (len(argument), 2, 16), np.uint8)
            await check_chosen(sender, receiver, messages, argument)


@settings(max_examples=10, deadline=None)
@given(k=st.integers(1, 8), seed=st.integers(0, 2**32), count=st.integers(1, 200))
async def test_the_same_coins_say_the_same(k: int, seed: int, count: int) -> None:
    runs = []
    for _ in range(2):
        sender, receiver, channel = await softspoken(k, seed=seed)
        pairs, _ = await run_pair(sender.random(count), receiver.random(count))
        runs.append((pairs.tobytes(), channel.wire.hash()))
    assert runs[0] == runs[1]
