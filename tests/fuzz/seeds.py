"""Good inputs of each target: `python -m tests.fuzz.seeds` writes those of tests/corpus anew."""

from __future__ import annotations

import datetime
import functools
import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from circuits import Bit, UInt, bristol, circuit
from mpcnet import codec
from mpcnet.agreement.draft import draft
from mpcnet.agreement.guard import evaluation_of
from mpcnet.agreement.job import JobFile, Work, dumps
from mpcnet.agreement.signature import sign
from mpcnet.cause import Cause
from mpcnet.credit import german
from mpcnet.credit.statement import Statement
from mpcnet.identity import CERTIFICATE_FILE, KEY_FILE, Identity
from mpcnet.plan import Plan
from mpcnet.record.log import Record
from mpcnet.record.summary import statement_of
from mpcnet.roster import Party, Roster
from mpcnet.trace.chrome import Trace, dump
from mpcnet.trace.tracer import Event
from mpcnet.wire.frames import CHARGE_BYTES, Kind, pack_frame
from mpcnet.wire.handshake import Handshake, pack_confirmation
from mpcnet.wire.last_words import pack_cause
from mpcnet.wire.probe import Answerer, Asker, make_answer
from protocols import group
from tests.fuzz import CORPUS

JOB = bytes(range(32))
CHANNEL = hashlib.sha256(b"channel").digest()
NAMES = ("bank", "lender")
POLICY = b"""format = 1
programs = ["scheme:%b"]
columns = ["savings"]
recipients = ["lender"]
outputs = ["score"]
applicants_a_day = 1000
""" % (b"77" * 32)


def nonce_of(name: str) -> bytes:
    """A party's nonce, for once not fresh."""
    return hashlib.sha256(name.encode()).digest()


def world(folder: Path) -> tuple[dict[str, Identity], Roster]:
    """Two parties with fixed keys and certificates."""
    identities = {name: _identity(folder / name, name) for name in NAMES}
    entries = [Party(name, "127.0.0.1", 7001 + i, (identities[name].certificate,)) for i, name in enumerate(NAMES)]
    return identities, Roster(tuple(entries))


