"""Channels, credit and endings of the mux: two ends joined by hand, no event loop."""

from __future__ import annotations

from collections import deque

import pytest

from mpcnet.errors import FrameError, PeerDisconnected
from mpcnet.wire.frames import (
    CHARGE_BYTES,
    MAX_DATA_BYTES,
    MAX_UNCLAIMED,
    MIN_PIECE_BYTES,
    UNCLAIMED_BYTES,
    FrameReader,
    Kind,
    pack_frame,
)
from mpcnet.wire.inbox import Incoming
from mpcnet.wire.mux import Mux, Stream
from mpcnet.wire.outbox import Outgoing
from protocols.errors import MessageError, StateError

WINDOW = 64 * 1024


class Ends:
    """Two muxes and what is on its way between them."""

    def __init__(self, *, window_bytes: int = WINDOW, piece_bytes: int = 8192) -> None:
        options = {"window_bytes": window_bytes, "piece_bytes": piece_bytes}
        self.left, self.right = Mux("right", **options), Mux("left", **options)
        self.bytes_moved = {"left": 0, "right": 0}

    def move(self, *, limit: int = 1 << 40) -> None:
        """Carry frames both ways until nothing moves, at most `limit` of them."""
        while limit:
            frames = [("left", self.left.next_frame(), self.right), ("right", self.right.next_frame(), self.left)]
            for name, frame, receiver in frames:
                if frame is not None:
                    data = b"".join(frame)
                    self.bytes_moved[name] += len(data)
                    receiver.reader.feed(memoryview(data))
            if all(frame is None for _, frame, _ in frames):
                return
            limit -= 1

    def open(self, label: str) -> tuple[Stream, Stream]:
        name = label.encode().ljust(32, b".")
        return self.left.claim(name, label), self.right.claim(name, label)


def send(mux: Mux, stream: Stream, *parts: bytes) -> Outgoing:
    return mux.send(stream, [memoryview(part) for part in parts if part])


def held(mux: Mux) -> int:
    """Bytes of messages that nobody took, as they lie in memory."""
    total = 0
    for stream in mux._streams.values():
        inbox = stream.inbox
        total += sum(len(message) + CHARGE_BYTES for message in inbox._queued)
        if inbox._arrival is not None and inbox._arrival.place is None:
            total += sum(map(len, inbox._arrival.chunks))
    return total


def got(incoming: Incoming) -> bytes:
    assert incoming.done
    assert incoming.error is None
    assert incoming.data is not None
    return bytes(incoming.data)


def test_messages_arrive_in_order_whether_asked_for_before_or_after() -> None:
    ends = Ends()
    left, right = ends.open("x")
    waiting = ends.right.receive(right, 3)
    sent = [send(ends.left, left, data) for data in (b"one", b"", b"two!", b"x" * 20_000)]
    ends.move()
    assert all(outgoing.done for outgoing in sent)
    assert got(waiting) == b"one"
    assert [got(ends.right.receive(right, n)) for n in (0, 4, 20_000)] == [b"", b"two!", b"x" * 20_000]
    assert (ends.right.messages_received, ends.right.payload_received) == (4, 20_007)
    assert (ends.left.messages_sent, ends.left.payload_sent) == (4, 20_007)


def test_a_channel_that_nobody_reads_holds_its_window_and_blocks_nobody() -> None:
    ends = Ends()
    dull, _ = ends.open("dull")
    brisk, reader = ends.open("brisk")
    stuck = [send(ends.left, dull, bytes(30_000)) for _ in range(20)]
    ends.move()
    assert sum(outgoing.done for outgoing in stuck) == 2
    assert held(ends.right) <= WINDOW
    for number in range(200):
        outgoing = send(ends.left, brisk, bytes([number]) * 10_000)
        incoming = ends.right.receive(reader, 10_000)
        ends.move()
        assert outgoing.done
        assert got(incoming) == bytes([number]) * 10_000
    assert held(ends.right) <= WINDOW


def test_a_message_larger_than_the_window_flows_once_it_is_awaited() -> None:
    ends = Ends()
    left, right = ends.open("x")
    data = bytes(range(256)) * 4000
    outgoing = send(ends.left, left, data[:5], data[5:700_000], data[700_000:])
    ends.move()
    assert not outgoing.done
    assert held(ends.right) <= WINDOW
    incoming = ends.right.receive(right, len(data))
    ends.move()
    assert outgoing.done
    assert got(incoming) == data


