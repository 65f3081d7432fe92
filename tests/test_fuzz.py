"""Every parser with anything: nothing but the packages' own errors comes out, and little memory goes in.

The corpus (`tests/corpus`) holds good inputs and whatever was found once; `make fuzz` looks further, with atheris.
"""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import CORPUS
from tests.fuzz.targets import TARGETS, feed

NAMES = sorted(TARGETS)
EXAMPLES = 60  # of each target; `make fuzz` makes millions
SPARE_BYTES = 8 << 20  # what a parser may take for an input of a few KiB: a message window, and some objects
PARTS = {"roster": "seed-public"}  # good, but not by itself


def corpus(name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}


@st.composite
def changed(draw: st.DrawFn, inputs: list[bytes]) -> bytes:
    """A good input with a few things changed, cut, doubled or put in, or no good input at all."""
    data = bytearray(draw(st.sampled_from(inputs)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(["flip", "cut", "double", "insert", "number", "splice"]))
        if how == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del data[at : at + draw(st.integers(1, 40))]
        elif how == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 40))] * draw(st.integers(1, 3))
        elif how == "insert":
            data[at:at] = draw(st.binary(max_size=20))
        elif how == "number":
            data[at : at + 8] = draw(st.integers(0, 2**64 - 1)).to_bytes(8, "little")
        elif how == "splice":
            other = draw(st.sampled_from(inputs))
            data[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)


@pytest.mark.parametrize("name", NAMES)
def test_corpus(name: str) -> None:
    inputs = corpus(name)
    assert inputs
    for file, data in inputs.items():
        taken = feed(name, data)
        assert taken or not file.startswith("seed-") or PARTS.get(name) == file, file


@pytest.mark.parametrize("name", NAMES)
def test_changed_inputs(name: str) -> None:
    inputs = list(corpus(name).values())

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(changed(inputs))
    def check(data: bytes) -> None:
        feed(name, data)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_memory_is_bounded_by_what_is_declared(name: str) -> None:
    """Lengths that somebody promises in a header or a number cost nothing."""
    inputs = [data[:i] + b"\xff" * 8 + data[i + 8 :] for data in corpus(name).values() for i in range(0, 40, 4)]
    feed(name, inputs[0])
    tracemalloc.start()
    try:
        for data in inputs:
            feed(name, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < SPARE_BYTES
