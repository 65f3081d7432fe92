"""The hello: what is right goes through, and each mismatch has its own words; bytes in, bytes out."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcnet.errors import FrameError, HandshakeFailed
from mpcnet.identity import Identity
from mpcnet.roster import Roster
from mpcnet.wire.frames import HEADER_BYTES, MAX_CONTROL_BYTES, Kind, pack_frame, pack_header
from mpcnet.wire.handshake import (
    Handshake,
    check_confirmation,
    derive_session_id,
    pack_confirmation,
    printable,
    reject_frame,
)
from tests.kit.network import JOB, make_roster

NAMES = ("bank", "bureau", "lender")
NONCES = {name: name.encode().ljust(32, b"!") for name in NAMES}


@dataclasses.dataclass(frozen=True)
class World:
    identities: dict[str, Identity]
    roster: Roster

    def side(self, me: str, peer: str, *, dialer: bool, **changes: Any) -> Handshake:
        options: dict[str, Any] = {
            "identity": self.identities[me],
            "roster": self.roster,
            "job_digest": JOB,
            "nonce": NONCES[me],
            "peer": self.roster.party(peer),
            "peer_fingerprint": self.identities[peer].fingerprint,
        }
        return Handshake(**{**options, **changes}, dialer=dialer)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("identities")
    identities = {name: Identity.create(name, folder / name) for name in (*NAMES, "stranger")}
    known = {name: identities[name] for name in NAMES}
    return World(identities, make_roster(known, dict(zip(NAMES, (7001, 7002, 7003), strict=True))))


def run(dialer: Handshake, acceptor: Handshake, piece: int = 1 << 20) -> list[Exception | None]:
    """Let the two talk until both are done or quiet; what each raised."""
    sides = [dialer, acceptor]
    ways = [bytearray(acceptor.start()), bytearray(dialer.start())]  # towards each side
    raised: list[Exception | None] = [None, None]
    while any(ways):
        for me, side in enumerate(sides):
            data, ways[me] = bytes(ways[me][:piece]), ways[me][piece:]
            if not data or raised[me] is not None:
                continue
            try:
                ways[1 - me] += side.feed(data)
            except HandshakeFailed as error:
                raised[me] = error
                ways[1 - me] += reject_frame(str(error).removeprefix(f"{error.peer}: "))
            except FrameError as error:
                raised[me] = error
    return raised


def hello_of(side: Handshake) -> dict[str, Any]:
    return msgpack.unpackb(side.start()[HEADER_BYTES:])


def hello_frame(hello: Any) -> bytes:
    return pack_frame(Kind.HELLO, msgpack.packb(hello))


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_two_parties_of_a_roster_agree(world: World, piece: int) -> None:
    dialer, acceptor = world.side("lender", "bank", dialer=True), world.side("bank", "lender", dialer=False)
    assert run(dialer, acceptor, piece) == [None, None]
    assert dialer.done
    assert acceptor.done
    assert dialer.peer_nonce == NONCES["bank"]
    assert acceptor.peer_nonce == NONCES["lender"]


def test_what_follows_the_handshake_is_left_alone(world: World) -> None:
    dialer, acceptor = world.side("lender", "bank", dialer=True), world.side("bank", "lender", dialer=False)
    proof = acceptor.feed(dialer.start())
    signed = dialer.feed(acceptor.start() + proof)
    ready = acceptor.feed(signed + b"first data")
    assert acceptor.done
    assert acceptor.rest == b"first data"
    assert dialer.feed(ready[:3]) == b""
    assert not dialer.done
    dialer.feed(ready[3:] + b"and")
    dialer.feed(b" more")
    assert dialer.rest == b"and more"


def test_other_rosters_are_named_on_both_sides(world: World) -> None:
    other = make_roster({name: world.identities[name] for name in NAMES}, dict.fromkeys(NAMES, 0) | {"bank": 7009} | {
        "bureau": 7002, "lender": 7003})  # fmt: skip
    errors = run(world.side("lender", "bank", dialer=True, roster=other), world.side("bank", "lender", dialer=False))
    for error, peer in zip(errors, ("bank", "lender"), strict=True):
        assert isinstance(error, HandshakeFailed)
        assert error.peer == peer
        assert str(error).startswith(f"{peer}: has another roster (")
        assert other.digest.hex()[:8] in str(error)
        assert world.roster.digest.hex()[:8] in str(error)


def test_other_jobs_are_named_on_both_sides(world: World) -> None:
    errors = run(
        world.side("lender", "bank", dialer=True, job_digest=b"j" * 32), world.side("bank", "lender", dialer=False)
    )
    for error, peer in zip(errors, ("bank", "lender"), strict=True):
        assert isinstance(error, HandshakeFailed)
        assert str(error).startswith(f"{peer}: means another job (")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"version": 2}, "lender: speaks version 2 of the protocol, this party 1"),
        ({"version": 2, "surprise": 1}, "lender: speaks version 2 of the protocol"),
        ({"version": "1"}, "lender: sent a hello of the wrong form"),
        ({"surprise": 1}, "lender: sent a hello of the wrong form"),
        ({"nonce": b"short"}, "lender: sent a hello of the wrong form"),
        ({"nonce": NONCES["bank"]}, "lender: sent this party's own hello back"),
        ({"name": "bureau"}, "lender: has the certificate of lender but calls itself 'bureau'"),
        ({"name": "\x1b[31m" + "x" * 500}, "lender: has the certificate of lender but calls itself '[31mxxx"),
        ({"to": "bureau"}, "lender: takes this party, bank, for 'bureau'"),
        ({"certificate": bytes(32)}, "lender: names another certificate of its own"),
        ({"peer_certificate": bytes(32)}, "lender: saw another certificate in TLS than this party showed"),
        ({"roster": bytes(32)}, "lender: has another roster (00000000 there"),
        ({"job": bytes(32)}, "lender: means another job (00000000 there"),
    ],
)
def test_each_mismatch_has_its_own_words(world: World, change: dict[str, Any], text: str) -> None:
    hello = {**hello_of(world.side("lender", "bank", dialer=True)), **change}
    with pytest.raises(HandshakeFailed) as caught:
        world.side("bank", "lender", dialer=False).feed(hello_frame(hello))
    assert str(caught.value).startswith(text)
    assert caught.value.peer == "lender"
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "field", ["version", "name", "to", "certificate", "peer_certificate", "roster", "job", "nonce"]
)
def test_a_missing_field_is_the_wrong_form(world: World, field: str) -> None:
    hello = hello_of(world.side("lender", "bank", dialer=True))
    del hello[field]
    with pytest.raises(HandshakeFailed, match="wrong form"):
        world.side("bank", "lender", dialer=False).feed(hello_frame(hello))


@pytest.mark.parametrize("payload", [b"\xc1", b"\xd4\x05x", msgpack.packb([1]), msgpack.packb(7), b"\x81", b"\xff" * 9])
def test_a_hello_that_is_none(world: World, payload: bytes) -> None:
    with pytest.raises(HandshakeFailed, match=r"lender: sent a hello (that is not msgpack|of the wrong form)"):
        world.side("bank", "lender", dialer=False).feed(pack_frame(Kind.HELLO, payload))


def test_a_wrong_key_is_found_out(world: World) -> None:
    errors = run(
        world.side("lender", "bank", dialer=True),
        world.side(
            "bank", "lender", dialer=False, identity=_Signs(world.identities["bank"], world.identities["stranger"])
        ),
    )
    assert str(errors[0]) == "bank: its proof is not signed with the key in the roster"
    assert str(errors[1]) == "lender: refused this party: its proof is not signed with the key in the roster"


class _Signs:
    """An identity that signs with another one's key."""

    def __init__(self, shown: Identity, key: Identity) -> None:
        self.name, self.fingerprint, self.sign = shown.name, shown.fingerprint, key.sign


