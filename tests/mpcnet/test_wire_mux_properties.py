"""Whatever the order of sends, receives, cancellations and frames: messages arrive whole and in order, and nothing
is stuck; and whatever a peer sends, the mux ends in FrameError at worst and holds little."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from mpcnet.errors import FrameError
from mpcnet.wire.frames import CHARGE_BYTES, MAX_DATA_BYTES, UNCLAIMED_BYTES, Kind, pack_frame, pack_header
from mpcnet.wire.inbox import Incoming
from mpcnet.wire.mux import Mux, Stream

WINDOW = 32 * 1024
sizes = st.one_of(st.integers(0, 50), st.integers(4000, 9000), st.sampled_from([WINDOW, 100_000]))


def content(channel: int, number: int, n_bytes: int) -> bytes:
    return random.Random(f"{channel} {number}").randbytes(n_bytes)


def held(mux: Mux) -> int:
    total = 0
    for stream in mux._streams.values():
        inbox = stream.inbox
        total += sum(len(message) + CHARGE_BYTES for message in inbox._queued)
        if inbox._arrival is not None and inbox._arrival.place is None:
            total += sum(map(len, inbox._arrival.chunks))
    return total


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), sizes), max_size=25),
    st.randoms(use_true_random=False),
    st.integers(4096, 20_000),
)
def test_all_messages_arrive_whole_and_in_order(
    messages: list[tuple[int, int]], rng: random.Random, piece: int
) -> None:
    left, right = Mux("right", window_bytes=WINDOW, piece_bytes=piece), Mux("left", window_bytes=WINDOW)
    names = [bytes([channel]) * 32 for channel in range(3)]
    outs = [left.claim(name, "x") for name in names]
    late: dict[int, Stream] = {}
    to_send = [[n for c, n in messages if c == channel] for channel in range(3)]
    to_take = [list(enumerate(lengths)) for lengths in to_send]
    to_send_numbered = [list(enumerate(lengths)) for lengths in to_send]
    waiting: dict[int, tuple[Incoming, int, int]] = {}
    stream_to_right, stream_to_left = bytearray(), bytearray()
    idle = 0
    while any(to_take) or waiting:
        idle += 1
        assert idle < 4000, "stuck"
        action, channel = rng.randrange(6), rng.randrange(3)
        if action == 0 and to_send_numbered[channel]:
            number, n_bytes = to_send_numbered[channel].pop(0)
            left.send(outs[channel], [memoryview(content(channel, number, n_bytes))] if n_bytes else [])
        elif action == 1 and to_take[channel] and channel not in waiting:
            stream = late.get(channel) or late.setdefault(channel, right.claim(names[channel], "x"))
            number, n_bytes = to_take[channel].pop(0)
            waiting[channel] = right.receive(stream, n_bytes), number, n_bytes
        elif action == 2 and channel in waiting and rng.random() < 0.3 and not waiting[channel][0].done:
            incoming, number, n_bytes = waiting.pop(channel)
            right.cancel_receive(late[channel], incoming)
            to_take[channel].insert(0, (number, n_bytes))
        else:
            for mux, way in ((left, stream_to_right), (right, stream_to_left)):
                if (frame := mux.next_frame()) is not None:
                    way += b"".join(frame)
            for mux, way in ((right, stream_to_right), (left, stream_to_left)):
                n_bytes = rng.choice([1, 16, 1000, 50_000])
                mux.reader.feed(memoryview(bytes(way[:n_bytes])))
                del way[:n_bytes]
        for channel, (incoming, number, n_bytes) in list(waiting.items()):
            if incoming.done:
                assert incoming.error is None
                assert bytes(incoming.data or b"") == content(channel, number, n_bytes)
                del waiting[channel]
                idle = 0
        assert held(right) <= 3 * (WINDOW + 100_000 + CHARGE_BYTES)
    assert held(right) == 0


heads = st.builds(
    pack_header,
    st.sampled_from(list(Kind)),
    st.sampled_from([0, 1, 32, 5000, MAX_DATA_BYTES]),
    channel=st.integers(0, 3),
    argument=st.sampled_from([0, 1, 5000, UNCLAIMED_BYTES, 1 << 40, (1 << 64) - 1]),
)
opens = st.builds(
    lambda number, limit: pack_frame(Kind.OPEN, bytes([number]) * 32, channel=number, argument=limit),
    st.integers(1, 3),
    st.sampled_from([0, 100_000]),
)
wholes = st.builds(
    lambda kind, n, channel, argument: pack_frame(kind, bytes(n), channel=channel, argument=argument),
    st.sampled_from([Kind.MESSAGE, Kind.MORE]),
    st.sampled_from([0, 1, 100, 4096, 9000]),
    st.integers(1, 3),
    st.sampled_from([0, 1, 100, 9000, 18_000]),
)
others = st.builds(
    lambda kind, channel, argument: pack_frame(kind, channel=channel, argument=argument),
    st.sampled_from([Kind.CREDIT, Kind.CLOSE, Kind.PING, Kind.PONG, Kind.SEEN, Kind.GOODBYE]),
    st.integers(0, 3),
    st.sampled_from([0, 20_000]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(heads | opens | wholes | others | st.binary(max_size=20), max_size=40), st.booleans())
def test_whatever_a_peer_sends_costs_little(pieces: list[bytes], reads: bool) -> None:
    mux = Mux("bank", window_bytes=WINDOW)
    streams = [mux.claim(bytes([number]) * 32, "x") for number in (1, 2)]
    waits = [mux.receive(stream, 18_000) for stream in streams] if reads else []
    problem: FrameError | None = None
    for piece in pieces:
        try:
            mux.reader.feed(memoryview(piece))
        except FrameError as error:
            problem = error
            break
        while mux.next_frame() is not None:
            pass
    assert held(mux) <= UNCLAIMED_BYTES + 2 * (WINDOW + 2 * 18_128)
    assert len(mux._streams) <= 3
    if problem is not None:
        assert problem.peer == "bank"
        mux.fail(problem)
        assert all(incoming.done for incoming in waits)
