"""One function of bytes for each parser. It returns, or raises what ALLOWED names; anything else is a finding."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from circuits import bristol
from circuits.errors import CircuitError
from mpcnet import codec
from mpcnet.agreement.job import JobFile
from mpcnet.agreement.policy import Policy
from mpcnet.config import Config
from mpcnet.credit.files import load_scheme
from mpcnet.credit.records import read_records
from mpcnet.credit.scorecard import Feature, Scheme
from mpcnet.errors import MPCNetError
from mpcnet.identity import Identity, read_certificates
from mpcnet.record import verify
from mpcnet.roster import Roster, read_entries
from mpcnet.wire.frames import MAX_DATA_BYTES, FrameReader
from mpcnet.wire.handshake import Handshake, check_confirmation
from mpcnet.wire.last_words import unpack_cause
from mpcnet.wire.mux import Mux
from mpcnet.wire.probe import Answerer, Asker, make_answer
from protocols import group
from protocols.errors import ProtocolError
from protocols.sharing.ring import MERSENNE61, MERSENNE127, RING64
from tests.fuzz import seeds

__all__ = ["ALLOWED", "TARGETS", "feed"]

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


@functools.cache
def world() -> tuple[dict[str, Identity], Roster]:
    """Two parties with fixed keys, so that seeds stay good."""
    return seeds.world(Path(tempfile.mkdtemp(prefix="mpcnet-fuzz-")))


@contextlib.contextmanager
def file_of(data: bytes, suffix: str) -> Iterator[Path]:
    """A file with these bytes."""
    handle, name = tempfile.mkstemp(suffix)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        yield path
    finally:
        path.unlink()


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
def roster(data: bytes) -> None:
    """A roster, or a public file."""
    with file_of(data, ".toml") as path:
        Roster(read_entries(path))


@target
def certificates(data: bytes) -> None:
    """PEM of somebody else."""
    read_certificates(data.decode("latin-1"), "file")


@target
def config(data: bytes) -> None:
    """party.toml."""
    with file_of(data, ".toml") as path:
        Config.load(path)


@target
def circuit(data: bytes) -> None:
    """A Bristol file, of either format."""
    bristol.loads(data)


@target
def table(data: bytes) -> None:
    """A holder's CSV file."""
    with file_of(data, ".csv") as path:
        read_records(path, scheme_of_bank())


@functools.cache
def scheme_of_bank() -> tuple[Feature, ...]:
    """The columns of the bank in the demo."""
    with file_of(seeds.scheme(), ".toml") as path:
        loaded: Scheme = load_scheme(path)
    return tuple(loaded.held_by("bank"))


@target
def scheme(data: bytes) -> None:
    """The public part of a scorecard."""
    with file_of(data, ".toml") as path:
        load_scheme(path)


@target
def job(data: bytes) -> None:
    """A job that somebody else has written."""
    with file_of(data, ".toml") as path:
        JobFile.load(path)


@target
def policy(data: bytes) -> None:
    """A party's own policy."""
    with file_of(data, ".toml") as path:
        Policy.load(path)


@target
def record(data: bytes) -> None:
    """A record that somebody shows."""
    with file_of(data, ".jsonl") as path:
        verify.verify(path)


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