def test_a_proof_cannot_be_reflected_or_replayed(world: World) -> None:
    dialer, acceptor = world.side("lender", "bank", dialer=True), world.side("bank", "lender", dialer=False)
    proof = acceptor.feed(dialer.start())
    with pytest.raises(HandshakeFailed, match="own hello back"):
        world.side("lender", "bank", dialer=True).feed(dialer.start())
    with pytest.raises(HandshakeFailed, match="not signed"):  # the acceptor's own proof in place of the dialer's
        acceptor.feed(proof)
    later = world.side("lender", "bank", dialer=True, nonce=b"n" * 32)
    with pytest.raises(HandshakeFailed, match="not signed"):  # of an earlier conversation
        later.feed(acceptor.start() + proof)


def test_frames_out_of_turn_are_no_handshake(world: World) -> None:
    for kind, payload in ((Kind.PROOF, bytes(64)), (Kind.READY, b""), (Kind.PING, b""), (Kind.ABORT, b"x")):
        with pytest.raises(FrameError, match=f"lender: sent a {kind.name} frame where a HELLO"):
            world.side("bank", "lender", dialer=False).feed(pack_frame(kind, payload))


def test_a_long_hello_is_refused_by_its_header(world: World) -> None:
    with pytest.raises(FrameError, match=str(MAX_CONTROL_BYTES)):
        world.side("bank", "lender", dialer=False).feed(pack_header(Kind.HELLO, MAX_CONTROL_BYTES + 1))


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300), at=st.integers(0, 250), keep=st.booleans())
def test_mutated_hellos_come_to_nothing(world: World, data: bytes, at: int, keep: bool) -> None:
    dialer, acceptor = world.side("lender", "bank", dialer=True), world.side("bank", "lender", dialer=False)
    frame = dialer.start()
    mutated = frame[:at] + data + (frame[at + len(data) :] if keep else b"")
    try:
        proof = acceptor.feed(mutated)
    except (HandshakeFailed, FrameError):
        return
    if proof and not mutated.startswith(frame):  # all that may differ is the nonce: the proof does not fit then
        with pytest.raises(HandshakeFailed, match="not signed"):
            dialer.feed(acceptor.start() + proof)
    assert not acceptor.done


