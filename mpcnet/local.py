"""All parties of a network as processes on this machine: for tests, demos and trying things out.

    async def main(session, greeting):
        ...

    results = mpcnet.local.run(main, n_parties=3, args=("hello",), seconds=60)

Every party is a process of its own with a fresh identity, and they talk over TLS on the loopback interface, exactly as
parties on three machines do. The ports are bound here and handed down, so nobody else can take them in between.
Arguments and results travel in anonymous files, never pickled. When `run` returns or raises, no process of it is
alive and nothing of it is on disk; when this process is killed, the parties end themselves.

POSIX only.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mpcnet import codec
from mpcnet.config import Deadlines
from mpcnet.errors import ConfigError
from mpcnet.identity import check_name
from mpcnet.program import name_program
from mpcnet.provision import create_network
from mpcnet.roster import MAX_PARTIES, MIN_PARTIES
from mpcnet.trace.page import write_page

__all__ = ["PartyFailed", "Result", "default_names", "first_failure", "run"]

KILLED_AT_DEADLINE = "did not finish in time and was killed"
GRACE_SECONDS = 3.0  # how long interrupted parties may take to tell each other
_POLL_SECONDS = 0.05
_START = (  # finds this very package, from a checkout as from a wheel, and puts nothing before the standard library
    f"import sys; sys.path.append({str(Path(__file__).parent.parent)!r}); import mpcnet.worker; mpcnet.worker.start()"
)

OnLine = Callable[[str, str, str], None]
"""(party, "stdout" or "stderr", line) as it comes."""


class PartyFailed(Exception):
    """A party ended with an error, was killed, or did not finish in time.

    Attributes:
        name: the party.
        kind: the type of its error, such as "PeerDisconnected"; "Killed" or "Deadline" where it could not tell.
        message: what the error said.
        peer: the party it blames, if any.
        traceback: the text of its traceback, if it had one.
    """

    def __init__(self, name: str, kind: str, message: str, peer: str = "", traceback: str = "") -> None:
        super().__init__(f"{name}: {kind}: {message}")
        self.name, self.kind, self.message, self.peer, self.traceback = name, kind, message, peer, traceback


@dataclass
class Result:
    """How one party ended.

    Attributes:
        name: the party.
        value: what its function returned; None after an error.
        error: why it failed; None if it did not.
        exit_code: of its process, as in `mpcnet.cli.app`; negative for the signal that killed it.
        stdout, stderr: the lines it wrote.
        stats: `Session.stats.as_dict()`, {} where it did not get as far.
        pid: of its process.
    """

    name: str
    value: Any = None
    error: PartyFailed | None = None
    exit_code: int | None = None
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    stats: dict[str, Any] = field(default_factory=dict)
    pid: int = 0


def default_names(n_parties: int) -> list[str]:
    """party0, party1, ..."""
    return [f"party{i}" for i in range(n_parties)]


def run(
    program: Callable[..., Awaitable[Any]] | str,
    n_parties: int | None = None,
    *,
    names: Sequence[str] | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    each: Mapping[str, Mapping[str, Any]] | None = None,
    seconds: float = 60.0,
    deadlines: Deadlines | None = None,
    check: bool = False,
    on_line: OnLine | None = None,
    print_results: bool = False,
    trace: Path | None = None,
) -> list[Result]:
    """Run a program with every party as a process of its own, and collect how each ended.

    Args:
        program: an async function `main(session, *args, **kwargs)` at the top of a file, or its name as
            "module:function" or "file.py:function".
        n_parties: 2 to 10 parties called party0, party1, ...; 3 by default.
        names: the parties' names, instead.
        args, kwargs: handed to every party.
        each: further keyword arguments of single parties, by name.
        seconds: after this every process that is left is killed.
        deadlines: of the session; by default those of a config with `total` at `seconds`.
        check: raise the first failure rather than return it.
        on_line: called with every line of output as it comes.
        print_results: have each party print what it returned, if that is not None.
        trace: a page to write that shows who waited for whom, see `mpcnet.trace`.
    Returns:
        one result for each party, in the order of `names`.
    Raises:
        ConfigError, TypeError: an argument is wrong; nothing was started.
        PartyFailed: with `check`, when a party failed: the one that is to blame, as far as that is known.
    """
    parties = _check_names(n_parties, names)
    target = name_program(program)
    for name in each or {}:
        if name not in parties:
            raise ConfigError(f"each: there is no party {name!r}; there are {', '.join(parties)}")
    times = deadlines or Deadlines(connect=min(seconds, Deadlines.connect), total=seconds)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpcnet-")))
        sockets = {name: stack.enter_context(_bound_socket()) for name in parties}
        addresses = {name: f"127.0.0.1:{bound.getsockname()[1]}" for name, bound in sockets.items()}
        configs = create_network(folder, addresses, deadlines=times)
        lifeline_read, lifeline_write = os.pipe()
        stack.callback(os.close, lifeline_write)
        workers: list[_Worker] = []
        stack.callback(_kill_all, workers)
        try:
            for name in parties:
                job = {
                    "program": target,
                    "config": str(configs[name]),
                    "args": list(args),
                    "kwargs": {**(kwargs or {}), **(each or {}).get(name, {})},
                    "path": [entry for entry in sys.path if entry] + ([str(Path.cwd())] if "" in sys.path else []),
                    "print": print_results,
                    "trace": str(folder / f"{name}.trace.json") if trace is not None else None,
                }
                workers.append(_Worker(name, job, sockets[name], lifeline_read, stack))
        finally:
            os.close(lifeline_read)
            for bound in sockets.values():
                bound.close()
        try:
            _supervise(workers, time.monotonic() + seconds, on_line)
        except BaseException:
            _terminate(workers, on_line)
            raise
        results = [worker.collect(seconds) for worker in workers]
        if trace is not None:
            write_page(sorted(folder.glob("*.trace.json")), trace)
    first = first_failure(results)
    if check and first is not None and first.error is not None:
        raise first.error
    return results


def _check_names(n_parties: int | None, names: Sequence[str] | None) -> list[str]:
    if names is not None and n_parties is not None and len(names) != n_parties:
        raise ConfigError(f"{n_parties} parties, but {len(names)} names")
    parties = list(names) if names is not None else default_names(3 if n_parties is None else n_parties)
    if not MIN_PARTIES <= len(parties) <= MAX_PARTIES:
        raise ConfigError(f"a network has {MIN_PARTIES} to {MAX_PARTIES} parties, not {len(parties)}")
    for name in parties:
        check_name(name)
        if parties.count(name) > 1:
            raise ConfigError(f"the name {name!r} is given twice")
    return parties


@contextlib.contextmanager
def _bound_socket() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


class _Worker:
    """One party's process, its output so far, and the files for its job and its result."""

    def __init__(
        self, name: str, job: Mapping[str, Any], bound: socket.socket, lifeline: int, stack: contextlib.ExitStack
    ) -> None:
        self.result = Result(name)
        self._answer: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        stack.callback(self._answer.close)
        question: IO[bytes]
        with tempfile.TemporaryFile() as question:
            question.write(codec.encode(dict(job)))
            question.flush()
            question.seek(0)
            handed = (question.fileno(), self._answer.fileno(), bound.fileno(), lifeline)
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-P", "-c", _START, *map(str, handed)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=handed,
                start_new_session=True,
            )
        self.result.pid = self.process.pid
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.streams: dict[IO[bytes], tuple[str, bytearray]] = {
            self.process.stdout: ("stdout", bytearray()),
            self.process.stderr: ("stderr", bytearray()),
        }
        for stream in self.streams:
            os.set_blocking(stream.fileno(), False)
            stack.callback(stream.close)

    @property
    def over(self) -> bool:
        return self.process.returncode is not None

    def read(self, stream: IO[bytes], on_line: OnLine | None) -> bool:
        """Take what a stream has; False at its end."""
        kind, rest = self.streams[stream]
        try:
            data = os.read(stream.fileno(), 1 << 16)
        except BlockingIOError:
            return True
        rest += data
        *lines, tail = rest.split(b"\n")
        if not data and tail:
            lines, tail = [*lines, tail], bytearray()
        rest[:] = tail
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            (self.result.stdout if kind == "stdout" else self.result.stderr).append(text)
            if on_line is not None:
                on_line(self.result.name, kind, text)
        return bool(data)

    def reap(self) -> None:
        """Note the end of the process, and kill what it left behind in its group, before its number is free again."""
        if self.over:
            return
        if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def signal(self, number: int) -> None:
        if not self.over:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def collect(self, seconds: float) -> Result:
        """The result, once the process is over."""
        result, name = self.result, self.result.name
        result.exit_code = self.process.returncode
        self._answer.seek(0)
        try:
            answer = codec.decode(self._answer.read())
            result.value, result.stats = answer["value"], answer["stats"]
            if answer["error"] is not None:
                result.error = PartyFailed(name, *answer["error"])
        except (ValueError, KeyError, TypeError):
            code = result.exit_code
            if result.error is None:
                how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
                result.error = PartyFailed(name, "Killed", f"its process ended {how}, without a result")
        return result