def test_an_awaited_message_needs_no_window_and_one_grant() -> None:
    ends = Ends(piece_bytes=64 * 1024)
    left, right = ends.open("x")
    incoming = ends.right.receive(right, 10 * WINDOW)
    ends.move()
    before = ends.bytes_moved["right"]
    send(ends.left, left, bytes(10 * WINDOW))
    ends.move()
    assert incoming.done
    assert ends.bytes_moved["right"] - before <= 16


def test_channels_take_turns() -> None:
    ends = Ends()
    pairs = [ends.open(f"x{i}") for i in range(4)]
    waits = [ends.right.receive(right, 80_000) for _, right in pairs]
    ends.move()
    outs = [send(ends.left, left, bytes(80_000)) for left, _ in pairs]
    ends.move(limit=36)
    assert not any(outgoing.done for outgoing in outs)
    assert all(outgoing.left < 20_000 for outgoing in outs)
    ends.move()
    assert all(incoming.done for incoming in waits)


@pytest.mark.parametrize("asked_first", [True, False])
@pytest.mark.parametrize("length", [0, 10, 40_000, 400_000])
def test_another_length_is_refused_with_both_sizes(asked_first: bool, length: int) -> None:
    ends = Ends()
    left, right = ends.open("x")
    incoming = ends.right.receive(right, 11) if asked_first else None
    send(ends.left, left, bytes(length))
    ends.move()
    incoming = incoming or ends.right.receive(right, 11)
    assert isinstance(incoming.error, MessageError)
    assert f"expected a message of 11 bytes, got {length} (channel 'x')" in str(incoming.error)
    assert incoming.error.peer == "left"
    assert ends.right.receive(right, length).error is incoming.error
    ends.move()
    assert held(ends.right) == 0


def test_the_peer_may_open_first_within_a_small_window() -> None:
    ends = Ends()
    name = b"x".ljust(32)
    left = ends.left.claim(name, "x")
    outs = [send(ends.left, left, bytes(1000)) for _ in range(100)]
    ends.move()
    assert 0 < held(ends.right) <= UNCLAIMED_BYTES
    right = ends.right.claim(name, "x")
    waits = [ends.right.receive(right, 1000) for _ in range(100)]
    ends.move()
    assert all(outgoing.done for outgoing in outs)
    assert all(incoming.done for incoming in waits)


def test_empty_messages_are_not_free() -> None:
    ends = Ends()
    left, _ = ends.open("x")
    outs = [send(ends.left, left) for _ in range(10_000)]
    ends.move()
    assert sum(outgoing.done for outgoing in outs) == WINDOW // CHARGE_BYTES


def test_an_opener_far_ahead_holds_back_and_goes_on() -> None:
    ends = Ends()
    count = MAX_UNCLAIMED + 300
    names = [number.to_bytes(32, "big") for number in range(count)]
    lefts = [ends.left.claim(name, name.hex()) for name in names]
    outs = [send(ends.left, stream, b"hello") for stream in lefts]
    ends.move()
    assert sum(outgoing.done for outgoing in outs) == MAX_UNCLAIMED
    for name in reversed(names):  # the last ones are not even known to the right yet
        stream = ends.right.claim(name, "r")
        incoming = ends.right.receive(stream, 5)
        ends.move()
        assert incoming.done or int.from_bytes(name, "big") >= MAX_UNCLAIMED
    assert all(outgoing.done for outgoing in outs)
    assert ends.right.messages_received == count


def test_both_far_ahead_with_other_channels_meet() -> None:
    ends = Ends()
    count = MAX_UNCLAIMED + 10
    for number in range(count):
        ends.left.claim(b"L" + number.to_bytes(31, "big"), "l")
        ends.right.claim(b"R" + number.to_bytes(31, "big"), "r")
    ends.move()
    pairs = []
    for number in range(count):
        pairs.append((ends.left.claim(b"R" + number.to_bytes(31, "big"), "l"), b"R", number))
        pairs.append((ends.right.claim(b"L" + number.to_bytes(31, "big"), "r"), b"L", number))
    ends.move()
    assert all(stream.number and stream.peer_number for stream, _, _ in pairs)


