"""What a party says to a job: its signature, in a small file beside the job file.

    job = "77aa..."                     # digest of the job file's bytes
    party = "bank"
    signed = 2026-03-02T08:15:00Z
    signature = "5c1d..."               # Ed25519, with the identity key

For `march.toml` the signature of bank is `march.bank.sig`. Each party signs on its own machine, in any order, and sends
that file to the others.

Security: the signature covers a context string, the digest, the name and the time, so it says nothing about any other
file, and is no proof in any handshake.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mpcnet.agreement.job import JobFile, Moment, check_moment
from mpcnet.errors import JobRefused
from mpcnet.files import parse_toml, read_bytes, replace_text

if TYPE_CHECKING:
    from mpcnet.identity import Identity

__all__ = ["Signature", "read_signature", "sign", "signature_path"]

MAX_FILE_BYTES = 4096
CONTEXT = b"mpcnet job signature 1\0"


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of a signature file."""

    job: str
    party: str
    signed: Moment
    signature: str


@dataclass(frozen=True)
class Signed:
    """A signature that holds.

    Attributes:
        party: who signed.
        at: when, by its own clock.
    """

    party: str
    at: datetime.datetime


def signature_path(job: Path, party: str) -> Path:
    """Where the signature of a party belongs: `march.bank.sig` beside `march.toml`."""
    return job.with_name(f"{job.stem}.{party}.sig")


def sign(file: JobFile, identity: Identity) -> Path:
    """Sign a job as the party that the identity is of, and write the signature beside it.

    Raises:
        JobRefused: the job names no such party, or another key for it; or the file cannot be written.
    """
    import tomli_w

    key = next((party.key for party in file.job.parties if party.name == identity.name), None)
    if key is None:
        raise JobRefused(f"{file.path}: {identity.name} is no party of this job; it is for {', '.join(file.job.names)}")
    if key != f"ed25519:{identity.certificate.key.hex()}":
        raise JobRefused(
            f"{file.path}: the job names another key for {identity.name} than {identity.key_path}; "
            "have the job made anew with the present roster"
        )
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    signature = identity.sign(_statement(file.digest, identity.name, now))
    table = {"job": file.digest.hex(), "party": identity.name, "signed": now, "signature": signature.hex()}
    path = signature_path(file.path, identity.name)
    replace_text(path, tomli_w.dumps(table), JobRefused)
    return path


def read_signature(file: JobFile, party: str) -> Signed:
    """Check the signature of a party that lies beside the job.

    Raises:
        JobRefused: there is none, it is for other bytes, or it does not hold; says what to do.
    """
    path = signature_path(file.path, party)
    if not path.exists():
        raise JobRefused(
            f"{file.path}: {party} has not signed it: there is no {path.name} beside it; "
            f"{party} runs `mpcnet job sign {file.path.name}` and sends that file",
            peer=party,
        )
    said = parse_toml(
        read_bytes(path, "a signature", MAX_FILE_BYTES, JobRefused), Signature, str(path), "a signature", JobRefused
    )
    check_moment(said.signed, f"{path}: signed")
    if said.party != party:
        raise JobRefused(
            f"{path}: is the signature of {said.party[:32]!r}, not of {party}; get the one of {party}", peer=party
        )
    if said.job != file.digest.hex():
        raise JobRefused(
            f"{file.path}: differs from what {party} signed on {said.signed:%Y-%m-%d} (digest {file.digest.hex()[:16]} "
            f"here, {said.job[:16]!r} there); take back the file that was signed, or have all parties sign this one",
            peer=party,
        )
    key = next(entry.key for entry in file.job.parties if entry.name == party)
    if not _holds(bytes.fromhex(key.removeprefix("ed25519:")), said):
        raise JobRefused(
            f"{path}: the signature does not hold with the key of {party}; it was damaged, or {party} did not make it: "
            "ask for it again",
            peer=party,
        )
    return Signed(party, said.signed)


def _holds(key: bytes, said: Signature) -> bool:
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    try:
        statement = _statement(bytes.fromhex(said.job), said.party, said.signed)
        VerifyKey(key).verify(statement, bytes.fromhex(said.signature))
    except (BadSignatureError, ValueError, TypeError, OverflowError):  # a moment before the year 1 in UTC is none
        return False
    return True


def _statement(digest: bytes, party: str, at: datetime.datetime) -> bytes:
    moment = at.astimezone(datetime.UTC).isoformat().encode()
    return b"".join([CONTEXT, digest, *(len(part).to_bytes(4, "little") + part for part in (party.encode(), moment))])
