"""A look at a party, which is no run: what `mpcnet doctor` asks, and what a waiting party answers. No I/O.

    doctor                                          a party that waits for its run, or a doctor as well
    PROBE with n bytes, asks for m bytes    --->
                                            <---    ANSWER: version, roster, job, clock
                                            <---    FILLER, m bytes
    ... as often as it likes, within BUDGET_BYTES

It comes after TLS, in which both have shown a certificate of the roster: a stranger gets no answer. An answer holds
what the hello of a run tells too, and the time. Nothing of it touches the run that the party waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgpack
import msgspec

from mpcnet.errors import FrameError
from mpcnet.roster import MAX_PARTIES, Roster
from mpcnet.wire.frames import MAX_DATA_BYTES, FrameReader, Kind, pack_frame, pack_header

__all__ = ["BUDGET_BYTES", "DOCTOR", "WAITING", "Answer", "Answerer", "Asker", "make_answer"]

BUDGET_BYTES: Final = 32 * 1024 * 1024  # of one look, both directions together
WAITING, DOCTOR = "waiting", "doctor"


class Answer(msgspec.Struct):
    """What a party says of itself, as a msgpack map with these keys; further keys are for later versions.

    Attributes:
        version: of the protocol. release: of the package.
        roster: its digest; entries: that of each entry, in order, to find the one that differs.
        job: digest of what it waits to run; empty where that is not settled.
        time: seconds since the epoch, by its clock.
        state: "waiting" for a run, or "doctor".
    """

    version: int
    release: str
    roster: bytes
    entries: list[bytes]
    job: bytes
    time: float
    state: str


def make_answer(version: int, release: str, roster: Roster, job: bytes, state: str) -> Answer:
    """What this party says now."""
    entries = [party.digest for party in roster.parties]
    return Answer(version, release, roster.digest, entries, job, time.time(), state)


class _End:
    """What the two ends share: frames in, counted."""

    def __init__(self, peer: str, kinds: tuple[Kind, ...]) -> None:
        self._peer, self._kinds, self._left = peer, kinds, BUDGET_BYTES
        self._reader = FrameReader(self, peer)
        self._kind = self._argument = 0
        self._payload = memoryview(b"")

    def begin(self, kind: int, channel: int, argument: int, n_bytes: int) -> memoryview:
        """`FrameSink`."""
        if kind not in self._kinds:
            self._bad(f"a {Kind(kind).name} frame in the middle of a look")
        self._spend(n_bytes + (argument if kind == Kind.PROBE else 0))
        self._kind, self._argument = kind, argument
        self._payload = memoryview(bytearray(n_bytes))
        return self._payload

    def end(self) -> bool:
        """`FrameSink`."""
        raise NotImplementedError

    def _spend(self, n_bytes: int) -> None:
        self._left -= n_bytes
        if self._left < 0:
            self._bad(f"more than {BUDGET_BYTES} bytes in one look")

    def _bad(self, text: str) -> None:
        raise FrameError(f"{self._peer}: sent {text}", peer=self._peer)


class Answerer(_End):
    """The end that is looked at.

    Args:
        answer: makes the answer, anew for each question.
        peer: who asks.
    """

    def __init__(self, answer: Callable[[], Answer], peer: str) -> None:
        super().__init__(peer, (Kind.PROBE,))
        self._answer = answer
        self._replies: list[bytes] = []

    def feed(self, data: bytes | memoryview) -> bytes:
        """Take what came; bytes to send.

        Raises:
            FrameError: it is no PROBE, asks for too much at once, or for too much in all.
        """
        self._reader.feed(memoryview(data))
        replies, self._replies = b"".join(self._replies), []
        return replies

    def end(self) -> bool:
        """`FrameSink`."""
        if self._argument > MAX_DATA_BYTES:
            self._bad(f"a PROBE frame that asks for {self._argument} bytes")
        self._replies.append(pack_frame(Kind.ANSWER, msgpack.packb(msgspec.structs.asdict(self._answer()))))
        self._replies.append(pack_header(Kind.FILLER, self._argument) + bytes(self._argument))
        return True


class Asker(_End):
    """The end that looks.

    Attributes:
        answers: what came so far; fillers: how many of them are complete, filler and all.
    """

    def __init__(self, peer: str) -> None:
        super().__init__(peer, (Kind.ANSWER, Kind.FILLER))
        self.answers: list[Answer] = []
        self.fillers = 0

    def ask(self, n_bytes: int = 0, wanted: int = 0) -> bytes:
        """A question with so many bytes, that asks for so many."""
        self._spend(n_bytes)
        return pack_header(Kind.PROBE, n_bytes, argument=wanted) + bytes(n_bytes)

    def feed(self, data: bytes | memoryview) -> None:
        """Take what came.

        Raises:
            FrameError: it is no answer.
        """
        self._reader.feed(memoryview(data))

    def end(self) -> bool:
        """`FrameSink`."""
        if self._kind == Kind.FILLER:
            self.fillers += 1
            return True
        try:
            unpacked = msgpack.unpackb(bytes(self._payload), strict_map_key=True)
            answer = msgspec.convert(unpacked, Answer, strict=True, builtin_types=(bytes,))
        except Exception:
            self._bad("an ANSWER frame of the wrong form")
        else:
            if len(answer.entries) > MAX_PARTIES or not -1e12 < answer.time < 1e12:
                self._bad("an ANSWER frame of the wrong form")
            self.answers.append(answer)
        return True