def _supervise(workers: Sequence[_Worker], deadline: float, on_line: OnLine | None) -> None:
    """Read all output until every process is over, and kill those that are left at the deadline."""
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            for stream in worker.streams:
                selector.register(stream, selectors.EVENT_READ, worker)
        while selector.get_map() or not all(worker.over for worker in workers):
            for key, _ in selector.select(_POLL_SECONDS):
                if not key.data.read(key.fileobj, on_line):
                    selector.unregister(key.fileobj)
            for worker in workers:
                worker.reap()
            if time.monotonic() > deadline:
                for worker in workers:
                    if not worker.over:
                        message = f"it {KILLED_AT_DEADLINE}"
                        worker.result.error = PartyFailed(worker.result.name, "Deadline", message)
                        worker.signal(signal.SIGKILL)
                deadline = float("inf")


def _terminate(workers: Sequence[_Worker], on_line: OnLine | None) -> None:
    """Ask the parties to end, so that they can tell each other; what is left after a while is killed by the stack."""
    for worker in workers:
        worker.signal(signal.SIGTERM)
    with contextlib.suppress(Exception):
        _supervise(workers, time.monotonic() + GRACE_SECONDS, on_line)


def _kill_all(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.signal(signal.SIGKILL)
        worker.process.wait()


def first_failure(results: Sequence[Result]) -> Result | None:
    """The failure that caused the others, as far as one can tell: one that blames nobody comes before the others."""
    failed = [result for result in results if result.error is not None]

    def rank(result: Result) -> tuple[bool, bool]:
        return bool(result.error and result.error.peer), bool(result.error and result.error.kind == "PeerAborted")

    return min(failed, key=rank, default=None)
