"""Frames survive any cutting of the stream, and bytes that are no frames end in FrameError, with little memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcnet.errors import FrameError
from mpcnet.wire.frames import (
    HEADER_BYTES,
    MAX_CONTROL_BYTES,
    MAX_DATA_BYTES,
    FrameReader,
    Kind,
    pack_frame,
    pack_header,
)

Frame = tuple[int, int, int, bytes]


@dataclass
class Recorder:
    """A sink that keeps everything."""

    frames: list[Frame] = field(default_factory=list)
    stop_after: int = 1 << 30
    room: int = 0
    head: tuple[int, int, int] = (0, 0, 0)
    body: bytearray = field(default_factory=bytearray)

    def begin(self, kind: int, channel: int, argument: int, n_bytes: int) -> memoryview:
        self.head, self.body = (kind, channel, argument), bytearray(n_bytes)
        self.room = max(self.room, n_bytes)
        return memoryview(self.body)

    def end(self) -> bool:
        self.frames.append((*self.head, bytes(self.body)))
        return len(self.frames) < self.stop_after


channels = st.integers(1, (1 << 32) - 1)
arguments = st.integers(0, (1 << 64) - 1)
small_frames = st.one_of(
    st.tuples(st.just(Kind.MESSAGE), channels, arguments, st.binary(max_size=300)),
    st.tuples(st.just(Kind.MORE), channels, st.just(0), st.binary(min_size=1, max_size=300)),
    st.tuples(st.just(Kind.OPEN), channels, arguments, st.binary(min_size=32, max_size=32)),
    st.tuples(st.just(Kind.CREDIT), channels, arguments, st.just(b"")),
    st.tuples(st.sampled_from([Kind.PING, Kind.PONG]), st.just(0), arguments, st.just(b"")),
    st.tuples(st.sampled_from([Kind.GOODBYE, Kind.SEEN, Kind.READY]), st.just(0), st.just(0), st.just(b"")),
    st.tuples(st.sampled_from([Kind.HELLO, Kind.ABORT]), st.just(0), st.just(0), st.binary(min_size=1, max_size=99)),
)
large_frames = st.tuples(st.just(Kind.MORE), channels, st.just(0), st.sampled_from([b"a" * 40_000, b"b" * 150_000]))


def packed(frame: Frame) -> bytes:
    kind, channel, argument, payload = frame
    return pack_frame(kind, payload, channel=channel, argument=argument)


def pour(reader: FrameReader, data: bytes, sizes: list[int], *, direct: bool) -> None:
    """Feed the data in pieces of these sizes, over and over; where the reader offers a place, into it."""
    view, number = memoryview(data), 0
    while view:
        size = sizes[number % len(sizes)]
        number += 1
        place = reader.direct() if direct else None
        if place is None:
            taken = reader.feed(view[:size])
            assert taken == len(view[:size])
        else:
            taken = min(size, len(place), len(view))
            place[:taken] = view[:taken]
            reader.advance(taken)
        view = view[taken:]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(small_frames | large_frames, min_size=1, max_size=6),
    st.lists(st.integers(1, 70_000), min_size=1, max_size=5),
    st.booleans(),
)
def test_any_cutting_gives_the_same_frames(sent: list[Frame], sizes: list[int], direct: bool) -> None:
    sink = Recorder()
    reader = FrameReader(sink, "bank")
    pour(reader, b"".join(map(packed, sent)), sizes, direct=direct)
    assert sink.frames == sent


@settings(max_examples=30, deadline=None)
@given(st.lists(small_frames, min_size=1, max_size=3))
def test_one_byte_at_a_time(sent: list[Frame]) -> None:
    sink = Recorder()
    pour(FrameReader(sink, "bank"), b"".join(map(packed, sent)), [1], direct=False)
    assert sink.frames == sent


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=200), st.integers(1, 50))
def test_random_bytes_are_frames_or_an_error(data: bytes, size: int) -> None:
    sink = Recorder()
    reader = FrameReader(sink, "bank")
    problem = None
    try:
        pour(reader, data, [size], direct=False)
    except FrameError as error:
        problem = error
    if problem is not None:
        assert problem.peer == "bank"
        assert str(problem).startswith("bank: ")
        with pytest.raises(FrameError):
            reader.feed(memoryview(b"x"))
    assert sink.room <= MAX_DATA_BYTES


@settings(max_examples=150, deadline=None)
@given(small_frames, st.integers(0, 8 * HEADER_BYTES - 1))
def test_a_flipped_bit_of_a_header_is_another_frame_or_an_error(frame: Frame, bit: int) -> None:
    data = bytearray(packed(frame))
    data[bit // 8] ^= 1 << bit % 8
    sink = Recorder()
    try:
        pour(FrameReader(sink, "bank"), bytes(data), [7], direct=False)
    except FrameError:
        return
    assert not sink.frames or sink.frames[0] != frame


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (pack_header(99, 0), "unknown kind 99"),
        (pack_header(0, 0), "unknown kind 0"),
        (pack_header(Kind.MESSAGE, MAX_DATA_BYTES + 1, channel=1), f"0 to {MAX_DATA_BYTES} .*{MAX_DATA_BYTES + 1}"),
        (pack_header(Kind.MORE, 0, channel=1), "1 to"),
        (pack_header(Kind.ABORT, MAX_CONTROL_BYTES + 1), str(MAX_CONTROL_BYTES)),
        (pack_header(Kind.OPEN, 31, channel=1), "OPEN frame has 32 bytes"),
        (pack_header(Kind.MESSAGE, 5), "MESSAGE frame with channel number 0"),
        (pack_header(Kind.PING, 0, channel=3), "PING frame with channel number 3"),
        (pack_header(Kind.CLOSE, 0, channel=3, argument=1), "CLOSE frame with an argument"),
    ],
)
def test_a_bad_header_is_refused_before_its_payload(head: bytes, text: str) -> None:
    sink = Recorder()
    with pytest.raises(FrameError, match=text):
        FrameReader(sink, "bank").feed(memoryview(head))
    assert sink.room == 0


def test_a_sink_can_stop_the_reader() -> None:
    sink = Recorder(stop_after=2)
    data = packed((Kind.PING, 0, 1, b"")) + packed((Kind.HELLO, 0, 0, b"abc")) + packed((Kind.PING, 0, 2, b""))
    assert FrameReader(sink, "bank").feed(memoryview(data)) == len(data) - HEADER_BYTES
    assert [frame[0] for frame in sink.frames] == [Kind.PING, Kind.HELLO]
