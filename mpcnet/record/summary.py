"""What a session did, as all its parties can say it: compared and signed by each of them before they part.

    every party                                             every other party
    H(summary), own last entry, signature of both    <--->  the same

The summary holds what is the same at every party: session, job, parties, and for each evaluation circuit, owners,
recipients, who computed and how many instances; no names of circuits, no times, no amounts of data. The number and hash
of the signer's last entry make the records of all parties witnesses of each other: a record that is cut or rewritten
afterwards no longer fits what its owner signed for the others.

Security: a signature binds its signer to the summary and to its own record; it proves nothing about what a party did
beside the protocol.
Cost: one message of 136 bytes to each other party.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mpcnet.concurrency import together
from mpcnet.errors import MPCNetError, RecordError
from mpcnet.reasons import explain, strip
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from mpcnet.identity import Identity
    from mpcnet.roster import Roster
    from mpcnet.session import Session
    from mpcnet.stats import ComputationRecord, Stats

__all__ = [
    "CONTEXT",
    "computations_of",
    "countersign",
    "groups_of",
    "opened_from",
    "opened_of",
    "signature_holds",
    "statement_of",
    "summary_digest",
    "unfinished_of",
]

LABEL = ".record"
CONTEXT = b"mpcnet run summary 1\0"
MESSAGE_BYTES = 32 + 8 + 32 + 64
WAIT_SECONDS = 60.0
MAX_GROUPS = 1000


def groups_of(stats: Stats) -> list[dict[str, Any]]:
    """The evaluations of a session, those that differ in nothing but their number counted together."""
    entries = []
    for record in stats.evaluations:
        entry = record.as_dict() | {"runs": 1}
        del entry["started"], entry["and_gates"]
        entries.append(entry)
    return _count_together(entries)


def _count_together(entries: Iterable[Mapping[str, Any]], ignored: str = "") -> list[dict[str, Any]]:
    counted: dict[str, dict[str, Any]] = {}
    for entry in entries:
        kind = {key: value for key, value in entry.items() if key not in ("runs", "instances", ignored)}
        found = counted.setdefault(json.dumps(kind, sort_keys=True), {**kind, "runs": 0, "instances": 0})
        found["runs"] += entry["runs"]
        found["instances"] += entry["instances"]
    return list(counted.values())


def opened_from(
    evaluations: Iterable[Mapping[str, Any]], computations: Iterable[Mapping[str, Any]]
) -> dict[str, dict[str, int]]:
    """For each party how many values of each output it learned, from what `groups_of` and `computations_of` say."""
    found: dict[str, dict[str, int]] = {}

    def count(party: str, name: str, values: int) -> None:
        counts = found.setdefault(party, {})
        counts[name] = counts.get(name, 0) + values

    for group in evaluations:
        for port, who in group["reveal_to"].items():
            for party in who:
                count(party, f"{group['circuit']}.{port}", group["instances"])
    for computation in computations:
        for opening in computation["opened"]:
            for party in opening["to"]:
                count(party, f"numbers of {computation['engine']}", opening["numbers"])
    return found


def opened_of(stats: Stats) -> dict[str, dict[str, int]]:
    """For each party how many values of each output it learned."""
    return opened_from(groups_of(stats), computations_of(stats))


def computations_of(stats: Stats) -> list[dict[str, Any]]:
    """The computations on secret arrays: who gave and who learned how many numbers."""
    return [_computation(record) for record in stats.computations]


def unfinished_of(stats: Stats) -> list[dict[str, Any]]:
    """Evaluations and computations that were broken off: some of what they open may have been opened."""
    return [*(record.as_dict() for record in stats.unfinished), *map(_computation, stats.broken_off)]


def _computation(record: ComputationRecord) -> dict[str, Any]:
    opened = [{"to": list(to), "numbers": values} for to, values in sorted(record.opened.items())]
    return {"engine": record.engine, "inputs": dict(record.inputs), "opened": opened}


def summary_digest(
    session_id: str,
    job: str,
    parties: Iterable[str],
    evaluations: Iterable[Mapping[str, Any]],
    computations: Iterable[Mapping[str, Any]],
) -> bytes:
    """32 bytes that are the same at two parties exactly when they say the same about a session.

    Evaluations and computations of forks come to their ends in another order at each party: here they have one.

    Args:
        session_id, job: hexadecimal.
        evaluations, computations: what `groups_of` and `computations_of` say, or a record does.
    """
    done = [sorted(map(_text, things)) for things in (_count_together(evaluations, "circuit"), computations)]
    text = _text([session_id, job, list(parties), *done])
    return hashlib.blake2b(text.encode(), digest_size=32, person=b"mpcnet-summary").digest()


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def statement_of(session_id: bytes, digest: bytes, n: int, entry: bytes) -> bytes:
    """What is signed."""
    return CONTEXT + session_id + digest + n.to_bytes(8, "little") + entry


async def countersign(
    session: Session,
    roster: Roster,
    identity: Identity,
    digest: bytes,
    entry: tuple[int, str],
    *,
    seconds: float = WAIT_SECONDS,
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Exchange signatures under the summary with all others.

    Nothing that a party does here undoes what was computed: where one is lost, silent or signs something else, that is
    returned, not raised.

    Args:
        digest: of the summary as this party has it.
        entry: number and hash of the own last entry.
        seconds: how long to wait for a party that is still busy.
    Returns:
        for each party that signed, this one too, its entry and signature; and for each other one why it did not.
    """
    n, last = entry[0], bytes.fromhex(entry[1])
    own = identity.sign(statement_of(session.session_id, digest, n, last))
    message = digest + n.to_bytes(8, "little") + last + own
    signed: dict[str, dict[str, Any]] = {session.name: {"n": n, "entry": last.hex(), "signature": own.hex()}}
    missing: dict[str, str] = {}

    async def trade(peer: str) -> None:
        try:
            channel = session.open_channel(peer, LABEL, secret=False)
            async with asyncio.timeout(seconds):
                await channel.send(message)
                data = bytes(await channel.receive(MESSAGE_BYTES))
            signed[peer] = _check(session.session_id, roster, peer, digest, data)
        except TimeoutError:
            missing[peer] = f"was still busy after {seconds:g} s"
        except (MPCNetError, ProtocolError) as error:
            missing[peer] = strip(str(error), peer)

    await together(*(trade(peer) for peer in session.peers))
    there = [party for party in session.parties if party in signed]
    return {party: signed[party] for party in there}, {peer: missing[peer] for peer in sorted(missing)}


