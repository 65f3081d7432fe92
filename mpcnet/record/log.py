"""The record of one party: a file that entries are only added to, each on disk before the run goes on.

Several processes of a party may share it: a lock orders them. Beside it, `record.head` says how many entries there
are, so that entries missing at the end show too. An entry that does not fit on the disk is taken back as a whole.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpcnet.errors import RecordError
from mpcnet.files import replace_text, sync_folder
from mpcnet.record.entry import FIRST_PREVIOUS, MAX_ENTRIES, MAX_LINE_BYTES, digest_of, holds, pack, seal, unpack

if TYPE_CHECKING:
    from mpcnet.identity import Identity

__all__ = ["Record", "head_path", "read_head"]

FREE_BYTES = 256 * 1024  # a run does not start where less than this is left
_BLOCK = 64 * 1024


@dataclass(frozen=True)
class Tail:
    """Where a record ends.

    Attributes:
        n: number of the last entry; -1 where there is none.
        hash: of it.
        size: bytes up to its end.
        torn: bytes of an entry that was not written to its end, behind it.
    """

    n: int
    hash: str
    size: int
    torn: int


class Record:
    """The record of a party.

    Args:
        path: the file; made with the first entry, readable by its owner alone.
        identity: of the party whose record it is.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        self.path, self._identity = path, identity

    def check(self) -> None:
        """Raise RecordError unless a run may start: the last entry holds, and there is room for more."""
        with self._open() as handle:
            self._check_tail(handle)
            room = os.fstatvfs(handle)
            if room.f_bavail * room.f_frsize < FREE_BYTES:
                raise self._trouble("No space left on device")

    def add(self, kind: str, body: Mapping[str, Any]) -> tuple[int, str]:
        """Add an entry, durably; its number and hash.

        Raises:
            RecordError: it could not be written, and nothing of it was; or the record does not hold.
        """
        with self._open() as handle:
            tail = before = self._check_tail(handle)
            head = {}
            if tail.torn:
                os.ftruncate(handle, tail.size)
                head["cut_off"] = tail.torn
            if tail.n < 0 and kind != "begin":
                start = {"party": self._identity.name, "key": self._identity.certificate.key.hex()}
                tail = self._write(handle, tail, "begin", start)
            tail = self._write(handle, tail, kind, {**body, **head})
            try:
                replace_text(head_path(self.path), json.dumps({"n": tail.n, "hash": tail.hash}) + "\n", RecordError)
            except RecordError as error:
                with contextlib.suppress(OSError):
                    os.ftruncate(handle, before.size)
                raise self._trouble(str(error).rpartition(": ")[2]) from None
            return tail.n, tail.hash

    def _write(self, handle: int, tail: Tail, kind: str, body: Mapping[str, Any]) -> Tail:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        entry = seal({**body, "n": tail.n + 1, "kind": kind, "at": now, "previous": tail.hash}, self._identity)
        line = pack(entry)
        try:
            written = 0
            while written < len(line):
                written += os.pwrite(handle, line[written:], tail.size + written)
            os.fsync(handle)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, tail.size)
            raise self._trouble(error.strerror) from None
        return Tail(entry["n"], entry["hash"], tail.size + len(line), 0)

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        """The file, locked against other processes."""
        try:
            is_new = not self.path.exists()
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._trouble(error.strerror) from None
        try:
            if is_new:
                sync_folder(self.path.parent)
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        except OSError as error:
            raise self._trouble(error.strerror) from None
        finally:
            os.close(handle)

    def _check_tail(self, handle: int) -> Tail:
        """The end of the record; RecordError where it is not this party's, was changed, or misses entries."""
        tail, entry = read_tail(handle, self.path)
        if entry is not None:
            if digest_of(entry).hex() != entry["hash"]:
                raise self._broken(f"entry {tail.n} was altered: its hash does not fit")
            if not holds(entry, self._identity.certificate.key):
                raise self._broken(f"entry {tail.n} is not signed with the key of {self._identity.name}")
        head = read_head(self.path)
        if head is not None and (head[0] > tail.n or (head[0] == tail.n and head[1] != tail.hash)):
            missing = f"it ends with entry {tail.n}, but {head[0]} was written" if head[0] > tail.n else "was altered"
            raise self._broken(missing if head[0] > tail.n else f"entry {tail.n} {missing}")
        return tail

    def _broken(self, text: str) -> RecordError:
        error = RecordError(f"the record of {self._identity.name} does not hold: {text}")
        error.add_note(f"{self.path}: see `mpcnet record verify`; move it and its .head aside to begin a new one")
        return error

    def _trouble(self, text: str | None) -> RecordError:
        error = RecordError(f"the record of {self._identity.name} cannot be written: {text}")
        error.add_note(f"{self.path}: make room or mend its folder; without a record nothing is run")
        return error


def read_tail(handle: int, path: Path) -> tuple[Tail, dict[str, Any] | None]:
    """Where a record ends, and its last whole entry.

    Raises:
        RecordError: the last line is no entry.
    """
    size = os.fstat(handle).st_size
    data, start = b"", size
    while start and data.rstrip(b"\n").count(b"\n") < 2 and len(data) <= 2 * MAX_LINE_BYTES:
        step = min(_BLOCK, start)
        start -= step
        data = os.pread(handle, step, start) + data
    whole, newline, torn = data.rpartition(b"\n")
    if not newline:
        if start or len(data) > MAX_LINE_BYTES:
            raise RecordError(f"{path}: this is no record")
        return Tail(-1, FIRST_PREVIOUS, 0, len(data)), None
    line = whole.rpartition(b"\n")[2]
    try:
        entry = unpack(line)
    except ValueError as error:
        raise RecordError(f"{path}: its last line {error}; see `mpcnet record verify`") from None
    return Tail(entry["n"], entry["hash"], size - len(torn), len(torn)), entry


def head_path(path: Path) -> Path:
    """Where it stands how many entries a record has."""
    return path.with_suffix(".head")


def read_head(path: Path) -> tuple[int, str] | None:
    """Number and hash of the last entry that was written, as the head file says; None where there is none."""
    try:
        found = json.loads(head_path(path).read_bytes()[:4096])
        if type(found["n"]) is not int or not -1 <= found["n"] < MAX_ENTRIES:
            raise ValueError
        return found["n"], str(found["hash"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, OverflowError, KeyError, TypeError, RecursionError):
        raise RecordError(f"{head_path(path)}: is damaged; remove it, and see `mpcnet record verify`") from None