# ---- the session id


def test_the_session_id_depends_on_everything(world: World) -> None:
    order = [(name, NONCES[name]) for name in NAMES]
    ids = {
        derive_session_id(world.roster.digest, JOB, order),
        derive_session_id(bytes(32), JOB, order),
        derive_session_id(world.roster.digest, bytes(32), order),
        derive_session_id(world.roster.digest, JOB, order[:2]),
        derive_session_id(world.roster.digest, JOB, [order[1], order[0], order[2]]),
        derive_session_id(world.roster.digest, JOB, [("banK", NONCES["bank"]), *order[1:]]),
        derive_session_id(world.roster.digest, JOB, [("bank", bytes(32)), *order[1:]]),
    }
    assert len(ids) == 7
    assert {len(one) for one in ids} == {32}


def test_a_confirmation_of_the_same_session_passes() -> None:
    assert check_confirmation(pack_confirmation(b"s" * 32, NONCES), "bank", "lender", b"s" * 32, NONCES) is None


def test_who_showed_two_nonces_is_named() -> None:
    theirs = {**NONCES, "bureau": bytes(32)}
    with pytest.raises(HandshakeFailed, match=r"^bureau: showed bank another nonce than lender") as caught:
        check_confirmation(pack_confirmation(b"t" * 32, theirs), "bank", "lender", b"s" * 32, NONCES)
    assert caught.value.peer == "bureau"


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (pack_confirmation(b"t" * 32, NONCES), "bank: holds another session id made of the same nonces"),
        (pack_confirmation(b"t" * 32, {**NONCES, "lender": b""}), "bank: holds other nonces of itself or this party"),
        (b"\xc1", "bank: sent a confirmation of the wrong form"),
        (msgpack.packb({"session_id": "s" * 32, "nonces": {}}), "bank: sent a confirmation of the wrong form"),
    ],
)
def test_other_confirmations_are_refused(payload: bytes, text: str) -> None:
    with pytest.raises(HandshakeFailed, match=text):
        check_confirmation(payload, "bank", "lender", b"s" * 32, NONCES)


def test_what_a_peer_writes_becomes_one_printable_line() -> None:
    assert printable(b"a\nb\x1b[2J\xff  c") == "a b [2J� c"
    assert len(printable("x" * 10_000)) == 400
    assert printable("x" * 50, 10) == "xxxxxxx..."
