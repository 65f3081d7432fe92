"""One party of a chaos run, in a process of its own: the product as it is, and hooks that tell and that do harm.

Every hook is a wrapper that this file puts around a function of the product, in this process alone.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import hashlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mpcnet import identity as identity_module
from mpcnet import roster as roster_module
from mpcnet.agreement.agreement import Agreement
from mpcnet.cli.app import describe, exit_code
from mpcnet.config import Config
from mpcnet.credit.party import compile_kernels, run_party
from mpcnet.record.keeper import Keeper
from mpcnet.session import Session
from mpcnet.wire import greeting, handshake, transport
from mpcnet.wire.driver import SocketTransport
from mpcnet.wire.frames import Kind

__all__ = ["party", "prepare"]

PHASE_OF = {"ot": "ot", "inputs": "inputs", "evaluate": "garbling", "outputs": "opening"}
JUMP_SECONDS = 30 * 86_400.0
SPARE_BYTES = 4 << 20


def prepare() -> None:
    """Load what every party needs, once, in the process that all of them are forked from."""
    compile_kernels(lambda: None)


def party(pipe: Connection, spec: dict[str, Any]) -> None:
    """Run one party to its end, and tell what came of it."""
    os.setsid()
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123
        for stream in range(3):
            os.dup2(nothing.fileno(), stream)
    Hooks(pipe, spec).install()
    before = _open_sockets()
    outcome: dict[str, Any] = {"text": "", "code": 0, "peer": "", "scores": None, "is_defect": False}
    try:
        config = Config.load(spec["config"])
        agreement = Agreement.load(spec["job"], Config.load(spec["signer"])) if "job" in spec else None
        scores = run_party(config, applicants=spec["applicants"], progress_json=True, agreement=agreement)
        if scores is not None:
            outcome["scores"] = digest_of(scores.score, scores.accepted)
    except BaseException as error:
        outcome |= {"text": describe(error) or repr(error), "code": exit_code(error), "kind": type(error).__name__}
        outcome["peer"] = getattr(error, "peer", "")
        outcome["is_defect"] = describe(error) is None or isinstance(error, OSError)
        outcome["first"] = str(error)
    gc.collect()
    outcome["sockets"] = len(_open_sockets() - before)
    outcome["threads"] = len([thread for thread in threading.enumerate() if not thread.daemon]) - 1
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with contextlib.suppress(OSError):
        pipe.send(("end", outcome))
    os._exit(outcome["code"])


def digest_of(score: Any, accepted: Any) -> str:
    """Stands for all scores and decisions."""
    return hashlib.sha256(score.astype("<i4").tobytes() + accepted.astype("u1").tobytes()).hexdigest()


def _open_sockets() -> set[str]:
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(entry.readlink())
            if target.startswith("socket:"):
                found.add(target)
    return found


class Hooks:
    """Tells the arena when the phase of this run is reached, and waits for its word; does harm where it says so."""

    def __init__(self, pipe: Connection, spec: dict[str, Any]) -> None:
        self._pipe, self._phase = pipe, spec.get("phase")
        self._fault = spec["fault"] if spec.get("is_victim") else ""
        self._reached = self._armed = False
        self._kept: dict[int, bytes] = {}

    def install(self) -> None:
        """Put the wrappers around the product."""
        self._wrap_phases()
        if self._fault == "other version":
            handshake.VERSION = greeting.VERSION = 99  # type: ignore[misc]
        if self._fault == "other job":
            mesh = transport.connect_mesh

            async def with_other_job(identity: Any, roster: Any, digest: bytes, **options: Any) -> Any:
                return await mesh(identity, roster, hashlib.sha256(digest).digest(), **options)

            transport.connect_mesh = with_other_job
        if self._fault in ("doubled frame", "replayed frame"):
            self._wrap_frames()

    def _reach(self, phase: str) -> None:
        if phase == self._phase and not self._reached:
            self._reached = True
            self._pipe.send(("phase", phase))
            if self._pipe.recv() == "do":
                self._do()

    def _wrap_phases(self) -> None:
        phase_of, close, settle = Session.phase, Session.close, Keeper.settle
        mesh, greet = transport.connect_mesh, greeting.Greeter.greet
        reach = self._reach

        @contextlib.contextmanager
        def phase(session: Session, name: str) -> Iterator[None]:
            reach(PHASE_OF.get(name, ""))
            with phase_of(session, name):
                yield

        async def connect_mesh(*args: Any, **options: Any) -> Any:
            reach("connect")
            return await mesh(*args, **options)

        async def settle_record(keeper: Keeper, session: Session) -> None:
            reach("signing")
            await settle(keeper, session)

        async def close_session(session: Session) -> None:
            reach("goodbye")
            await close(session)

        async def greet_peer(greeter: Any, *args: Any, **options: Any) -> Any:
            reach("hello")
            return await greet(greeter, *args, **options)

        Session.phase, Session.close = phase, close_session  # type: ignore[method-assign]
        Keeper.settle = settle_record  # type: ignore[method-assign]
        transport.connect_mesh, greeting.Greeter.greet = connect_mesh, greet_peer  # type: ignore[method-assign]

    def _wrap_frames(self) -> None:
        write = SocketTransport.write

        def harmful(link: SocketTransport, frame: Any) -> None:
            data = b"".join(frame)
            if data[0] in (Kind.MESSAGE, Kind.MORE, Kind.GOODBYE):
                kept = self._kept.setdefault(id(link), data)
                if self._armed:
                    self._armed = False
                    write(link, [data if self._fault == "doubled frame" else kept])
            write(link, frame)

        SocketTransport.write = harmful  # type: ignore[method-assign]

    def _do(self) -> None:
        if self._fault in ("doubled frame", "replayed frame"):
            self._armed = True
        elif self._fault == "full disk at the record":
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        elif self._fault == "memory limit":
            used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + SPARE_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
        elif self._fault == "clock jump":
            _jump()


def _jump() -> None:
    """The wall clock goes forward; the monotonic one does not, as on a real machine."""
    real = time.time
    time.time = lambda: real() + JUMP_SECONDS

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return datetime.datetime.fromtimestamp(real() + JUMP_SECONDS, tz)

    for module in (identity_module, roster_module):
        module.datetime = _Module(Later)  # type: ignore[attr-defined]


class _Module:
    """`datetime` with another clock."""

    def __init__(self, later: type[datetime.datetime]) -> None:
        self.datetime, self.UTC, self.timedelta = later, datetime.UTC, datetime.timedelta
