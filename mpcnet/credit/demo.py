"""The demo: three institutions as three processes on this machine, over TLS on loopback, on real credit data.

Each party has a folder with what that institution would have: identity, certificate, roster, its own records,
configuration, scheme, and at the lender the points. Its process is `mpcnet score`, as if started by hand. This
process alone knows everything: it compares the joint scores with scoring in the clear.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import signal
import socket
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcnet.config import Deadlines, ScoreConfig
from mpcnet.credit import german
from mpcnet.credit.job import Scores, check_count
from mpcnet.credit.metrics import auc, ks
from mpcnet.credit.party import SCORES_FILE, SCORES_HEADER
from mpcnet.credit.progress import Display, read_step
from mpcnet.credit.records import Records, read_records, write_rows
from mpcnet.credit.report import SHOWN, DemoResult, PartyFacts, Quality
from mpcnet.credit.scorecard import load_points, load_scheme
from mpcnet.errors import ConfigError, MPCNetError
from mpcnet.provision import create_network

__all__ = ["PARTIES", "PartiesFailed", "expected_scores", "prepare", "run_demo"]

PARTIES = ("lender", "bureau", "bank")
EXPECTED_FILE = "expected.csv"
SCHEME_FILE, POINTS_FILE = "scheme.toml", "points.toml"
ALONE_FILE = "lender_alone.toml"
BY_HAND = Deadlines(connect=300.0)  # three people, three terminals
GRACE_SECONDS = 30.0  # once one party has failed the others hear of it within the liveness deadline
FAREWELL_SECONDS = 3.0


class PartiesFailed(MPCNetError):
    """Parties of the demo ended with an error.

    Attributes:
        reasons: (party, what it said), the party at fault first.
        exit_code: of the party at fault, as in `mpcnet.cli.app`.
    """

    def __init__(self, reasons: Sequence[tuple[str, str]], exit_code: int) -> None:
        super().__init__("; ".join(f"{party}: {reason}" for party, reason in reasons), peer=reasons[0][0])
        self.reasons, self.exit_code = tuple(reasons), exit_code


def prepare(
    folder: Path, addresses: Mapping[str, str] | None = None, *, deadlines: Deadlines = BY_HAND
) -> dict[str, Path]:
    """Write the folders of the three parties.

    Args:
        folder: made where it is missing; must not hold the parties' files yet.
        addresses: host:port of each party; by default free ports of this machine.
        deadlines: for their configurations.
    Returns:
        the party.toml of each party.
    Raises:
        ConfigError: the folder cannot be written, or has such files already.
    """
    if addresses is None:
        with free_ports(PARTIES) as sockets:
            addresses = {name: _address(bound) for name, bound in sockets.items()}
    scores = {
        name: ScoreConfig(
            data=Path(f"{name}.csv"),
            scheme=Path(SCHEME_FILE),
            points=Path(POINTS_FILE) if name == "lender" else None,
            output=Path(SCORES_FILE) if name == "lender" else None,
        )
        for name in PARTIES
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        configs = create_network(folder, addresses, deadlines=deadlines, scores=scores)
        scored = german.load("scored")
        for name in PARTIES:
            german.write_records(folder / name / f"{name}.csv", name, scored)
            german.copy_file(SCHEME_FILE, folder / name / SCHEME_FILE)
        german.copy_file(POINTS_FILE, folder / "lender" / POINTS_FILE)
        (folder / "lender" / POINTS_FILE).chmod(0o600)
        records, scores_in_clear = expected_scores(folder)
        write_rows(folder / EXPECTED_FILE, SCORES_HEADER, scores_in_clear.rows(records))
    except OSError as error:
        raise ConfigError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
    return configs


def expected_scores(folder: Path) -> tuple[Records, Scores]:
    """Score in the clear what the three folders hold: what nobody but this demo could."""
    scheme = load_scheme(folder / "lender" / SCHEME_FILE)
    points = load_points(folder / "lender" / POINTS_FILE, scheme)
    records = {name: read_records(folder / name / f"{name}.csv", scheme.held_by(name)) for name in PARTIES}
    bins = {feature: values for party in records.values() for feature, values in party.bins.items()}
    totals = points.score(bins)
    return records["lender"], Scores(totals.astype(np.int32), totals >= points.cutoff)


@contextlib.contextmanager
def free_ports(names: Sequence[str]) -> Iterator[dict[str, socket.socket]]:
    """A socket bound to a free port of the loopback interface for each name; closed at the end."""
    with contextlib.ExitStack() as stack:
        sockets = {}
        for name in names:
            bound = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            bound.bind(("127.0.0.1", 0))
            sockets[name] = bound
        yield sockets


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()
    return f"{host}:{port}"


def run_demo(display: Display, *, applicants: int | None = None, protocol: str = "yao") -> DemoResult:
    """Prepare three folders, run three processes, compare.

    Args:
        display: shows the parties' progress.
        applicants: how many to score; 300 by default.
        protocol: "yao" or "gmw".
    Raises:
        ConfigError: no such number of applicants can be scored.
        PartiesFailed: a party ended with an error; its message says which and why.
    """
    if applicants is not None:
        check_count(applicants)
    with tempfile.TemporaryDirectory(prefix="mpcnet-demo-") as name, free_ports(PARTIES) as sockets:
        folder = Path(name)
        addresses = {party: _address(bound) for party, bound in sockets.items()}
        configs = prepare(folder, addresses, deadlines=Deadlines())
        with display:
            children = asyncio.run(_run_children(folder, configs, sockets, applicants, protocol, display))
        _raise_failure(children)
        return _compare(folder, children)


@dataclass
class _Child:
    """One party's process and what it said on stderr."""

    name: str
    process: asyncio.subprocess.Process
    errors: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        code = self.process.returncode
        return 1 if code is None else code


