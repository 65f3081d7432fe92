"""One entry of a record: a line of JSON that holds the hash of the line before it, its own hash, and a signature.

    {"at": "2026-03-01T09:00:00.000000Z", "kind": "start", "n": 12, "previous": "77aa...", ..., "hash": "5f3a...",
     "signature": "9f86..."}

The hash is BLAKE2b (32 bytes, person "mpcnet-record") over the entry without `hash` and `signature`, as JSON with
sorted keys and no spaces. The signature is Ed25519 with the identity key of the party whose record it is, over a
context string and the hash. So an entry that was changed, taken out, put in or moved shows, and nobody without the key
can mend it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from mpcnet.errors import RecordError
from mpcnet.files import plain_validation

if TYPE_CHECKING:
    from mpcnet.identity import Identity

__all__ = ["FIRST_PREVIOUS", "MAX_ENTRIES", "MAX_LINE_BYTES", "digest_of", "holds", "pack", "seal", "unpack"]

MAX_LINE_BYTES = 1024 * 1024
MAX_ENTRIES = 1 << 53
FIRST_PREVIOUS = "0" * 64
CONTEXT = b"mpcnet record entry 1\0"
KINDS = ("begin", "start", "end")

_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class _Traffic(msgspec.Struct):
    sent: _Count
    received: _Count


class _Evaluation(msgspec.Struct):
    circuit: str
    reveal_to: dict[str, list[str]]
    runs: _Count
    instances: _Count


class _Opened(msgspec.Struct):
    to: list[str]
    numbers: _Count


class _Computation(msgspec.Struct):
    engine: str
    opened: list[_Opened]


class _Form(msgspec.Struct):
    """What is read of an entry, as far as it is there; there may be more in it."""

    n: int
    kind: str
    at: str
    previous: str
    hash: str
    signature: str
    session: str = ""
    job: str = ""
    started: _Count = 0
    seconds: float = 0.0
    peers: dict[str, dict[str, Any]] = {}
    evaluations: list[_Evaluation] = []
    unfinished: list[dict[str, Any]] = []
    computations: list[_Computation] = []
    opened: dict[str, dict[str, _Count]] = {}
    bytes: dict[str, _Traffic] = {}
    countersigned: dict[str, dict[str, Any]] = {}
    not_countersigned: dict[str, str] = {}


def seal(body: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    """The entry with its hash and signature."""
    digest = digest_of(body)
    return {**body, "hash": digest.hex(), "signature": identity.sign(CONTEXT + digest).hex()}


def digest_of(entry: Mapping[str, Any]) -> bytes:
    """What the hash of an entry has to be."""
    body = {key: value for key, value in entry.items() if key not in ("hash", "signature")}
    return hashlib.blake2b(_canonical(body).encode(), digest_size=32, person=b"mpcnet-record").digest()


def holds(entry: Mapping[str, Any], key: bytes) -> bool:
    """Whether the signature of an entry is of that key, over the hash that stands in it."""
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    try:
        VerifyKey(key).verify(CONTEXT + bytes.fromhex(entry["hash"]), bytes.fromhex(entry["signature"]))
    except (BadSignatureError, ValueError, TypeError, KeyError):
        return False
    return True


def pack(entry: Mapping[str, Any]) -> bytes:
    """The line of an entry."""
    line = _canonical(entry).encode() + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise RecordError(f"an entry of {len(line):,} bytes is longer than the record takes ({MAX_LINE_BYTES:,})")
    return line


def unpack(line: bytes) -> dict[str, Any]:
    """The inverse of `pack`, as far as form goes.

    Raises:
        ValueError: this is no entry; says why, in few words.
    """
    try:
        entry: Any = json.loads(line)
        _canonical(entry)  # what is hashed: a number that is none, or nesting that only the reader takes, has no form
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    if not isinstance(entry, dict):
        raise ValueError("is no JSON object")
    try:
        msgspec.convert(entry, _Form)
    except (msgspec.ValidationError, OverflowError) as error:
        raise ValueError(f"{plain_validation(str(error))[:200]}") from None
    if not 0 <= entry["n"] < MAX_ENTRIES:
        raise ValueError("has an impossible number")
    if entry["kind"] not in KINDS:
        raise ValueError("is of no kind that this version knows")
    return entry


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