def test_a_label_is_claimed_once() -> None:
    ends = Ends()
    ends.open("x")
    with pytest.raises(ValueError, match="'x' is open already"):
        ends.left.claim(b"x".ljust(32, b"."), "x")


# ---- giving up


def test_a_receive_given_up_before_anything_came() -> None:
    ends = Ends()
    left, right = ends.open("x")
    incoming = ends.right.receive(right, 4)
    ends.right.cancel_receive(right, incoming)
    send(ends.left, left, b"hello")
    ends.move()
    assert not incoming.done
    assert got(ends.right.receive(right, 5)) == b"hello"


@pytest.mark.parametrize("again_in_the_middle", [True, False])
def test_a_receive_given_up_in_the_middle_loses_nothing(again_in_the_middle: bool) -> None:
    ends = Ends()
    left, right = ends.open("x")
    data = bytes(range(250)) * 1000
    incoming = ends.right.receive(right, len(data))
    send(ends.left, left, data)
    ends.move(limit=8)
    ends.right.cancel_receive(right, incoming)
    if not again_in_the_middle:
        ends.move()
    second = ends.right.receive(right, len(data))
    third = ends.right.receive(right, 2)
    ends.move()
    send(ends.left, left, b"ok")
    ends.move()
    assert not incoming.done
    assert got(second) == data
    assert got(third) == b"ok"
    inbox = right.inbox
    assert inbox.wanted == 0
    assert inbox.consumed == inbox.got


def test_a_receive_given_up_at_the_moment_it_arrived() -> None:
    ends = Ends()
    left, right = ends.open("x")
    incoming = ends.right.receive(right, 5)
    send(ends.left, left, b"first")
    send(ends.left, left, b"second")
    ends.move()
    assert incoming.done
    ends.right.cancel_receive(right, incoming)
    assert got(ends.right.receive(right, 5)) == b"first"
    assert got(ends.right.receive(right, 6)) == b"second"
    assert ends.right.messages_received == 2
    assert right.inbox.consumed == right.inbox.got


def test_a_send_given_up_before_it_began_never_leaves() -> None:
    ends = Ends()
    left, right = ends.open("x")
    first, second = send(ends.left, left, b"first"), send(ends.left, left, b"second")
    ends.left.cancel_send(left, first)
    ends.move()
    assert second.done
    assert got(ends.right.receive(right, 6)) == b"second"
    assert ends.left.pending == 0


def test_a_send_given_up_in_the_middle_goes_on_from_a_copy() -> None:
    ends = Ends()
    left, right = ends.open("x")
    data = bytearray(b"a" * 300_000)
    outgoing = ends.left.send(left, [memoryview(data)])
    ends.move()
    assert outgoing.started
    assert not outgoing.done
    ends.left.cancel_send(left, outgoing)
    data[:] = b"b" * 300_000
    incoming = ends.right.receive(right, 300_000)
    ends.move()
    assert got(incoming) == b"a" * 300_000


# ---- ending


def test_channels_that_both_ends_closed_are_forgotten() -> None:
    ends = Ends()
    for number in range(3000):
        left, right = ends.open(f"x{number}")
        send(ends.left, left, b"x" * 100)
        ends.left.close(left)
        ends.move()
        assert got(ends.right.receive(right, 100)) == b"x" * 100
        ends.right.close(right)
        ends.move()
    assert not ends.left._streams
    assert not ends.right._streams
    assert not ends.left._inward
    assert not ends.right._inward
    assert ends.right.payload_received == 300_000


def test_a_closed_channel_refuses_here_and_there() -> None:
    ends = Ends()
    left, right = ends.open("x")
    waits = ends.right.receive(right, 5)
    stuck = send(ends.right, right, bytes(10 * WINDOW))
    ends.move()
    ends.left.close(left)
    ends.move()
    assert isinstance(waits.error, MessageError)
    assert isinstance(stuck.error, MessageError)
    assert "closed channel 'x'" in str(waits.error)
    assert isinstance(send(ends.left, left, b"x").error, StateError)
    assert isinstance(ends.left.receive(left, 1).error, StateError)
    assert isinstance(send(ends.right, right, b"x").error, MessageError)
    ends.right.close(right)
    ends.move()
    assert not ends.right._streams


