"""One run in the record: an entry at its start, one at its end, and the summary that all parties sign in between."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpcnet.errors import MPCNetError, RecordError
from mpcnet.record.log import Record
from mpcnet.record.summary import (
    MAX_GROUPS,
    computations_of,
    countersign,
    describe_end,
    groups_of,
    opened_from,
    summary_digest,
    unfinished_of,
)

if TYPE_CHECKING:
    from mpcnet.identity import Identity
    from mpcnet.roster import Roster
    from mpcnet.session import Session

__all__ = ["Keeper"]


class Keeper:
    """Keeps the record of one session.

    Args:
        path: of the record.
        identity, roster: of this party.
        job: digest of what all parties mean.
        job_name: of a job that all signed; "" where there is none, and then nothing is countersigned.
    Raises:
        RecordError: the record cannot be written or does not hold: the run must not start.
    """

    def __init__(self, path: Path, identity: Identity, roster: Roster, job: bytes, job_name: str) -> None:
        self._record, self._identity, self._roster = Record(path, identity), identity, roster
        self._job, self._job_name = job, job_name
        self._start: tuple[int, str] | None = None
        self._signed: dict[str, Any] = {}
        self._record.check()

    def start(self, session: Session) -> None:
        """The session stands; nothing secret has moved."""
        peers = {
            party.name: {"key": party.certificates[0].key.hex(), "certificates": list(party.fingerprints)}
            for party in self._roster.parties
            if party.name != session.name
        }
        job = {"job": self._job.hex()} | ({"job_name": self._job_name} if self._job_name else {})
        self._start = self._record.add("start", {"session": session.session_id.hex(), **job, "peers": peers})

    async def settle(self, session: Session) -> None:
        """The body has ended well: compare and sign what was done, with all others.

        Whoever does not sign is told of by `end`; what was computed stands.
        """
        if not self._job_name or self._start is None:
            return
        await session.finish()
        done = groups_of(session.stats), computations_of(session.stats)
        digest = summary_digest(session.session_id.hex(), self._job.hex(), session.parties, *done)
        self._signed = {"summary": digest.hex()}  # from now on others may have it with this party's name
        signed, missing = await countersign(session, self._roster, self._identity, digest, self._start)
        self._signed["countersigned"] = signed
        if missing:
            self._signed["not_countersigned"] = missing

    def end(self, session: Session, error: BaseException | None) -> None:
        """The session is over. Where the record fails now, that is raised, or noted on the error that there is.

        Raises:
            RecordError: the end cannot be written; or it is, and somebody did not countersign. The result stands.
        """
        if self._start is None:
            return
        stats = session.stats
        evaluations, computations = groups_of(stats), computations_of(stats)
        body = {
            "session": session.session_id.hex(),
            "job": self._job.hex(),
            "started": self._start[0],
            "seconds": round(stats.total_seconds, 3),
            "evaluations": evaluations[:MAX_GROUPS],
            "unfinished": unfinished_of(stats)[:100],
            "computations": computations[:MAX_GROUPS],
            "opened": opened_from(evaluations, computations),
            "bytes": {peer: {"sent": s, "received": r} for peer, (s, r) in stats.traffic().items()},
            **describe_end(error, session.name, session.parties),
            **self._signed,
        }
        try:
            self._record.add("end", body)
        except MPCNetError as problem:
            said = f"the run ended {'well' if error is None else 'with an error'}, but {problem}"
            notes = getattr(problem, "__notes__", [])
            if error is not None:
                error.add_note("; ".join([said, *notes]))
                return
            failure = RecordError(said)
            for note in notes:
                failure.add_note(note)
            raise failure from None
        missing = self._signed.get("not_countersigned", {})
        if missing and error is None:
            why = "; ".join(f"not by {party}: {reason}" for party, reason in missing.items())
            failure = RecordError(
                f"the run ended well and its result stands, but its record is not countersigned by all: {why}",
                peer=next(iter(missing)),
            )
            raise failure
