"""One run of three parties, with a fault in the middle of it, and what came of it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np

from mpcnet.agreement.draft import score_evaluation
from mpcnet.agreement.job import Work
from mpcnet.config import Config, Deadlines
from mpcnet.credit.files import load_scheme
from mpcnet.credit.prepare import SCHEME_FILE, expected_scores, prepare
from mpcnet.identity import Identity
from tests.chaos import child
from tests.chaos.plan import BEGINNING, PARTIES, Cell
from tests.chaos.proxy import Network
from tests.kit.agreement import JOB_FILE, Institutions

__all__ = ["TIMES", "Arena", "Outcome"]

TIMES = Deadlines(connect=6.0, liveness=3.0, total=60.0, phase=8.0, retry=3.0)
SLOW = ("half-open link", "one byte a second", "30 s of silence")
RESULT_STANDS = 6  # the exit code of a party that had ended well, and missed a signature for its record
GRACE_SECONDS = 0.4  # for the victim to reach the phase that another party has reached
RESULT_FILE = "scores.csv"
ALLOWED_FILES = {RESULT_FILE, "record.jsonl", "record.head", "policy.usage"}  # go on from run to run, and have to hold


@dataclass
class Outcome:
    """What came of one run.

    Attributes:
        cell: which run.
        ends: what each party told at its end; absent where it could not.
        seconds: from the fault to the end of the last party that lived.
        hangs: parties that had to be killed.
        unclean: parties that ended with a traceback instead of a line, or without a word though nobody killed them.
        unnamed: parties that ended with an error that does not name the victim.
        failed: the parties that lived and ended with an error.
        texts: the different lines of those, without notes, where the session stood.
        leaks: what was left: "sockets", "threads", "files", "processes", "lines".
        wrong: parties whose result was wrong.
    """

    cell: Cell
    ends: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0
    hangs: list[str] = field(default_factory=list)
    unclean: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def ended_well(self) -> bool:
        """Whether every party ended without an error."""
        return len(self.ends) == len(PARTIES) and all(end["code"] == 0 for end in self.ends.values())

    @property
    def is_good(self) -> bool:
        """Whether it came to what it must."""
        return not (self.hangs or self.unclean or self.unnamed or self.leaks or self.wrong)


class Arena:
    """Three parties' folders, a man in the middle, and a process to fork parties from; for any number of runs.

    Args:
        folder: for the files.
        applicants: how many are scored: so many that the tables of a run take a while.
        limit_seconds: a run that takes longer is a hang.
        deadlines: of all parties.
    """

    def __init__(
        self, folder: Path, *, applicants: int = 2000, limit_seconds: float = 50.0, deadlines: Deadlines = TIMES
    ) -> None:
        self._folder, self._applicants, self._limit = folder, applicants, limit_seconds
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.chaos.preload"])
        ports = _free_ports(2 * len(PARTIES))
        public, private = (dict(zip(PARTIES, some, strict=True)) for some in (ports[::2], ports[1::2]))
        addresses = {name: f"127.0.0.1:{port}" for name, port in public.items()}
        self._configs = prepare(folder, addresses=addresses, deadlines=deadlines)
        for name, path in self._configs.items():
            listen = f'listen = "127.0.0.1:{private[name]}"\nrecord = "record.jsonl"\n'
            path.write_text(listen + path.read_text(encoding="utf-8"), encoding="utf-8")
            odd = Identity.create(name, folder / "odd" / name)
            text = path.read_text(encoding="utf-8").replace('"identity.key"', f'"{odd.key_path}"')
            text = text.replace('"certificate.pem"', f'"{odd.certificate_path}"')
            path.with_name("odd.toml").write_text(text, encoding="utf-8")
        self._sign(applicants)
        truth = expected_scores(folder).scores
        self._truth = child.digest_of(np.resize(truth.score, applicants), np.resize(truth.accepted, applicants))
        self._files = self._all_files()
        self._network = Network(public, private)

    def close(self) -> None:
        """End what is left."""
        self._network.close()

    def run(self, cell: Cell) -> Outcome:
        """Start the three, let the fault happen, and see what comes of it."""
        for name in PARTIES:
            (self._folder / name / RESULT_FILE).unlink(missing_ok=True)
        return _Run(self, cell).go()

    # ---- for the run

    def start(self, name: str, cell: Cell) -> tuple[ForkServerProcess, Connection]:
        """A party's process, and the pipe to its hooks."""
        mine, its = self._context.Pipe()
        is_victim = name == cell.victim
        odd = is_victim and cell.fault.name == "wrong certificate"
        config = self._configs[name].with_name("odd.toml") if odd else self._configs[name]
        spec = {
            "config": str(config),
            "job": str(config.with_name(JOB_FILE)),
            "signer": str(self._configs[name]),
            "applicants": self._applicants,
            "phase": cell.phase,
            "fault": cell.fault.name,
            "is_victim": is_victim,
        }
        process = self._context.Process(target=child.party, args=(its, spec))
        process.start()
        its.close()
        return process, mine

    def begin(self, pids: Mapping[int, str]) -> None:
        """Tell the network whose processes these are."""
        self._network.begin(pids)

    def strike(self, cell: Cell, pid: int) -> None:
        """Let the fault happen, where it does not happen inside the party."""
        if cell.fault.name == "kill -9":
            os.kill(pid, signal.SIGKILL)
        elif cell.fault.name == "SIGSTOP":
            os.kill(pid, signal.SIGSTOP)
        elif cell.fault.where == "line":
            self._network.break_(cell.fault.name, cell.victim)

    @property
    def limit(self) -> float:
        return self._limit

    @property
    def truth(self) -> str:
        return self._truth

    def leaks(self, cell: Cell) -> list[str]:
        """What is left on disk and on the network."""
        end = time.monotonic() + 1.5
        slow = cell.fault.name in SLOW  # the man in the middle has not carried everything yet
        while self._network.open_lines and not slow and time.monotonic() < end:
            time.sleep(0.02)
        found = ["lines"] if self._network.open_lines and not slow else []
        more = {path for path in self._all_files() - self._files if path.name not in ALLOWED_FILES}
        return found + [f"files: {', '.join(sorted(path.name for path in more))}"] * bool(more)

    def _sign(self, applicants: int) -> None:
        """All sign a job, so that they sign the summary of each run as well."""
        three = Institutions(self._folder, {name: Config.load(path) for name, path in self._configs.items()})
        scheme = load_scheme(self._folder / PARTIES[0] / SCHEME_FILE)
        names = three.configs[PARTIES[0]].load_roster().names
        work = Work("score", f"scheme:{scheme.digest.hex()}", SCHEME_FILE)
        three.agree(three.job(work=work, evaluations=[score_evaluation(scheme, names, "yao")], applicants=applicants))
        three.allow(applicants_a_day=10**9)

    def _all_files(self) -> set[Path]:
        return {path for path in self._folder.rglob("*") if path.is_file()}


