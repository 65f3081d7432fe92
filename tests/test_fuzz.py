"""Every parser with anything: nothing but the packages' own errors comes out, and little memory goes in.

The corpus (`tests/corpus`) holds good inputs and whatever was found once; `make fuzz` looks further, with atheris.
"""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuits.bristol import MAX_PORT_BITS
from tests.fuzz import CORPUS
from tests.fuzz.targets import CONVERSATIONS, TARGETS, feed

NAMES = sorted(TARGETS)
EXAMPLES, PLAYED = 60, 20  # of each target, of each that plays a conversation; `make fuzz` makes millions
SPARE_BYTES = 8 << 20  # what a parser may take for an input of a few KiB: a message window, and some objects
DECLARED_BYTES = {"circuit": 64 * MAX_PORT_BITS}  # what a file may declare with a few digits, and is worked on
NOT_TAKEN = {
    "roster": {"seed-public"},
    "arrays": {f"seed-arrays-parting-{name}" for name in ("bank", "bureau", "lender")},
}
"""Good, but not by itself; and programs that part."""


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


@st.composite
def edits(draw: st.DrawFn, inputs: list[bytes]) -> bytes:
    """Which conversation and to whom, and changes of what the others say: see `tests.fuzz.played.changed`."""
    data = bytearray(draw(st.sampled_from(inputs)))
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.one_of(st.integers(0, 40), st.integers(0, 65535)))
        data += draw(st.integers(0, 65535)).to_bytes(2, "little") + bytes([draw(st.integers(0, 11))])
        data += number.to_bytes(2, "little")
        if data[-3] in (9, 10):
            put = draw(st.binary(max_size=40))
            data += bytes([len(put)]) + put
    return bytes(data)


def lying(inputs: list[bytes]) -> list[bytes]:
    """Inputs with a large number somewhere at their beginning."""
    return [data[:i] + b"\xff" * 8 + data[i + 8 :] for data in inputs for i in range(0, 40, 4)]


def lengthened(inputs: list[bytes]) -> list[bytes]:
    """Conversations with a message that is lengthened, or with one whose numbers are all as large as they can be."""
    changes = [bytes([0, 0, 2, 255, 255]), bytes([1, 0, 6, 0, 0])]
    return [data + changes[i % 2] for i, data in enumerate(inputs)]


@pytest.mark.parametrize("name", NAMES)
def test_corpus(name: str) -> None:
    inputs = corpus(name)
    assert inputs
    for file, data in inputs.items():
        taken = feed(name, data)
        assert taken or not file.startswith("seed-") or file in NOT_TAKEN.get(name, ()), file


@pytest.mark.parametrize("name", NAMES)
def test_changed_inputs(name: str) -> None:
    inputs = list(corpus(name).values())
    played = name in CONVERSATIONS

    @settings(
        max_examples=PLAYED if played else EXAMPLES,
        derandomize=played,  # always the same changes, so that the time they take is, too
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(edits(inputs) if played else changed(inputs))
    def check(data: bytes) -> None:
        feed(name, data)

    check()


def peak_of(name: str, inputs: list[bytes]) -> int:
    """The most memory at once while a target is fed."""
    gc.collect()
    gc.freeze()  # what is there already need not be looked at again and again
    tracemalloc.start()
    try:
        for data in inputs:
            feed(name, data)
            if name in CONVERSATIONS:  # errors hold the frames of their tasks, and these hold them, until then
                gc.collect()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.unfreeze()


@pytest.mark.parametrize("name", NAMES)
def test_memory_is_bounded_by_what_is_declared(name: str) -> None:
    """Lengths that somebody promises in a header or a number cost nothing."""
    good = list(corpus(name).values())
    feed(name, good[0])
    if name in CONVERSATIONS:  # what a protocol needs follows from its parameters
        assert peak_of(name, lengthened(good)) < peak_of(name, good) + SPARE_BYTES
    else:
        assert peak_of(name, [*good, *lying(good)]) < DECLARED_BYTES.get(name, SPARE_BYTES)


def test_a_target_that_takes_more_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(data: bytes) -> None:
        bytearray(min(int.from_bytes(data[-16:-8], "little"), SPARE_BYTES))

    monkeypatch.setitem(TARGETS, "frames", greedy)
    with pytest.raises(AssertionError, match="assert"):
        test_memory_is_bounded_by_what_is_declared("frames")


def test_every_target_has_a_corpus_and_the_other_way_round() -> None:
    assert sorted(path.name for path in CORPUS.iterdir()) == NAMES