def _check(session_id: bytes, roster: Roster, peer: str, digest: bytes, data: bytes) -> dict[str, Any]:
    n, entry, signature = int.from_bytes(data[32:40], "little"), data[40:72], data[72:]
    if not signature_holds(roster.party(peer).key, statement_of(session_id, data[:32], n, entry), signature):
        raise RecordError(f"{peer}: its signature under the summary of the run does not hold", peer=peer)
    if data[:32] != digest:
        raise RecordError(
            f"{peer}: signs another summary of the run than this party has; compare `mpcnet record show` at both",
            peer=peer,
        )
    return {"n": n, "entry": entry.hex(), "signature": signature.hex()}


def signature_holds(key: bytes, statement: bytes, signature: bytes) -> bool:
    """Whether a party's signature under a statement is right."""
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    try:
        VerifyKey(key).verify(statement, signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def describe_end(error: BaseException | None, me: str, parties: tuple[str, ...]) -> Mapping[str, Any]:
    """How a session ended, without a secret: of an error that is not of this project only the type."""
    if error is None:
        return {"outcome": "done"}
    culprit, reason = explain(error, me, parties)
    kind = "interrupted" if not isinstance(error, Exception) else "failed"
    return {"outcome": kind, "error": type(error).__name__, "cause": culprit, "reason": reason[:1000]}
