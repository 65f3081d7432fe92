"""One function of bytes for each parser. It returns, or raises what ALLOWED names; anything else is a finding."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from circuits.errors import CircuitError
from mpcnet import codec
from mpcnet.credit.statement import STATEMENT_BYTES, Statement, compare
from mpcnet.errors import MPCNetError
from mpcnet.wire.frames import MAX_DATA_BYTES, FrameReader
from mpcnet.wire.handshake import Handshake, check_confirmation
from mpcnet.wire.last_words import unpack_cause
from mpcnet.wire.mux import Mux
from mpcnet.wire.probe import Answerer, Asker, make_answer
from protocols import group
from protocols.errors import ProtocolError
from protocols.sharing.ring import MERSENNE61, MERSENNE127, RING64
from tests.fuzz import played, seeds, sessions
from tests.fuzz.conversations import TALKS
from tests.fuzz.files import FILES, world
from tests.fuzz.sessions import SESSIONS

__all__ = ["ALLOWED", "CONVERSATIONS", "TARGETS", "feed"]

ALLOWED = (MPCNetError, ProtocolError, CircuitError)
Target = Callable[[bytes], None]
TARGETS: dict[str, Target] = {}


def feed(name: str, data: bytes) -> bool:
    """Run a target; True where the input was taken for good."""
    try:
        TARGETS[name](data)
    except ALLOWED:
        return False
    return True


def target(function: Target) -> Target:
    """Enter a function in TARGETS."""
    TARGETS[function.__name__] = function
    return function


class _Sink:
    """Takes every frame, and counts what it is asked to hold."""

    def begin(self, kind: int, channel: int, argument: int, n_bytes: int) -> memoryview:
        assert n_bytes <= MAX_DATA_BYTES
        return memoryview(bytearray(n_bytes))

    def end(self) -> bool:
        return True


@target
def frames(data: bytes) -> None:
    """What any peer sends, cut into frames; in two pieces, for what is kept in between."""
    reader = FrameReader(_Sink(), "bank")
    half = len(data) // 2
    for piece in (data[:half], data[half:]):
        reader.feed(memoryview(piece))


@target
def hello(data: bytes) -> None:
    """The handshake, to both roles; good where one of them is content."""
    identities, roster = world()
    refusals = []
    for dialer in (True, False):
        me, peer = ("lender", "bank") if dialer else ("bank", "lender")
        side = Handshake(
            identities[me],
            roster,
            seeds.JOB,
            seeds.nonce_of(me),
            roster.party(peer),
            identities[peer].fingerprint,
            dialer=dialer,
        )
        side.start()
        try:
            side.feed(data)
        except ALLOWED as error:
            refusals.append(error)
    if len(refusals) == 2:
        raise refusals[0]


@target
def control(data: bytes) -> None:
    """Channels, credit, heartbeats, abort and farewell, to one end that has a channel open and waits on it."""
    mux = Mux("bank")
    stream = mux.claim(seeds.CHANNEL, "x")
    mux.receive(stream, 32)
    mux.reader.feed(memoryview(data))
    while mux.next_frame() is not None:
        pass


@target
def abort(data: bytes) -> None:
    """The last words of a peer."""
    with contextlib.suppress(ValueError):  # the link makes a FrameError of it
        cause = unpack_cause(data, "bank")
        assert len(cause.reason) <= 400
        assert cause.text.isprintable()


@target
def confirm(data: bytes) -> None:
    """What a peer takes the session to be."""
    check_confirmation(data, "bank", "lender", bytes(32), {"bank": bytes(32), "lender": bytes(range(32))})


@target
def probe(data: bytes) -> None:
    """A doctor's look, to both ends."""
    _, roster = world()
    with contextlib.suppress(*ALLOWED):
        Asker("bank").feed(data)
        return
    Answerer(lambda: make_answer(1, "1", roster, b"", "waiting"), "lender").feed(data)


@target
def points(data: bytes) -> None:
    """Group elements, as in base OT."""
    group.decode_points(data[: len(data) // 32 * 32], peer="bank")


@target
def elements(data: bytes) -> None:
    """Ring elements, as in sharing; what is taken is canonical."""
    for ring in (MERSENNE61, MERSENNE127, RING64):
        count = len(data) // ring.n_bytes
        unpacked = ring.unpack(data[: count * ring.n_bytes], (count,), peer="bank")
        assert bytes(ring.pack(unpacked)) == data[: count * ring.n_bytes]


@target
def value(data: bytes) -> None:
    """What a child process hands over."""
    with contextlib.suppress(ValueError):
        codec.decode(data)


@target
def statement(data: bytes) -> None:
    """What a peer takes a scoring run to be."""
    if len(data) == STATEMENT_BYTES:
        said = {"bank": Statement.unpack(data), "lender": Statement(bytes(32), "yao", 10, 10, bytes(range(32)))}
        error = compare("lender", said)
        if error is not None:
            assert str(error).isprintable()
            raise error


def conversation(play: Callable[[Any, bytes], None], talks: Any) -> Target:
    """A target that plays conversations."""
    return lambda data: play(talks, data)


for one in FILES:
    target(one)
TARGETS.update({name: conversation(played.play, talks) for name, talks in TALKS.items()})
TARGETS.update({name: conversation(sessions.play, meetings) for name, meetings in SESSIONS.items()})
CONVERSATIONS = frozenset({*TALKS, *SESSIONS})