class _Run:
    """One run under way."""

    def __init__(self, arena: Arena, cell: Cell) -> None:
        self._arena, self._cell, self._outcome = arena, cell, Outcome(cell)
        started = {name: arena.start(name, cell) for name in PARTIES}
        self._processes = {name: process for name, (process, _) in started.items()}
        self._pipes = {name: pipe for name, (_, pipe) in started.items()}
        pids = {process.pid: name for name, process in self._processes.items() if process.pid is not None}
        self._pids = {name: pid for pid, name in pids.items()}
        arena.begin(pids)
        self._struck_at: float | None = None
        self._waiting: list[str] = []

    def go(self) -> Outcome:
        begun, open_pipes, grace = time.monotonic(), dict(self._pipes), None
        last = begun
        while open_pipes and time.monotonic() - begun < self._arena.limit:
            if grace is not None and time.monotonic() > grace and self._struck_at is None:
                self._strike()
            by_pipe = {pipe: name for name, pipe in open_pipes.items()}
            for ready in wait(list(by_pipe), timeout=0.05):
                name = by_pipe[ready]  # type: ignore[index]
                message = self._read(open_pipes[name])
                if message is None:
                    del open_pipes[name]
                    last = time.monotonic()
                elif message[0] == "end":
                    self._outcome.ends[name] = message[1]
                else:
                    grace = grace or time.monotonic() + GRACE_SECONDS
                    self._waiting.append(name)
                    if name == self._cell.victim or self._struck_at is not None:
                        self._strike()
            if set(open_pipes) == {self._cell.victim} and self._cell.fault.name == "SIGSTOP":
                last, self._outcome.seconds = time.monotonic(), time.monotonic() - (self._struck_at or begun)
                os.kill(self._pids[self._cell.victim], signal.SIGCONT)
                self._cell = replace(self._cell, fault=replace(self._cell.fault, name="SIGSTOP, then SIGCONT"))
        if not self._outcome.seconds:
            self._outcome.seconds = last - (self._struck_at or begun)
        self._put_away(list(open_pipes))
        self._judge()
        return self._outcome

    def _strike(self) -> None:
        """The phase is reached: let the fault happen, and let those go on who wait for it."""
        victim = self._cell.victim
        if self._struck_at is None:
            self._struck_at = time.monotonic()
            self._arena.strike(self._cell, self._pids[victim])
        waiting, self._waiting = self._waiting, []
        for name in waiting:
            with contextlib.suppress(OSError):
                self._pipes[name].send("do" if name == victim else "go")

    @staticmethod
    def _read(pipe: Connection) -> Any:
        try:
            return pipe.recv()
        except (EOFError, OSError):
            return None

    def _put_away(self, left: list[str]) -> None:
        self._outcome.hangs = left
        for name in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pids[name], signal.SIGKILL)
        for name, process in self._processes.items():
            process.join(10)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pids[name], 0)
                self._outcome.leaks.append("processes")
                os.killpg(self._pids[name], signal.SIGKILL)
            process.close()
        for pipe in self._pipes.values():
            pipe.close()

    def _judge(self) -> None:
        outcome, cell = self._outcome, self._outcome.cell
        outcome.leaks += self._arena.leaks(cell)
        killed = [cell.victim] if cell.fault.name == "kill -9" else []
        survivors = [name for name in PARTIES if name != cell.victim]
        for name in PARTIES:
            end = outcome.ends.get(name)
            if end is None:
                dies_of_memory = cell.fault.name == "memory limit" and name == cell.victim
                if name not in killed + outcome.hangs and not dies_of_memory:
                    outcome.unclean.append(name)
                continue
            outcome.leaks += [kind for kind in ("sockets", "threads") if end[kind]]
            expected = self._arena.truth if name == "lender" else None
            if end["code"] == 0 and end["scores"] != expected:
                outcome.wrong.append(name)
            if end["is_defect"] and not (cell.fault.name == "memory limit" and name == cell.victim):
                outcome.unclean.append(name)
        for name in survivors:
            end = outcome.ends.get(name)
            if end is not None and end["code"]:
                outcome.failed.append(name)
                # before the session stands each tells who is missing, as it sees it
                if end["code"] != RESULT_STANDS and (cell.phase not in BEGINNING or cell.fault.is_refused):
                    outcome.texts.add(end["first"])
                if cell.victim not in (end["peer"], end["text"]) and cell.victim not in end["text"]:
                    outcome.unnamed.append(name)
            elif end is not None and cell.fault.where == "start":
                outcome.unnamed.append(name)  # nobody may take part like that


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