def test_what_was_sent_before_a_close_still_arrives() -> None:
    ends = Ends()
    left, right = ends.open("x")
    big = send(ends.left, left, bytes(5 * WINDOW))
    ends.left.close(left)
    ends.move()
    assert not big.done
    incoming = ends.right.receive(right, 5 * WINDOW)
    ends.move()
    assert big.done
    assert incoming.data is not None
    assert right.peer_closed


def test_a_goodbye_waits_for_what_is_queued_and_is_answered() -> None:
    ends = Ends()
    left, right = ends.open("x")
    send(ends.left, left, bytes(2 * WINDOW))
    ends.left.goodbye()
    ends.move()
    assert not ends.right.peer_finished
    assert isinstance(send(ends.left, left, b"late").error, StateError)
    incoming, never = ends.right.receive(right, 2 * WINDOW), ends.right.receive(right, 1)
    ends.move()
    assert incoming.data is not None
    assert isinstance(never.error, PeerDisconnected)
    assert "has finished and left" in str(never.error)
    assert ends.right.peer_finished
    assert [kind for kind, _ in ends.left.control] == ["seen"]
    assert isinstance(send(ends.right, right, b"x").error, PeerDisconnected)


def test_what_came_before_a_goodbye_can_still_be_taken() -> None:
    ends = Ends()
    left, right = ends.open("x")
    send(ends.left, left, b"last words")
    ends.left.goodbye()
    ends.move()
    assert got(ends.right.receive(right, 10)) == b"last words"
    assert isinstance(ends.right.receive(right, 1).error, PeerDisconnected)


def test_a_failure_ends_everything_on_all_channels() -> None:
    ends = Ends()
    pairs = [ends.open(f"x{i}") for i in range(3)]
    waits = [ends.left.receive(left, 1) for left, _ in pairs]
    outs = [send(ends.left, left, bytes(3 * WINDOW)) for left, _ in pairs]
    ends.move()
    error = PeerDisconnected("right: gone", peer="right")
    ends.left.fail(error)
    assert all(message.error is error for message in [*waits, *outs])
    assert send(ends.left, pairs[0][0], b"x").error is error
    assert ends.left.pending == 0


def test_pings_are_answered_once_however_many_come() -> None:
    ends = Ends()
    for number in range(1000):
        ends.right.reader.feed(memoryview(pack_frame(Kind.PING, argument=number)))
    ends.move()
    assert list(ends.left.control) == [("pong", 999)]


# ---- a peer that breaks the rules

OPEN = pack_frame(Kind.OPEN, b"x".ljust(32), channel=1, argument=UNCLAIMED_BYTES)
STARTED = OPEN + pack_frame(Kind.MESSAGE, bytes(5000), channel=1, argument=10_000)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (pack_frame(Kind.MESSAGE, b"x", channel=1, argument=1), "channel number 1, which it does not have open"),
        (pack_frame(Kind.CREDIT, channel=7, argument=1), "channel number 7"),
        (pack_frame(Kind.CLOSE, channel=7), "channel number 7"),
        (OPEN + OPEN, "a number that was used"),
        (OPEN + pack_frame(Kind.OPEN, b"x".ljust(32), channel=2, argument=0), "a second OPEN frame"),
        (OPEN + pack_frame(Kind.CREDIT, channel=1, argument=1), "credit of 1 on channel .*, after 16384"),
        (OPEN + pack_frame(Kind.CREDIT, channel=1, argument=1 << 63), "credit of"),
        (OPEN + pack_frame(Kind.MORE, b"x", channel=1), "more of a message than it has"),
        (STARTED + pack_frame(Kind.MORE, bytes(5001), channel=1), "more of a message than it has"),
        (STARTED + pack_frame(Kind.MORE, bytes(100), channel=1), "a piece of 100 bytes"),
        (STARTED + pack_frame(Kind.MESSAGE, b"x", channel=1, argument=1), "before the last one was complete"),
        (STARTED + pack_frame(Kind.CLOSE, channel=1), "CLOSE frame in the middle of a message"),
        (OPEN + pack_frame(Kind.MESSAGE, b"xy", channel=1, argument=1), "a message of 1 bytes that begins with 2"),
        (OPEN + pack_frame(Kind.MESSAGE, b"", channel=1, argument=9), "a piece of 0 bytes"),
        (OPEN + pack_frame(Kind.MESSAGE, bytes(4096), channel=1, argument=1 << 60), "a message of"),
        (pack_frame(Kind.CONFIRM, b"x") * 2, "a second CONFIRM"),
        (pack_frame(Kind.SEEN), "SEEN frame without a goodbye"),
        (pack_frame(Kind.HELLO, b"x"), "HELLO frame after the handshake"),
        (pack_frame(Kind.GOODBYE) + OPEN, "OPEN frame after its goodbye"),
        (pack_frame(Kind.GOODBYE) * 2, "GOODBYE frame after its goodbye"),
    ],
)
def test_a_broken_rule_is_a_frame_error_that_names_the_peer(data: bytes, text: str) -> None:
    mux = Mux("bank")
    with pytest.raises(FrameError, match=text) as caught:
        mux.reader.feed(memoryview(data))
    assert caught.value.peer == "bank"