def _identity(folder: Path, name: str) -> Identity:
    folder.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode() + b"key").digest())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    first, last = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2020, 2120))
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, first, last)
    paths = folder / KEY_FILE, folder / CERTIFICATE_FILE
    paths[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    paths[0].chmod(0o600)
    paths[1].write_bytes(builder.sign(key, None).public_bytes(Encoding.PEM))
    return Identity.load(*paths)


def demo(name: str) -> bytes:
    """A file of the demo's models."""
    return german.read_text(name).encode()


def make(folder: Path) -> dict[str, dict[str, bytes]]:
    """For each target its good inputs by name."""
    identities, roster = world(folder)
    public = Party("bank", "127.0.0.1", 7001, (identities["bank"].certificate,))
    say = {name: _talk(identities, roster, name) for name in NAMES}
    heartbeat = pack_frame(Kind.PING, argument=5) + pack_frame(Kind.PONG, argument=1 << 50)
    message = pack_frame(Kind.OPEN, CHANNEL, channel=1, argument=1 << 20)
    message += pack_frame(Kind.MESSAGE, bytes(32), channel=1, argument=32)
    message += pack_frame(Kind.CREDIT, channel=1, argument=(1 << 20) + CHARGE_BYTES)
    cause = pack_cause(Cause("lender", "silent for 15 s", "bank", True))
    asker, answerer = Asker("bank"), Answerer(lambda: make_answer(1, "1", roster, b"", "waiting"), "lender")
    question = asker.ask(3, 5)

    @circuit
    def less(a: UInt[4], b: UInt[4]) -> Bit:
        return a < b

    entry = public.as_entry()
    text = f'[[party]]\nname = "bank"\naddress = "127.0.0.1:7001"\nfingerprint = "{entry["fingerprint"]}"\n'
    text += f"certificate = '''\n{entry['certificate']}'''\n"
    points = b"".join(group.hash_to_point(JOB, "fuzz", bytes([i])) for i in range(2))
    answer = msgpack.packb(
        {"version": 1, "release": "1", "roster": bytes(32), "entries": [], "job": b"", "time": 1.5, "state": "x"}
    )
    return {
        "frames": {"heartbeat": heartbeat, "message": message, "abort": pack_frame(Kind.ABORT, cause)},
        "hello": {f"from-{name}": data for name, data in say.items()},
        "control": {
            "message": message + heartbeat,
            "end": message + pack_frame(Kind.CLOSE, channel=1) + pack_frame(Kind.GOODBYE),
            "abort": pack_frame(Kind.ABORT, cause),
            "confirm": pack_frame(Kind.CONFIRM, pack_confirmation(bytes(32), {"bank": bytes(32)})),
        },
        "abort": {"lost": cause},
        "confirm": {"same": pack_confirmation(bytes(32), {"bank": bytes(32)})},
        "probe": {"question": question, "answer": answerer.feed(question), "short": pack_frame(Kind.ANSWER, answer)},
        "roster": {"two": roster.dumps().encode(), "public": text.encode()},
        "certificates": {"one": public.certificate_pem.encode(), "two": roster.parties[0].certificate_pem.encode() * 2},
        "config": {
            "all": b'name = "lender"\nidentity = "k"\ncertificate = "c"\nroster = "r"\nlisten = "[::1]:7001"\n'
            b'[deadlines]\nconnect = 5.0\nliveness = 2\ntotal = 0\nphase = 1\nretry = 1\n[score]\ndata = "d.csv"\n',
            "least": b'name = "a"\n',
        },
        "identity": {"bank": (folder / "bank" / KEY_FILE).read_bytes()},
        "circuit": {
            "fashion": bristol.dumps(less).encode(),
            "old": bristol.dumps(less, old_format=True).encode(),
        },
        "table": {"bank": _records(folder)},
        "job": {"circuit": job(roster)},
        "signature": {"lender": _signature(folder, identities["lender"], roster)},
        "policy": {"all": POLICY},
        "usage": {"some": b"2026-01-01 000000000300\n"},
        "record": {"two": record(identities["bank"])},
        "tail": {"two": record(identities["bank"])},
        "head": {"behind": b'{"n": 1, "hash": "%b"}\n' % (b"0" * 64)},
        "trace": {"bank": trace("bank")},
        "step": {"score": b'{"party": "bank", "name": "score", "done": 1, "total": 2, "bytes_sent": 3, "detail": ""}'},
        "scheme": {"german": demo("scheme.toml"), "logistic": demo("logistic.toml")},
        "secret": {"points": demo("points.toml"), "weights": demo("weights.toml")},
        "inputs": {"two": b"u,i,f,b,v\n7,-8,1.5,true,1 2 3\n255,9,-2,0,0 0 15\n"},
        "points": {"two": points},
        "elements": {"small": bytes([1] + [0] * 15) * 2},
        "value": {"all": codec.encode({"a": [1, (2.5, None)], "b": 1 << 70, "c": "x", "d": np.arange(3)})},
        "statement": {"same": Statement(bytes(32), "yao", 10, 10, bytes(range(32))).pack()},
    }


def _records(folder: Path) -> bytes:
    """Three applicants of the demo, as the bank knows them."""
    german.write_records(folder / "bank.csv", german.held(3)["bank"], german.load("scored"))
    return b"".join((folder / "bank.csv").read_bytes().splitlines(keepends=True)[:4])


def job(roster: Roster) -> bytes:
    """A job for a circuit, of a day in the past."""
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    owners = {"income": "bank", "cutoff": "lender"}

    @circuit
    def approve(income: UInt[8], cutoff: UInt[8]) -> Bit:
        return income >= cutoff

    evaluation = evaluation_of(Plan.make(approve, NAMES, owners, ("lender",)))
    work = Work("circuit", evaluation.digest, "approve.py:approve")
    return dumps(draft("march", roster, work, [evaluation], applicants=10, now=now)).encode()


def _signature(folder: Path, identity: Identity, roster: Roster) -> bytes:
    """The signature of the lender under it."""
    path = folder / "march.toml"
    path.write_bytes(job(roster))
    return sign(JobFile.load(path), identity).read_bytes()


@functools.cache
def record(identity: Identity) -> bytes:
    """Two runs, the first signed by the lender too."""
    with tempfile.TemporaryDirectory() as folder:
        record, other = Record(Path(folder, "record.jsonl"), identity), world(Path(folder))[0]["lender"]
        peer = {"key": other.certificate.key.hex()}
        for number in range(2):
            session = bytes([number]) * 32
            started, _ = record.add("start", {"session": session.hex(), "job": "11" * 32, "peers": {"lender": peer}})
            signed = {"n": 7, "entry": "22" * 32}
            statement = statement_of(session, bytes(32), 7, b"\x22" * 32)
            signed["signature"] = other.sign(statement).hex()
            body = {"started": started, "session": session.hex(), "summary": "00" * 32, "outcome": "done"}
            body |= {"bytes": {"lender": {"sent": 1, "received": 2}}, "opened": {"lender": {"score": 3}}}
            record.add("end", {**body, "seconds": 1.5, "countersigned": {"lender": signed}})
        return (Path(folder) / "record.jsonl").read_bytes()


@functools.cache
def trace(party: str) -> bytes:
    """A short timeline."""
    peer = {"bank": "lender", "lender": "bank"}[party]
    events = [
        Event("phase", "evaluate", 0.0, 1.0, "", 0, 0),
        Event("send", "x", 0.1, 0.2, peer, 0, 100),
        Event("wait", "x", 0.2, 0.4, peer, 0, 100),
        Event("work", "garble", 0.5, 0.9, "", 0, 0),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.json")
        dump(Trace(party, NAMES, "00" * 32, 1.75e9, 0.05, tuple(events)), path)
        return path.read_bytes()


def _talk(identities: dict[str, Identity], roster: Roster, speaker: str) -> bytes:
    """All that one party says in a handshake."""
    sides = {
        me: Handshake(
            identities[me], roster, JOB, nonce_of(me), roster.party(peer), identities[peer].fingerprint, dialer=dialer
        )
        for me, peer, dialer in (("lender", "bank", True), ("bank", "lender", False))
    }
    said = {name: side.start() for name, side in sides.items()}
    ways = dict(said)
    while any(ways.values()):
        replies = {}
        for me, peer in (("lender", "bank"), ("bank", "lender")):
            replies[me] = sides[me].feed(ways[peer]) if ways[peer] else b""
            said[me] += replies[me]
            ways[peer] = b""
        ways = replies
    return said[speaker]


def honest() -> dict[str, dict[str, bytes]]:
    """For each target that plays conversations, and each party in them, the bytes that change nothing."""
    from tests.fuzz.conversations import TALKS
    from tests.fuzz.sessions import SESSIONS

    found: dict[str, dict[str, bytes]] = {}
    several: dict[str, Any] = {**TALKS, **SESSIONS}
    for target, talks in several.items():
        seats = [(talk, seat) for talk in talks for seat in talk.seats]
        found[target] = {f"{talk.name}-{seat}": bytes([number]) for number, (talk, seat) in enumerate(seats)}
    return found


def write() -> None:
    """Write all seeds into the corpus."""
    with tempfile.TemporaryDirectory() as folder:
        for target, inputs in {**make(Path(folder)), **honest()}.items():
            place = CORPUS / target
            place.mkdir(parents=True, exist_ok=True)
            for name, data in inputs.items():
                (place / f"seed-{name}").write_bytes(data)


if __name__ == "__main__":
    sys.exit(write())