async def _run_children(
    folder: Path,
    configs: Mapping[str, Path],
    sockets: Mapping[str, socket.socket],
    applicants: int | None,
    protocol: str,
    display: Display,
) -> list[_Child]:
    """Start the three, follow them, and leave none behind."""
    children: list[_Child] = []
    try:
        for name in PARTIES:
            handed = sockets[name].fileno()
            arguments = ["--config", str(configs[name]), "--json", str(folder / f"{name}.json"), "--progress-json"]
            arguments += ["--listen-fd", str(handed), "--protocol", protocol]
            if applicants is not None:
                arguments += ["--applicants", str(applicants)]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "mpcnet", "score", *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(handed,),
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": _python_path()},
            )  # fmt: skip
            children.append(_Child(name, process))
            sockets[name].close()  # the child listens now
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(_follow(child, display))
            waiting = {group.create_task(child.process.wait()) for child in children}
            while waiting:
                failed = any(child.process.returncode not in (None, 0) for child in children)
                ended, waiting = await asyncio.wait(
                    waiting, return_when=asyncio.FIRST_COMPLETED, timeout=GRACE_SECONDS if failed else None
                )
                if failed and not ended:
                    _signal(children, signal.SIGKILL)
    finally:
        await _put_away(children)
    return children


async def _follow(child: _Child, display: Display) -> None:
    """Show a child's steps and keep its errors until both streams end."""
    assert child.process.stdout is not None
    assert child.process.stderr is not None

    async def steps(stream: asyncio.StreamReader) -> None:
        async for raw in stream:
            found = read_step(raw.decode("utf-8", "replace"))
            if found is not None:
                display.show(child.name, found[1])

    async def errors(stream: asyncio.StreamReader) -> None:
        async for raw in stream:
            child.errors.append(raw.decode("utf-8", "replace").rstrip())

    await asyncio.gather(steps(child.process.stdout), errors(child.process.stderr))


async def _put_away(children: Sequence[_Child]) -> None:
    """End what is left: first so that they can tell each other, then for sure."""
    _signal(children, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FAREWELL_SECONDS):
            await asyncio.gather(*(child.process.wait() for child in children))
    _signal(children, signal.SIGKILL)
    await asyncio.gather(*(child.process.wait() for child in children))


def _signal(children: Sequence[_Child], number: signal.Signals) -> None:
    for child in children:
        if child.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(number)


def _raise_failure(children: Sequence[_Child]) -> None:
    """Raise what went wrong; a party that failed by itself is named before those that lost a peer."""
    from mpcnet.cli.app import EXIT_PEER

    failed = [child for child in children if child.exit_code != 0]
    if not failed:
        return
    failed.sort(key=lambda child: child.exit_code == EXIT_PEER)
    code = failed[0].exit_code
    reasons = [(child.name, _last_words(child)) for child in failed]
    raise PartiesFailed(reasons, 128 - code if code < 0 else code)


def _last_words(child: _Child) -> str:
    if child.exit_code < 0:
        return f"its process was ended by signal {-child.exit_code}"
    said = "\n".join(child.errors).strip().removeprefix("mpcnet: ")
    return said or f"its process ended with exit code {child.exit_code}"


def _compare(folder: Path, children: Sequence[_Child]) -> DemoResult:
    """Read what the parties wrote, and compare it with the truth."""
    facts = {child.name: json.loads((folder / f"{child.name}.json").read_text(encoding="utf-8")) for child in children}
    lender, count = facts["lender"], int(facts["lender"]["applicants"])
    records, truth = expected_scores(folder)
    expected = [row[1:] for row in truth.rows(records)]
    joint, first, right = np.empty(count, dtype=np.int64), [], 0
    with (folder / "lender" / SCORES_FILE).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for i, (applicant, points, decision) in enumerate(islice(rows, count)):
            row = (applicant, int(points), decision)
            right += row == (records.name_of(i), *expected[i % len(expected)])
            joint[i] = row[1]
            if i < SHOWN:
                first.append(row)
    good = np.resize(german.load("scored").good, count)
    alone = np.resize(_scores_of_lender_alone(folder), count)
    measurable = bool(good.any() and not good.all())
    report: dict[str, Any] = tomllib.loads(german.read_text("report.toml"))["cross_validation"]
    return DemoResult(
        parties=tuple(
            PartyFacts(n, facts[n]["pid"], facts[n]["bytes_sent"], facts[n]["bytes_received"], facts[n]["peak_bytes"])
            for n in PARTIES
        ),
        applicants=count,
        mismatches=count - right,
        auc=Quality(auc(alone, good), auc(joint, good)) if measurable else None,
        ks=Quality(ks(alone, good), ks(joint, good)) if measurable else None,
        and_gates=lender["and_gates"],
        seconds=lender["seconds"],
        first=tuple(first),
        cross_validated=Quality(report["lender_alone"]["auc"], report["joint"]["auc"]),
    )


def _scores_of_lender_alone(folder: Path) -> NDArray[np.int64]:
    """What the lender would score without the others, with the card fitted on its own columns."""
    german.copy_file(ALONE_FILE, folder / ALONE_FILE)
    scheme = load_scheme(folder / "lender" / SCHEME_FILE).only(["lender"])
    records = read_records(folder / "lender" / "lender.csv", scheme.features)
    return load_points(folder / ALONE_FILE, scheme).score(records.bins)


def _python_path() -> str:
    """Where the children find this very package, from a checkout as from a wheel."""
    here = str(Path(__file__).parent.parent.parent)
    return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