def test_bytes_beyond_the_credit_are_refused_before_room_is_made() -> None:
    mux = Mux("bank")
    piece = UNCLAIMED_BYTES - CHARGE_BYTES
    mux.reader.feed(memoryview(OPEN + pack_frame(Kind.MESSAGE, bytes(piece), channel=1, argument=1 << 30)))
    head = pack_frame(Kind.MORE, bytes(MAX_DATA_BYTES), channel=1)[:16]
    with pytest.raises(FrameError, match=f"{MAX_DATA_BYTES} bytes beyond its credit"):
        mux.reader.feed(memoryview(head))


def test_the_number_of_unknown_channels_is_bounded() -> None:
    mux = Mux("bank")

    def opens(number: int) -> bytes:
        return pack_frame(Kind.OPEN, number.to_bytes(32, "big"), channel=number, argument=0)

    mux.reader.feed(memoryview(b"".join(opens(number + 1) for number in range(MAX_UNCLAIMED))))
    with pytest.raises(FrameError, match=f"more than {MAX_UNCLAIMED}"):
        mux.reader.feed(memoryview(opens(MAX_UNCLAIMED + 1)))


def test_opening_and_closing_does_not_get_around_the_bound() -> None:
    data = b"".join(
        pack_frame(Kind.OPEN, number.to_bytes(32, "big"), channel=number) + pack_frame(Kind.CLOSE, channel=number)
        for number in range(1, MAX_UNCLAIMED + 2)
    )
    with pytest.raises(FrameError, match=f"more than {MAX_UNCLAIMED}"):
        Mux("bank").reader.feed(memoryview(data))


def test_every_piece_but_the_last_is_large() -> None:
    ends = Ends(piece_bytes=10_000)
    left, right = ends.open("x")
    sizes: deque[tuple[int, int]] = deque()
    for n_bytes in (1, 4096, 9_999, 10_001, 30_000, 250_001):
        outgoing = send(ends.left, left, bytes(n_bytes))
        incoming = ends.right.receive(right, n_bytes)
        while not outgoing.done:
            frame = ends.left.next_frame()
            if frame is None:
                ends.move()
                continue
            data = b"".join(frame)
            if data[0] in (Kind.MESSAGE, Kind.MORE):
                sizes.append((len(data) - 16, outgoing.left))
            ends.right.reader.feed(memoryview(data))
        assert incoming.done
    assert all(size >= MIN_PIECE_BYTES or left == 0 for size, left in sizes)


def test_the_reader_takes_the_place_of_an_awaited_message() -> None:
    ends = Ends(piece_bytes=64 * 1024)
    left, right = ends.open("x")
    ends.move()
    incoming = ends.right.receive(right, 200_000)
    ends.move()
    send(ends.left, left, b"z" * 200_000)
    reader: FrameReader = ends.right.reader
    while (frame := ends.left.next_frame()) is not None:
        head, *payload = frame
        reader.feed(memoryview(head))
        data = memoryview(b"".join(payload))
        while data:
            place = reader.direct()
            if place is None:
                data = data[reader.feed(data[:1000]) :]
            else:
                n_bytes = min(len(place), len(data), 20_000)
                place[:n_bytes] = data[:n_bytes]
                reader.advance(n_bytes)
                data = data[n_bytes:]
        ends.move(limit=0)
    assert got(incoming) == b"z" * 200_000
